//! What an operator does to a run that is not final.

use std::time::Duration;

use longhaul_core::{
    Actor, Ending, Priority, State, StateKind, StopRequest, Waiting,
    store::{Proceeded, RunUpdate, UpdateError},
};

use super::{
    Scene,
    scene::{ids, proceed},
};
use crate::fixture::{completed, interrupted};

const MINUTE: Duration = Duration::from_secs(60);

pub async fn a_waiting_run_can_be_given_another_time(mut scene: Scene) {
    let id = scene.enqueue().await;
    let later = scene.now().after(MINUTE);
    assert_eq!(scene.store.update(id, RunUpdate::Reschedule(later), Actor::UNKNOWN).await, Ok(StateKind::Pending));
    assert_eq!(scene.get(id).await.run.state, State::Pending { due: later });
    assert_eq!(scene.claim(1).await, []);
    scene.clock.advance(MINUTE);
    let claimed = scene.claim_one().await;
    let refused = scene.store.update(id, RunUpdate::Reschedule(later), Actor::UNKNOWN).await;
    assert!(matches!(refused, Err(UpdateError::Refused { id: refused, .. }) if refused == id));
    scene.fail(&claimed, "no route").await;
    let soon = scene.now().after(Duration::from_secs(1));
    assert_eq!(scene.store.update(id, RunUpdate::Reschedule(soon), Actor::UNKNOWN).await, Ok(StateKind::Retrying));
    assert_eq!(scene.get(id).await.run.state, State::Retrying { due: soon });
}

pub async fn a_run_that_got_another_priority_is_claimed_by_it(mut scene: Scene) {
    let (first, second) = (scene.enqueue().await, scene.enqueue().await);
    assert_eq!(
        scene.store.update(second, RunUpdate::Prioritise(Priority(5)), Actor::UNKNOWN).await,
        Ok(StateKind::Pending)
    );
    scene.crash().await;
    assert_eq!(ids(&scene.claim(2).await), [second, first]);
    assert_eq!(
        scene.store.update(first, RunUpdate::Prioritise(Priority(-5)), Actor::UNKNOWN).await,
        Ok(StateKind::Running)
    );
    assert_eq!(scene.get(first).await.run.priority, Priority(-5));
}

pub async fn a_waiting_run_can_be_put_aside_until_a_proceed(mut scene: Scene) {
    let id = scene.enqueue().await;
    let suspend = RunUpdate::Suspend { reason: Some("maintenance".into()) };
    assert_eq!(scene.store.update(id, suspend.clone(), Actor::UNKNOWN).await, Ok(StateKind::Suspended));
    assert_eq!(scene.get(id).await.run.state, State::Suspended { waiting: Waiting::Proceed });
    scene.clock.advance(MINUTE * 1_000_000);
    assert_eq!(scene.claim(1).await, []);
    assert!(matches!(scene.store.update(id, suspend, Actor::UNKNOWN).await, Err(UpdateError::Refused { .. })));
    assert_eq!(scene.store.proceed(proceed(id)).await, Ok(Proceeded::Now));
    assert_eq!(ids(&scene.claim(1).await), [id]);
}

pub async fn a_running_run_is_told_to_suspend_and_waits_for_a_proceed(mut scene: Scene) {
    let claimed = scene.running().await;
    let id = claimed.run.id;
    let suspend = RunUpdate::Suspend { reason: Some("maintenance".into()) };
    let request = StopRequest::Suspend { reason: Some("maintenance".into()) };
    assert_eq!(scene.store.update(id, suspend, Actor::UNKNOWN).await, Ok(StateKind::Running));
    let stop_requests = scene.store.stop_requests(scene.server, 0).await.expect("the store works").stop_requests;
    assert_eq!(stop_requests.iter().map(|order| (order.id, &order.request)).collect::<Vec<_>>(), [(id, &request)]);
    let kept = scene.checkpoint(&claimed, 1, 7).await.expect("the attempt holds the run");
    assert_eq!(kept.request, Some(request));
    let after = scene.end(&claimed, interrupted()).await;
    assert_eq!(after.run.state, State::Suspended { waiting: Waiting::Proceed });
    assert_eq!(after.execution_metadata, Some(crate::fixture::value(7)));
    assert_eq!(scene.claim(1).await, []);
    assert_eq!(scene.store.proceed(proceed(id)).await, Ok(Proceeded::Now));
    assert_eq!(ids(&scene.claim(1).await), [id]);
}

pub async fn a_run_that_was_told_to_suspend_does_so_though_its_process_dies(mut scene: Scene) {
    let claimed = scene.running().await;
    let id = claimed.run.id;
    scene.store.update(id, RunUpdate::Suspend { reason: None }, Actor::UNKNOWN).await.expect("it runs");
    scene.crash().await;
    assert_eq!(scene.state(id).await, StateKind::Suspended);
}

pub async fn a_proceed_undoes_a_suspension_that_has_not_come_yet(mut scene: Scene) {
    let claimed = scene.running().await;
    let id = claimed.run.id;
    scene.store.update(id, RunUpdate::Suspend { reason: None }, Actor::UNKNOWN).await.expect("it runs");
    assert_eq!(scene.store.proceed(proceed(id)).await, Ok(Proceeded::Kept));
    let after = scene.end(&claimed, interrupted()).await;
    assert_eq!(after.run.state, State::Pending { due: scene.now() });
}

pub async fn what_is_final_or_gone_cannot_be_steered(mut scene: Scene) {
    let claimed = scene.running().await;
    let done = scene.end(&claimed, completed(1)).await;
    let missing = scene.new_run().id;
    for update in [
        RunUpdate::RunNow,
        RunUpdate::Reschedule(scene.now()),
        RunUpdate::Prioritise(Priority(1)),
        RunUpdate::Suspend { reason: None },
    ] {
        assert_eq!(
            scene.store.update(missing, update.clone(), Actor::UNKNOWN).await,
            Err(UpdateError::NotFound(missing))
        );
        let refused = scene.store.update(done.run.id, update, Actor::UNKNOWN).await;
        assert!(matches!(refused, Err(UpdateError::Refused { .. })));
    }
    assert_eq!(scene.get(done.run.id).await, done);
    let returned = scene.running().await;
    scene.end(&returned, Ending::Returned).await;
}
