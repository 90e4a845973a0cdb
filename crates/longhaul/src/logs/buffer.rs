//! Lines of one attempt, on their way to the store.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use longhaul_core::{Clock, LogLevel, LogLine, LogPage, limits::LOG_PAGES_MAX};
use tokio::sync::Notify;

pub(super) struct Buffer {
    clock: Arc<dyn Clock>,
    /// Called when there is something to write.
    wake: Arc<Notify>,
    /// There is something to write. Set while the pages are locked.
    unwritten: AtomicBool,
    pages: Mutex<Pages>,
}

#[derive(Default)]
struct Pages {
    /// Pages that are full. More than a ring holds would take each other's place in the store.
    full: VecDeque<LogPage>,
    current: LogPage,
    /// The current one holds lines that were not taken yet.
    grown: bool,
}

impl Buffer {
    pub(super) fn new(clock: Arc<dyn Clock>, wake: Arc<Notify>) -> Self {
        Self { clock, wake, unwritten: AtomicBool::new(false), pages: Mutex::default() }
    }

    pub(super) fn push(&self, level: LogLevel, target: &str, text: &str) {
        let line = LogLine::new(self.clock.now(), level, target, text);
        let mut pages = self.pages();
        if let Some(next) = pages.current.push(line) {
            let full = std::mem::replace(&mut pages.current, next);
            // All of it may have been taken already.
            if pages.grown {
                pages.full.push_back(full);
                pages.bound();
            }
        }
        pages.grown = true;
        if !self.unwritten.swap(true, Ordering::AcqRel) {
            self.wake.notify_one();
        }
    }

    pub(super) fn is_unwritten(&self) -> bool {
        self.unwritten.load(Ordering::Acquire)
    }

    pub(super) fn take(&self) -> Vec<LogPage> {
        let mut pages = self.pages();
        self.unwritten.store(false, Ordering::Release);
        let mut taken: Vec<_> = pages.full.drain(..).collect();
        if std::mem::take(&mut pages.grown) {
            taken.push(pages.current.clone());
        }
        taken
    }

    pub(super) fn put_back(&self, taken: Vec<LogPage>) {
        let mut pages = self.pages();
        for page in taken.into_iter().rev() {
            // One that was not full when it was taken is among the others in its newest form.
            if page.number < pages.full.front().unwrap_or(&pages.current).number {
                pages.full.push_front(page);
            }
        }
        pages.bound();
        pages.grown = true;
        self.unwritten.store(true, Ordering::Release);
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pages {
    fn bound(&mut self) {
        while self.full.len() >= LOG_PAGES_MAX as usize {
            self.full.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemClock;

    fn buffer() -> Buffer {
        Buffer::new(Arc::new(SystemClock), Arc::default())
    }

    fn say(buffer: &Buffer, lines: std::ops::Range<usize>) {
        for n in lines {
            // Two such lines a page.
            buffer.push(LogLevel::Info, "test", &format!("{n:0>1024}"));
        }
    }

    fn numbers(pages: &[LogPage]) -> Vec<(u32, usize)> {
        pages.iter().map(|page| (page.number, page.lines.len())).collect()
    }

    #[test]
    fn a_page_that_was_not_full_comes_again_when_it_holds_more() {
        let buffer = buffer();
        say(&buffer, 0..3);
        assert_eq!(numbers(&buffer.take()), [(0, 2), (1, 1)]);
        assert!(!buffer.is_unwritten());
        assert_eq!(buffer.take(), []);
        say(&buffer, 3..5);
        assert_eq!(numbers(&buffer.take()), [(1, 2), (2, 1)]);
    }

    #[test]
    fn what_was_not_written_comes_again_in_its_newest_form() {
        let buffer = buffer();
        say(&buffer, 0..3);
        let taken = buffer.take();
        say(&buffer, 3..6);
        buffer.put_back(taken);
        assert!(buffer.is_unwritten());
        assert_eq!(numbers(&buffer.take()), [(0, 2), (1, 2), (2, 2)]);

        say(&buffer, 6..7);
        let taken = buffer.take();
        buffer.put_back(taken);
        assert_eq!(numbers(&buffer.take()), [(3, 1)]);
    }

    #[test]
    fn no_more_pages_wait_than_a_ring_holds() {
        let buffer = buffer();
        say(&buffer, 0..200);
        let taken = buffer.take();
        assert_eq!((taken.len(), taken[0].number), (32, 68));
        buffer.put_back(taken);
        say(&buffer, 200..202);
        assert_eq!(buffer.take().len(), 32);
    }
}
