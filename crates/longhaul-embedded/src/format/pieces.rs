//! Which parts of a run stand in its record, and which apart from it in pieces.
//!
//! A part that stands apart has two generations of pieces: a new value is written beside the old one, and the record,
//! which is written last, says which one is valid. So a value of any length changes at once, though it is written in
//! several batches.

use std::collections::HashSet;

use longhaul_core::{
    RunId, StoredRun,
    record::{self, Apart, Part, Values},
};

use crate::{
    engine::kv::{Key, VALUE_MAX},
    format::keys,
};

/// A part above this stands apart: four such parts fill a record, and one that is rewritten often should be small.
const INLINE_MAX: usize = 1024;

type Places = [Option<Apart>; Part::COUNT];

/// Where the parts of a run are in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Layout {
    apart: Places,
    changed: [bool; Part::COUNT],
}

/// How many pieces a part has.
fn pieces(apart: &Apart) -> u32 {
    apart.length.div_ceil(VALUE_MAX as u32)
}

impl Layout {
    /// As the record says that was read.
    pub(crate) fn read(apart: Places) -> Self {
        Self { apart, changed: [false; Part::COUNT] }
    }

    /// The part has another value than the record in the file.
    pub(crate) fn changed(&mut self, part: Part) {
        self.changed[part as usize] = true;
    }

    /// The keys of all pieces that may be there.
    pub(crate) fn all_pieces(&self, id: RunId) -> Vec<Key> {
        let parts = Part::ALL.into_iter().zip(&self.apart);
        parts.flat_map(|(part, apart)| apart.iter().flat_map(move |one| pieces_of(id, part, one))).collect()
    }

    /// Whether this piece belongs to a value that is valid.
    pub(crate) fn refers_to(&self, part: u8, generation: u8, number: u32) -> bool {
        let apart = self.apart.get(usize::from(part)).copied().flatten();
        apart.is_some_and(|apart| apart.generation == generation && number < pieces(&apart))
    }
}

fn pieces_of(id: RunId, part: Part, apart: &Apart) -> impl Iterator<Item = Key> + use<> {
    let (generation, count, others) = (apart.generation, pieces(apart), apart.others);
    let key = move |generation, number| keys::chunk(id, part.number(), generation, number);
    (0..count)
        .map(move |number| key(generation, number))
        .chain((0..others).map(move |number| key(1 - generation, number)))
}

/// A run, ready to be written.
pub(crate) struct Encoded {
    /// The record.
    pub(crate) bytes: Vec<u8>,
    /// What the record refers to. It is kept with the run once the record is written.
    pub(crate) layout: Layout,
    /// Pieces that must be there before the record is.
    pub(crate) pieces: Vec<(Key, Vec<u8>)>,
    /// Pieces that nothing refers to once the record is there.
    pub(crate) obsolete: Vec<Key>,
}

/// Encodes a run in at most [`VALUE_MAX`] bytes, and what does not fit apart from it. `before` is how it is in the file.
pub(crate) fn encode(stored: &StoredRun, before: &Layout) -> Encoded {
    let id = stored.run.id;
    let values = Values::of(stored);
    let mut stand_apart = Part::ALL.map(|part| {
        let stays = before.apart[part as usize].is_some() && !before.changed[part as usize];
        stays || values.get(part).is_some_and(|value| value.len() > INLINE_MAX)
    });
    loop {
        let apart = Part::ALL.map(|part| {
            let value = values.to_write(part).filter(|_| stand_apart[part as usize])?;
            Some(place(stored, before, part, value))
        });
        let bytes = record::write(stored, &values, &apart);
        if bytes.len() <= VALUE_MAX {
            let layout = Layout::read(apart);
            return Encoded {
                pieces: new_pieces(id, &values, before, &layout),
                obsolete: obsolete(before, &layout, id),
                bytes,
                layout,
            };
        }
        let inline = |part: &Part| apart[*part as usize].is_none() && values.to_write(*part).is_some();
        let length = |part: &Part| values.get(*part).map_or(0, <[u8]>::len);
        let largest = Part::ALL.into_iter().filter(inline).max_by_key(length);
        // Names, policy, progress and request are limited to about 3 KiB together.
        stand_apart[largest.expect("a record without its parts fits") as usize] = true;
    }
}

fn place(stored: &StoredRun, before: &Layout, part: Part, value: &[u8]) -> Apart {
    // A final run is never rewritten: its other generation goes.
    let keep_others = !stored.run.state.is_final();
    match before.apart[part as usize] {
        Some(there) if !before.changed[part as usize] => {
            Apart { others: if keep_others { there.others } else { 0 }, ..there }
        }
        there => Apart {
            generation: there.map_or(0, |there| 1 - there.generation),
            others: there.filter(|_| keep_others).map_or(0, |there| pieces(&there)),
            ..Apart::of(value)
        },
    }
}

fn new_pieces(id: RunId, values: &Values<'_>, before: &Layout, now: &Layout) -> Vec<(Key, Vec<u8>)> {
    let mut new = Vec::new();
    for part in Part::ALL {
        let (Some(value), Some(apart)) = (values.to_write(part), now.apart[part as usize]) else { continue };
        if before.apart[part as usize].is_some() && !before.changed[part as usize] {
            continue;
        }
        let keys = (0..).map(|number| keys::chunk(id, part.number(), apart.generation, number));
        new.extend(keys.zip(value.chunks(VALUE_MAX).map(<[u8]>::to_vec)));
    }
    new
}

fn obsolete(before: &Layout, now: &Layout, id: RunId) -> Vec<Key> {
    // Most runs have none, and this is asked at each change.
    if before.apart.iter().all(Option::is_none) {
        return Vec::new();
    }
    let kept: HashSet<Key> = now.all_pieces(id).into_iter().collect();
    before.all_pieces(id).into_iter().filter(|key| !kept.contains(key)).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use longhaul_core::{Inbox, Timestamp, inbox::Message, record::Damage};
    use longhaul_testkit::fixture::{large_value, new_run};

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

    #[test]
    fn what_was_sent_to_a_run_stands_apart_if_it_is_large() {
        let mut stored = StoredRun::enqueue(NOW, new_run(NOW, "plain", 7));
        let message = Message { number: 2, at: Some(NOW), signal: None, value: large_value(60_000) };
        stored.run.inbox = Some(Arc::new(Inbox { messages: vec![message], last: 2, offered: 1, ..Inbox::default() }));
        let Encoded { bytes, layout, pieces, .. } = encode(&stored, &Layout::default());
        assert!(bytes.len() < 1024 && pieces.len() == 15, "{} bytes, {} pieces", bytes.len(), pieces.len());
        let inbox = pieces.into_iter().flat_map(|(_, bytes)| bytes).collect::<Vec<_>>();
        let recorded = record::read(stored.run.id, &bytes).expect("our own bytes");
        assert_eq!(Layout::read(recorded.apart()), layout);
        assert_eq!(recorded.stored::<Damage>(&mut |_, _| Ok(inbox.clone())), Ok(stored));
    }
}
