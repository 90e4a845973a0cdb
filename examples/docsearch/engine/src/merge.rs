//! Step 3: many sorted segments become one index, a slice of the terms at a time.

use std::{cmp::Ordering, collections::BinaryHeap, io, path::Path};

use super::{
    error::{At, IndexError},
    part::{PartCounts, PartDraft},
    segment::{Entry, Segment, SliceReader},
    wire::{self, damaged, put_number},
};

/// What the buffers of all segments take together: it bounds the memory of a merge, however large the input.
const BUFFERS: usize = 32 << 20;
/// What one of them takes: less than a disk's page is slow, more than this gains nothing.
const BUFFER: (usize, usize) = (4 << 10, 256 << 10);

/// Merges one slice of all segments, which must be in the order of their files. `None`: told to stop, nothing was
/// written.
pub(super) fn merge(
    segments: &[Segment],
    slice: usize,
    to: &Path,
    stop: &dyn Fn() -> bool,
) -> Result<Option<PartCounts>, IndexError> {
    let buffer = (BUFFERS / segments.len().max(1)).clamp(BUFFER.0, BUFFER.1);
    let mut heads = BinaryHeap::with_capacity(segments.len());
    for (at, segment) in segments.iter().enumerate() {
        heads.extend(Head::next_of(segment.slice(slice, buffer), at)?);
    }
    let mut part = PartDraft::new(to)?;
    let mut joined = Joined::default();
    while let Some(Head { entry, segment, source }) = heads.pop() {
        if stop() {
            return Ok(None);
        }
        joined.add(&entry).at("merge", source.path())?;
        heads.extend(Head::next_of(source, segment)?);
        if heads.peek().is_none_or(|head| head.entry.term != entry.term) {
            part.add(&entry.term, joined.documents, &joined.postings)?;
            joined.clear();
        }
    }
    part.finish().map(Some)
}

/// The first term of a segment that is not merged yet.
struct Head {
    entry: Entry,
    segment: usize,
    source: SliceReader,
}

impl Head {
    fn next_of(mut source: SliceReader, segment: usize) -> Result<Option<Self>, IndexError> {
        Ok(source.next()?.map(|entry| Self { entry, segment, source }))
    }

    fn key(&self) -> (&str, usize) {
        (&self.entry.term, self.segment)
    }
}

/// The least term is the greatest head, since a heap gives its greatest first; among equals the first segment.
impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        other.key().cmp(&self.key())
    }
}
impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}
impl Eq for Head {}

/// One term's postings from several segments, one behind the other.
#[derive(Default)]
struct Joined {
    postings: Vec<u8>,
    documents: u32,
    last: u32,
}

impl Joined {
    /// Only the first posting of a segment is rewritten, to count from the last one of the segment before.
    fn add(&mut self, entry: &Entry) -> io::Result<()> {
        let mut rest = entry.postings.as_slice();
        let first = wire::number(&mut rest)?;
        // The checksum of a slice is known at its end only, so until then anything may stand here.
        let step = first.checked_sub(self.last.into()).ok_or_else(|| damaged("postings that do not ascend"))?;
        put_number(&mut self.postings, step);
        self.postings.extend_from_slice(rest);
        self.documents = self.documents.saturating_add(entry.documents);
        self.last = entry.last;
        Ok(())
    }

    fn clear(&mut self) {
        self.postings.clear();
        (self.documents, self.last) = (0, 0);
    }
}
