//! What a checkpoint costs. By itself: a transaction of another test would keep old rows from being reused.

mod common;

use common::{client, postgres};
use longhaul_core::store::{Checkpoint, ClaimRequest, Claimed, prelude::*};
use longhaul_testkit::fixture::{new_run, server_id, support, value};

fn checkpoint(claimed: &Claimed, seq: u32) -> Checkpoint {
    let (id, epoch, value) = (claimed.run.id, claimed.run.epoch, value(seq.into()));
    Checkpoint { id, epoch, seq, execution_metadata: Some(value), taken: Vec::new(), progress: None }
}

#[tokio::test]
async fn checkpoints_are_updates_within_their_page() {
    const RUNS: usize = 50;
    const CHECKPOINTS: u32 = 20;
    let postgres = postgres().await;
    let (store, now, schema) = (&postgres.store, postgres.now(), &postgres.schema.0);
    let counted = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE schemaname = $1 AND relname = 'run'";
    let client = client().await;
    let count = async || {
        client.batch_execute("SELECT pg_stat_clear_snapshot()").await.expect("it works");
        let row = client.query_one(counted, &[schema]).await.expect("it works");
        (row.get::<_, i64>(0), row.get::<_, i64>(1))
    };
    store.insert((0..RUNS as u64).map(|n| new_run(now, "plain", n)).collect()).await.expect("it works");
    let request = ClaimRequest::new(server_id(now, 1), [support("plain", 1)].into(), RUNS);
    let claimed = store.claim(request).await.expect("it works");
    let before = count().await;
    for seq in 1..=CHECKPOINTS {
        let kept = store.checkpoint(claimed.iter().map(|claimed| checkpoint(claimed, seq)).collect()).await;
        assert!(kept.expect("it works").iter().all(Result::is_ok));
    }
    // Connections tell what they did when they end, at the latest.
    store.close().await;
    let expected = before.0 + (RUNS * CHECKPOINTS as usize) as i64;
    let after = loop {
        let after = count().await;
        if after.0 >= expected {
            break after;
        }
        tokio::task::yield_now().await;
    };
    let hot = (after.1 - before.1) as f64 / f64::from(RUNS as u32 * CHECKPOINTS);
    assert!(hot >= 0.95, "{hot} of the checkpoints stayed within their page");
}
