//! A page: records of new runs that came together, under one key.
//!
//! ```text
//! 01 | id, length u16, record | id, length u16, record | …
//! ```
//! A run that changes leaves its page, so what stands in one is never rewritten, only left out.

use longhaul_core::{Priority, RunId, record::Damage};

use crate::engine::kv::VALUE_MAX;

const VERSION: u8 = 1;
const HEAD: usize = 18;
/// A record above this gets a key of its own: three to a page is the least that is worth sharing.
pub(crate) const RECORD_MAX: usize = VALUE_MAX / 3 - HEAD;

/// The bits of a page's number that count; those above name the priority of its runs.
const COUNT: u64 = u64::MAX >> 8;

/// The number of a new page. Pages of one priority lie together, because their runs are claimed together: sled keeps
/// neighbours in one node, and whenever one of them goes, it writes what is left of the node anew.
pub(crate) fn number(priority: Priority, count: u64) -> u64 {
    u64::from(priority.0.cast_unsigned()) << COUNT.count_ones() | count & COUNT
}

/// The how manieth page this was, of all priorities.
pub(crate) fn count(number: u64) -> u64 {
    number & COUNT
}

/// A page in the making.
#[derive(Debug)]
pub(crate) struct Page(Vec<u8>);

impl Page {
    pub(crate) fn new() -> Self {
        let mut bytes = Vec::with_capacity(VALUE_MAX);
        bytes.push(VERSION);
        Self(bytes)
    }

    pub(crate) fn has_room_for(&self, record: &[u8]) -> bool {
        self.0.len() + HEAD + record.len() <= VALUE_MAX
    }

    pub(crate) fn push(&mut self, id: RunId, record: &[u8]) {
        self.0.extend_from_slice(id.as_bytes());
        self.0.extend_from_slice(&(record.len() as u16).to_be_bytes());
        self.0.extend_from_slice(record);
    }

    /// Whether there is one record on it.
    pub(crate) fn has_one(&self) -> bool {
        split_off(&self.0[1..]).is_some_and(|(_, _, rest)| rest.is_empty())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.len() == 1
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// The records of a page, in the order in which they came.
pub(crate) fn records(number: u64, bytes: &[u8]) -> Result<Vec<(RunId, &[u8])>, Damage> {
    let mut rest = body(bytes).ok_or_else(|| damaged(number))?;
    let mut records = Vec::new();
    while !rest.is_empty() {
        let (id, record, after) = split_off(rest).ok_or_else(|| damaged(number))?;
        records.push((id, record));
        rest = after;
    }
    Ok(records)
}

/// The record of one run, if it is on the page.
pub(crate) fn find(number: u64, bytes: &[u8], id: RunId) -> Result<Option<&[u8]>, Damage> {
    let mut rest = body(bytes).ok_or_else(|| damaged(number))?;
    while !rest.is_empty() {
        let (other, record, after) = split_off(rest).ok_or_else(|| damaged(number))?;
        if other == id {
            return Ok(Some(record));
        }
        rest = after;
    }
    Ok(None)
}

fn damaged(number: u64) -> Damage {
    Damage::of(format!("page {number}"), "it is cut short, or no page")
}

fn body(bytes: &[u8]) -> Option<&[u8]> {
    bytes.strip_prefix(&[VERSION])
}

/// The first record, and what follows it.
fn split_off(bytes: &[u8]) -> Option<(RunId, &[u8], &[u8])> {
    let (id, rest) = bytes.split_first_chunk::<16>()?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let (record, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    Some((RunId::from_bytes(*id), record, rest))
}

/// The page without these runs; `None` when nothing is left.
pub(crate) fn without(number: u64, bytes: &[u8], leaving: &[RunId]) -> Result<Option<Vec<u8>>, Damage> {
    let mut page = Page::new();
    for (id, record) in records(number, bytes)? {
        if !leaving.contains(&id) {
            page.push(id, record);
        }
    }
    Ok((!page.is_empty()).then(|| page.into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_leave_a_page_and_the_last_takes_it_along() {
        let [a, b] = [1, 2].map(|n| RunId::from_bytes([n; 16]));
        let mut page = Page::new();
        page.push(a, b"first");
        page.push(b, b"");
        let bytes = page.into_bytes();
        assert_eq!(records(0, &bytes).expect("a page"), [(a, &b"first"[..]), (b, b"")]);
        assert_eq!(find(0, &bytes, b), Ok(Some(&b""[..])));

        let rest = without(0, &bytes, &[a]).expect("a page").expect("one is left");
        assert_eq!(records(0, &rest).expect("a page"), [(b, &b""[..])]);
        assert_eq!(find(0, &rest, a), Ok(None));
        assert_eq!(without(0, &rest, &[b]), Ok(None));
    }

    #[test]
    fn pages_of_a_priority_lie_together_and_all_of_them_are_counted() {
        let made = [0, 5, -1, 5, 0].into_iter().enumerate();
        let mut numbers: Vec<u64> = made.map(|(at, priority)| number(Priority(priority), at as u64)).collect();
        numbers.sort_unstable();
        assert_eq!(numbers.into_iter().map(count).collect::<Vec<_>>(), [0, 4, 1, 3, 2]);
    }

    #[test]
    fn every_cut_of_a_page_is_noticed_or_ends_between_records() {
        let mut page = Page::new();
        page.push(RunId::from_bytes([1; 16]), b"first");
        page.push(RunId::from_bytes([2; 16]), b"second");
        let bytes = page.into_bytes();
        let whole: Vec<usize> = (0..=bytes.len()).filter(|end| records(0, &bytes[..*end]).is_ok()).collect();
        assert_eq!(whole, [1, 1 + HEAD + 5, bytes.len()]);
    }
}
