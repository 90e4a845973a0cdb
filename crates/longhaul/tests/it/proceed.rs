//! Letting suspended runs go on.

use longhaul::{Error, ProceedRunError, Proceeded, ResumedFrom, RunHandle, RunId, RunOutcome, StateKind, Suspended};

use crate::kit::{Gate, Numbers, SECOND, START, Scene, WORK, done, happened, reaches};

/// A server whose runs suspend once, with ten times their metadata as execution metadata.
pub(crate) fn suspends_once(scene: &Scene) -> longhaul::Longhaul {
    scene
        .builder()
        .task_fn(WORK, |ctx| async move {
            if ctx.attempt().resumed_from == ResumedFrom::Fresh {
                ctx.update(|x| *x = 10 * ctx.metadata());
                return Suspended::for_result().for_error();
            }
            done(&ctx)
        })
        .start()
        .unwrap()
}

pub(crate) async fn suspended(scene: &Scene, order: u64) -> RunHandle<Numbers> {
    let run = scene.client().enqueue_fn(WORK, order).tag("order", order % 10).await.unwrap();
    reaches(&run, StateKind::Suspended).await;
    run
}

#[tokio::test]
async fn a_proceed_can_change_the_execution_metadata() {
    let scene = Scene::new();
    let _server = suspends_once(&scene);
    let run = suspended(&scene, 4).await;
    assert_eq!(run.proceed().modify(|x| *x += 2).await, Ok(Proceeded::Now));
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(42));
}

#[tokio::test]
async fn a_modification_that_is_refused_leaves_the_run_suspended() {
    let scene = Scene::new();
    let _server = suspends_once(&scene);
    let run = suspended(&scene, 4).await;
    let refused = run.proceed().try_modify(|x| if *x > 9 { Err(format!("{x} is paid already")) } else { Ok(()) }).await;
    assert_eq!(refused, Err(ProceedRunError::Refused("40 is paid already".into())));
    let status = run.status().await.unwrap();
    assert_eq!((status.state(), status.execution_metadata().unwrap()), (StateKind::Suspended, 40));
}

#[tokio::test]
async fn a_proceed_can_be_for_later() {
    let scene = Scene::new();
    let _server = suspends_once(&scene);
    let run = suspended(&scene, 4).await;
    run.proceed().at(START.after(60 * SECOND)).modify(|x| *x = 1).await.unwrap();
    let status = run.status().await.unwrap();
    assert_eq!((status.state(), status.run().state.due()), (StateKind::Pending, Some(START.after(60 * SECOND))));
    scene.clock.advance(60 * SECOND);
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(1));
}

#[tokio::test]
async fn the_one_suspended_run_that_matches_is_proceeded() {
    let scene = Scene::new();
    let _server = suspends_once(&scene);
    let (seven, eight) = (suspended(&scene, 7).await, suspended(&scene, 8).await);
    let client = scene.client();
    let waiting = || client.find_fn(WORK);

    assert_eq!(waiting().with_tag("order", 9).proceed().await, Err(ProceedRunError::NotFound));
    let several = waiting().proceed().await;
    assert_eq!(several, Err(ProceedRunError::Several(vec![seven.id(), eight.id()])));
    assert_eq!(several.unwrap_err().to_string(), "2 runs match, and one was meant");
    let by_value = waiting().matching(|order, x| *order == 8 && *x == 80).proceed().modify(|x| *x += 1).await;
    assert_eq!(by_value, Ok((eight.id(), Proceeded::Now)));
    assert_eq!(waiting().with_tag("order", 7).proceed().await, Ok((seven.id(), Proceeded::Now)));
    assert_eq!(eight.outcome().await.unwrap(), RunOutcome::Completed(81));
    assert_eq!(seven.outcome().await.unwrap(), RunOutcome::Completed(70));
}

#[tokio::test]
async fn a_run_that_is_not_suspended_says_what_it_is() {
    let scene = Scene::new();
    let later = scene.client().enqueue_fn(WORK, 1).after(SECOND).await.unwrap();
    let not_suspended = ProceedRunError::NotSuspended { id: later.id(), state: StateKind::Pending };
    assert_eq!(later.proceed().await, Err(not_suspended.clone()));
    assert_eq!(later.proceed().modify(|x| *x = 1).await, Err(not_suspended));
    let nobody = scene.client().run_fn(WORK, RunId::from_bytes([7; 16]));
    assert_eq!(nobody.proceed().await, Err(ProceedRunError::NotFound));
    assert_eq!(nobody.proceed().modify(|x| *x = 1).await, Err(ProceedRunError::NotFound));
}

/// A run that is running, and suspends when the gate opens.
async fn suspends_later(scene: &Scene) -> (longhaul::Longhaul, RunHandle<Numbers>, Gate) {
    let gate = Gate::default();
    let wait = gate.clone();
    let server = scene
        .builder()
        .task_fn(WORK, move |ctx| {
            let wait = wait.clone();
            async move {
                if ctx.attempt().number == 1 {
                    wait.opened().await;
                    ctx.update(|x| *x = 40);
                    return Suspended::for_result().for_error();
                }
                done(&ctx)
            }
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    reaches(&run, StateKind::Running).await;
    (server, run, gate)
}

#[tokio::test]
async fn a_proceed_that_meets_a_running_run_is_kept_until_it_suspends() {
    let scene = Scene::new();
    let (_server, run, gate) = suspends_later(&scene).await;
    assert_eq!(run.proceed().await, Ok(Proceeded::Kept));
    gate.open();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(40));
    let expected = ["enqueued", "claimed", "proceeded", "suspended", "claimed", "completed"];
    assert_eq!(happened(&run.status().await.unwrap()), expected);
}

#[tokio::test]
async fn a_modification_of_a_running_run_is_refused_at_once() {
    let scene = Scene::new();
    let (_server, run, _gate) = suspends_later(&scene).await;
    let refused = run.proceed().modify(|x| *x += 2).await;
    assert_eq!(refused, Err(ProceedRunError::Running(run.id())));
    assert!(refused.unwrap_err().to_string().contains("`proceed_with`"));
    assert_eq!(run.status().await.unwrap().run().pending_proceed, None);
}

#[tokio::test]
async fn a_modification_of_a_running_run_waits_no_longer_than_it_was_told_to() {
    let scene = Scene::new();
    let (_server, run, _gate) = suspends_later(&scene).await;
    let proceed = tokio::spawn(run.proceed().modify(|x| *x += 2).wait_for(7 * SECOND).into_future());
    scene.asleep_until(START.after(7 * SECOND)).await;
    assert!(!proceed.is_finished());
    scene.clock.advance(7 * SECOND);
    assert_eq!(proceed.await.unwrap(), Err(ProceedRunError::Running(run.id())));
}

#[tokio::test]
async fn a_proceed_by_query_meets_a_running_run_and_passes_over_final_ones() {
    let scene = Scene::new();
    let (server, run, gate) = suspends_later(&scene).await;
    let client = server.client();
    let older = client.enqueue_fn(WORK, 1).tag("order", 7).after(SECOND).await.unwrap();
    older.cancel().because("by mistake").await.unwrap();
    let by_tag = || client.find_fn(WORK).with_tag("order", 7);
    assert_eq!(by_tag().proceed().await, Err(ProceedRunError::NotFound));
    assert_eq!(by_tag().state(StateKind::Cancelled).proceed().await, Err(ProceedRunError::NotFound));
    let found = client.find_fn(WORK).proceed().await;
    assert_eq!(found, Ok((run.id(), Proceeded::Kept)));
    gate.open();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(40));
}

#[tokio::test]
async fn a_proceed_by_query_says_all_that_one_by_id_says() {
    let scene = Scene::new();
    let _server = suspends_once(&scene);
    let seven = suspended(&scene, 7).await;
    let by_tag = || scene.client().find_fn(WORK).with_tag("order", 7).proceed();
    let at = START.after(60 * SECOND);
    let answer = by_tag().at(at).modify(|x| *x = 1).idempotency_key("event 1").await;
    assert_eq!(answer, Ok((seven.id(), Proceeded::Now)));
    assert_eq!(seven.status().await.unwrap().run().state.due(), Some(at));
    let again = by_tag().modify(|x| *x = 2).idempotency_key("event 1").await;
    assert_eq!(again, Ok((seven.id(), Proceeded::Repeated)));
    scene.clock.advance(60 * SECOND);
    assert_eq!(seven.outcome().await.unwrap(), RunOutcome::Completed(1));
}

#[tokio::test]
async fn a_run_that_is_being_cancelled_says_so_to_a_proceed() {
    let scene = Scene::new();
    let (_server, run, _gate) = suspends_later(&scene).await;
    run.cancel().because("too dear").await.unwrap();
    assert_eq!(run.proceed().await, Err(ProceedRunError::BeingCancelled(run.id())));
    assert_eq!(run.proceed_with(7_u64).await, Err(ProceedRunError::BeingCancelled(run.id())));
    // It will not suspend, so there is nothing to wait for either.
    assert_eq!(run.proceed().modify(|x| *x += 2).await, Err(ProceedRunError::BeingCancelled(run.id())));
    let waits = run.proceed().modify(|x| *x += 2).wait_for(7 * SECOND);
    assert_eq!(waits.await, Err(ProceedRunError::BeingCancelled(run.id())));
    let error = Error::from(run.suspend().await.unwrap_err());
    assert_eq!(error.to_string(), format!("{}: the run is being cancelled: it will not go on", run.id()));
    assert_eq!(error.run_state(), Some(StateKind::Running));
}

#[tokio::test]
async fn a_modification_that_waits_ends_when_the_run_is_cancelled() {
    let scene = Scene::new();
    let (_server, run, _gate) = suspends_later(&scene).await;
    let proceed = tokio::spawn(run.proceed().modify(|x| *x += 2).wait_for(7 * SECOND).into_future());
    scene.asleep_until(START.after(7 * SECOND)).await;
    run.cancel().await.unwrap();
    assert_eq!(proceed.await.unwrap(), Err(ProceedRunError::BeingCancelled(run.id())));
}

#[tokio::test]
async fn a_modification_waits_until_the_running_attempt_has_ended() {
    let scene = Scene::new();
    let (_server, run, gate) = suspends_later(&scene).await;
    let proceed = tokio::spawn(run.proceed().modify(|x| *x += 2).wait_for(60 * SECOND).into_future());
    scene.faults.called(longhaul_testkit::Call::Changed, 1).await;
    assert!(!proceed.is_finished());
    gate.open();
    assert_eq!(proceed.await.unwrap(), Ok(Proceeded::Now));
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(42));
}
