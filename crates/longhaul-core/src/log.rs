//! What an attempt logs while it runs: a ring of pages for each of a run's latest attempts.
//!
//! ```text
//! the run's ring:    attempt 5 | attempt 6 | attempt 7 | attempt 4     attempt % 4
//! the ring of one:   page 32 | page 33 | page 2 | … | page 31          page % 32
//! ```
//! A page takes the place of the one that is 32 pages older, and an attempt that of the one four attempts before. So a
//! log is bounded without anybody counting, and a page that is written twice is there once.

use std::{collections::BTreeMap, fmt};

use crate::{
    id::RunId,
    limits::{LOG_ATTEMPTS_MAX, LOG_PAGE_MAX, LOG_PAGES_MAX, LOG_TARGET_MAX, LOG_TEXT_MAX, cut},
    time::Timestamp,
};

/// How severe a line is. The more severe, the smaller.
///
/// ```
/// use longhaul_core::LogLevel;
///
/// assert!(LogLevel::Error < LogLevel::Info);
/// assert_eq!(LogLevel::Warn.to_string(), "WARN");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a store or an executor that leaves a case out should not compile")]
pub enum LogLevel {
    /// Something went wrong.
    Error,
    /// Something may go wrong.
    Warn,
    /// What is worth knowing.
    Info,
    /// What helps to find a fault.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// All of them, the gravest first.
    pub const ALL: [Self; 5] = [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    /// `"ERROR"`, `"WARN"`, and so on.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Warn => "WARN",
            Self::Info => "INFO",
            Self::Debug => "DEBUG",
            Self::Trace => "TRACE",
        }
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A line of a log.
///
/// ```
/// use longhaul_core::{LogLevel, LogLine, Timestamp};
///
/// let line = LogLine::new(Timestamp::EPOCH, LogLevel::Info, "shop::export", &"x".repeat(5000));
/// assert_eq!(line.text.len(), 1024); // what is beyond is cut
/// assert_eq!(LogLine::new(Timestamp::EPOCH, LogLevel::Warn, "shop", "late").to_string(), "1970-01-01T00:00:00Z WARN shop: late");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct LogLine {
    /// When, by the clock of the server.
    pub at: Timestamp,
    /// How grave it is.
    pub level: LogLevel,
    /// The part of the program that said it.
    pub target: Box<str>,
    /// What it said.
    pub text: Box<str>,
}

/// What a line takes besides its texts: time, level and lengths.
const LINE_OVERHEAD: usize = 16;

impl LogLine {
    /// A line, its target cut to 128 bytes and its text to 1024.
    pub fn new(at: Timestamp, level: LogLevel, target: &str, text: &str) -> Self {
        Self { at, level, target: cut(target, LOG_TARGET_MAX).into(), text: cut(text, LOG_TEXT_MAX).into() }
    }

    fn weight(&self) -> usize {
        LINE_OVERHEAD + self.target.len() + self.text.len()
    }
}

impl fmt::Display for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}: {}", self.at, self.level, self.target, self.text)
    }
}

/// Lines of one attempt that are kept together.
///
/// ```
/// use longhaul_core::{LogLevel, LogLine, LogPage, Timestamp};
///
/// let line = || LogLine::new(Timestamp::EPOCH, LogLevel::Info, "shop", &"x".repeat(1024));
/// let mut page = LogPage::default();
/// assert_eq!(page.push(line()), None);
/// assert_eq!(page.push(line()), None);
/// let next = page.push(line()).expect("three such lines are more than a page");
/// assert_eq!((next.number, next.first, next.lines.len()), (1, 2, 1));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct LogPage {
    /// Which page of the attempt, from 0.
    pub number: u32,
    /// Which line of the attempt its first one is, from 0.
    pub first: u64,
    /// In the order in which they were said.
    pub lines: Vec<LogLine>,
}

impl LogPage {
    /// Puts a line on this page, or, if there is no room for it, on a new one, which is answered.
    pub fn push(&mut self, line: LogLine) -> Option<Self> {
        let weight: usize = self.lines.iter().map(LogLine::weight).sum();
        if weight + line.weight() <= LOG_PAGE_MAX {
            self.lines.push(line);
            return None;
        }
        let first = self.first + self.lines.len() as u64;
        Some(Self { number: self.number + 1, first, lines: vec![line] })
    }
}

/// Which place of a run's ring a page of an attempt takes: of those of the attempt, and of those of its pages.
///
/// ```
/// use longhaul_core::log::place;
///
/// assert_eq!(place(6, 33), (2, 1));
/// ```
pub const fn place(attempt: u32, page: u32) -> (u8, u8) {
    ((attempt % LOG_ATTEMPTS_MAX) as u8, (page % LOG_PAGES_MAX) as u8)
}

/// Which lines to read.
///
/// ```
/// use longhaul_core::{LogRequest, doc};
///
/// let latest = LogRequest::of(doc::run().id);
/// assert_eq!((latest.attempt, latest.from), (None, 0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct LogRequest {
    /// Of which run.
    pub id: RunId,
    /// Of which attempt; `None`: the latest that said something.
    pub attempt: Option<u32>,
    /// From which line on, counted from 0.
    pub from: u64,
}

impl LogRequest {
    /// All lines that are kept of the latest attempt that said something.
    pub const fn of(id: RunId) -> Self {
        Self { id, attempt: None, from: 0 }
    }
}

/// Lines of one attempt.
///
/// ```
/// use longhaul_core::{Log, LogLevel, LogLine, LogPage, Timestamp, log::gather};
///
/// let line = LogLine::new(Timestamp::EPOCH, LogLevel::Info, "shop", "begun");
/// let page = LogPage { lines: vec![line], ..LogPage::default() };
/// let log = gather([(3, page)], None, 0);
/// assert_eq!((log.attempt, log.attempts.as_slice(), log.lines.len()), (Some(3), &[3][..], 1));
/// assert_eq!(log.next(), 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct Log {
    /// The attempts whose lines are kept, the oldest first: four at most.
    pub attempts: Vec<u32>,
    /// Whose lines these are; `None`: no attempt said anything.
    pub attempt: Option<u32>,
    /// Which line of the attempt the first one is, from 0. If that is above what was asked for, those between are not
    /// kept any more.
    pub first: u64,
    /// In the order in which they were said.
    pub lines: Vec<LogLine>,
}

impl Log {
    /// What to ask for next, to read on.
    pub fn next(&self) -> u64 {
        self.first + self.lines.len() as u64
    }
}

/// The lines that are asked for, out of the pages of a run in any order: what every store answers. Pages of attempts that
/// are too old to be kept are left out.
///
/// ```
/// use longhaul_core::{Log, log::gather};
///
/// assert_eq!(gather([], None, 0), Log::default());
/// ```
pub fn gather(pages: impl IntoIterator<Item = (u32, LogPage)>, attempt: Option<u32>, from: u64) -> Log {
    let mut of_attempts: BTreeMap<u32, Vec<LogPage>> = BTreeMap::new();
    for (attempt, page) in pages {
        of_attempts.entry(attempt).or_default().push(page);
    }
    let latest = of_attempts.keys().next_back().copied().unwrap_or(0);
    of_attempts.retain(|attempt, _| attempt + LOG_ATTEMPTS_MAX > latest);
    let attempts = of_attempts.keys().copied().collect();
    let chosen = attempt.or(of_attempts.keys().next_back().copied());
    let mut log = Log { attempts, attempt: chosen, first: from, lines: Vec::new() };
    let Some(mut pages) = chosen.and_then(|chosen| of_attempts.remove(&chosen)) else { return log };
    pages.sort_unstable_by_key(|page| page.number);
    log.first = pages.first().map_or(0, |page| page.first).max(from);
    for page in pages {
        let skipped = log.first.saturating_sub(page.first) as usize;
        log.lines.extend(page.lines.into_iter().skip(skipped));
    }
    log
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(n: usize) -> LogLine {
        LogLine::new(Timestamp::from_micros(n as i64), LogLevel::Info, "test", &format!("{n:0>1024}"))
    }

    /// A log of `lines` lines, as a ring keeps it.
    fn ring(attempt: u32, lines: usize) -> Vec<(u32, LogPage)> {
        let mut ring = BTreeMap::new();
        let mut page = LogPage::default();
        for n in 0..lines {
            if let Some(next) = page.push(line(n)) {
                page = next;
            }
            ring.insert(place(attempt, page.number), (attempt, page.clone()));
        }
        ring.into_values().collect()
    }

    #[test]
    fn the_latest_pages_are_kept_and_their_lines_follow_each_other() {
        // Two such lines a page, 32 pages.
        let log = gather(ring(1, 101), None, 0);
        assert_eq!((log.first, log.next(), log.lines.len()), (38, 101, 63));
        assert!(log.lines.iter().zip(38..).all(|(kept, n)| *kept == line(n)));
    }

    #[test]
    fn a_reader_goes_on_where_it_was() {
        let log = gather(ring(1, 10), None, 7);
        assert_eq!((log.first, log.lines.as_slice()), (7, &[line(7), line(8), line(9)][..]));
        let nothing_new = gather(ring(1, 10), None, log.next());
        assert_eq!((nothing_new.first, nothing_new.lines.len()), (10, 0));
    }

    #[test]
    fn attempts_that_were_overtaken_by_four_others_are_left_out() {
        let pages = (1..=6).flat_map(|attempt| ring(attempt, 1)).collect::<Vec<_>>();
        let log = gather(pages.clone(), None, 0);
        assert_eq!(log.attempts, [3, 4, 5, 6]);
        assert_eq!(log.attempt, Some(6));
        assert_eq!(gather(pages.clone(), Some(4), 0).lines, [line(0)]);
        assert_eq!(gather(pages, Some(1), 0).lines, []);
    }

    #[test]
    fn a_page_weighs_no_more_than_its_limit() {
        let mut page = LogPage::default();
        let short = || LogLine::new(Timestamp::EPOCH, LogLevel::Trace, "", "");
        while page.push(short()).is_none() {}
        assert_eq!(page.lines.len(), LOG_PAGE_MAX / LINE_OVERHEAD);
    }
}
