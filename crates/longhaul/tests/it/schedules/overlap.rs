//! An instant comes while an earlier run is not finished.

use longhaul::{Found, Longhaul, StateKind};
use longhaul_testkit::{Call, FaultPoint};

use super::*;
use crate::kit::{reaches, unavailable};

/// A run of the first instant is running; three more instants came.
async fn three_hours_on(overlap: Overlap) -> (Scene, Longhaul, Work, ScheduleInfo) {
    let scene = Scene::new();
    let work = Work::default();
    let schedule = Schedule::every(HOUR).overlap(overlap);
    let server = scene.builder().task(work.clone()).schedule::<Work>("hourly", schedule, "a".into()).start().unwrap();
    let client = server.client();
    let info = told(&client, "hourly", |info| info.counts().enqueued == 1).await;
    reaches(&client.run::<Work>(info.last_runs()[0]), StateKind::Running).await;
    for _ in 1..=3 {
        scene.clock.advance(HOUR);
        caught_up(&client, &scene, "hourly").await;
    }
    let info = client.schedules().get("hourly").await.unwrap();
    (scene, server, work, info)
}

fn states(runs: &[Found<Work>]) -> Vec<StateKind> {
    runs.iter().map(|found| found.status.state()).collect()
}

#[tokio::test]
async fn an_instance_never_runs_again_before_it_has_finished() {
    let (scene, server, work, info) = three_hours_on(Overlap::Skip).await;
    let client = server.client();
    assert_eq!((info.counts().overlapped, info.counts().enqueued, info.waiting()), (3, 1, 0));
    assert_eq!(hours(&client, "hourly").await, [0.0]);
    work.gate.open();
    finished(&client, "hourly").await;
    scene.clock.advance(HOUR);
    caught_up(&client, &scene, "hourly").await;
    assert_eq!(hours(&client, "hourly").await, [0.0, 4.0]);
}

#[tokio::test]
async fn queued_instants_wait_and_run_one_after_the_other() {
    let (_scene, server, work, info) = three_hours_on(Overlap::Queue).await;
    let client = server.client();
    assert_eq!((info.counts().overlapped, info.counts().enqueued, info.waiting()), (0, 1, 3));
    assert_eq!(hours(&client, "hourly").await, [0.0]);
    work.gate.open();
    told(&client, "hourly", |info| info.counts().enqueued == 4).await;
    finished(&client, "hourly").await;
    assert_eq!(hours(&client, "hourly").await, [0.0, 1.0, 2.0, 3.0]);
    assert_eq!(work.most(), 1);
}

#[tokio::test]
async fn what_is_queued_survives_a_crash() {
    let (scene, server, _, _) = three_hours_on(Overlap::Queue).await;
    scene.kill(server);
    let (scene, work) = (scene.another(), Work::at_once());
    let schedule = Schedule::every(HOUR).overlap(Overlap::Queue);
    let server = scene.builder().task(work.clone()).schedule::<Work>("hourly", schedule, "a".into()).start().unwrap();
    let client = server.client();
    told(&client, "hourly", |info| info.counts().enqueued == 4).await;
    finished(&client, "hourly").await;
    assert_eq!(hours(&client, "hourly").await, [0.0, 1.0, 2.0, 3.0]);
    assert_eq!(work.most(), 1);
}

#[tokio::test]
async fn with_allow_all_run_at_the_same_time() {
    let (_scene, server, work, info) = three_hours_on(Overlap::Allow).await;
    let client = server.client();
    assert_eq!((info.counts().enqueued, info.waiting()), (4, 0));
    for found in runs(&client, "hourly").await {
        reaches(&found.run, StateKind::Running).await;
    }
    assert_eq!(work.most(), 4);
}

#[tokio::test]
async fn the_newest_instant_cancels_those_before_it_and_begins_when_they_are_gone() {
    let (_scene, server, work, _) = three_hours_on(Overlap::CancelRunning).await;
    let client = server.client();
    let info = told(&client, "hourly", |info| info.waiting() == 0).await;
    let last = client.run::<Work>(*info.last_runs().last().unwrap());
    assert_eq!(last.id().created(), at(3));
    reaches(&last, StateKind::Running).await;
    let runs = runs(&client, "hourly").await;
    let (last, before) = runs.split_last().unwrap();
    assert!(!before.is_empty() && states(before).iter().all(|state| *state == StateKind::Cancelled));
    assert_eq!(last.status.state(), StateKind::Running);
    assert_eq!(work.most(), 1);
    // Each instant got a run, or was overtaken by the next.
    let counts = client.schedules().get("hourly").await.unwrap().counts();
    assert_eq!((counts.enqueued + counts.overlapped, counts.enqueued), (4, runs.len() as u64));
}

#[tokio::test]
async fn a_cancellation_that_failed_is_made_up_for() {
    let scene = Scene::new();
    let schedule = Schedule::every(HOUR).overlap(Overlap::CancelRunning);
    let builder = scene.builder().task(Work::default());
    let server = builder.schedule::<Work>("hourly", schedule, "a".into()).start().unwrap();
    let client = server.client();
    let info = told(&client, "hourly", |info| info.counts().enqueued == 1).await;
    let first = client.run::<Work>(info.last_runs()[0]);
    for when in FaultPoint::BOTH {
        scene.faults.fail_next(Call::Cancel, when, unavailable());
    }
    scene.clock.advance(HOUR);
    reaches(&first, StateKind::Cancelled).await;
    told(&scene.client(), "hourly", |info| info.counts().enqueued == 2).await;
}

#[tokio::test]
async fn another_policy_holds_for_runs_that_are_there() {
    let (scene, server, work, _) = three_hours_on(Overlap::Allow).await;
    let client = server.client();
    for found in runs(&client, "hourly").await {
        reaches(&found.run, StateKind::Running).await;
    }
    client.schedules().change("hourly").schedule(Schedule::every(HOUR)).await.unwrap();
    scene.clock.advance(HOUR);
    let info = caught_up(&client, &scene, "hourly").await;
    assert_eq!((info.counts().overlapped, info.unfinished().len()), (1, 4));
    work.gate.open();
    finished(&client, "hourly").await;
    scene.clock.advance(HOUR);
    caught_up(&client, &scene, "hourly").await;
    assert_eq!(hours(&client, "hourly").await, [0.0, 1.0, 2.0, 3.0, 5.0]);
}

#[tokio::test]
async fn a_run_that_is_parked_as_incompatible_holds_its_schedule_back_no_more() {
    for overlap in [Overlap::Skip, Overlap::Queue] {
        let (scene, server, work, info) = three_hours_on(overlap).await;
        let (client, first) = (server.client(), info.last_runs()[0]);
        server.shutdown(crate::kit::GRACE).await;
        // Whatever it was, now it is parked, by code that cannot read it.
        park(&scene, first).await;
        assert_eq!(client.run::<Work>(first).status().await.unwrap().state(), StateKind::Incompatible);
        work.gate.open();
        assert_eq!(client.schedules().held_back("hourly").await.unwrap(), None);
        // It reads other kinds only, so that the run stays parked.
        let other = longhaul::TaskFn::<u64, u64, u64, AnyError>::new("other");
        let schedules = scene.builder().task_fn(other, |ctx| async move { crate::kit::done(&ctx) });
        let _server = schedules.name("another").start().unwrap();
        scene.clock.advance(HOUR);
        let before = info.counts().enqueued;
        told(&client, "hourly", |info| info.counts().enqueued > before).await;
        assert_eq!(client.run::<Work>(first).status().await.unwrap().state(), StateKind::Incompatible);
    }
}

/// Claims a run as another server would, and parks it.
async fn park(scene: &Scene, id: longhaul::RunId) {
    use longhaul::{
        Clock,
        store_api::{
            Ending,
            code::CodeMark,
            store::{ClaimRequest, ServerBeat, Settlement},
        },
    };
    use longhaul_testkit::fixture::{server_id, support};
    let (store, server) = (scene.client().store().clone(), server_id(scene.clock.now(), 77));
    store.heartbeat(ServerBeat::new(server, "parks", 1000 * HOUR)).await.unwrap();
    let claimed = store.claim(ClaimRequest::new(server, [support("scheduled", 9)].into(), 1)).await.unwrap().remove(0);
    assert_eq!(claimed.run.id, id);
    let ending = Ending::Incompatible { why: "bytes".into(), by: CodeMark(1) };
    let epoch = claimed.run.epoch;
    let one = Settlement { id, epoch, ending, execution_metadata: None, taken: Vec::new(), progress: None };
    store.settle(vec![one]).await.unwrap().remove(0).unwrap();
}

#[tokio::test]
async fn what_holds_an_instant_back_is_named_with_what_can_be_done() {
    let (_scene, server, _, info) = three_hours_on(Overlap::Skip).await;
    let held_back = server.client().schedules().held_back("hourly").await.unwrap().unwrap();
    assert_eq!((held_back.run, held_back.state), (info.last_runs()[0], StateKind::Running));
    let all = server.client().schedules().all_held_back(10).await.unwrap();
    assert_eq!(all, [(info.name().clone(), held_back)]);
    assert_eq!(server.client().schedules().all_held_back(0).await.unwrap(), []);
    let text = held_back.to_string();
    assert_eq!(text, format!("{} is running, so it is not finished: wait for it, or cancel it", held_back.run));
}
