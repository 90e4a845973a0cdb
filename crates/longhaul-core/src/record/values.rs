//! The values of a run as bytes, before it is decided where they are kept.

use std::borrow::Cow;

use super::{
    blob::Blob,
    ended::ended_bytes,
    history::history_bytes,
    inbox::inbox_bytes,
    part::{Apart, Part, PartV1},
    tags::tags_bytes,
};
use crate::{envelope::Envelope, stored::StoredRun};

/// The values of a run, each as its frozen bytes.
///
/// ```
/// use longhaul_core::{StoredRun, doc, record::{Part, Values}};
///
/// let stored = StoredRun::enqueue(doc::NOW, doc::new_run());
/// let values = Values::of(&stored);
/// assert_eq!(values.get(Part::Metadata), Some(stored.metadata.as_bytes()));
/// assert_eq!(values.get(Part::Ended), None);
/// ```
#[derive(Clone, Debug)]
pub struct Values<'a> {
    values: [Option<Cow<'a, [u8]>>; Part::COUNT],
    repeats_initial: bool,
}

impl<'a> Values<'a> {
    /// Encodes what `stored` has. The envelopes are not copied.
    pub fn of(stored: &'a StoredRun) -> Self {
        let values = [
            Some(envelope(&stored.metadata)),
            stored.initial.as_ref().map(envelope),
            stored.execution_metadata.as_ref().map(envelope),
            stored.ended.as_ref().map(|ended| Cow::Owned(ended_bytes(ended))),
            Some(Cow::Owned(history_bytes(&stored.history))),
            (!stored.run.tags.is_empty()).then(|| Cow::Owned(tags_bytes(&stored.run.tags))),
            stored.run.inbox.as_deref().map(|inbox| Cow::Owned(inbox_bytes(inbox))),
        ];
        let now = &values[Part::ExecutionMetadata as usize];
        let repeats_initial = now.is_some() && *now == values[Part::Initial as usize];
        Self { values, repeats_initial }
    }

    /// The bytes of a value; `None` if the run has none.
    pub fn get(&self, part: Part) -> Option<&[u8]> {
        self.values[part as usize].as_deref()
    }

    /// The bytes of a value that has to be written; `None` if the run has none, or if it is execution metadata that is
    /// still what the run was enqueued with. The record says so, and the value is not written twice.
    pub fn to_write(&self, part: Part) -> Option<&[u8]> {
        self.get(part).filter(|_| part != Part::ExecutionMetadata || !self.repeats_initial)
    }

    /// Where a record has this value. `None` for `apart`: in itself.
    pub(super) fn place(&self, part: Part, apart: Option<Apart>) -> PartV1<'_> {
        match (self.to_write(part), apart) {
            (Some(_), Some(apart)) => PartV1::Pieces(apart),
            (Some(value), None) => PartV1::Inline(Blob(Cow::Borrowed(value))),
            (None, _) if self.get(part).is_some() => PartV1::AsInitial,
            (None, _) => PartV1::Absent,
        }
    }
}

fn envelope(value: &Envelope) -> Cow<'_, [u8]> {
    Cow::Borrowed(value.as_bytes())
}
