//! How often the database is asked.

mod common;

use common::postgres;
use longhaul_core::store::{Checkpoint, ClaimRequest, Settlement, prelude::*};
use longhaul_postgres::PostgresStore;
use longhaul_testkit::fixture::{completed, new_run, server_id, support, value};

/// The least of several times: the first prepares statements, and what waits for others is looked at in between.
async fn round_trips(store: &PostgresStore, mut work: impl AsyncFnMut(u64)) -> u64 {
    let mut least = u64::MAX;
    for nth in 0..5 {
        let before = store.round_trips();
        work(nth).await;
        least = least.min(store.round_trips() - before);
    }
    least
}

#[tokio::test]
async fn an_enqueue_a_checkpoint_and_an_end_are_one_round_trip_each() {
    const RUNS: u64 = 10;
    let postgres = postgres().await;
    let (store, now) = (&postgres.store, postgres.now());
    let enqueued = round_trips(store, async |nth| {
        let runs = (0..RUNS).map(|n| new_run(now, "plain", nth * RUNS + n)).collect();
        assert!(store.insert(runs).await.expect("it works").iter().all(Result::is_ok));
    });
    assert_eq!(enqueued.await, 1, "of an enqueue");
    let request = ClaimRequest { begin: 5, ..ClaimRequest::new(server_id(now, 1), [support("plain", 1)].into(), 5) };
    let claimed = store.claim(request).await.expect("it works");
    assert_eq!(claimed.len(), 5);
    let checkpoints = round_trips(store, async |nth| {
        let run = &claimed[nth as usize].run;
        let (id, epoch, execution_metadata) = (run.id, run.epoch, Some(value(nth)));
        let one = Checkpoint { id, epoch, seq: 1, execution_metadata, taken: Vec::new(), progress: None };
        assert!(store.checkpoint(vec![one]).await.expect("it works")[0].is_ok());
    });
    assert_eq!(checkpoints.await, 1, "of a checkpoint");
    let ends = round_trips(store, async |nth| {
        let run = &claimed[nth as usize].run;
        let (id, epoch, ending) = (run.id, run.epoch, completed(nth));
        let end = Settlement { id, epoch, ending, execution_metadata: None, taken: Vec::new(), progress: None };
        assert!(store.settle(vec![end]).await.expect("it works")[0].is_ok());
    });
    assert_eq!(ends.await, 1, "of an end");
}
