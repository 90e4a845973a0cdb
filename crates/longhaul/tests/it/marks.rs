//! Runs that were claimed ahead: they are no attempts before they begin, and the store knows when they do.

use longhaul::store_api::store::prelude::*;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use longhaul::{AnyError, Context, ExecutionResult, Longhaul, RunHandle, RunOutcome, StateKind, StoreError, Task};
use longhaul_testkit::{Call, FaultPoint};

use crate::kit::{GRACE, Gate, Scene, done, happened, reaches};

/// 0 is done at once, 1 when the gate is opened; all others at once. It notes which attempt of which starts.
#[derive(Clone, Default)]
struct Work {
    gate: Gate,
    started: Arc<Mutex<Vec<(u64, u32)>>>,
}

impl Task for Work {
    const NAME: &'static str = "work";
    type Metadata = u64;
    type ExecutionMetadata = u64;
    type Output = u64;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<u64, u64>) -> ExecutionResult<u64, AnyError> {
        self.started.lock().unwrap().push((*ctx.metadata(), ctx.attempt().number));
        if *ctx.metadata() == 1 {
            ctx.until_stopped(self.gate.opened()).await?;
        }
        done(ctx)
    }
}

/// A server with one slot, in which a long run is executed, and the run 7 that it has claimed ahead.
async fn claimed_ahead(scene: &Scene, work: &Work) -> (Longhaul, RunHandle<Work>) {
    let server = scene.builder().concurrency(1).task(work.clone()).start().unwrap();
    // One that outlives the server.
    let client = scene.client();
    // After a run of a few milliseconds more are claimed than there are slots, and none is marked with its claim.
    client.enqueue::<Work>(0).await.unwrap().outcome().await.unwrap();
    scene.clock.advance(Duration::from_millis(5));
    let long = client.enqueue::<Work>(1).await.unwrap();
    reaches(&long, StateKind::Running).await;
    let ahead = client.enqueue::<Work>(7).await.unwrap();
    let status = reaches(&ahead, StateKind::Running).await;
    assert_eq!((status.attempts(), status.run().begun), (0, false));
    (server, ahead)
}

#[tokio::test]
async fn a_run_that_was_claimed_ahead_begins_only_when_the_store_knows_that_it_does() {
    let (scene, work) = (Scene::new(), Work::default());
    let (server, ahead) = claimed_ahead(&scene, &work).await;
    scene.faults.hang_next(Call::Begin, FaultPoint::BeforeEffect);
    work.gate.open();
    scene.faults.called(Call::Begin, 1).await;
    assert_eq!(*work.started.lock().unwrap(), [(0, 1), (1, 1)]);
    scene.kill(server);
    let status = ahead.status().await.unwrap();
    assert_eq!((status.attempts(), status.run().suspicion), (0, 0), "it has no part in that");

    let next = scene.another().builder().task(work.clone()).start().unwrap();
    assert_eq!(ahead.outcome().await.unwrap(), RunOutcome::Completed(0));
    assert!(work.started.lock().unwrap().contains(&(7, 1)));
    next.shutdown(GRACE).await;
}

#[tokio::test]
async fn claims_that_are_given_back_unstarted_use_up_no_attempt_number() {
    let (scene, work) = (Scene::new(), Work::default());
    let (server, ahead) = claimed_ahead(&scene, &work).await;
    server.shutdown(GRACE).await;
    let status = ahead.status().await.unwrap();
    assert_eq!((status.state(), status.attempts()), (StateKind::Pending, 0));
    assert_eq!(happened(&status), ["enqueued", "claimed", "returned unstarted"]);
    work.gate.open();
    let server = scene.builder().task(work.clone()).start().unwrap();
    ahead.outcome().await.unwrap();
    assert!(work.started.lock().unwrap().contains(&(7, 1)));
    server.shutdown(GRACE).await;
}

#[tokio::test]
async fn a_mark_that_the_store_did_not_take_is_made_again() {
    for when in FaultPoint::BOTH {
        let (scene, work) = (Scene::new(), Work::default());
        let (server, ahead) = claimed_ahead(&scene, &work).await;
        scene.faults.fail_next(Call::Begin, when, StoreError::Unavailable { reason: "busy".into() });
        work.gate.open();
        ahead.outcome().await.unwrap();
        assert_eq!(ahead.status().await.unwrap().attempts(), 1, "{when:?}");
        assert_eq!(scene.faults.count_of(Call::Begin), 2);
        server.shutdown(GRACE).await;
    }
}

#[tokio::test]
async fn a_run_whose_claim_was_taken_away_before_it_began_is_not_executed_here() {
    let (scene, work) = (Scene::new(), Work::default());
    let (server, ahead) = claimed_ahead(&scene, &work).await;
    scene.store.leave(server.server_id()).await.unwrap();
    work.gate.open();
    scene.faults.called(Call::Begin, 1).await;
    let next = scene.another().builder().task(work.clone()).start().unwrap();
    ahead.outcome().await.unwrap();
    let started = work.started.lock().unwrap().clone();
    assert_eq!(started.iter().filter(|(n, _)| *n == 7).collect::<Vec<_>>(), [&(7, 1)]);
    next.shutdown(GRACE).await;
    server.shutdown(GRACE).await;
}
