//! A look at sled's log before sled has it: is all of it what was written, and up to which batch does it go?
//!
//! sled, when it opens, cuts its log where it finds damage and takes the rest for the store. So the log is read first, as
//! sled 0.34.7 reads it: segments of 512 KiB, each with a header and one message after the other, all with checksums.
//! Whatever is not as it would be after a clean end or a kill is *odd*. That is no verdict: a process that was killed at
//! a rare moment leaves odd things too. It says that a copy has to be opened first.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
};

use crate::engine::{
    seal::{MAGIC as SEAL_MAGIC, Seal},
    witness::{LOG, newest_snapshot},
};

/// sled's default, which we never change.
const SEGMENT: usize = 512 << 10;
const SEGMENT_HEADER: usize = 20;
/// No message begins where less than this is left of a segment.
const MESSAGE_HEADER_MAX: usize = 32;
/// Kinds of messages, as far as they matter here.
const CAP: u8 = 2;
const BATCH_MANIFEST: u8 = 3;
const KINDS: std::ops::RangeInclusive<u8> = 1..=11;

/// Where in a message the seal is looked for.
const SEAL_WITHIN: usize = 4096;

/// What the look found.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// The latest seal that sled would find.
    pub(super) seal: Option<Seal>,
    /// The first thing that is not as it should be.
    pub(super) odd: Option<String>,
}

impl Look {
    fn note(&mut self, odd: impl FnOnce() -> String) {
        self.odd.get_or_insert_with(odd);
    }
}

/// One segment of the log.
struct Segment {
    lsn: u64,
    offset: u64,
    /// Where its messages end.
    end: usize,
    /// They go up to its end.
    is_whole: bool,
}

/// Reads the whole log in `folder`, once; each segment is a `beat`.
pub(super) fn look(folder: &Path, beat: &dyn Fn()) -> io::Result<Look> {
    let mut look = Look::default();
    let mut log = File::open(folder.join(LOG))?;
    let mut segments: Vec<Segment> = Vec::new();
    let mut bytes = Vec::with_capacity(SEGMENT);
    for offset in (0..log.metadata()?.len()).step_by(SEGMENT) {
        beat();
        read_segment(&mut log, offset, &mut bytes)?;
        match header(&bytes) {
            Some(lsn) => {
                let (end, is_whole) = messages(&bytes, number(lsn), |_| {});
                segments.push(Segment { lsn, offset, end, is_whole });
            }
            None if bytes.iter().all(|byte| *byte == 0) => {}
            None => look.note(|| format!("the segment at {offset} has no header that can be read")),
        }
    }
    segments.sort_unstable_by_key(|segment| std::cmp::Reverse(segment.lsn));
    for pair in segments.windows(2) {
        let [newer, older] = pair else { unreachable!("windows of two") };
        if newer.lsn == older.lsn {
            look.note(|| format!("the segments at {} and {} have one number", older.offset, newer.offset));
        }
        if !older.is_whole {
            let Segment { offset, end, .. } = older;
            look.note(|| format!("the segment at {offset} breaks off after {end} bytes"));
        }
    }
    if let Some(newest) = segments.first().filter(|newest| !newest.is_whole) {
        read_segment(&mut log, newest.offset, &mut bytes)?;
        if let Some(beyond) = message_beyond(&bytes, newest.end, number(newest.lsn)) {
            let Segment { offset, end, .. } = newest;
            look.note(|| format!("the segment at {offset} breaks off after {end} bytes, and goes on at {beyond}"));
        }
    }
    look.seal = latest_seal(&mut log, &segments)?;
    if let Some(snapshot) = newest_snapshot(folder)? {
        let snapshot = std::fs::read(snapshot)?;
        let (body, checksum) = snapshot.split_at(snapshot.len().saturating_sub(12));
        if body.is_empty() || checksum[8..] != crc32fast::hash(body).to_le_bytes() {
            look.note(|| "sled's snapshot is damaged".into());
        }
    }
    Ok(look)
}

fn read_segment(log: &mut File, offset: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
    bytes.clear();
    log.seek(SeekFrom::Start(offset))?;
    log.take(SEGMENT as u64).read_to_end(bytes)?;
    Ok(())
}

/// The number that each message of a segment bears.
const fn number(lsn: u64) -> u64 {
    lsn / SEGMENT as u64
}

/// Where in the log's order the segment stands; `None`: it has no header.
fn header(bytes: &[u8]) -> Option<u64> {
    let header = bytes.first_chunk::<SEGMENT_HEADER>()?;
    let checksum = u32::from_le_bytes(header[..4].try_into().expect("4 bytes")) ^ u32::MAX;
    if crc32fast::hash(&header[4..]) != checksum {
        return None;
    }
    let lsn = u64::from_le_bytes(header[4..12].try_into().expect("8 bytes")) ^ (u64::MAX >> 1);
    (lsn < u64::MAX >> 1 && lsn % SEGMENT as u64 == 0).then_some(lsn)
}

/// A message of the log.
struct Message<'a> {
    at: usize,
    kind: u8,
    body: &'a [u8],
    end: usize,
}

/// Shows the messages of a segment up to the first that is none. Answers where that is, and whether the segment ends
/// there.
fn messages(bytes: &[u8], number: u64, mut each: impl FnMut(&Message<'_>)) -> (usize, bool) {
    let mut at = SEGMENT_HEADER;
    while SEGMENT - at >= MESSAGE_HEADER_MAX {
        let Some(message) = message(bytes, at, number) else { return (at, false) };
        if message.kind == CAP {
            return (at, true);
        }
        at = message.end;
        each(&message);
    }
    (at, true)
}

/// The message at `at`, if there is one of this segment.
fn message(bytes: &[u8], at: usize, number: u64) -> Option<Message<'_>> {
    let header = bytes.get(at..)?;
    let checksum = u32::from_le_bytes(*header.first_chunk()?);
    let kind = *header.get(4)?;
    if !KINDS.contains(&kind) {
        return None;
    }
    let mut rest = &header[5..];
    let length = varint(&mut rest)?;
    if varint(&mut rest)? != number {
        return None;
    }
    varint(&mut rest)?;
    let (header, _) = header.split_at(header.len() - rest.len());
    let body = rest.get(..usize::try_from(length).ok()?)?;
    let mut computed = crc32fast::Hasher::new();
    computed.update(body);
    computed.update(&header[4..]);
    let end = at + header.len() + body.len();
    (computed.finalize() ^ u32::MAX == checksum).then_some(Message { at, kind, body, end })
}

/// A number as sled writes it in headers.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let (first, rest) = bytes.split_first()?;
    let first = u64::from(*first);
    let (number, used) = match first {
        0..=240 => (first, 0),
        241..=248 => (240 + 256 * (first - 241) + u64::from(*rest.first()?), 1),
        249 => (2288 + 256 * u64::from(*rest.first()?) + u64::from(*rest.get(1)?), 2),
        _ => {
            let used = first as usize - 247;
            let mut number = [0; 8];
            number[..used].copy_from_slice(rest.get(..used)?);
            (u64::from_le_bytes(number), used)
        }
    };
    *bytes = &rest[used..];
    Some(number)
}

/// Where behind its end a segment has a message of its own: it did not end there, then.
fn message_beyond(bytes: &[u8], end: usize, number: u64) -> Option<usize> {
    (end + 1..bytes.len()).find(|at| message(bytes, *at, number).is_some())
}

/// The seal in the newest message that sled would apply. `segments`: the newest first.
fn latest_seal(log: &mut File, segments: &[Segment]) -> io::Result<Option<Seal>> {
    let mut bytes = Vec::new();
    // sled leaves out a batch that it does not find whole, and what follows it.
    let Some(newest) = segments.first() else { return Ok(None) };
    let end = newest.lsn + newest.end as u64;
    let mut cut = u64::MAX;
    let mut seals = Vec::new();
    let mut last = 0;
    for (n, segment) in segments.iter().enumerate() {
        if n > 1 && seals.iter().any(|(lsn, _)| *lsn < cut) {
            break;
        }
        read_segment(log, segment.offset, &mut bytes)?;
        messages(&bytes, number(segment.lsn), |message| {
            let lsn = segment.lsn + message.at as u64;
            last = last.max(lsn);
            if message.kind == BATCH_MANIFEST
                && let Some(last) = message.body.first_chunk()
                && u64::from_le_bytes(*last) >= end
            {
                cut = cut.min(lsn);
            }
            let latest = seals_in(message.body).max_by_key(|seal| seal.mark.number);
            seals.extend(latest.map(|seal| (lsn, seal)));
        });
    }
    let whole = seals.into_iter().filter(|(lsn, _)| *lsn < cut);
    // A seal that comes ahead of its batch is followed by it.
    let followed = whole.map(|(lsn, seal)| if lsn == last { seal.without_its_batch().unwrap_or(seal) } else { seal });
    Ok(followed.max_by_key(|seal| seal.mark.number))
}

/// A message that holds the seal begins with it, but for some keys: it is the first value of its leaf.
fn seals_in(body: &[u8]) -> impl Iterator<Item = Seal> {
    let body = &body[..body.len().min(SEAL_WITHIN)];
    let begins = (0..body.len()).filter(|at| body[*at] == SEAL_MAGIC[0]);
    begins.filter_map(|at| Seal::read(&body[at..]))
}
