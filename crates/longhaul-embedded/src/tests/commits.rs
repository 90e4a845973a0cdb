//! What is committed when, and together with what.

use std::{collections::HashSet, sync::Arc};

use longhaul_core::store::prelude::*;
use longhaul_core::{
    Actor, Ending, Inserted, NewRun, Priority, State, StateKind, StoreError, Timestamp,
    history::Transition,
    store::{Checkpoint, ClaimRequest, Filter, InsertError},
};
use longhaul_testkit::{TestClock, fixture};

use super::kit::{Kit, block_on, checkpoint, number, open, over, settlement, value, waiting_claim};
use crate::{
    Options,
    engine::kv::{
        faulty::{Failure, Faults, Faulty},
        sim::{Calls, Cut, End, SimDisk},
    },
    format::keys,
};

fn since(kit: &Kit, before: Calls) -> (usize, usize, usize) {
    let now = kit.disk.calls();
    (now.apply - before.apply, now.flush - before.flush, now.sync - before.sync)
}

#[test]
fn a_claim_is_flushed_but_needs_no_sync() {
    block_on(async {
        let mut kit = Kit::new();
        kit.insert(value(1, 10)).await;
        let before = kit.disk.calls();
        assert_eq!(kit.claim(1).await.len(), 1);
        assert_eq!(since(&kit, before), (1, 1, 0));
    });
}

#[test]
fn a_waiting_claim_shares_the_commit_of_the_insert_that_serves_it() {
    block_on(async {
        let mut kit = Kit::new();
        let waiting = kit.waiting_claim(1).await;

        let before = kit.disk.calls();
        let id = kit.insert(value(1, 10)).await;
        let claimed = waiting.await.expect("no panic").expect("the store works");
        assert_eq!(claimed[0].run.id, id);
        assert_eq!(since(&kit, before), (1, 1, 1));
    });
}

/// How many keys begin with this byte.
fn keys_of(kit: &Kit, prefix: u8) -> usize {
    kit.disk.keys().iter().filter(|key| key[0] == prefix).count()
}

#[test]
fn a_run_that_is_claimed_as_it_comes_is_one_key_that_says_who_has_it() {
    block_on(async {
        for end in [End::Killed, End::PowerCut] {
            let mut kit = Kit::new();
            let waiting = kit.waiting_claim(1).await;
            // Its metadata stands apart from its record.
            let id = kit.insert(value(7, 3000)).await;
            let claimed = waiting.await.expect("no panic").expect("the store works").remove(0);
            assert_eq!([keys::LIVE, keys::PAGE, keys::SLOTS].map(|prefix| keys_of(&kit, prefix)), [1, 0, 0]);
            kit.assert_sound().await;

            kit.end(end, 0.0).await;
            let after = kit.get(id).await;
            assert_eq!((after.run.state.kind(), after.run.epoch), (StateKind::Pending, claimed.run.epoch));
            let transitions: Vec<_> = after.history.entries.iter().map(|entry| entry.what).collect();
            let server = match claimed.run.state {
                State::Running { server } => server,
                other => panic!("{other:?}"),
            };
            assert_eq!(transitions, [Transition::Enqueued, Transition::Claimed(server), Transition::Crashed]);
            let again = kit.claim(1).await.remove(0);
            assert_eq!((number(&again.metadata), again.run.epoch), (7, claimed.run.epoch.next()));
            kit.settle(&again, fixture::completed(1)).await;
            kit.assert_sound().await;
        }
    });
}

#[test]
fn of_runs_that_are_claimed_as_they_come_those_that_share_a_page_share_a_page_of_claims() {
    block_on(async {
        let mut kit = Kit::new();
        let waiting = kit.waiting_claim(3).await;
        let runs = (0..4).map(|_| kit.new_run()).collect();
        kit.store.insert(runs).await.expect("the store works");
        assert_eq!(waiting.await.expect("no panic").expect("the store works").len(), 3);
        assert_eq!([keys::LIVE, keys::PAGE, keys::SLOTS].map(|prefix| keys_of(&kit, prefix)), [0, 1, 1]);
        kit.assert_sound().await;
        kit.end(End::Killed, 0.0).await;
        assert_eq!(kit.claim(9).await.len(), 4);
    });
}

#[test]
fn an_id_is_taken_by_a_run_that_waits_or_is_final_also_after_the_store_was_opened_again() {
    block_on(async {
        let mut kit = Kit::new();
        let (lower, middle, higher) = (kit.new_run(), kit.new_run(), kit.new_run());
        let refused = |id| Ok(vec![Err(InsertError::Duplicate(id))]);
        let insert = async |kit: &Kit, run: &NewRun| kit.store.insert(vec![run.clone()]).await;
        // A lower id that is not there yet is no duplicate.
        for run in [&higher, &lower] {
            assert_eq!(insert(&kit, run).await, Ok(vec![Ok(Inserted::New)]));
            assert_eq!(insert(&kit, run).await, refused(run.id));
        }
        let claimed = kit.claim(2).await;
        for one in &claimed {
            kit.settle(one, fixture::completed(1)).await;
            assert_eq!(insert(&kit, &higher).await, refused(higher.id));
        }
        kit.end(End::Killed, 0.0).await;
        for run in [&higher, &lower] {
            assert_eq!(insert(&kit, run).await, refused(run.id), "all are final");
        }
        assert_eq!(insert(&kit, &middle).await, Ok(vec![Ok(Inserted::New)]));
        kit.end(End::Killed, 0.0).await;
        assert_eq!(insert(&kit, &middle).await, refused(middle.id));
        kit.assert_sound().await;
    });
}

#[test]
fn a_claim_of_a_run_that_was_removed_is_none_of_a_new_run_with_its_id() {
    block_on(async {
        let mut kit = Kit::new();
        let run = kit.new_run();
        let insert = async |kit: &Kit| kit.store.insert(vec![run.clone()]).await;
        assert_eq!(insert(&kit).await, Ok(vec![Ok(Inserted::New)]));
        let claimed = kit.claim(1).await.remove(0);
        kit.settle(&claimed, fixture::completed(1)).await;
        kit.store.delete(run.id).await.expect("it is final");
        // Its entry is still in the file.
        assert_eq!(keys_of(&kit, keys::SLOTS), 1);
        assert_eq!(insert(&kit).await, Ok(vec![Ok(Inserted::New)]));
        kit.end(End::Killed, 0.0).await;
        assert_eq!(kit.get(run.id).await.history.entries.len(), 1, "it was never claimed");
    });
}

#[test]
fn a_task_begins_before_the_witness_knows_of_its_run_and_nothing_is_acknowledged_before() {
    block_on(async {
        let mut seen = HashSet::new();
        // Whatever call fails.
        for spared in 0.. {
            let (disk, clock, faults) =
                (SimDisk::default(), TestClock::starting_at(Timestamp::EPOCH), Faults::default());
            let engine = Faulty::new(disk, &faults);
            let store = over(Box::new(engine), Options::new(Arc::new(clock.clone()))).expect("an empty disk opens");
            let request =
                ClaimRequest::new(fixture::server_id(Timestamp::EPOCH, 0), [fixture::support("plain", 1)].into(), 1);
            let waiting = waiting_claim(&store, ClaimRequest { wait: true, ..request }).await;
            faults.arm(spared, Failure::Full);
            let inserted = store.insert(vec![fixture::new_run(Timestamp::EPOCH, "plain", 1)]).await.is_ok();
            let claimed = waiting.await.expect("no panic").is_ok();
            seen.insert((claimed, inserted));
            if faults.failed_reading().is_none() {
                break;
            }
        }
        assert_eq!(seen, HashSet::from([(false, false), (true, false), (true, true)]));
    });
}

#[test]
fn what_changes_nothing_commits_nothing() {
    block_on(async {
        let mut kit = Kit::new();
        kit.insert(value(1, 10)).await;
        let claimed = kit.claim(1).await.remove(0);
        kit.save(&claimed, 1, value(2, 10)).await;

        let before = kit.disk.calls();
        kit.save(&claimed, 2, value(2, 10)).await;
        let progress = longhaul_core::Progress { done: 3, ..Default::default() };
        let told =
            Checkpoint { execution_metadata: None, progress: Some(progress), ..checkpoint(&claimed, 0, value(0, 0)) };
        kit.store.checkpoint(vec![told]).await.expect("the store works")[0].clone().expect("the attempt holds the run");
        assert_eq!(kit.get(claimed.run.id).await.run.progress.map(|progress| progress.done), Some(3));
        assert_eq!(kit.claim(1).await, []);
        assert_eq!(since(&kit, before), (0, 0, 0));
    });
}

#[test]
fn many_small_runs_share_pages_and_many_claims_a_page_of_slots() {
    block_on(async {
        let mut kit = Kit::new();
        let runs: Vec<_> = (0..500).map(|_| kit.new_run()).collect();
        kit.store.insert(runs).await.expect("the store works");
        let pages = kit.disk.keys().iter().filter(|key| key[0] == keys::PAGE).count();
        assert!(pages < 50, "500 runs take {pages} pages");

        let before = kit.disk.calls();
        let claimed = kit.claim(64).await;
        let claim_pages = kit.disk.keys().iter().filter(|key| key[0] == keys::SLOTS).count();
        assert_eq!((claimed.len(), claim_pages, since(&kit, before)), (64, 1, (1, 1, 0)));

        let before = kit.disk.calls();
        let settlements = claimed.iter().map(|claimed| settlement(claimed, fixture::completed(1))).collect();
        kit.store.settle(settlements).await.expect("the store works");
        assert_eq!(since(&kit, before), (1, 1, 1));
        let lists = kit.disk.keys().iter().filter(|key| key[0] == keys::ENDED).count();
        assert_eq!(lists, 1);
        kit.assert_sound().await;
    });
}

#[test]
fn a_new_page_takes_the_place_of_none_that_an_earlier_process_left_whatever_its_priority() {
    block_on(async {
        let mut kit = Kit::new();
        let priorities = [0, -5, 0, 0, 5];
        for priority in priorities.map(Priority) {
            let new = NewRun { priority, ..kit.new_run() };
            kit.store.insert(vec![new]).await.expect("the store works");
        }
        for opened in 2..4 {
            kit.end(End::Killed, 1.0).await;
            for priority in priorities.map(Priority) {
                let new = NewRun { priority, ..kit.new_run() };
                kit.store.insert(vec![new]).await.expect("the store works");
            }
            kit.assert_sound().await;
            let pages = kit.disk.keys().iter().filter(|key| key[0] == keys::PAGE).count();
            assert_eq!(pages, opened * priorities.len());
        }
    });
}

#[test]
fn lists_of_all_kinds_of_an_earlier_version_are_divided_by_kind_at_the_opening() {
    block_on(async {
        let mut kit = Kit::new();
        let one = kit.new_run();
        let other = NewRun { kind: longhaul_core::Kind::new("other").expect("a name"), ..kit.new_run() };
        let ids = [one.id, other.id];
        kit.store.insert(vec![one, other]).await.expect("the store works");
        for id in ids {
            let cancelled = kit.store.cancel(id, None, Actor::UNKNOWN).await;
            assert_eq!(cancelled, Ok(longhaul_core::store::Cancelled::Now));
        }
        let since = kit.get(ids[0]).await.run.since;
        assert_eq!(kit.get(ids[1]).await.run.since, since);
        let disk = kit.disk.after(End::Killed, 1.0);
        kit.store.close().await;
        // As it was once: one list of all that ended together.
        for key in disk.keys().into_iter().filter(|key| key[0] == keys::ENDED) {
            disk.forget(&key);
        }
        let list = [&b"fx"[..], &(since.as_micros() as u64 ^ (1 << 63)).to_be_bytes(), ids[0].as_bytes()].concat();
        disk.insert(list, crate::format::list::List { position: None, ids: ids.to_vec() }.to_bytes());

        kit.store = open(&disk, &kit.clock).expect("it opens");
        kit.disk = disk;
        kit.assert_sound().await;
        let lists: Vec<u8> = kit.disk.keys().iter().map(|key| key[0]).filter(|prefix| b"ef".contains(prefix)).collect();
        assert_eq!(lists, b"ee");
        let swept = kit.store.sweep(longhaul_core::Retention::all(std::time::Duration::ZERO).into(), 10).await;
        assert_eq!(swept.map(|swept| swept.removed), Ok(2));
    });
}

#[test]
fn more_than_a_batch_holds_is_committed_in_several_and_synced_once() {
    block_on(async {
        let mut kit = Kit::new();
        let runs: Vec<_> = (0..1000).map(|_| kit.new_run()).collect();
        kit.store.insert(runs).await.expect("the store works");
        let claimed = kit.claim(1000).await;
        let before = kit.disk.calls();
        let settlements = claimed.iter().map(|claimed| settlement(claimed, fixture::completed(1))).collect();
        kit.store.settle(settlements).await.expect("the store works");
        let (applied, flushed, synced) = since(&kit, before);
        assert!((4..=8).contains(&applied), "{applied} batches for 1000 endings");
        // Each batch is full: what is under way in sled is bounded by the flush before the next.
        assert_eq!((flushed, synced), (applied, 1));
        kit.assert_sound().await;
    });
}

#[test]
fn after_a_failed_write_nothing_is_written_and_the_rest_stays_readable() {
    block_on(async {
        let mut kit = Kit::new();
        let safe = kit.insert(value(1, 10)).await;
        let doubtful = kit.insert(value(2, 10)).await;
        kit.disk.cut(Cut { after: 0, in_effect: true });
        assert!(
            matches!(kit.store.cancel(doubtful, None, Actor::UNKNOWN).await, Err(error) if error.to_string().contains("start the process again"))
        );

        let broken = kit.store.health().expect_err("it is broken");
        assert!(matches!(broken, StoreError::Broken { .. }));
        let new = kit.new_run();
        assert_eq!(kit.store.insert(vec![new]).await, Err(broken.clone()));
        assert_eq!(kit.store.claim(kit.request(1, true)).await, Err(broken.clone()));
        assert_eq!(kit.store.changed(safe, 1).await, Err(broken.clone().into()));
        assert_eq!(kit.get(safe).await.run.state.kind(), StateKind::Pending);
        // Whether it is cancelled is not known, so it is not said.
        assert_eq!(kit.store.get(doubtful).await, Err(broken.into()));
    });
}

#[test]
fn calls_that_wait_are_told_when_the_store_is_closed() {
    block_on(async {
        let mut kit = Kit::new();
        let id = kit.insert(value(1, 10)).await;
        let claimed = kit.claim(1).await.remove(0);
        kit.settle(&claimed, Ending::Suspended { until: None, deadline: None }).await;
        let revision = kit.get(id).await.run.revision;
        let waiting = [
            tokio::spawn({
                let store = kit.store.clone();
                async move { store.changed(id, revision).await.map(drop).map_err(|error| error.to_string()) }
            }),
            tokio::spawn({
                let (store, request) = (kit.store.clone(), kit.request(1, true));
                async move { store.claim(request).await.map(drop).map_err(|error| error.to_string()) }
            }),
            tokio::spawn({
                let (store, server) = (kit.store.clone(), kit.server);
                async move { store.stop_requests(server, 0).await.map(drop).map_err(|error| error.to_string()) }
            }),
        ];
        tokio::task::yield_now().await;
        kit.store.close().await;
        for call in waiting {
            assert_eq!(call.await.expect("no panic"), Err("the store is closed".into()));
        }
        assert_eq!(kit.store.count(Filter::default()).await, Err(StoreError::Closed));
    });
}

#[test]
fn the_store_sleeps_while_there_is_nothing_to_do() {
    block_on(async {
        let mut kit = Kit::new();
        kit.insert(value(1, 10)).await;
        let before = kit.disk.calls();
        for _ in 0..100 {
            kit.clock.advance(std::time::Duration::from_secs(60));
        }
        kit.store.count(Filter::default()).await.expect("the store works");
        assert_eq!(since(&kit, before), (0, 0, 0));
    });
}
