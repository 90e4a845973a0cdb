//! Done, total, rate, time left, age of the last checkpoint: the figures beside the bar.

use std::time::{Duration, Instant};

use docsearch_engine::Progress;
use indicatif::HumanCount;

/// Follows one run in this process.
#[derive(Debug)]
pub(crate) struct Meter {
    latest: Progress,
    kept_at: Instant,
    /// Where, and when, this process saw the present step first: what an earlier process did says nothing of the rate.
    step_from: (u32, Instant),
}

/// The figures at one moment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) step: String,
    pub(crate) done: u32,
    pub(crate) total: u32,
    /// What people look for first comes first.
    figures: Vec<String>,
}

impl Meter {
    pub(crate) fn new(now: Instant) -> Self {
        Self { latest: Progress::default(), kept_at: now, step_from: (0, now) }
    }

    /// A checkpoint was made.
    pub(crate) fn kept(&mut self, progress: &Progress, now: Instant) {
        if progress.name() != self.latest.name() {
            self.step_from = (progress.within_step().0, now);
        }
        self.latest = progress.clone();
        self.kept_at = now;
    }

    pub(crate) fn read(&self, now: Instant) -> Reading {
        let (number, name) = self.latest.name();
        let (done, total) = self.latest.within_step();
        let mut figures = Vec::new();
        if total > 0 {
            figures.push(format!("{}/{}", HumanCount(done.into()), HumanCount(total.into())));
        }
        if let Some(rate) = self.rate(now) {
            figures.push(format!("{}/s", HumanCount(rate.round() as u64)));
            figures.push(format!("{} s left", HumanCount((f64::from(total - done) / rate).ceil() as u64)));
        }
        let age = now.saturating_duration_since(self.kept_at).as_secs_f64();
        figures.push(format!("checkpoint {age:.1} s ago"));
        let step = format!("[{number}/{}] {name}", Progress::STEPS);
        Reading { step, done, total, figures }
    }

    /// Units per second since this process came to the step; `None` before there is anything to judge by.
    fn rate(&self, now: Instant) -> Option<f64> {
        let (done, since) = self.step_from;
        let done = self.latest.within_step().0.saturating_sub(done);
        let elapsed = now.saturating_duration_since(since);
        (done > 0 && elapsed > Duration::ZERO).then(|| f64::from(done) / elapsed.as_secs_f64())
    }
}

impl Reading {
    /// In one line of so many columns: figures that do not fit are left out, from the last one on.
    pub(crate) fn figures(&self, columns: usize) -> String {
        let fits = |count: &usize| self.figures[..*count].join(SEPARATOR).chars().count() <= columns;
        let count = (0..=self.figures.len()).rev().find(fits).unwrap_or_default();
        self.figures[..count].join(SEPARATOR)
    }
}

const SEPARATOR: &str = " · ";

#[cfg(test)]
mod tests {
    use docsearch_engine::Step;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn start() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "there is no other way to an Instant; nothing depends on when")]
        Instant::now()
    }

    fn reading(files_done: u32) -> Progress {
        Progress { step: Step::Read, files: 48_626, files_done, ..Progress::default() }
    }

    #[test]
    fn the_rate_counts_only_what_this_process_did() {
        let start = start();
        let mut meter = Meter::new(start);
        meter.kept(&reading(20_000), start);
        assert_eq!(meter.read(start + SECOND).figures(80), "20,000/48,626 · checkpoint 1.0 s ago");
        meter.kept(&reading(20_900), start + SECOND);
        let read = meter.read(start + SECOND * 3 / 2);
        assert_eq!((read.step.as_str(), read.done, read.total), ("[2/4] reading files", 20_900, 48_626));
        assert_eq!(read.figures(80), "20,900/48,626 · 600/s · 47 s left · checkpoint 0.5 s ago");
    }

    #[test]
    fn in_a_narrow_place_the_last_figures_are_left_out_whole() {
        let start = start();
        let mut meter = Meter::new(start);
        meter.kept(&reading(20_000), start);
        meter.kept(&reading(20_900), start + SECOND);
        let read = meter.read(start + SECOND);
        let whole = "20,900/48,626 · 900/s · 31 s left · checkpoint 0.0 s ago";
        for (columns, shown) in [
            (1000, whole),
            (56, whole),
            (55, "20,900/48,626 · 900/s · 31 s left"),
            (33, "20,900/48,626 · 900/s · 31 s left"),
            (32, "20,900/48,626 · 900/s"),
            (13, "20,900/48,626"),
            (12, ""),
            (0, ""),
        ] {
            assert_eq!(read.figures(columns), shown);
        }
    }

    #[test]
    fn a_new_step_has_a_rate_of_its_own() {
        let start = start();
        let mut meter = Meter::new(start);
        assert_eq!(meter.read(start).figures(80), "checkpoint 0.0 s ago");
        meter.kept(&reading(0), start);
        meter.kept(&reading(1000), start + SECOND);
        meter.kept(&Progress { step: Step::Merge(0), ..reading(48_626) }, start + SECOND * 2);
        meter.kept(&Progress { step: Step::Merge(10), ..reading(48_626) }, start + SECOND * 4);
        assert_eq!(meter.read(start + SECOND * 4).figures(80), "10/30 · 5/s · 4 s left · checkpoint 0.0 s ago");
    }
}
