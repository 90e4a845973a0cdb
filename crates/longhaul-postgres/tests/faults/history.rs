//! What was said and answered, in whatever order it was heard, and what of it cannot be.

use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fact {
    /// A client was told that it is enqueued.
    Enqueued { run: String, steps: u64 },
    /// An attempt began with this.
    Started { run: String, attempt: u32, at: u64 },
    /// An attempt was told that its checkpoint is kept.
    Kept { run: String, attempt: u32, at: u64 },
    /// A client was told that it is final; `None`: without a result.
    Ended { run: String, result: Option<u64> },
    /// So many rows were committed with the completion of a run, and this sum in them.
    Rows { run: String, rows: i64, sum: u64 },
    /// So many ran at once, of those that may.
    Running { most: u32, allowed: u32 },
}

#[derive(Default)]
pub(crate) struct History(Vec<Fact>);

impl History {
    pub(crate) fn add(&mut self, fact: Fact) {
        self.0.push(fact);
    }

    /// A line of a server. One that was cut off by a kill is not heard.
    pub(crate) fn hear(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        if let [what, run, attempt, at] = words[..]
            && let (Ok(attempt), Ok(at)) = (attempt.parse(), at.parse())
        {
            let run = run.to_owned();
            match what {
                "start" => self.add(Fact::Started { run, attempt, at }),
                "kept" => self.add(Fact::Kept { run, attempt, at }),
                _ => {}
            }
        }
    }

    pub(crate) fn starts(&self) -> usize {
        self.0.iter().filter(|fact| matches!(fact, Fact::Started { .. })).count()
    }

    pub(crate) fn violations(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut steps = BTreeMap::new();
        let mut written: BTreeMap<&str, (i64, u64)> = BTreeMap::new();
        let mut starts: BTreeMap<&str, BTreeMap<u32, u64>> = BTreeMap::new();
        let mut results: BTreeMap<&str, BTreeSet<Option<u64>>> = BTreeMap::new();
        for fact in &self.0 {
            match fact {
                Fact::Enqueued { run, steps: of } => _ = steps.insert(run.as_str(), *of),
                Fact::Started { run, attempt, at } => {
                    if starts.entry(run).or_default().insert(*attempt, *at).is_some() {
                        found.push(format!("attempt {attempt} of {run} began twice"));
                    }
                }
                Fact::Ended { run, result } => _ = results.entry(run).or_default().insert(*result),
                Fact::Running { most, allowed } if most > allowed => {
                    found.push(format!("{most} ran at once, of at most {allowed}"));
                }
                Fact::Rows { run, rows, sum } => _ = written.insert(run.as_str(), (*rows, *sum)),
                Fact::Kept { .. } | Fact::Running { .. } => {}
            }
        }
        // What an attempt was told is kept, each later one begins with. So a write that was taken from an attempt after
        // another one had begun is found too: the other began with less.
        for fact in &self.0 {
            let Fact::Kept { run, attempt, at } = fact else { continue };
            let later = starts.get(run.as_str()).into_iter().flat_map(|starts| starts.range(attempt + 1..));
            for (other, began) in later.filter(|(_, began)| *began < at) {
                found.push(format!("attempt {attempt} of {run} kept {at}, and attempt {other} began with {began}"));
            }
        }
        for (run, steps) in steps {
            let sum = Some(steps * (steps + 1) / 2);
            match results.get(run) {
                None => found.push(format!("{run} was enqueued, and has no end")),
                Some(results) if results.len() > 1 => found.push(format!("{run} has several ends: {results:?}")),
                Some(results) if !results.contains(&sum) => {
                    found.push(format!("{run} came to {results:?}, and not to {sum:?}"));
                }
                Some(_) => {}
            }
            match written.get(run) {
                Some((1, there)) if Some(*there) == sum => {}
                rows => found.push(format!("{run} left the rows {rows:?}, and not one with {sum:?}")),
            }
        }
        found
    }
}

/// A history as it should be.
fn right() -> Vec<Fact> {
    let run = || "run_1".to_owned();
    vec![
        Fact::Enqueued { run: run(), steps: 3 },
        Fact::Started { run: run(), attempt: 1, at: 0 },
        Fact::Kept { run: run(), attempt: 1, at: 1 },
        Fact::Started { run: run(), attempt: 2, at: 2 },
        Fact::Kept { run: run(), attempt: 2, at: 3 },
        Fact::Ended { run: run(), result: Some(6) },
        Fact::Running { most: 5, allowed: 5 },
        Fact::Rows { run: run(), rows: 1, sum: 6 },
    ]
}

#[test]
fn the_checker_finds_each_violation_that_is_planted_and_none_where_there_is_none() {
    assert_eq!(History(right()).violations(), Vec::<String>::new());
    let planted = |change: &dyn Fn(&mut Vec<Fact>), found: &str| {
        let mut facts = right();
        change(&mut facts);
        let violations = History(facts).violations();
        assert_eq!(violations.len(), 1, "{violations:?}");
        assert!(violations[0].contains(found), "{violations:?}");
    };
    let run = || "run_1".to_owned();
    planted(&|facts| facts[3] = Fact::Started { run: run(), attempt: 2, at: 0 }, "kept 1, and attempt 2 began with 0");
    planted(&|facts| facts.push(Fact::Kept { run: run(), attempt: 1, at: 3 }), "attempt 1 of run_1 kept 3");
    planted(&|facts| facts.push(Fact::Started { run: run(), attempt: 2, at: 2 }), "began twice");
    planted(&|facts| facts.push(Fact::Ended { run: run(), result: None }), "several ends");
    planted(&|facts| facts[5] = Fact::Ended { run: run(), result: Some(7) }, "and not to Some(6)");
    planted(&|facts| drop(facts.remove(5)), "has no end");
    planted(&|facts| facts[7] = Fact::Rows { run: run(), rows: 2, sum: 6 }, "left the rows Some((2, 6))");
    planted(&|facts| drop(facts.remove(7)), "left the rows None");
    planted(&|facts| facts[6] = Fact::Running { most: 6, allowed: 5 }, "6 ran at once");
}

#[test]
fn a_line_that_a_kill_cut_off_is_not_heard() {
    let mut history = History::default();
    for line in ["start run_1 1", "kept run_1 1 ", "kept run_1 1 2"] {
        history.hear(line);
    }
    assert_eq!(history.0, [Fact::Kept { run: "run_1".into(), attempt: 1, at: 2 }]);
}
