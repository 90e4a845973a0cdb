//! Format 1 of a record. Frozen: these types are never changed; what is to be stored otherwise gets a V2 and a `From`.
//!
//! ```text
//! 01 | record: bincode, standard configuration | tail | crc32 of the run's id and all before, LE
//! tail: nothing, or constraints, or constraints and pace, or constraints, pace and kept
//! ```
//! A record that has more is written as format 2: a 02, the same record, and [`sections`] in place of the tail.
//!
//! The parts `ended`, `history` and `tags` begin with a 01 of their own: they may stand apart, and outlive a rewrite of
//! the record in a later format. A history that tells who asked for something begins with a 02, and after its entries
//! come, for each of them, the names.

use std::{borrow::Cow, sync::Arc, time::Duration};

use longhaul_core::{
    Actor, Backoff, Cause, Ended, Envelope, Epoch, Failure, History, HistoryEntry, Kind, LastEnd, PendingProceed,
    Priority, Progress, Queue, Resume, RetryPolicy, Run, RunId, ServerId, State, StateKind, StopRequest, StoredRun,
    Tag, Timestamp, Transition, Waiting, code::CodeMark, run::Counts,
};
use serde::{Deserialize, Serialize};

use super::{
    Damage, Layout, Record,
    blob::Blob,
    constraints::ConstraintsV1,
    inbox::{InboxPartV1, inbox_bytes, read_inbox},
    parts,
    sections::{self, BegunV1, Sections},
};

const VERSION: u8 = 1;
/// The first byte of a record with sections.
const WITH_SECTIONS: u8 = 2;
pub(super) const CONFIG: bincode::config::Configuration = bincode::config::standard();
const CHECKSUM: usize = 4;

#[derive(Serialize, Deserialize)]
pub(crate) struct RecordV1<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    version: u16,
    #[serde(borrow)]
    queue: Cow<'a, str>,
    priority: i8,
    policy: PolicyV1,
    timeout: Option<Duration>,
    created: i64,
    state: StateV1,
    since: i64,
    epoch: u32,
    seq: u32,
    progressed: bool,
    last_end: LastEndV1,
    counts: CountsV1,
    suspicion: u8,
    request: Option<StopRequestV1>,
    #[serde(rename = "proceed_kept")]
    pending_proceed: bool,
    progress: Option<ProgressV1>,
    revision: u64,
    settled: bool,
    #[serde(borrow)]
    pub(super) parts: [PartV1<'a>; parts::RECORD_PARTS],
    /// Laid down behind the record.
    #[serde(skip)]
    pub(crate) constraints: Option<ConstraintsV1<'a>>,
    /// Laid down behind the constraints.
    #[serde(skip)]
    pub(crate) pace: Option<PaceV1>,
    /// Laid down behind the pace.
    #[serde(skip)]
    pub(crate) kept: Option<PendingProceedV1>,
    /// What came after format 1.
    #[serde(skip)]
    pub(crate) sections: Sections,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) enum PartV1<'a> {
    Absent,
    #[serde(borrow)]
    Inline(Blob<'a>),
    /// Execution metadata that is what the run was enqueued with.
    AsInitial,
    Pieces {
        generation: u8,
        length: u32,
        checksum: u32,
        others: u32,
    },
}

#[derive(Serialize, Deserialize)]
enum StateV1 {
    Pending { due: i64 },
    Running { server: ServerId },
    Retrying { due: i64 },
    Suspended { until: Option<i64> },
    Completed,
    Failed,
    Cancelled,
    Incompatible { by: u32 },
}

#[derive(Serialize, Deserialize)]
struct PolicyV1 {
    attempts_max: u32,
    crashes_max: u32,
    backoff: BackoffV1,
    from_the_start: bool,
}

#[derive(Serialize, Deserialize)]
enum BackoffV1 {
    Fixed(Duration),
    Exponential { base: Duration, factor: f64, max: Duration, jitter: f64 },
    Delays(Vec<Duration>),
}

#[derive(Serialize, Deserialize)]
enum LastEndV1 {
    Never,
    Interrupted,
    Crashed,
    Failed,
    Suspended,
    Incompatible,
}

#[derive(Serialize, Deserialize)]
struct CountsV1 {
    failures: u32,
    crashes: u32,
    interruptions: u32,
    suspensions: u32,
    restarts_without_progress: u32,
}

#[derive(Serialize, Deserialize)]
enum StopRequestV1 {
    Cancel { reason: Option<Box<str>> },
    Suspend { reason: Option<Box<str>> },
}

#[derive(Serialize, Deserialize)]
struct ProgressV1 {
    step: Box<str>,
    done: u64,
    total: Option<u64>,
    message: Box<str>,
}

/// What is to be said of a progress besides. Came later, and stands behind the record where there is any.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct PaceV1 {
    unit: Box<str>,
    rate: Option<f64>,
}

/// When a run is to go on once it suspends, if not at once. Came later still.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct PendingProceedV1 {
    at: i64,
}

#[derive(Serialize, Deserialize)]
enum EndedV1<'a> {
    #[serde(borrow)]
    Completed(Blob<'a>),
    #[serde(borrow)]
    Failed(FailureV1<'a>),
    Cancelled {
        reason: Option<Box<str>>,
        #[serde(borrow)]
        error: Option<Blob<'a>>,
    },
    Incompatible(Box<str>),
}

#[derive(Serialize, Deserialize)]
struct FailureV1<'a> {
    cause: CauseV1,
    #[serde(borrow)]
    message: Cow<'a, str>,
    details: Option<Box<str>>,
    #[serde(borrow)]
    error: Option<Blob<'a>>,
    attempt: u32,
    at: i64,
}

#[derive(Serialize, Deserialize)]
enum CauseV1 {
    Error,
    Panic,
    Timeout,
    Crash,
    /// Came later.
    Deadline,
}

#[derive(Serialize, Deserialize)]
struct HistoryV1<'a> {
    #[serde(borrow)]
    entries: Vec<EntryV1<'a>>,
    dropped: u32,
}

#[derive(Serialize, Deserialize)]
struct EntryV1<'a> {
    at: i64,
    epoch: u32,
    what: TransitionV1,
    #[serde(borrow)]
    why: Option<Cow<'a, str>>,
}

#[derive(Serialize, Deserialize)]
enum TransitionV1 {
    Enqueued,
    Claimed(ServerId),
    Returned,
    Interrupted,
    Crashed,
    Panicked,
    Failed,
    TimedOut,
    Suspended,
    Proceeded,
    CancelRequested,
    #[serde(rename = "Hastened")]
    RunNow,
    Completed,
    GaveUp,
    Quarantined,
    Cancelled,
    Parked,
    #[serde(rename = "Unparked")]
    Released,
    SuspendRequested,
    Rescheduled,
    Prioritised,
    Replaced,
    Retried,
    /// Came later.
    Expired,
}

pub(super) fn write(id: RunId, record: &RecordV1<'_>) -> Vec<u8> {
    let mut bytes = versioned(record);
    if record.sections.is_empty() {
        append_tail(&mut bytes, record);
    } else {
        bytes[0] = WITH_SECTIONS;
        sections::append_all(&mut bytes, record);
    }
    let checksum = checksum(id, &bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

/// What comes last is there only if it says something; what stands before it, then, in any case.
fn append_tail(bytes: &mut Vec<u8>, record: &RecordV1<'_>) {
    let RecordV1 { constraints, pace, kept, .. } = record;
    if constraints.is_some() || pace.is_some() || kept.is_some() {
        append(bytes, constraints.as_ref().unwrap_or(&ConstraintsV1::default()));
    }
    if pace.is_some() || kept.is_some() {
        append(bytes, pace.as_ref().unwrap_or(&PaceV1::default()));
    }
    if let Some(kept) = kept {
        append(bytes, kept);
    }
}

/// Reads a record, its parts as they stand. Bytes that are not those that were written for this run are an error.
pub(crate) fn read(id: RunId, bytes: &[u8]) -> Result<RecordV1<'_>, Damage> {
    let Some((body, stored)) = bytes.split_last_chunk::<CHECKSUM>() else {
        return Err(Damage::of_run(id, "its record is cut short"));
    };
    let (stored, computed) = (u32::from_le_bytes(*stored), checksum(id, body));
    if stored != computed {
        return Err(Damage::of_run(id, format!("its checksum is {computed:08x}, not {stored:08x}")));
    }
    let record = match body.split_first() {
        Some((&WITH_SECTIONS, body)) => read_with_sections(body),
        _ => read_with_tail(body),
    };
    record.map_err(|reason| Damage::of_run(id, reason))
}

fn read_with_sections(body: &[u8]) -> Result<RecordV1<'_>, String> {
    let (mut record, used): (RecordV1<'_>, usize) =
        bincode::serde::borrow_decode_from_slice(body, CONFIG).map_err(|error| error.to_string())?;
    sections::read_all(&mut record, &body[used..])?;
    Ok(record)
}

fn read_with_tail(bytes: &[u8]) -> Result<RecordV1<'_>, String> {
    let (mut record, mut rest) = read_prefix::<RecordV1<'_>>(bytes)?;
    if !rest.is_empty() {
        let (constraints, used) = bincode::serde::borrow_decode_from_slice(rest, CONFIG)
            .map_err(|error| format!("its constraints: {error}"))?;
        record.constraints = Some(constraints);
        rest = &rest[used..];
    }
    if !rest.is_empty() {
        let (pace, used) =
            bincode::serde::decode_from_slice(rest, CONFIG).map_err(|error| format!("its pace: {error}"))?;
        record.pace = Some(pace);
        rest = &rest[used..];
    }
    if !rest.is_empty() {
        let (kept, used) =
            bincode::serde::decode_from_slice(rest, CONFIG).map_err(|error| format!("its kept proceed: {error}"))?;
        if used != rest.len() {
            return Err(format!("{} bytes are left over", rest.len() - used));
        }
        record.kept = Some(kept);
    }
    Ok(record)
}

fn checksum(id: RunId, body: &[u8]) -> u32 {
    let mut hash = crc32fast::Hasher::new();
    hash.update(id.as_bytes());
    hash.update(body);
    hash.finalize()
}

pub(super) fn versioned(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512);
    bytes.push(VERSION);
    append(&mut bytes, value);
    bytes
}

pub(super) fn append(bytes: &mut Vec<u8>, value: &impl Serialize) {
    bincode::serde::encode_into_std_write(value, bytes, CONFIG).expect("our own records can be encoded");
}

pub(super) fn read_versioned<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, String> {
    match read_prefix(bytes)? {
        (value, []) => Ok(value),
        (_, rest) => Err(format!("{} bytes are left over", rest.len())),
    }
}

/// A value, and what follows it.
fn read_prefix<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<(T, &'a [u8]), String> {
    match bytes.split_first() {
        Some((&VERSION, body)) => {
            let (value, used) =
                bincode::serde::borrow_decode_from_slice(body, CONFIG).map_err(|error| error.to_string())?;
            Ok((value, &body[used..]))
        }
        Some((version, _)) => Err(format!("it has format {version}, this code reads {VERSION}")),
        None => Err("it is empty".into()),
    }
}

impl<'a> RecordV1<'a> {
    pub(super) fn of(record: &'a Record, parts: [PartV1<'a>; parts::PARTS]) -> Self {
        let run = &record.run;
        let [metadata, initial, execution_metadata, ended, history, tags, inbox] = parts;
        Self {
            kind: Cow::Borrowed(run.kind.as_str()),
            version: run.version,
            queue: Cow::Borrowed(run.queue.as_str()),
            priority: run.priority.0,
            policy: PolicyV1::of(&run.policy),
            timeout: run.timeout,
            created: run.created.as_micros(),
            state: StateV1::of(&run.state),
            since: run.since.as_micros(),
            epoch: run.epoch.0,
            seq: run.seq,
            progressed: run.progressed,
            last_end: LastEndV1::of(run.last_end),
            counts: CountsV1::of(run.counts),
            suspicion: run.suspicion,
            request: run.request.as_ref().map(StopRequestV1::of),
            pending_proceed: run.pending_proceed.is_some(),
            progress: run.progress.as_ref().map(ProgressV1::of),
            revision: run.revision,
            settled: record.settled,
            parts: [metadata, initial, execution_metadata, ended, history, tags],
            constraints: run
                .constraints
                .as_deref()
                .filter(|constraints| !constraints.is_empty())
                .map(ConstraintsV1::of),
            pace: run.progress.as_ref().and_then(PaceV1::of),
            kept: match run.pending_proceed {
                Some(PendingProceed::At(at)) => Some(PendingProceedV1 { at: at.as_micros() }),
                Some(PendingProceed::AtOnce) | None => None,
            },
            sections: Sections::of(record, &inbox),
        }
    }

    /// With every part in the record itself, for an export.
    pub(crate) fn whole(record: &'a Record) -> Self {
        let inline = |bytes: Vec<u8>| PartV1::Inline(Blob(Cow::Owned(bytes)));
        let value = |value: Option<&'a Envelope>| {
            value.map_or(PartV1::Absent, |value| PartV1::Inline(Blob(Cow::Borrowed(value.as_bytes()))))
        };
        Self::of(
            record,
            [
                value(Some(&record.metadata)),
                value(record.initial.as_ref()),
                value(record.execution_metadata.as_ref()),
                record.ended.as_ref().map_or(PartV1::Absent, |ended| inline(ended_bytes(ended))),
                inline(history_bytes(&record.history)),
                inline(tags_bytes(&record.run.tags)),
                record.run.inbox.as_deref().map_or(PartV1::Absent, |inbox| inline(inbox_bytes(inbox))),
            ],
        )
    }

    /// The run, without its other parts. `piece` reads a part that stands apart.
    pub(crate) fn run<E: From<Damage>>(
        &self,
        id: RunId,
        apart: &mut impl FnMut(usize, parts::Pieces) -> Result<Vec<u8>, E>,
    ) -> Result<Run, E> {
        let tags = match self.part(parts::TAGS, apart)? {
            Some(bytes) => read_tags(&bytes).map_err(|reason| Damage::of_run(id, reason))?,
            None => [].into(),
        };
        let inbox = match &self.sections.inbox {
            None => None,
            Some(InboxPartV1::Inline(bytes)) => Some(read_inbox(&bytes.0)),
            Some(apart_in @ InboxPartV1::Pieces { .. }) => {
                let pieces = apart_in.pieces().expect("it stands in pieces");
                Some(read_inbox(&apart(parts::INBOX, pieces)?))
            }
        };
        let inbox = inbox.transpose().map_err(|reason| Damage::of_run(id, format!("its inbox: {reason}")))?;
        let name = |error: longhaul_core::name::NameError| E::from(Damage::of_run(id, error));
        let state = self.state.back(self.sections.suspension_deadline);
        // As it was before claims and executions were told apart.
        let begun = BegunV1 { attempts: self.epoch, begun: state.kind() == StateKind::Running };
        let BegunV1 { attempts, begun } = self.sections.begun.clone().unwrap_or(begun);
        Ok(Run {
            id,
            kind: Kind::new(&self.kind).map_err(name)?,
            version: self.version,
            queue: Queue::new(&self.queue).map_err(name)?,
            priority: Priority(self.priority),
            tags,
            policy: self.policy.back(),
            timeout: self.timeout,
            constraints: self
                .constraints
                .as_ref()
                .map(ConstraintsV1::back)
                .transpose()
                .map_err(name)?
                .filter(|constraints| !constraints.is_empty()),
            created: Timestamp::from_micros(self.created),
            state,
            since: Timestamp::from_micros(self.since),
            epoch: Epoch(self.epoch),
            attempts,
            begun,
            seq: self.seq,
            progressed: self.progressed,
            last_end: self.last_end.back(),
            counts: self.counts.back(),
            suspicion: self.suspicion,
            request: self.request.as_ref().map(StopRequestV1::back),
            pending_proceed: self.pending_proceed.then(|| match self.kept {
                Some(PendingProceedV1 { at }) => PendingProceed::At(Timestamp::from_micros(at)),
                None => PendingProceed::AtOnce,
            }),
            inbox: inbox.map(Arc::new),
            progress: self.progress.as_ref().map(|progress| progress.back(self.pace.as_ref())),
            lineage: self.sections.lineage(),
            revision: self.revision,
        })
    }

    /// The run with all its values.
    pub(crate) fn record<E: From<Damage>>(
        &self,
        id: RunId,
        apart: &mut impl FnMut(usize, parts::Pieces) -> Result<Vec<u8>, E>,
    ) -> Result<Record, E> {
        let damaged = |reason: String| E::from(Damage::of_run(id, reason));
        let envelope = |bytes: Option<Cow<'_, [u8]>>| {
            let value = bytes.map(|bytes| Envelope::from_bytes(bytes.into_owned()));
            value.transpose().map_err(|error| E::from(Damage::of_run(id, error)))
        };
        let run = self.run(id, apart)?;
        let metadata = envelope(self.part(parts::METADATA, apart)?)?.ok_or_else(|| damaged("no metadata".into()))?;
        let initial = envelope(self.part(parts::INITIAL, apart)?)?;
        let execution_metadata = match &self.parts[parts::EXECUTION_METADATA] {
            PartV1::AsInitial => initial.clone(),
            _ => envelope(self.part(parts::EXECUTION_METADATA, apart)?)?,
        };
        let ended = self.part(parts::ENDED, apart)?.map(|bytes| read_ended(&bytes)).transpose().map_err(damaged)?;
        let history = self.part(parts::HISTORY, apart)?.ok_or_else(|| damaged("no history".into()))?;
        let history = read_history(&history).map_err(damaged)?;
        let settled = self.settled;
        let stored = StoredRun { run, settled, metadata, initial, execution_metadata, ended, history };
        Ok(Record { stored, layout: self.layout() })
    }

    pub(crate) fn layout(&self) -> Layout {
        Layout::read(std::array::from_fn(|part| match self.parts.get(part) {
            Some(PartV1::Pieces { generation, length, checksum, others }) => {
                Some(parts::Pieces { generation: *generation, length: *length, checksum: *checksum, others: *others })
            }
            Some(_) => None,
            None => self.sections.inbox.as_ref().and_then(InboxPartV1::pieces),
        }))
    }

    fn part<E>(
        &self,
        part: usize,
        apart: &mut impl FnMut(usize, parts::Pieces) -> Result<Vec<u8>, E>,
    ) -> Result<Option<Cow<'_, [u8]>>, E> {
        Ok(match &self.parts[part] {
            PartV1::Absent | PartV1::AsInitial => None,
            PartV1::Inline(bytes) => Some(Cow::Borrowed(&bytes.0)),
            PartV1::Pieces { generation, length, checksum, others } => {
                let pieces =
                    parts::Pieces { generation: *generation, length: *length, checksum: *checksum, others: *others };
                Some(Cow::Owned(apart(part, pieces)?))
            }
        })
    }
}

impl StopRequestV1 {
    fn of(request: &StopRequest) -> Self {
        match request.clone() {
            StopRequest::Cancel { reason } => Self::Cancel { reason },
            StopRequest::Suspend { reason } => Self::Suspend { reason },
        }
    }

    fn back(&self) -> StopRequest {
        match self {
            Self::Cancel { reason } => StopRequest::Cancel { reason: reason.clone() },
            Self::Suspend { reason } => StopRequest::Suspend { reason: reason.clone() },
        }
    }
}

impl StateV1 {
    fn of(state: &State) -> Self {
        match state {
            State::Pending { due } => Self::Pending { due: due.as_micros() },
            State::Running { server } => Self::Running { server: *server },
            State::Retrying { due } => Self::Retrying { due: due.as_micros() },
            // Of the latter, a section has the deadline.
            State::Suspended { waiting: Waiting::Proceed | Waiting::ProceedBy(_) } => Self::Suspended { until: None },
            State::Suspended { waiting: Waiting::Until(at) } => Self::Suspended { until: Some(at.as_micros()) },
            State::Completed => Self::Completed,
            State::Failed => Self::Failed,
            State::Cancelled => Self::Cancelled,
            State::Incompatible { by } => Self::Incompatible { by: by.0 },
        }
    }

    fn back(&self, deadline: Option<i64>) -> State {
        let time = Timestamp::from_micros;
        match self {
            Self::Pending { due } => State::Pending { due: time(*due) },
            Self::Running { server } => State::Running { server: *server },
            Self::Retrying { due } => State::Retrying { due: time(*due) },
            Self::Suspended { until: None } => {
                State::Suspended { waiting: deadline.map_or(Waiting::Proceed, |at| Waiting::ProceedBy(time(at))) }
            }
            Self::Suspended { until: Some(at) } => State::Suspended { waiting: Waiting::Until(time(*at)) },
            Self::Completed => State::Completed,
            Self::Failed => State::Failed,
            Self::Cancelled => State::Cancelled,
            Self::Incompatible { by } => State::Incompatible { by: CodeMark(*by) },
        }
    }
}

impl PolicyV1 {
    fn of(policy: &RetryPolicy) -> Self {
        let backoff = match &policy.backoff {
            Backoff::Fixed(wait) => BackoffV1::Fixed(*wait),
            Backoff::Exponential { base, factor, max, jitter } => {
                BackoffV1::Exponential { base: *base, factor: *factor, max: *max, jitter: *jitter }
            }
            Backoff::Delays(delays) => BackoffV1::Delays(delays.to_vec()),
        };
        Self {
            attempts_max: policy.attempts_max,
            crashes_max: policy.crashes_max,
            backoff,
            from_the_start: policy.resume == Resume::FromTheStart,
        }
    }

    fn back(&self) -> RetryPolicy {
        let backoff = match &self.backoff {
            BackoffV1::Fixed(wait) => Backoff::Fixed(*wait),
            BackoffV1::Exponential { base, factor, max, jitter } => {
                Backoff::Exponential { base: *base, factor: *factor, max: *max, jitter: *jitter }
            }
            BackoffV1::Delays(delays) => Backoff::Delays(delays.as_slice().into()),
        };
        let resume = if self.from_the_start { Resume::FromTheStart } else { Resume::FromCheckpoint };
        RetryPolicy { attempts_max: self.attempts_max, crashes_max: self.crashes_max, backoff, resume }
    }
}

/// Enums of the same names on both sides.
macro_rules! twins {
    ($frozen:ident = $current:ident: $($variant:ident)*) => {
        impl $frozen {
            const fn of(current: $current) -> Self {
                match current { $($current::$variant => Self::$variant,)* }
            }

            const fn back(&self) -> $current {
                match self { $(Self::$variant => $current::$variant,)* }
            }
        }
    };
}

twins!(LastEndV1 = LastEnd: Never Interrupted Crashed Failed Suspended Incompatible);
twins!(CauseV1 = Cause: Error Panic Timeout Crash Deadline);

impl CountsV1 {
    const fn of(counts: Counts) -> Self {
        let Counts { failures, crashes, interruptions, suspensions, restarts_without_progress } = counts;
        Self { failures, crashes, interruptions, suspensions, restarts_without_progress }
    }

    const fn back(&self) -> Counts {
        let Self { failures, crashes, interruptions, suspensions, restarts_without_progress } = *self;
        Counts { failures, crashes, interruptions, suspensions, restarts_without_progress }
    }
}

impl ProgressV1 {
    fn of(progress: &Progress) -> Self {
        let Progress { step, done, total, message, unit: _, rate: _ } = progress.clone();
        Self { step, done, total, message }
    }

    fn back(&self, pace: Option<&PaceV1>) -> Progress {
        Progress {
            step: self.step.clone(),
            done: self.done,
            total: self.total,
            unit: pace.map(|pace| pace.unit.clone()).unwrap_or_default(),
            message: self.message.clone(),
            rate: pace.and_then(|pace| pace.rate),
        }
    }
}

impl PaceV1 {
    fn of(progress: &Progress) -> Option<Self> {
        let Progress { unit, rate, .. } = progress;
        (!unit.is_empty() || rate.is_some()).then(|| Self { unit: unit.clone(), rate: *rate })
    }
}

fn blob(envelope: &Envelope) -> Blob<'_> {
    Blob(Cow::Borrowed(envelope.as_bytes()))
}

fn envelope(blob: &Blob<'_>) -> Result<Envelope, String> {
    Envelope::from_bytes(blob.0.to_vec()).map_err(|error| error.to_string())
}

pub(super) fn ended_bytes(ended: &Ended) -> Vec<u8> {
    versioned(&match ended {
        Ended::Completed(result) => EndedV1::Completed(blob(result)),
        Ended::Failed(failure) => EndedV1::Failed(FailureV1 {
            cause: CauseV1::of(failure.cause),
            message: Cow::Borrowed(&failure.message),
            details: failure.details.clone(),
            error: failure.error.as_ref().map(blob),
            attempt: failure.attempt,
            at: failure.at.as_micros(),
        }),
        Ended::Cancelled { reason, error } => {
            EndedV1::Cancelled { reason: reason.clone(), error: error.as_ref().map(blob) }
        }
        Ended::Incompatible(why) => EndedV1::Incompatible(why.clone()),
    })
}

fn read_ended(bytes: &[u8]) -> Result<Ended, String> {
    Ok(match read_versioned::<EndedV1<'_>>(bytes)? {
        EndedV1::Completed(result) => Ended::Completed(envelope(&result)?),
        EndedV1::Failed(FailureV1 { cause, message, details, error, attempt, at }) => Ended::Failed(Failure {
            cause: cause.back(),
            message: message.into(),
            details,
            error: error.as_ref().map(envelope).transpose()?,
            attempt,
            at: Timestamp::from_micros(at),
        }),
        EndedV1::Cancelled { reason, error } => {
            Ended::Cancelled { reason, error: error.as_ref().map(envelope).transpose()? }
        }
        EndedV1::Incompatible(why) => Ended::Incompatible(why),
    })
}

/// A history of which at least one entry says who.
const HISTORY_WITH_ACTORS: u8 = 2;

pub(super) fn history_bytes(history: &History) -> Vec<u8> {
    let entry = |entry: &'_ HistoryEntry| EntryV1 {
        at: entry.at.as_micros(),
        epoch: entry.attempt,
        what: TransitionV1::of(entry.what),
        why: entry.why.as_deref().map(|why| Cow::Owned(why.to_owned())),
    };
    let mut bytes =
        versioned(&HistoryV1 { entries: history.entries.iter().map(entry).collect(), dropped: history.dropped });
    if history.entries.iter().any(|entry| entry.by != Actor::UNKNOWN) {
        bytes[0] = HISTORY_WITH_ACTORS;
        let actors: Vec<&str> = history.entries.iter().map(|entry| entry.by.as_str().unwrap_or_default()).collect();
        append(&mut bytes, &actors);
    }
    bytes
}

fn read_history(bytes: &[u8]) -> Result<History, String> {
    let (HistoryV1 { entries, dropped }, actors) = match bytes.split_first() {
        Some((&HISTORY_WITH_ACTORS, body)) => {
            let ((history, actors), used): ((HistoryV1<'_>, Vec<&str>), usize) =
                bincode::serde::borrow_decode_from_slice(body, CONFIG).map_err(|error| error.to_string())?;
            if used != body.len() || actors.len() != history.entries.len() {
                return Err(format!(
                    "{} entries, {} names, {} bytes left over",
                    history.entries.len(),
                    actors.len(),
                    body.len() - used
                ));
            }
            (history, actors)
        }
        _ => (read_versioned(bytes)?, Vec::new()),
    };
    let mut actors = actors.into_iter().map(Actor::named);
    let mut entry = |entry: EntryV1<'_>| HistoryEntry {
        at: Timestamp::from_micros(entry.at),
        attempt: entry.epoch,
        what: entry.what.back(),
        why: entry.why.map(Into::into),
        by: actors.next().unwrap_or_default(),
    };
    Ok(History { entries: entries.into_iter().map(&mut entry).collect(), dropped })
}

pub(super) fn tags_bytes(tags: &[Tag]) -> Vec<u8> {
    versioned(&tags.iter().map(|tag| (&*tag.key, &*tag.value)).collect::<Vec<_>>())
}

fn read_tags(bytes: &[u8]) -> Result<Arc<[Tag]>, String> {
    let tags: Vec<(Box<str>, Box<str>)> = read_versioned(bytes)?;
    Ok(tags.into_iter().map(|(key, value)| Tag { key, value }).collect())
}

macro_rules! transitions {
    ($($variant:ident)*) => {
        impl TransitionV1 {
            const fn of(what: Transition) -> Self {
                match what {
                    Transition::Claimed(server) => Self::Claimed(server),
                    $(Transition::$variant => Self::$variant,)*
                }
            }

            const fn back(&self) -> Transition {
                match self {
                    Self::Claimed(server) => Transition::Claimed(*server),
                    $(Self::$variant => Transition::$variant,)*
                }
            }
        }
    };
}

transitions! {
    Enqueued Returned Interrupted Crashed Panicked Failed TimedOut Suspended Proceeded CancelRequested RunNow
    Completed GaveUp Quarantined Cancelled Parked Released SuspendRequested Rescheduled Prioritised Replaced
    Retried Expired
}
