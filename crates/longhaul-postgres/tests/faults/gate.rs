//! Whoever holds the gate and says nothing more holds up the others for a bounded time.

use std::time::Duration;

use longhaul_core::{
    ControlChange, Limits, Queue, Scope, StoreError,
    store::{ClaimRequest, ServerBeat, prelude::*},
};
use longhaul_testkit::fixture::{new_run, server_id, support};

use crate::common::{client, postgres};

/// As a server that is stopped in the middle of a claim: its transaction has the gate's row, and stays open.
#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_a_stopped_server_holds_is_free_after_its_time_out() {
    let _turn = crate::DATABASE.lock().await;
    let postgres = postgres().await;
    let (store, now) = (&postgres.store, postgres.now());
    let server = server_id(now, 1);
    store.heartbeat(ServerBeat::new(server, "one", Duration::from_secs(60))).await.expect("it lives");
    let limits = Limits { running: Some(5), ..Limits::NONE };
    store.control(Scope::Queue(Queue::default()), ControlChange::Set(Some(limits))).await.expect("it works");
    store.insert(vec![new_run(now, "plain", 1)]).await.expect("it works");

    let stopped = client().await;
    // What the store says at the beginning of each of its transactions.
    let begin = format!(
        "BEGIN; SET LOCAL idle_in_transaction_session_timeout = '5s'; UPDATE {}.gate SET turn = turn + 1",
        postgres.schema.0
    );
    stopped.batch_execute(&begin).await.expect("it works");
    let request = ClaimRequest::new(server, [support("plain", 1)].into(), 1);
    let mut refused = 0;
    let claimed = loop {
        match store.claim(request.clone()).await {
            Ok(claimed) => break claimed,
            Err(StoreError::Unavailable { reason }) => {
                assert!(reason.contains("55P03"), "{reason}");
                refused += 1;
            }
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(claimed.len(), 1);
    // Each waits two seconds for the lock, and after five the database ends the transaction.
    assert!((1..=3).contains(&refused), "refused {refused} times");
    let ended = stopped.batch_execute("SELECT 1").await.expect_err("its transaction was ended");
    assert!(ended.is_closed() || ended.code().is_some_and(|code| code.code() == "25P03"), "{ended}");
}
