//! Calling runs off.

use std::time::Duration;

use longhaul_core::{
    Actor, Ended, Ending, Priority, RunId, ServerId, State, StateKind, StopRequest, Transition,
    store::{CancelError, Cancelled, Claimed, Proceed, RunUpdate},
};

use super::{Scene, scene::proceed};
use crate::fixture::{MARK, completed, failed, incompatible, interrupted, suspended, value};

async fn is_cancelled_at_once(scene: &Scene, id: RunId) {
    assert_eq!(scene.store.cancel(id, Some("too dear".into()), Actor::UNKNOWN).await, Ok(Cancelled::Now));
    let snapshot = scene.get(id).await;
    assert_eq!(snapshot.run.state, State::Cancelled);
    assert_eq!(snapshot.ended, Some(Ended::Cancelled { reason: Some("too dear".into()), error: None }));
    assert_eq!(scene.claim(1).await, []);
}

pub async fn a_run_that_does_not_run_is_cancelled_at_once(mut scene: Scene) {
    let pending = scene.enqueue().await;
    is_cancelled_at_once(&scene, pending).await;
    let suspended = scene.suspended().await;
    is_cancelled_at_once(&scene, suspended).await;

    let claimed = scene.running().await;
    scene.fail(&claimed, "no route").await;
    is_cancelled_at_once(&scene, claimed.run.id).await;

    let claimed = scene.running().await;
    scene.end(&claimed, incompatible(MARK)).await;
    is_cancelled_at_once(&scene, claimed.run.id).await;
}

pub async fn a_final_run_is_not_cancelled(mut scene: Scene) {
    let claimed = scene.running().await;
    let done = scene.end(&claimed, completed(1)).await;
    let id = claimed.run.id;
    let refused = Err(CancelError::Final { id, state: StateKind::Completed });
    assert_eq!(scene.store.cancel(id, None, Actor::UNKNOWN).await, refused);
    assert_eq!(scene.get(id).await, done);

    let id = scene.enqueue().await;
    scene.store.cancel(id, None, Actor::UNKNOWN).await.expect("it is not final");
    let refused = Err(CancelError::Final { id, state: StateKind::Cancelled });
    assert_eq!(scene.store.cancel(id, Some("again".into()), Actor::UNKNOWN).await, refused);

    let missing = scene.new_run().id;
    assert_eq!(scene.store.cancel(missing, None, Actor::UNKNOWN).await, Err(CancelError::NotFound(missing)));
}

pub async fn a_run_that_was_asked_to_stop_is_cancelled_however_its_attempt_ends(mut scene: Scene) {
    for ending in [suspended(), interrupted(), Ending::Returned, incompatible(MARK)] {
        let claimed = scene.running().await;
        let id = claimed.run.id;
        assert_eq!(scene.store.cancel(id, Some("too dear".into()), Actor::UNKNOWN).await, Ok(Cancelled::Requested));
        let asked = scene.get(id).await.run;
        assert_eq!(asked.state.kind(), StateKind::Running);
        assert_eq!(asked.request, Some(StopRequest::Cancel { reason: Some("too dear".into()) }));

        let after = scene.end(&claimed, ending).await;
        assert_eq!(after.run.state, State::Cancelled);
        assert_eq!(after.run.request, None);
        assert_eq!(after.ended, Some(Ended::Cancelled { reason: Some("too dear".into()), error: None }));
    }
    let claimed = scene.running().await;
    scene.store.cancel(claimed.run.id, None, Actor::UNKNOWN).await.expect("it runs");
    let failure = failed("interrupted by the cancellation", claimed.run.attempt(), scene.now());
    assert_eq!(scene.end(&claimed, failure).await.run.state, State::Cancelled);
}

pub async fn a_task_that_follows_its_cancellation_may_leave_a_typed_error(mut scene: Scene) {
    let claimed = scene.running().await;
    scene.store.cancel(claimed.run.id, Some("too dear".into()), Actor::UNKNOWN).await.expect("it runs");
    let after = scene.end(&claimed, Ending::Cancelled { reason: None, error: Some(value(5)) }).await;
    assert_eq!(after.ended, Some(Ended::Cancelled { reason: Some("too dear".into()), error: Some(value(5)) }));
}

pub async fn work_that_is_done_is_done_though_it_was_cancelled(mut scene: Scene) {
    let claimed = scene.running().await;
    scene.store.cancel(claimed.run.id, None, Actor::UNKNOWN).await.expect("it runs");
    let after = scene.end(&claimed, completed(7)).await;
    assert_eq!(after.run.state, State::Completed);
    assert_eq!(after.ended, Some(Ended::Completed(value(7))));
}

pub async fn a_request_to_stop_outlives_a_crash(mut scene: Scene) {
    let claimed = scene.running().await;
    scene.checkpoint(&claimed, 1, 10).await.expect("the attempt holds the run");
    scene.store.cancel(claimed.run.id, Some("too dear".into()), Actor::UNKNOWN).await.expect("it runs");
    scene.crash().await;
    let snapshot = scene.get(claimed.run.id).await;
    assert_eq!(snapshot.run.state, State::Cancelled);
    assert_eq!(snapshot.ended, Some(Ended::Cancelled { reason: Some("too dear".into()), error: None }));
    assert_eq!(snapshot.execution_metadata, Some(value(10)));
}

pub async fn the_history_tells_who_asked_and_what_came_of_it(mut scene: Scene) {
    let ann = Actor::named("ann");
    let new = longhaul_core::NewRun { by: Actor::named("a form"), ..scene.new_run() };
    scene.insert(new).await;
    let claimed = scene.claim_one().await;
    let id = claimed.run.id;
    scene.store.cancel(id, Some("too dear".into()), ann.clone()).await.expect("it runs");
    scene.end(&claimed, interrupted()).await;
    scene.crash().await;
    let history = scene.get(id).await.history;
    let told: Vec<_> =
        history.entries.iter().map(|entry| (entry.what, entry.why.as_deref(), entry.by.clone())).collect();
    assert_eq!(
        told,
        [
            (Transition::Enqueued, None, Actor::named("a form")),
            (Transition::Claimed(claimed_by(&claimed)), None, Actor::UNKNOWN),
            (Transition::CancelRequested, Some("too dear"), ann),
            (Transition::Cancelled, Some("too dear"), Actor::UNKNOWN),
        ]
    );
}

fn claimed_by(claimed: &Claimed) -> ServerId {
    match claimed.run.state {
        State::Running { server } => server,
        _ => panic!("a run that was claimed runs"),
    }
}

pub async fn the_history_tells_who_moved_a_run(mut scene: Scene) {
    let id = scene.suspended().await;
    let by = |name: &str| Actor::named(name);
    scene.store.proceed(Proceed { by: by("one"), ..proceed(id) }).await.expect("it is suspended");
    let later = scene.now().after(Duration::from_secs(60));
    for (update, name) in [
        (RunUpdate::Reschedule(later), "two"),
        (RunUpdate::Prioritise(Priority(5)), "three"),
        (RunUpdate::RunNow, "four"),
        (RunUpdate::Suspend { reason: None }, "five"),
    ] {
        scene.store.update(id, update, by(name)).await.expect("it waits");
    }
    scene.store.cancel(id, None, by("six")).await.expect("it is not final");
    let history = scene.get(id).await.history;
    let told: Vec<_> = history.entries.iter().filter_map(|entry| entry.by.as_str()).collect();
    assert_eq!(told, ["one", "two", "three", "four", "five", "six"]);
}
