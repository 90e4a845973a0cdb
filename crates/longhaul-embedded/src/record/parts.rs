//! Which parts of a run stand in its record, and which apart from it in pieces.
//!
//! A part that stands apart has two generations of pieces: a new value is written beside the old one, and the record,
//! written last, says which holds. So a value of any length changes at once, though it is written in several batches.

use std::borrow::Cow;

use longhaul_core::{Envelope, RunId};

use super::{
    Record,
    blob::Blob,
    inbox::inbox_bytes,
    v1::{PartV1, RecordV1, ended_bytes, history_bytes, tags_bytes, write},
};
use crate::{
    keys,
    kv::{Key, VALUE_MAX},
};

pub(crate) const METADATA: usize = 0;
pub(crate) const INITIAL: usize = 1;
pub(crate) const EXECUTION_METADATA: usize = 2;
pub(crate) const ENDED: usize = 3;
pub(crate) const HISTORY: usize = 4;
pub(crate) const TAGS: usize = 5;
/// How many parts format 1 has.
pub(crate) const RECORD_PARTS: usize = 6;
/// Came later: a section of the record says where it is.
pub(crate) const INBOX: usize = 6;
pub(crate) const PARTS: usize = 7;

/// A part above this stands apart: four such parts fill a record, and one that is rewritten often should be small.
const INLINE_MAX: usize = 1024;

/// Where the parts of a run are in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Layout {
    pieces: [Option<Pieces>; PARTS],
    changed: [bool; PARTS],
}

/// A part that stands apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pieces {
    /// The generation that holds.
    pub(crate) generation: u8,
    /// The length of the part in bytes.
    pub(crate) length: u32,
    /// The checksum of the part.
    pub(crate) checksum: u32,
    /// How many pieces of the other generation may lie about.
    pub(crate) others: u32,
}

impl Pieces {
    pub(crate) fn count(&self) -> u32 {
        self.length.div_ceil(VALUE_MAX as u32)
    }
}

impl Layout {
    pub(super) fn changed(&mut self, part: usize) {
        self.changed[part] = true;
    }

    pub(super) fn read(pieces: [Option<Pieces>; PARTS]) -> Self {
        Self { pieces, changed: [false; PARTS] }
    }

    /// The keys of all pieces that may be there.
    pub(crate) fn all_pieces(&self, id: RunId) -> Vec<Key> {
        let parts = self.pieces.iter().enumerate();
        parts.flat_map(|(part, pieces)| pieces.iter().flat_map(move |one| pieces_of(id, part, one))).collect()
    }

    /// Whether this piece belongs to a value that holds.
    pub(crate) fn holds(&self, part: u8, generation: u8, number: u32) -> bool {
        let pieces = self.pieces.get(usize::from(part)).copied().flatten();
        pieces.is_some_and(|pieces| pieces.generation == generation && number < pieces.count())
    }
}

fn pieces_of(id: RunId, part: usize, pieces: &Pieces) -> impl Iterator<Item = Key> + use<> {
    let (generation, count, others) = (pieces.generation, pieces.count(), pieces.others);
    let key = move |generation, number| keys::chunk(id, part as u8, generation, number);
    (0..count)
        .map(move |number| key(generation, number))
        .chain((0..others).map(move |number| key(1 - generation, number)))
}

/// A run, ready to be written.
pub(crate) struct Encoded {
    /// The record.
    pub(crate) bytes: Vec<u8>,
    /// What the record refers to; to be kept with the run once it is written.
    pub(crate) layout: Layout,
    /// Pieces that must be there before the record is.
    pub(crate) pieces: Vec<(Key, Vec<u8>)>,
    /// Pieces that nothing refers to once the record is there.
    pub(crate) obsolete: Vec<Key>,
}

/// Lays a run down in at most `max` bytes, what does not fit apart from it.
pub(crate) fn encode(record: &Record, max: usize) -> Encoded {
    let id = record.run.id;
    let values = values(record);
    let mut apart: [bool; PARTS] = std::array::from_fn(|part| {
        let stays = record.layout.pieces[part].is_some() && !record.layout.changed[part];
        stays || values[part].as_ref().is_some_and(|value| value.len() > INLINE_MAX)
    });
    loop {
        let (parts, pieces) = lay_out(record, &values, apart);
        let bytes = write(id, &RecordV1::of(record, parts.clone()));
        if bytes.len() <= max {
            let layout = Layout { pieces, changed: [false; PARTS] };
            return Encoded {
                pieces: new_pieces(record, &values, &layout),
                obsolete: obsolete(&record.layout, &layout, id),
                bytes,
                layout,
            };
        }
        let inline = |part: &usize| matches!(parts[*part], PartV1::Inline(_));
        let length = |part: &usize| values[*part].as_ref().map_or(0, |value| value.len());
        let largest = (0..PARTS).filter(inline).max_by_key(length);
        // Names, policy, progress and request are limited to about 3 KiB together.
        apart[largest.expect("a record without its parts fits")] = true;
    }
}

type Values<'a> = [Option<Cow<'a, [u8]>>; PARTS];

fn values(record: &Record) -> Values<'_> {
    [
        Some(envelope(&record.metadata)),
        record.initial.as_ref().map(envelope),
        record.execution_metadata.as_ref().map(envelope),
        record.ended.as_ref().map(|ended| Cow::Owned(ended_bytes(ended))),
        Some(Cow::Owned(history_bytes(&record.history))),
        (!record.run.tags.is_empty()).then(|| Cow::Owned(tags_bytes(&record.run.tags))),
        record.run.inbox.as_deref().map(|inbox| Cow::Owned(inbox_bytes(inbox))),
    ]
}

fn envelope(value: &Envelope) -> Cow<'_, [u8]> {
    Cow::Borrowed(value.as_bytes())
}

fn lay_out<'a>(
    record: &Record,
    values: &'a Values<'_>,
    apart: [bool; PARTS],
) -> ([PartV1<'a>; PARTS], [Option<Pieces>; PARTS]) {
    let same_as_initial = values[EXECUTION_METADATA].is_some() && values[EXECUTION_METADATA] == values[INITIAL];
    let mut pieces = [None; PARTS];
    let parts = std::array::from_fn(|part| match &values[part] {
        None => PartV1::Absent,
        Some(_) if part == EXECUTION_METADATA && same_as_initial => PartV1::AsInitial,
        Some(value) if !apart[part] => PartV1::Inline(Blob(Cow::Borrowed(value))),
        Some(value) => {
            let now = next_pieces(record, part, value);
            pieces[part] = Some(now);
            let Pieces { generation, length, checksum, others } = now;
            PartV1::Pieces { generation, length, checksum, others }
        }
    });
    (parts, pieces)
}

fn next_pieces(record: &Record, part: usize, value: &[u8]) -> Pieces {
    // Once final, a run is never rewritten: the other generation goes.
    let keep_others = !record.run.state.is_final();
    match record.layout.pieces[part] {
        Some(before) if !record.layout.changed[part] => {
            Pieces { others: if keep_others { before.others } else { 0 }, ..before }
        }
        before => Pieces {
            generation: before.map_or(0, |before| 1 - before.generation),
            length: value.len() as u32,
            checksum: crc32fast::hash(value),
            others: before.filter(|_| keep_others).map_or(0, |before| before.count()),
        },
    }
}

fn new_pieces(record: &Record, values: &Values<'_>, layout: &Layout) -> Vec<(Key, Vec<u8>)> {
    let mut new = Vec::new();
    for (part, value) in values.iter().enumerate() {
        let (Some(value), Some(now)) = (value, layout.pieces[part]) else { continue };
        if record.layout.pieces[part].is_some() && !record.layout.changed[part] {
            continue;
        }
        let keys = (0..).map(|number| keys::chunk(record.run.id, part as u8, now.generation, number));
        new.extend(keys.zip(value.chunks(VALUE_MAX).map(<[u8]>::to_vec)));
    }
    new
}

fn obsolete(before: &Layout, now: &Layout, id: RunId) -> Vec<Key> {
    let lay = before.all_pieces(id);
    if lay.is_empty() {
        return lay;
    }
    let kept: std::collections::HashSet<Key> = now.all_pieces(id).into_iter().collect();
    lay.into_iter().filter(|key| !kept.contains(key)).collect()
}
