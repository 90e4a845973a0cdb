//! Whatever happens to runs, and whoever counts it, the numbers are those of the runs that are there.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::doc;

const STATES: [StateKind; 8] = [
    StateKind::Pending,
    StateKind::Running,
    StateKind::Retrying,
    StateKind::Suspended,
    StateKind::Incompatible,
    StateKind::Completed,
    StateKind::Failed,
    StateKind::Cancelled,
];

fn run(kind: usize, queue: usize) -> Run {
    let kind = Kind::new(["mail", "report"][kind % 2]).expect("a name");
    Run { kind, queue: Queue::new(["default", "night"][queue % 2]).expect("a name"), ..doc::run() }
}

proptest! {
    #[test]
    fn kept_counts_are_those_of_a_scan_whoever_counted(
        moves in proptest::collection::vec((0_usize..6, proptest::option::of(0_usize..8), 0_usize..3), 0..80),
    ) {
        let mut there: BTreeMap<usize, StateKind> = BTreeMap::new();
        let mut servers = [Statistics::default(), Statistics::default(), Statistics::default()];
        for (number, to, server) in moves {
            let (run, to) = (run(number, number / 2), to.map(|to| STATES[to]));
            let from = there.get(&number).copied();
            servers[server].record(doc::NOW, &run, from, to);
            match to {
                Some(to) => _ = there.insert(number, to),
                None => _ = there.remove(&number),
            }
        }
        let mut scanned = RunCounts::default();
        for (number, state) in &there {
            let run = run(*number, number / 2);
            scanned.add(*state, &run.kind, &run.queue, 1);
        }
        let [mut folded, second, third] = servers;
        folded.counts.merge(&third.counts);
        folded.counts.merge(&second.counts);
        prop_assert_eq!(&folded.counts, &scanned);
        prop_assert_eq!(folded.counts.count(&Filter::default()), Some(there.len() as u64));
        for state in STATES {
            let filter = Filter { states: vec![state], ..Filter::default() };
            let expected = there.values().filter(|there| **there == state).count() as u64;
            prop_assert_eq!(folded.counts.count(&filter), Some(expected));
        }
    }

    #[test]
    fn minutes_add_up_and_only_a_day_is_kept(
        ends in proptest::collection::vec((0_i64..4 * MINUTES_KEPT, any::<bool>()), 1..60),
    ) {
        let at = |minute: i64| Timestamp::from_micros(minute * 60_000_000 + 7);
        let (mut one, mut other, mut all) = (Throughput::default(), Throughput::default(), Throughput::default());
        for (minute, here) in &ends {
            let counter = if *here { &mut one } else { &mut other };
            for counter in [counter, &mut all] {
                counter.record(at(*minute), Some(StateKind::Running), Some(StateKind::Failed));
            }
        }
        one.merge(&other);
        prop_assert_eq!(&one, &all);
        let latest = ends.iter().map(|(minute, _)| *minute).max().expect("there is one");
        let kept = ends.iter().filter(|(minute, _)| *minute > latest - MINUTES_KEPT).count() as u64;
        prop_assert_eq!(all.minutes(at(latest)).map(|minute| minute.failed).sum::<u64>(), kept);
    }
}

#[test]
fn what_a_filter_asks_beyond_state_kind_and_queue_is_not_kept() {
    let counts = RunCounts::of([&doc::run()]);
    let asks = [
        Filter { from: Some(doc::NOW), ..Filter::default() },
        Filter { before: Some(doc::NOW), ..Filter::default() },
        Filter { due_before: Some(doc::NOW), ..Filter::default() },
        Filter { not_retried: true, ..Filter::default() },
        Filter { tags: vec![crate::Tag::new("a", "b").expect("a tag")], ..Filter::default() },
    ];
    assert!(asks.iter().all(|filter| counts.count(filter).is_none()));
}

#[test]
fn a_run_that_moves_in_or_stays_what_it_is_was_neither_enqueued_nor_ended() {
    let (mut statistics, run) = (Statistics::default(), doc::run());
    statistics.record(doc::NOW, &run, None, Some(StateKind::Completed));
    statistics.record(doc::NOW, &run, Some(StateKind::Completed), Some(StateKind::Completed));
    statistics.record(doc::NOW, &run, Some(StateKind::Completed), None);
    assert_eq!(statistics, Statistics::default());
}
