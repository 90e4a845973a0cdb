//! The whole store as text, and back: JSON, one thing a line.
//!
//! The first line is a header with the format; then come what holds queues and kinds back, schedules, and runs. Values
//! are hexadecimal, the rest is to be read by people. The lines are those of the frozen records in `record/`, so an
//! export can be read for as long as records can. Exports of version 1 hold runs only; version 3 came with sections of
//! records, which code that reads version 2 would drop in silence.

use std::{
    borrow::Cow,
    io::{self, BufRead, Write},
    sync::Arc,
};

use longhaul_core::{
    Control, ControlChange, Kind, Queue, RunId, ScheduleName, Scope, Store, StoreError,
    limits::SCHEDULE_MAX,
    store::{ScheduleChange, ScheduleError, ScheduleRow},
};
use serde::{Deserialize, Serialize, de::IgnoredAny};

use crate::{
    EmbeddedStore,
    command::Command,
    record::{Blob, ConstraintsV1, ControlV1, Damage, PaceV1, PendingProceedV1, Record, RecordV1, Sections},
};

const FORMAT: &str = "longhaul-export";
const VERSION: u32 = 3;
/// The oldest that is read.
const VERSION_MIN: u32 = 1;
/// Runs in one call to the committer.
const SLICE: usize = 64;
/// Bytes of one line: a run has at most 1 MiB each of metadata, of execution metadata twice, and 4 MiB of result, in
/// hexadecimal; the rest is small.
const LINE_MAX: u64 = 32 << 20;

#[derive(Serialize, Deserialize)]
struct Header {
    format: String,
    version: u32,
}

#[derive(Serialize, Deserialize)]
struct Line<'a> {
    id: RunId,
    #[serde(borrow)]
    run: RecordV1<'a>,
    #[serde(default, rename = "terms", skip_serializing_if = "Option::is_none")]
    constraints: Option<ConstraintsV1<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pace: Option<PaceV1>,
    #[serde(default, rename = "proceed_at", skip_serializing_if = "Option::is_none")]
    kept: Option<PendingProceedV1>,
    #[serde(flatten)]
    sections: Sections,
}

/// What holds a queue or a kind back.
#[derive(Serialize, Deserialize)]
struct ControlLine {
    scope: ScopeV1,
    control: ControlV1,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ScopeV1 {
    Queue(Box<str>),
    Kind(Box<str>),
}

/// A schedule, as whoever made it laid it down.
#[derive(Serialize, Deserialize)]
struct ScheduleLine<'a> {
    schedule: Box<str>,
    #[serde(borrow)]
    value: Blob<'a>,
}

/// What a line holds, by the keys that it has.
enum Entry {
    Run(Box<Record>),
    Control(Scope, Control),
    Schedule(ScheduleName, Arc<[u8]>),
}

/// A slice of an export.
#[derive(Debug, Default)]
pub(crate) struct Exported {
    pub(crate) lines: Vec<String>,
    pub(crate) damaged: Vec<(RunId, String)>,
    pub(crate) next: Option<RunId>,
}

/// What an export holds, and what it does not.
///
/// ```
/// # use longhaul_embedded::{EmbeddedStore, Options};
/// # let folder = tempfile::tempdir()?;
/// # let clock = std::sync::Arc::new(longhaul_testkit::TestClock::starting_at(longhaul_core::Timestamp::EPOCH));
/// # let store = EmbeddedStore::open(folder.path(), Options::new(clock))?;
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let backup = store.export(&mut Vec::new()).await?;
/// assert!(backup.damaged.is_empty(), "not in the backup: {:?}", backup.damaged);
/// # store.close().await;
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
#[must_use = "it says whether all runs are in the export"]
pub struct Backup {
    /// So many runs were written.
    pub runs: u64,
    /// So many queues and kinds of which something is said: pauses and limits.
    pub controls: u64,
    /// So many schedules.
    pub schedules: u64,
    /// Runs that are in the store and not in the export, because they are damaged, with what is wrong.
    pub damaged: Vec<(RunId, String)>,
}

/// What came of an import.
///
/// ```
/// # use longhaul_embedded::{EmbeddedStore, Options};
/// # let folder = tempfile::tempdir()?;
/// # let clock = std::sync::Arc::new(longhaul_testkit::TestClock::starting_at(longhaul_core::Timestamp::EPOCH));
/// # let store = EmbeddedStore::open(folder.path(), Options::new(clock))?;
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let mut backup = Vec::new();
/// let exported = store.export(&mut backup).await?;
/// assert_eq!(exported.runs, 0);
/// let imported = store.import(&mut backup.as_slice()).await?;
/// assert_eq!((imported.added, imported.already), (0, 0));
/// # store.close().await;
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Imported {
    /// Runs that were added.
    pub added: u64,
    /// Runs, schedules, queues and kinds that were there already: they are as they were.
    pub already: u64,
    /// Queues and kinds of which something is said now.
    pub controls: u64,
    /// Schedules that were added.
    pub schedules: u64,
}

/// Why an export could not be written, or read. What was imported before the error is kept; the same file can be
/// imported again.
///
/// ```
/// # use longhaul_embedded::{EmbeddedStore, Options};
/// # let folder = tempfile::tempdir()?;
/// # let clock = std::sync::Arc::new(longhaul_testkit::TestClock::starting_at(longhaul_core::Timestamp::EPOCH));
/// # let store = EmbeddedStore::open(folder.path(), Options::new(clock))?;
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let refused = store.import(&mut &b"{}"[..]).await.unwrap_err();
/// assert!(refused.to_string().contains("this is no export"));
/// # store.close().await;
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, thiserror::Error)]
pub enum CopyError {
    /// The file, or wherever the lines go to or come from.
    #[error("{0}")]
    Io(Arc<io::Error>),
    /// The first line is not the header of an export that this release reads.
    #[error("this is no export of format {FORMAT} {VERSION_MIN} to {VERSION}: its first line is `{0}`")]
    NoExport(String),
    /// A line is not what an export wrote.
    #[error("line {number} cannot be read: {reason}")]
    Line {
        /// Counted from 1.
        number: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<io::Error> for CopyError {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

impl EmbeddedStore {
    /// Writes all that is kept as lines of JSON, after a line that names the format: pauses and limits, schedules, and
    /// every run, in the order of their ids. The store goes on working meanwhile: each is written as it was when its turn
    /// came. A run that is damaged is left out, and told. Logs of runs, and how far rates are used up, are not among it.
    ///
    /// Writing to `out` blocks the calling thread.
    pub async fn export(&self, out: &mut (dyn Write + Send)) -> Result<Backup, CopyError> {
        let header = Header { format: FORMAT.into(), version: VERSION };
        writeln!(out, "{}", serde_json::to_string(&header).expect("a header can be written"))?;
        let (mut after, mut backup) = (None, Backup::default());
        for (scope, control) in self.controls().await?.iter() {
            writeln!(out, "{}", control_line(&scope, control))?;
            backup.controls += 1;
        }
        for row in self.schedules(0).await?.changed {
            writeln!(out, "{}", schedule_line(&row))?;
            backup.schedules += 1;
        }
        loop {
            let Exported { lines, damaged, next } = self.call(|reply| Command::Export { after, reply }).await?;
            for line in lines {
                writeln!(out, "{line}")?;
                backup.runs += 1;
            }
            backup.damaged.extend(damaged);
            match next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        out.flush()?;
        Ok(backup)
    }

    /// Adds what an export holds. Runs and schedules that are there already, and queues and kinds of which something is
    /// said, are left as they are, so that an import that broke off can be repeated. A run that was executing when it was
    /// exported goes on as after a shutdown; a schedule fires as if its server had been down since.
    ///
    /// Reading from `input` blocks the calling thread.
    pub async fn import(&self, input: &mut (dyn BufRead + Send)) -> Result<Imported, CopyError> {
        let mut lines = Lines { input, number: 0 };
        let header = lines.next()?.unwrap_or_default();
        let versions = VERSION_MIN..=VERSION;
        let is_ours = |header: &Header| header.format == FORMAT && versions.contains(&header.version);
        if !serde_json::from_str(&header).is_ok_and(|header| is_ours(&header)) {
            return Err(CopyError::NoExport(longhaul_core::limits::cut(header.trim_end(), 80).into()));
        }
        let mut imported = Imported::default();
        loop {
            let mut records = Vec::new();
            let mut more = false;
            while records.len() < SLICE {
                let Some(line) = lines.next()? else { break };
                more = true;
                match read_line(&line).map_err(|reason| CopyError::Line { number: lines.number, reason })? {
                    Entry::Run(record) => records.push(*record),
                    Entry::Control(scope, control) => self.import_control(scope, control, &mut imported).await?,
                    Entry::Schedule(name, value) => self.import_schedule(name, value, &mut imported).await?,
                }
            }
            if !more {
                return Ok(imported);
            }
            let slice = self.call(|reply| Command::Import { records, reply }).await?;
            imported.added += slice.added;
            imported.already += slice.already;
        }
    }

    async fn import_control(&self, scope: Scope, control: Control, imported: &mut Imported) -> Result<(), StoreError> {
        if self.controls().await?.get(&scope).is_some_and(|there| *there != Control::default()) {
            imported.already += 1;
            return Ok(());
        }
        let Control { paused, declared, set } = control;
        let changes = [
            Some(ControlChange::Declare(declared)),
            set.map(|limits| ControlChange::Set(Some(limits))),
            paused.map(ControlChange::Pause),
        ];
        for change in changes.into_iter().flatten() {
            self.control(scope.clone(), change).await?;
        }
        imported.controls += 1;
        Ok(())
    }

    async fn import_schedule(
        &self,
        name: ScheduleName,
        value: Arc<[u8]>,
        imported: &mut Imported,
    ) -> Result<(), StoreError> {
        let new = ScheduleChange { name, seen: None, value: Some(value), runs: Vec::new() };
        match self.schedule(new).await {
            Ok(_) => imported.schedules += 1,
            Err(ScheduleError::Conflict { .. }) => imported.already += 1,
            Err(ScheduleError::Store(error)) => return Err(error),
        }
        Ok(())
    }
}

struct Lines<'a> {
    input: &'a mut (dyn BufRead + Send),
    number: u64,
}

impl Lines<'_> {
    fn next(&mut self) -> Result<Option<String>, CopyError> {
        let mut line = String::new();
        self.number += 1;
        let read = io::Read::take(&mut *self.input, LINE_MAX).read_line(&mut line)?;
        if read as u64 == LINE_MAX {
            let reason = format!("it is longer than {LINE_MAX} bytes");
            return Err(CopyError::Line { number: self.number, reason });
        }
        Ok((read > 0).then_some(line))
    }
}

/// A run as a line of an export.
pub(crate) fn line(record: &Record) -> String {
    let run = RecordV1::whole(record);
    let (constraints, pace, kept) = (run.constraints.clone(), run.pace.clone(), run.kept.clone());
    let line = Line { id: record.run.id, constraints, pace, kept, sections: run.sections.clone(), run };
    serde_json::to_string(&line).expect("our own records can be written")
}

fn control_line(scope: &Scope, control: &Control) -> String {
    let scope = match scope {
        Scope::Queue(queue) => ScopeV1::Queue(queue.as_str().into()),
        Scope::Kind(kind) => ScopeV1::Kind(kind.as_str().into()),
    };
    let line = ControlLine { scope, control: ControlV1::of(control) };
    serde_json::to_string(&line).expect("our own records can be written")
}

fn schedule_line(row: &ScheduleRow) -> String {
    let line = ScheduleLine { schedule: row.name.as_str().into(), value: Blob(Cow::Borrowed(&row.value)) };
    serde_json::to_string(&line).expect("our own records can be written")
}

/// Which of the lines it is, is told by a key that only that one has.
#[derive(Deserialize)]
struct Kinds {
    control: Option<IgnoredAny>,
    schedule: Option<IgnoredAny>,
}

fn read_line(line: &str) -> Result<Entry, String> {
    let text = |error: serde_json::Error| error.to_string();
    match serde_json::from_str(line).map_err(text)? {
        Kinds { control: Some(_), .. } => {
            let ControlLine { scope, control } = serde_json::from_str(line).map_err(text)?;
            let scope = match scope {
                ScopeV1::Queue(name) => Queue::new(&name).map(Scope::Queue),
                ScopeV1::Kind(name) => Kind::new(&name).map(Scope::Kind),
            };
            Ok(Entry::Control(scope.map_err(|error| error.to_string())?, control.back()?))
        }
        Kinds { schedule: Some(_), .. } => {
            let ScheduleLine { schedule, value } = serde_json::from_str(line).map_err(text)?;
            let name = ScheduleName::new(&schedule).map_err(|error| error.to_string())?;
            if value.0.len() > SCHEDULE_MAX {
                return Err(format!("the schedule `{name}` has {} bytes, of at most {SCHEDULE_MAX}", value.0.len()));
            }
            Ok(Entry::Schedule(name, value.0.into()))
        }
        Kinds { .. } => read_run_line(line).map(|record| Entry::Run(Box::new(record))),
    }
}

pub(crate) fn read_run_line(line: &str) -> Result<Record, String> {
    let Line { id, mut run, constraints, pace, kept, sections } =
        serde_json::from_str(line).map_err(|error| error.to_string())?;
    run.constraints = constraints;
    run.kept = kept;
    run.sections = sections;
    run.pace = pace;
    let apart = &mut |_, _| Err(Damage::of_run(id, "a part of it is elsewhere"));
    run.record(id, apart).map_err(|damage| damage.to_string())
}
