//! What was acknowledged, and what that allows to be said later.

use std::collections::HashMap;

/// What is known of one run.
#[derive(Debug, Default, Clone)]
struct Entry {
    seed: u64,
    steps: u32,
    /// The latest acknowledged checkpoint.
    at: u32,
    /// The latest attempt that started.
    attempt: u32,
    outcome: Option<u64>,
}

/// Reads a victim's lines in order, over all its lives, and refuses what must not happen.
#[derive(Debug, Default, Clone)]
pub(crate) struct Ledger {
    runs: HashMap<String, Entry>,
    pub(crate) starts: usize,
    pub(crate) checkpoints: usize,
    finals: usize,
}

impl Ledger {
    pub(crate) fn read(&mut self, lines: &[String]) {
        for line in lines {
            let words: Vec<&str> = line.split(' ').collect();
            let number = |at: usize| words[at].parse::<u64>().expect("a number");
            match words[0] {
                "enqueued" => {
                    let entry = self.runs.entry(words[1].into()).or_default();
                    (entry.seed, entry.steps) = (number(2), number(3) as u32);
                }
                "start" => {
                    self.starts += 1;
                    let entry = self.runs.entry(words[1].into()).or_default();
                    assert_eq!(entry.outcome, None, "a final run was executed again: {line}");
                    assert!(number(2) as u32 > entry.attempt, "an attempt began twice: {line} after {entry:?}");
                    assert!(number(3) as u32 >= entry.at, "an acknowledged checkpoint is gone: {line} after {entry:?}");
                    entry.attempt = number(2) as u32;
                }
                "checkpoint" => {
                    self.checkpoints += 1;
                    let entry = self.runs.get_mut(words[1]).expect("it started");
                    assert_eq!(number(2) as u32, entry.attempt, "an old attempt wrote: {line} after {entry:?}");
                    entry.at = number(3) as u32;
                }
                "outcome" => {
                    let entry = self.runs.get_mut(words[1]).expect("it was enqueued");
                    let outcome = Some(number(2));
                    assert!(entry.outcome.is_none() || entry.outcome == outcome, "an outcome changed: {line}");
                    entry.outcome = outcome;
                }
                "final" => self.read_final(line, &words),
                _ => {}
            }
        }
    }

    /// `final ID SEED ATTEMPTS AT RESULT FAILURES INTERRUPTIONS`
    fn read_final(&mut self, line: &str, words: &[&str]) {
        self.finals += 1;
        let number = |at: usize| words[at].parse::<u64>().expect("a number");
        // One that was enqueued but not acknowledged is allowed to be there.
        let entry = self.runs.entry(words[1].into()).or_default();
        let seed = number(2);
        let steps = 3 + seed % 7;
        assert_eq!(number(4), steps, "{line}");
        assert_eq!(number(5), seed * steps, "{line}");
        // The one failure counts for nothing when it came while the server was ending.
        assert!(number(6) <= u64::from(seed % 5 == 0), "a crash or a stop was counted as a failure: {line}");
        assert!(number(3) as u32 >= entry.attempt, "{line}");
        assert!(entry.outcome.is_none_or(|outcome| outcome == seed * steps), "an outcome changed: {line}");
        entry.outcome = Some(seed * steps);
    }

    /// Every acknowledged run has come to its end, and was found.
    pub(crate) fn check_all_final(&self) {
        for (id, entry) in &self.runs {
            assert!(entry.outcome.is_some(), "{id} was lost: {entry:?}");
        }
        assert_eq!(self.finals, self.runs.len());
    }

    pub(crate) fn len(&self) -> usize {
        self.runs.len()
    }
}
