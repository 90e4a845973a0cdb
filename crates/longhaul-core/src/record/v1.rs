//! Format 1 of a record. Frozen: these types are never changed. A record that has to be stored differently gets a V2 and
//! a `From`.
//!
//! ```text
//! 01 | record: bincode, standard configuration | tail | CRC-32 of the run's id and all bytes before, little-endian
//! ```
//! A record with more than that is format 2: the first byte is 02, and sections stand in place of the tail.

use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    bytes::{checksum, read_next, read_prefix, versioned},
    damage::Damage,
    ended::read_ended,
    fields::{CountsV1, LastEndV1, PolicyV1, ProgressV1, StateV1, StopRequestV1},
    history::read_history,
    inbox::{InboxPartV1, read_inbox},
    part::{Apart, Part, PartV1},
    sections::{BegunV1, OrderedV1},
    tags::read_tags,
    tail::Tail,
    values::Values,
};
use crate::{
    envelope::Envelope,
    id::{Epoch, RunId},
    name::{Kind, NameError, Queue},
    run::{Priority, Run},
    state::StateKind,
    stored::StoredRun,
    time::Timestamp,
};

/// The first byte of a record with sections.
const WITH_SECTIONS: u8 = 2;
const CHECKSUM: usize = 4;

#[derive(Serialize, Deserialize)]
pub(super) struct RecordV1<'a> {
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
    parts: [PartV1<'a>; Part::IN_FORMAT_1],
    /// Encoded behind the record.
    #[serde(skip)]
    pub(super) tail: Tail<'a>,
}

/// A record that was read. Values that stand apart are not.
///
/// ```
/// use longhaul_core::{StoredRun, doc, record::{self, Damage, Part, Values}};
///
/// let stored = StoredRun::enqueue(doc::NOW, doc::new_run());
/// let bytes = record::write(&stored, &Values::of(&stored), &[None; Part::COUNT]);
/// let read = record::read(stored.run.id, &bytes)?;
/// assert_eq!(read.apart(), [None; Part::COUNT]);
/// let run = read.run(&mut |part, _| Err(Damage::of("a value", format!("{part:?} is not here"))))?;
/// assert_eq!(run, stored.run);
/// # Ok::<(), Damage>(())
/// ```
pub struct RecordedRun<'a> {
    pub(super) id: RunId,
    pub(super) frozen: RecordV1<'a>,
}

/// Encodes the record of a run. `values` are those of `stored`; `apart` says which of them stand apart from the record.
///
/// The caller writes those itself, at the latest together with the record. A value that [`Values::to_write`] does not
/// name is not written at all, whatever `apart` says.
///
/// The fields that never stand apart have about 3 KiB together at most: names, policy, constraints, progress, request.
///
/// ```
/// use longhaul_core::{StoredRun, doc, record::{self, Part, Values}};
///
/// let stored = StoredRun::enqueue(doc::NOW, doc::new_run());
/// let bytes = record::write(&stored, &Values::of(&stored), &[None; Part::COUNT]);
/// assert_eq!(bytes[0], 1, "a new run is format 1");
/// ```
pub fn write(stored: &StoredRun, values: &Values<'_>, apart: &[Option<Apart>; Part::COUNT]) -> Vec<u8> {
    let record = RecordV1::of(stored, Part::ALL.map(|part| values.place(part, apart[part as usize])));
    let mut bytes = versioned(&record);
    if record.tail.sections.is_empty() {
        record.tail.append(&mut bytes);
    } else {
        bytes[0] = WITH_SECTIONS;
        record.tail.append_sections(&mut bytes);
    }
    let checksum = checksum(stored.run.id.as_bytes(), &bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

/// Reads a record of the run `id`. Bytes that were not written for this run are an error, as are those of a later format.
///
/// ```
/// use longhaul_core::{RunId, StoredRun, doc, record::{self, Part, Values}};
///
/// let stored = StoredRun::enqueue(doc::NOW, doc::new_run());
/// let bytes = record::write(&stored, &Values::of(&stored), &[None; Part::COUNT]);
/// assert!(record::read(stored.run.id, &bytes).is_ok());
/// assert!(record::read(RunId::from_bytes([9; 16]), &bytes).is_err(), "it is the record of another run");
/// ```
pub fn read(id: RunId, bytes: &[u8]) -> Result<RecordedRun<'_>, Damage> {
    let Some((body, stored)) = bytes.split_last_chunk::<CHECKSUM>() else {
        return Err(Damage::of_run(id, "its record is cut short"));
    };
    let (stored, computed) = (u32::from_le_bytes(*stored), checksum(id.as_bytes(), body));
    if stored != computed {
        return Err(Damage::of_run(id, format!("its checksum is {computed:08x}, not {stored:08x}")));
    }
    let frozen = match body.split_first() {
        Some((&WITH_SECTIONS, body)) => read_with_sections(body),
        _ => read_with_tail(body),
    };
    frozen.map(|frozen| RecordedRun { id, frozen }).map_err(|reason| Damage::of_run(id, reason))
}

fn read_with_sections(body: &[u8]) -> Result<RecordV1<'_>, String> {
    let (mut record, rest) = read_next::<RecordV1<'_>>(body)?;
    record.tail = Tail::read_sections(rest)?;
    Ok(record)
}

fn read_with_tail(bytes: &[u8]) -> Result<RecordV1<'_>, String> {
    let (mut record, rest) = read_prefix::<RecordV1<'_>>(bytes)?;
    record.tail = Tail::read(rest)?;
    Ok(record)
}

impl fmt::Debug for RecordedRun<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordedRun").field("id", &self.id).field("kind", &self.frozen.kind).finish_non_exhaustive()
    }
}

impl<'a> RecordV1<'a> {
    pub(super) fn of(stored: &'a StoredRun, parts: [PartV1<'a>; Part::COUNT]) -> Self {
        let run = &stored.run;
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
            settled: stored.settled,
            parts: [metadata, initial, execution_metadata, ended, history, tags],
            tail: Tail::of(run, &inbox),
        }
    }

    fn part(&self, part: Part) -> &PartV1<'a> {
        &self.parts[part as usize]
    }
}

impl RecordedRun<'_> {
    /// The run. `fetch` reads a value that stands apart, if it is one of the run's own fields: its tags, its inbox.
    pub fn run<E: From<Damage>>(&self, fetch: &mut impl FnMut(Part, Apart) -> Result<Vec<u8>, E>) -> Result<Run, E> {
        let Self { id, ref frozen } = *self;
        let tags = match self.value(Part::Tags, fetch)? {
            Some(bytes) => read_tags(&bytes).map_err(|reason| Damage::of_run(id, reason))?,
            None => [].into(),
        };
        let inbox = match &frozen.tail.sections.inbox {
            None => None,
            Some(InboxPartV1::Inline(bytes)) => Some(read_inbox(&bytes.0)),
            Some(InboxPartV1::Pieces(apart)) => Some(read_inbox(&fetch(Part::Inbox, *apart)?)),
        };
        let inbox = inbox.transpose().map_err(|reason| Damage::of_run(id, format!("its inbox: {reason}")))?;
        let name = |error: NameError| E::from(Damage::of_run(id, error));
        let state = frozen.state.back(frozen.tail.sections.suspension_deadline);
        // Records from before claims and executions were counted apart have no such section.
        let begun = BegunV1 { attempts: frozen.epoch, begun: state.kind() == StateKind::Running };
        let BegunV1 { attempts, begun } = frozen.tail.sections.begun.clone().unwrap_or(begun);
        Ok(Run {
            id,
            kind: Kind::new(&frozen.kind).map_err(name)?,
            version: frozen.version,
            queue: Queue::new(&frozen.queue).map_err(name)?,
            priority: Priority(frozen.priority),
            tags,
            policy: frozen.policy.back(),
            timeout: frozen.timeout,
            constraints: frozen.tail.constraints().map_err(name)?,
            created: Timestamp::from_micros(frozen.created),
            state,
            since: Timestamp::from_micros(frozen.since),
            epoch: Epoch(frozen.epoch),
            attempts,
            begun,
            seq: frozen.seq,
            progressed: frozen.progressed,
            last_end: frozen.last_end.back(),
            counts: frozen.counts.back(),
            suspicion: frozen.suspicion,
            request: frozen.request.as_ref().map(StopRequestV1::back),
            pending_proceed: frozen.pending_proceed.then(|| frozen.tail.pending_proceed()),
            inbox: inbox.map(Arc::new),
            awaits: frozen.tail.sections.awaits().map(Arc::new),
            progress: frozen.progress.as_ref().map(|progress| progress.back(frozen.tail.pace.as_ref())),
            lineage: frozen.tail.sections.lineage(),
            turn: frozen.tail.sections.ordered.as_ref().and_then(OrderedV1::turn),
            revision: frozen.revision,
        })
    }

    /// The run with all its values. `fetch` reads those that stand apart.
    pub fn stored<E: From<Damage>>(
        &self,
        fetch: &mut impl FnMut(Part, Apart) -> Result<Vec<u8>, E>,
    ) -> Result<StoredRun, E> {
        let id = self.id;
        let damaged = |reason: String| E::from(Damage::of_run(id, reason));
        let envelope = |bytes: Option<Cow<'_, [u8]>>| {
            let value = bytes.map(|bytes| match bytes {
                Cow::Borrowed(bytes) => Envelope::from_bytes(bytes),
                Cow::Owned(bytes) => Envelope::from_bytes(bytes),
            });
            value.transpose().map_err(|error| E::from(Damage::of_run(id, error)))
        };
        let run = self.run(fetch)?;
        let metadata = envelope(self.value(Part::Metadata, fetch)?)?.ok_or_else(|| damaged("no metadata".into()))?;
        let initial = envelope(self.value(Part::Initial, fetch)?)?;
        let execution_metadata = match self.frozen.part(Part::ExecutionMetadata) {
            PartV1::AsInitial => initial.clone(),
            _ => envelope(self.value(Part::ExecutionMetadata, fetch)?)?,
        };
        let ended = self.value(Part::Ended, fetch)?.map(|bytes| read_ended(&bytes)).transpose().map_err(damaged)?;
        let history = self.value(Part::History, fetch)?.ok_or_else(|| damaged("no history".into()))?;
        let history = read_history(&history).map_err(damaged)?;
        let settled = self.frozen.settled;
        Ok(StoredRun { run, settled, metadata, initial, execution_metadata, ended, history })
    }

    /// Which values stand apart, by the numbers of their parts.
    pub fn apart(&self) -> [Option<Apart>; Part::COUNT] {
        Part::ALL.map(|part| match (part, &self.frozen.tail.sections.inbox) {
            (Part::Inbox, Some(InboxPartV1::Pieces(apart))) => Some(*apart),
            (Part::Inbox, _) => None,
            _ => match self.frozen.part(part) {
                PartV1::Pieces(apart) => Some(*apart),
                PartV1::Absent | PartV1::Inline(_) | PartV1::AsInitial => None,
            },
        })
    }

    /// A value that has a place in format 1.
    fn value<E>(
        &self,
        part: Part,
        fetch: &mut impl FnMut(Part, Apart) -> Result<Vec<u8>, E>,
    ) -> Result<Option<Cow<'_, [u8]>>, E> {
        Ok(match self.frozen.part(part) {
            PartV1::Absent | PartV1::AsInitial => None,
            PartV1::Inline(bytes) => Some(Cow::Borrowed(&bytes.0)),
            PartV1::Pieces(apart) => Some(Cow::Owned(fetch(part, *apart)?)),
        })
    }
}
