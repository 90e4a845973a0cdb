//! Counts that are kept: what an opening reads of them, and what it does without.

use std::{sync::Arc, time::Duration};

use longhaul_core::{
    Clock, StateKind,
    counts::MinuteCounts,
    store::{Filter, prelude::*},
};
use longhaul_testkit::fixture;

use super::kit::{Kit, LeapingClock, block_on, open, over, value};
use crate::{
    engine::kv::sim::{End, SimDisk},
    format::keys,
    options::Options,
};

/// Ends `runs` runs, one after the other.
async fn with_completed(runs: u64) -> (Kit, Vec<longhaul_core::RunId>) {
    let mut kit = Kit::new();
    let mut ids = Vec::new();
    for n in 0..runs {
        ids.push(kit.insert(value(n, 10)).await);
        let claimed = kit.claim(1).await;
        kit.settle(&claimed[0], fixture::completed(n)).await;
    }
    (kit, ids)
}

async fn completed(kit: &Kit) -> u64 {
    let completed = Filter { states: vec![StateKind::Completed], ..Filter::default() };
    kit.store.count(completed).await.expect("the store works")
}

/// Waits for what the store's thread does by itself.
#[expect(clippy::disallowed_methods, reason = "a store that is wrong must fail the test, not hang it")]
async fn until(is_so: impl Fn() -> bool) {
    let waits = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waits).await.expect("it happens by itself");
}

#[test]
fn an_opening_reads_no_final_run_that_is_counted() {
    block_on(async {
        let (mut kit, ids) = with_completed(3).await;
        kit.store.close().await;
        // Whoever looked for it would not find it.
        kit.disk.forget(&keys::done(ids[0]));
        kit.store = open(&kit.disk, &kit.clock).expect("what is left opens");
        assert_eq!(completed(&kit).await, 3);
    });
}

#[test]
fn an_opening_counts_the_few_ends_that_a_process_which_died_had_not_saved() {
    block_on(async {
        // Saved once on the way.
        let (mut kit, ids) = with_completed(100).await;
        kit.end(End::Killed, 1.0).await;
        assert_eq!(completed(&kit).await, 100);
        kit.store.delete(ids[7]).await.expect("it is final");
        kit.end(End::Killed, 1.0).await;
        assert_eq!(completed(&kit).await, 99);
        kit.assert_sound().await;
    });
}

#[test]
fn a_store_that_was_written_before_counts_were_kept_is_counted_once() {
    block_on(async {
        let (mut kit, ids) = with_completed(5).await;
        kit.store.close().await;
        for key in kit.disk.keys() {
            if key == keys::COUNTED || [keys::FINAL_COUNT, keys::MINUTE].contains(&key[0]) {
                kit.disk.forget(&key);
            }
        }
        kit.store = open(&kit.disk, &kit.clock).expect("what is left opens");
        assert_eq!(completed(&kit).await, 5);
        kit.assert_sound().await;
        kit.end(End::Killed, 1.0).await;
        kit.disk.forget(&keys::done(ids[0]));
        kit.end(End::Killed, 1.0).await;
        assert_eq!(completed(&kit).await, 5, "the second opening counts nothing");
    });
}

#[test]
fn minutes_outlive_a_store_that_was_closed_or_killed() {
    block_on(async {
        let (mut kit, _) = with_completed(2).await;
        let minutes = async |kit: &Kit| -> Vec<MinuteCounts> {
            let statistics = kit.store.statistics().await.expect("the store works");
            statistics.throughput.all().cloned().collect()
        };
        let before = minutes(&kit).await;
        assert_eq!((before.len(), before[0].enqueued, before[0].started, before[0].completed), (1, 2, 2, 2));
        kit.store.close().await;
        kit.store = open(&kit.disk, &kit.clock).expect("what is left opens");
        assert_eq!(minutes(&kit).await, before);
        // A minute later, and then nothing more.
        kit.clock.advance(Duration::from_secs(61));
        kit.insert(value(9, 10)).await;
        kit.claim(1).await;
        until(|| kit.disk.keys().contains(&keys::minute(Clock::now(&kit.clock).as_micros() / 60_000_000))).await;
        // The second one comes within the second: it is written when that is over, although nothing else comes.
        kit.insert(value(10, 10)).await;
        let now = minutes(&kit).await;
        assert_eq!((now[1].enqueued, now[1].started, now[1].completed), (2, 1, 0));
        let batches = kit.disk.calls().apply;
        kit.clock.advance(Duration::from_secs(1));
        until(|| kit.disk.calls().apply > batches).await;
        kit.end(End::Killed, 1.0).await;
        assert_eq!(minutes(&kit).await, now);
        // An opening that writes before it has read them: it counts the final runs, and finds others that are not.
        let counted = |key: &Vec<u8>| *key == keys::COUNTED || key[0] == keys::FINAL_COUNT;
        for later in [Duration::ZERO, Duration::from_secs(60)] {
            kit.store.close().await;
            kit.disk.keys().iter().filter(|key| counted(key)).for_each(|key| kit.disk.forget(key));
            kit.clock.advance(later);
            kit.store = open(&kit.disk, &kit.clock).expect("what is left opens");
            assert_eq!(minutes(&kit).await, now);
            kit.end(End::Killed, 1.0).await;
            assert_eq!(minutes(&kit).await, now, "nothing happened meanwhile");
        }
    });
}

#[test]
fn minutes_are_written_although_nothing_comes_after_what_happened() {
    block_on(async {
        // A test clock wakes the store whenever it is moved; this one moves for who waits for a time.
        let (disk, clock) = (SimDisk::default(), Arc::new(LeapingClock::new()));
        let store = over(Box::new(disk.clone()), Options::new(clock.clone())).expect("an empty disk opens");
        let insert = async |number: u64| {
            let run = fixture::new_run(clock.now(), "plain", number);
            store.insert(vec![run]).await.expect("the store works").remove(0).expect("it is new");
        };
        insert(1).await;
        insert(2).await;
        until(|| {
            let minutes: Vec<_> = disk.keys().into_iter().filter(|key| key[0] == keys::MINUTE).collect();
            let enqueued = |key: &Vec<u8>| {
                let mut enqueued = 0;
                disk.tamper(key, |value| enqueued = u64::from_be_bytes(value[..8].try_into().expect("six numbers")));
                enqueued
            };
            minutes.iter().map(enqueued).sum::<u64>() == 2
        })
        .await;
    });
}
