//! Trees of runs whose process is killed with SIGKILL at any moment, again and again: each run is there once and ends once,
//! each parent is woken once for each wait, and no signal is lost or delivered twice.

use std::collections::{HashMap, HashSet};

use crate::{killed::wait, victim::Victim};

/// Trees that are not done at the beginning of a round, and children of a run in them.
const SHORT: (&str, &str) = ("4", "3");
/// The same on demand: 8 trees of 1 + 6 + 36 + 216 runs.
const LONG: (&str, &str) = ("8", "6");
const DEPTH: usize = 4;

/// `LONGHAUL_TREE_ROUNDS` on demand.
fn rounds() -> Option<usize> {
    std::env::var("LONGHAUL_TREE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok())
}

/// What a victim may not say, and in which order the leaves of a parent begin.
#[derive(Default)]
struct Heard {
    last: HashMap<String, usize>,
    starts: usize,
}

impl Heard {
    fn read(&mut self, lines: &[String]) {
        for line in lines {
            let words: Vec<&str> = line.split(' ').collect();
            match words[0] {
                "wrong" => panic!("{line}"),
                "start" => self.starts += 1,
                "leaf" => {
                    self.starts += 1;
                    let (parent, nth) = words[1].rsplit_once('.').expect("a leaf has a parent");
                    let nth: usize = nth.parse().expect("a number");
                    let last = self.last.insert(parent.into(), nth);
                    let next = last.map_or(0, |last| last + 1);
                    assert!(nth == next || Some(nth) == last, "{line} comes after {last:?}: out of order");
                }
                _ => {}
            }
        }
    }
}

#[test]
fn trees_of_runs_that_are_killed_at_random_have_each_run_once_and_wake_each_parent() {
    let folder = tempfile::tempdir().expect("a folder");
    let ((live, fanout), rounds) = match rounds() {
        Some(rounds) => (LONG, rounds),
        None => (SHORT, 6),
    };
    let (mut heard, mut in_the_middle) = (Heard::default(), 0);
    for _ in 0..rounds {
        let mut victim = Victim::start(folder.path(), &["grow", live, fanout]);
        let mut lines = Vec::new();
        // A third of the blows fall while it opens the store, or just after.
        if fastrand::u8(0..3) > 0 {
            lines = victim.lines_until("growing");
        }
        wait(fastrand::u64(0..250));
        victim.signal("-KILL");
        let (rest, status) = victim.wait();
        assert!(!status.success());
        lines.extend(rest);
        heard.read(&lines);
        in_the_middle += usize::from(!lines.iter().any(|line| line == "grown"));
    }
    assert!(in_the_middle > rounds / 2, "the blows fell when all was done");
    let (lines, status) = Victim::start(folder.path(), &["harvest"]).wait();
    assert!(status.success(), "{lines:#?}");
    heard.read(&lines);
    let runs = check(&lines, fanout.parse().expect("a number"));
    println!("{runs} runs, {} starts, {in_the_middle} of {rounds} kills in the middle", heard.starts);
    let (lines, status) = Victim::start(folder.path(), &["verify"]).wait();
    assert!(status.success(), "{lines:#?}");
}

/// How all of them came out. Answers how many there are.
fn check(lines: &[String], fanout: usize) -> usize {
    let mut paths = HashSet::new();
    let mut ended = HashSet::new();
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words[at].parse::<usize>().expect("a number");
        match words[0] {
            "branch" => {
                let depth = words[1].split('.').count();
                assert!(paths.insert(words[1]), "there twice: {line}");
                assert_eq!(number(2), fanout.pow((DEPTH - depth) as u32), "leaves below it: {line}");
                assert_eq!((number(5), number(6)), (fanout, fanout), "children: {line}");
                assert!(number(3) <= 1, "woken more often by its children than it waited for them: {line}");
                // The history of one that was killed very often has a gap.
                let (signals, heard) = (if depth == 2 { 3 } else { 0 }, number(4));
                assert!(heard == signals || heard < signals && number(8) > 0, "signals that it heard: {line}");
                assert_eq!(words[7], if depth == 2 { "[1-2-3]" } else { "[]" }, "signals: {line}");
            }
            "final" => {
                assert!(paths.insert(words[1]), "there twice: {line}");
                assert_eq!(words[2], "completed", "{line}");
            }
            "ended" => assert!(ended.insert(words[1]), "it ended twice: {line}"),
            _ => {}
        }
    }
    assert_eq!(ended.len(), paths.len(), "each run ends once");
    let trees: HashSet<&str> = paths.iter().map(|path| path.split('.').next().expect("a root")).collect();
    let of_a_tree: usize = (0..DEPTH as u32).map(|depth| fanout.pow(depth)).sum();
    assert_eq!(paths.len(), trees.len() * of_a_tree, "no run is missing");
    paths.len()
}
