//! Moving house: a store becomes the exact copy of another.

mod common;

use std::{sync::Arc, time::Duration};

use common::{Embedded, embedded};
use longhaul_core::{
    LogPage, ScheduleName, StateKind, Store,
    store::{
        ClaimRequest, EndedCursor, EndedRequest, Filter, LogPages, ScheduleChange, ServerBeat, Settlement,
        copy::{CopyPage, CopyStore, MigrateStoreError, migrate_store},
        prelude::*,
    },
};
use longhaul_testkit::{
    MemoryStore,
    fixture::{completed, failed, new_run, server_id, support},
};

const LEASE: Duration = Duration::from_secs(60);

impl Embedded {
    fn now(&self) -> longhaul_core::Timestamp {
        longhaul_core::Clock::now(&self.clock)
    }

    /// Leaves runs that ended, with logs, and runs that wait. No server lives afterwards.
    async fn fill(&self) {
        let (store, now) = (&self.store, self.now());
        let server = server_id(now, 1);
        store.heartbeat(ServerBeat::new(server, "worker 1", LEASE)).await.expect("it lives");
        let name = ScheduleName::new("nightly").expect("a name");
        store
            .schedule(ScheduleChange { name, seen: None, value: Some([7].into()), runs: vec![] })
            .await
            .expect("it is new");
        store.insert((0..300).map(|n| new_run(now, "plain", n)).collect()).await.expect("it works");
        for round in 0..5 {
            let request = ClaimRequest::new(server, [support("plain", 1)].into(), 20);
            let claimed = store.claim(request).await.expect("it works");
            let log =
                |run: &longhaul_core::Run| LogPages { id: run.id, epoch: run.epoch, pages: vec![LogPage::default()] };
            store.log(claimed.iter().map(|claimed| log(&claimed.run)).collect()).await.expect("it works");
            let settlements = claimed.iter().map(|claimed| Settlement {
                id: claimed.run.id,
                epoch: claimed.run.epoch,
                ending: if round == 0 { failed("no route", 1, now) } else { completed(round) },
                execution_metadata: None,
                taken: Vec::new(),
                progress: None,
            });
            store.settle(settlements.collect()).await.expect("it works");
            self.clock.advance(Duration::from_millis(1));
        }
        store.leave(server).await.expect("it works");
    }
}

async fn ends(store: &dyn Store) -> Vec<(longhaul_core::RunId, EndedCursor)> {
    let request = EndedRequest { after: EndedCursor::START, limit: 1000, wait: false };
    store.ended(request).await.expect("it works").runs.iter().map(|run| (run.id, run.cursor)).collect()
}

async fn works(store: &dyn Store, server: u64, now: longhaul_core::Timestamp) {
    let request = ClaimRequest::new(server_id(now, server), [support("plain", 1)].into(), 1000);
    assert_eq!(store.claim(request).await.expect("it works").len(), 200);
}

#[tokio::test]
async fn a_folder_moves_into_another_and_everything_goes_on_there() {
    let (old, mut new) = (embedded().await, embedded().await);
    old.fill().await;
    let moved = migrate_store(&old.store, &new.store).await.expect("they are still");
    // The runs, and the schedule.
    assert_eq!((moved.added, moved.digest.items()), (301, 301));
    assert_eq!(ends(&new.store).await, ends(&old.store).await);
    new.clock.set(old.now());
    new.reopen().await;
    let report = new.store.verify().await.expect("it is read");
    assert!(report.problems.is_empty(), "{report:?}");
    let counts = |store: longhaul_core::Statistics| store.counts.rows().collect::<Vec<_>>();
    assert_eq!(
        counts(new.store.statistics().await.expect("it works")),
        counts(old.store.statistics().await.expect("it works"))
    );
    // What is there already is not copied again.
    assert_eq!(migrate_store(&old.store, &new.store).await.expect("they are still").added, 0);
    // The old store is as it was.
    works(&new.store, 7, old.now()).await;
    works(&old.store, 7, old.now()).await;
}

#[tokio::test]
async fn a_folder_moves_into_memory_and_back_into_a_folder() {
    let (old, new) = (embedded().await, embedded().await);
    old.fill().await;
    let memory = MemoryStore::new(Arc::new(old.clock.clone()));
    let out = migrate_store(&old.store, &memory).await.expect("they are still");
    new.clock.set(old.now());
    let back = migrate_store(&memory, &new.store).await.expect("they are still");
    assert_eq!((out.added, out.digest), (back.added, back.digest));
    works(&new.store, 7, old.now()).await;
}

#[tokio::test]
async fn a_move_that_was_broken_off_goes_on() {
    let (old, mut new) = (embedded().await, embedded().await);
    old.fill().await;
    new.clock.set(old.now());
    let mut from = None;
    for _ in 0..3 {
        let CopyPage { items, next } = old.store.copy_out(from).await.expect("it works");
        new.store.copy_in(items).await.expect("it works");
        from = next;
    }
    let there = new.store.count(Filter::default()).await.expect("it works");
    assert!((1..300).contains(&there), "{there} runs are half of it");
    new.reopen().await;
    let moved = migrate_store(&old.store, &new.store).await.expect("they are still");
    assert_eq!(moved.added as u64, 300 - there);
}

#[tokio::test]
async fn a_store_that_servers_work_with_is_not_moved() {
    let (old, new) = (embedded().await, embedded().await);
    old.fill().await;
    let server = server_id(old.now(), 2);
    old.store.heartbeat(ServerBeat::new(server, "worker 2", LEASE)).await.expect("it lives");
    let refused = migrate_store(&old.store, &new.store).await;
    assert_eq!(refused, Err(MigrateStoreError::ServersLive { names: vec!["worker 2".into()] }));
    assert_eq!(new.store.count(Filter::default()).await, Ok(0));
    // Once its lease has run out, nobody works with it; what it held was taken from it.
    let claim = ClaimRequest { begin: 1, ..ClaimRequest::new(server, [support("plain", 1)].into(), 1) };
    let held = old.store.claim(claim).await.expect("it works").remove(0).run.id;
    old.clock.advance(LEASE);
    migrate_store(&old.store, &new.store).await.expect("nobody lives");
    let run = new.store.get(held).await.expect("it was copied").run;
    assert_eq!((run.state.kind(), run.suspicion), (StateKind::Pending, 1));
}

#[tokio::test]
async fn a_store_that_held_something_else_is_no_copy() {
    let (old, new) = (embedded().await, embedded().await);
    old.fill().await;
    new.store.insert(vec![new_run(old.now(), "other", 9000)]).await.expect("it works");
    let refused = migrate_store(&old.store, &new.store).await.expect_err("there is a run more");
    assert!(matches!(refused, MigrateStoreError::Differs { from, to } if to.items() == from.items() + 1), "{refused}");
}
