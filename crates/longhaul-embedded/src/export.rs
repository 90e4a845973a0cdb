//! The whole store as text, and back: JSON, one thing a line.
//!
//! The lines are those of [`longhaul_core::record`]: a header, then controls, schedules and runs.

use std::{
    io::{self, BufRead, Write},
    sync::Arc,
};

use longhaul_core::{
    Control, ControlChange, RunId, ScheduleName, Scope, StoreError,
    record::{
        LINES_FORMAT, LINES_VERSION, LINES_VERSION_MIN, Line, LineError, control_line, header_line, read_header,
        read_line, schedule_line,
    },
    store::{ScheduleChange, ScheduleChangeError, prelude::*},
};

use crate::{
    committer::command,
    ops::{export::Exported, import::Imported},
    store::EmbeddedStore,
};

/// Runs in one call to the committer.
const SLICE: usize = 64;
/// Bytes of one line: a run has at most 1 MiB each of metadata, of execution metadata twice, and 4 MiB of result, in
/// hexadecimal; the rest is small.
const LINE_MAX: u64 = 32 << 20;

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
#[non_exhaustive]
pub struct Backup {
    /// How many runs were written.
    pub runs: u64,
    /// How many queues and kinds with a pause or limits were written.
    pub controls: u64,
    /// How many schedules were written.
    pub schedules: u64,
    /// Runs that are not in the export because they are damaged, with what is wrong.
    pub damaged: Vec<(RunId, String)>,
}

/// Why an export could not be written or read. What was imported before the error is kept; the same file can be imported
/// again.
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
#[non_exhaustive]
pub enum CopyError {
    /// The file, or wherever the lines go to or come from.
    #[error("{0}")]
    Io(Arc<io::Error>),
    /// The first line is not the header of an export that this release reads.
    #[error(
        "this is no export of format {LINES_FORMAT} {LINES_VERSION_MIN} to {LINES_VERSION}: its first line is `{0}`"
    )]
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
    /// Writes everything that is kept as lines of JSON, after a line that names the format: pauses and limits, schedules,
    /// and every run in the order of their ids. The store goes on working in the meantime; each run is written as it is when
    /// its turn comes. A damaged run is left out and named in [`Backup::damaged`]. Logs of runs, and how far rates are used
    /// up, are not exported.
    ///
    /// Writing to `out` blocks the calling thread.
    pub async fn export(&self, out: &mut (dyn Write + Send)) -> Result<Backup, CopyError> {
        writeln!(out, "{}", header_line())?;
        let (mut after, mut backup) = (None, Backup::default());
        for (scope, control) in self.controls().await?.iter() {
            writeln!(out, "{}", control_line(&scope, control))?;
            backup.controls += 1;
        }
        for row in self.schedules(0).await?.changed {
            writeln!(out, "{}", schedule_line(&row.name, &row.value))?;
            backup.schedules += 1;
        }
        loop {
            let Exported { lines, damaged, next } = self.call(|reply| command::Read::Export { after, reply }).await?;
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

    /// Adds what an export holds. Runs and schedules that are there already are left as they are, and so are queues and kinds
    /// that have a pause or limits. So an import that broke off can be repeated. A run that was executing when it was
    /// exported goes on as after a shutdown; a schedule fires as if its server had been down since.
    ///
    /// Reading from `input` blocks the calling thread.
    pub async fn import(&self, input: &mut (dyn BufRead + Send)) -> Result<Imported, CopyError> {
        let mut lines = Lines { input, number: 0 };
        let header = lines.next()?.unwrap_or_default();
        if read_header(&header).is_none() {
            return Err(CopyError::NoExport(longhaul_core::limits::cut(header.trim_end(), 80).into()));
        }
        let mut imported = Imported::default();
        loop {
            let mut runs = Vec::new();
            let mut more = false;
            while runs.len() < SLICE {
                let Some(line) = lines.next()? else { break };
                more = true;
                let refused = |error: LineError| CopyError::Line { number: lines.number, reason: error.to_string() };
                match read_line(&line).map_err(refused)? {
                    Line::Run(stored) => runs.push(*stored),
                    Line::Control(scope, control) => self.import_control(scope, control, &mut imported).await?,
                    Line::Schedule(name, value) => self.import_schedule(name, value, &mut imported).await?,
                }
            }
            if !more {
                return Ok(imported);
            }
            let slice = self.call(|reply| command::Write::Import { runs, reply }).await?;
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
            Err(ScheduleChangeError::Conflict { .. }) => imported.already += 1,
            Err(ScheduleChangeError::Store(error)) => return Err(error),
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
