//! What an operator does to schedules.

use longhaul::{
    Missed, NewSchedule, RunsError, ScheduleError, ScheduleOrigin, SchedulesError, StateKind,
    store_api::store::ScheduleChange,
};

use super::*;
use crate::kit::{Count, CountUp, reaches};

/// A server that declares nothing, and a schedule that is made at run time, after the instant of the start.
async fn made(overlap: Overlap, work: Work) -> (Scene, longhaul::Longhaul) {
    let scene = Scene::new();
    scene.clock.set(START.after(MINUTE));
    let server = scene.builder().task(work).task(CountUp).start().unwrap();
    let schedule = Schedule::every(HOUR).overlap(overlap);
    let info = server.client().schedules().create::<Work>("hourly", schedule, "a".into()).await.unwrap();
    assert_eq!((info.made_by(), info.next().unwrap()), (ScheduleOrigin::Client, Some(at(1))));
    (scene, server)
}

#[tokio::test]
async fn a_schedule_that_was_made_at_run_time_fires() {
    let (scene, server) = made(Overlap::Skip, Work::at_once()).await;
    scene.clock.advance(HOUR);
    caught_up(&server.client(), &scene, "hourly").await;
    assert_eq!(hours(&server.client(), "hourly").await, [1.0]);
}

#[tokio::test]
async fn names_are_taken_once_and_what_is_not_there_is_not_found() {
    let (_scene, server) = made(Overlap::Skip, Work::default()).await;
    let schedules = server.client().schedules();
    let taken = schedules.create::<Work>("hourly", hourly(), "b".into()).await.unwrap_err();
    assert!(matches!(&taken, SchedulesError::Exists(name) if name.as_str() == "hourly"), "{taken}");
    for missing in [
        schedules.get("nightly").await.map(drop),
        schedules.pause("nightly").acting_as("ann").await.map(drop),
        schedules.resume("nightly").await.map(drop),
        schedules.trigger("nightly").await.map(drop),
        schedules.change("nightly").priority(1).await.map(drop),
        schedules.delete("nightly").await,
    ] {
        assert!(matches!(missing, Err(SchedulesError::NotFound(_))), "{missing:?}");
    }
    let metadata = schedules.get("hourly").await.unwrap().metadata::<Work>().unwrap();
    assert_eq!(metadata, "a");
}

#[tokio::test]
async fn schedules_are_listed_by_name() {
    let (_scene, server) = made(Overlap::Skip, Work::default()).await;
    let schedules = server.client().schedules();
    schedules.create::<CountUp>("a-count", hourly(), Count { to: 3 }).await.unwrap();
    let listed = schedules.list().await.unwrap();
    let listed: Vec<_> = listed.iter().map(|info| (info.name().as_str(), info.kind().as_str())).collect();
    assert_eq!(listed, [("a-count", "count-up"), ("hourly", "scheduled")]);
}

#[tokio::test]
async fn bad_input_is_refused_with_what_is_wrong_and_what_to_do() {
    let (_scene, server) = made(Overlap::Skip, Work::default()).await;
    let schedules = server.client().schedules();
    let new = |schedule: Schedule| NewSchedule::<Work>::new("new", schedule, "a".into());
    let many_tags = (0..16).fold(new(hourly()), |new, n| new.tag(n.to_string(), n));
    let many_labels = (0..9).fold(new(hourly()), |new, n| new.requires(format!("label-{n}")));
    for (new, expected) in [
        (NewSchedule::new("two words", hourly(), "a".into()), "the schedule `two words` contains ' '"),
        (new(Schedule::every(Duration::ZERO)), "the schedule `new`: the interval is 0s: give at least 1s"),
        (new(hourly().missed(Missed::All(0))), "the schedule `new`: missed runs `all(0)`: give 1 to 1000"),
        (new(hourly()).queue("two words"), "the runs of the schedule `new`: the queue `two words` contains ' '"),
        (new(hourly()).tag("longhaul.schedule", "x"), "holds the schedule's name: take another key"),
        (many_tags, "16 tags, of at most 15"),
        (many_labels, "9 labels are required, of at most 8"),
        (NewSchedule::new("new", hourly(), "x".repeat(30_000)), "bytes, of at most 38912 (its metadata counts double)"),
    ] {
        let refused = schedules.create_with(new).await.unwrap_err().to_string();
        assert!(refused.contains(expected), "{refused}");
    }
    let refused = schedules.change("hourly").schedule(Schedule::every(Duration::ZERO)).await.unwrap_err();
    assert!(matches!(refused, SchedulesError::Timetable { error: ScheduleError::Interval { .. }, .. }), "{refused}");
    let refused = schedules.change("hourly").metadata::<CountUp>(Count { to: 3 }).await.unwrap_err();
    assert!(matches!(refused, SchedulesError::OtherKind { .. }), "{refused}");
    let refused = schedules.change("hourly").queue("two words").await.unwrap_err();
    assert!(matches!(refused, SchedulesError::Runs { error: RunsError::Name(_), .. }), "{refused}");
    let refused = schedules.change("hourly").metadata::<Work>("x".repeat(30_000)).await.unwrap_err();
    assert!(matches!(refused, SchedulesError::TooLarge { .. }), "{refused}");
    assert_eq!(schedules.list().await.unwrap().len(), 1);
    let info = schedules.get("hourly").await.unwrap();
    assert_eq!((info.metadata::<Work>().unwrap().as_str(), info.changed()), ("a", None));
}

#[tokio::test]
async fn while_it_is_paused_nothing_is_enqueued_and_afterwards_nothing_was_missed() {
    let (scene, server) = made(Overlap::Skip, Work::at_once()).await;
    let info = server.client().schedules().pause("hourly").acting_as("ann").because("the disk is full").await.unwrap();
    let paused = info.paused().unwrap();
    assert_eq!((&*paused.by, paused.why.as_deref(), paused.at), ("ann", Some("the disk is full"), START.after(MINUTE)));
    assert_eq!(info.next().unwrap(), None);
    // A restart is no resumption.
    scene.kill(server);
    scene.clock.advance(5 * HOUR);
    let scene = scene.another();
    let server = scene.builder().task(Work::at_once()).start().unwrap();
    let client = server.client();
    client.schedules().create::<Work>("other", hourly(), "b".into()).await.unwrap();
    scene.asleep_until(at(6)).await;
    scene.clock.advance(HOUR);
    caught_up(&client, &scene, "other").await;
    let info = client.schedules().resume("hourly").await.unwrap();
    assert_eq!((info.paused(), info.next().unwrap()), (None, Some(at(7))));
    scene.clock.advance(HOUR);
    let info = caught_up(&client, &scene, "hourly").await;
    assert_eq!(hours(&client, "hourly").await, [7.0]);
    assert_eq!(info.counts().missed, 0);
}

#[tokio::test]
async fn a_change_holds_from_the_next_instant_on_and_says_who_made_it() {
    let (scene, server) = made(Overlap::Skip, Work::at_once()).await;
    let schedules = server.client().schedules();
    let change =
        schedules.change("hourly").acting_as("ann").schedule(Schedule::every(2 * HOUR)).queue("night").priority(3);
    let info = change.metadata::<Work>("b".into()).await.unwrap();
    assert_eq!((&*info.changed().unwrap().by, info.next().unwrap()), ("ann", Some(at(2))));
    scene.clock.advance(2 * HOUR);
    let info = caught_up(&server.client(), &scene, "hourly").await;
    let run = server.client().run::<Work>(info.last_runs()[0]);
    let status = run.status().await.unwrap();
    assert_eq!(hours(&server.client(), "hourly").await, [2.0]);
    assert_eq!(
        (status.metadata().unwrap().as_str(), status.run().queue.as_str(), status.run().priority.0),
        ("b", "night", 3)
    );
}

#[tokio::test]
async fn with_another_timing_nothing_is_missed_even_if_no_server_ran_at_the_change() {
    let (scene, server) = made(Overlap::Skip, Work::at_once()).await;
    let client = server.client();
    scene.kill(server);
    client.schedules().change("hourly").schedule(Schedule::every(MINUTE * 7)).await.unwrap();
    let info = client.schedules().get("hourly").await.unwrap();
    // The mark is that of the new timing: what comes while no server runs is missed by it, and made up for.
    assert_eq!(info.next().unwrap(), Some(START.after(7 * MINUTE)));
    scene.clock.advance(HOUR);
    let scene = scene.another();
    let server = scene.builder().task(Work::at_once()).start().unwrap();
    let info = caught_up(&server.client(), &scene, "hourly").await;
    assert_eq!((info.counts().enqueued, info.counts().missed), (1, 7));
}

#[tokio::test]
async fn changes_that_meet_are_all_kept() {
    let (_scene, server) = made(Overlap::Skip, Work::default()).await;
    let schedules = server.client().schedules();
    let (priority, queue, paused) = tokio::join!(
        schedules.change("hourly").priority(7).into_future(),
        schedules.change("hourly").queue("night").into_future(),
        schedules.pause("hourly").acting_as("ann")
    );
    assert!(priority.is_ok() && queue.is_ok() && paused.is_ok());
    let info = schedules.get("hourly").await.unwrap();
    assert_eq!((info.priority().0, info.queue().as_str(), info.paused().is_some()), (7, "night", true));
}

#[tokio::test]
async fn a_run_by_hand_comes_at_once_and_moves_no_instant() {
    let (scene, server) = made(Overlap::Skip, Work::at_once()).await;
    let client = server.client();
    let run = client.run::<Work>(client.schedules().trigger("hourly").await.unwrap());
    assert_eq!(run.outcome().await.unwrap().completed(), Some("a".into()));
    client.schedules().pause("hourly").acting_as("ann").await.unwrap();
    let paused = client.run::<Work>(client.schedules().trigger("hourly").await.unwrap());
    reaches(&paused, StateKind::Completed).await;
    assert_ne!(run.id(), paused.id());
    let info = client.schedules().resume("hourly").await.unwrap();
    assert_eq!((info.next().unwrap(), info.counts().enqueued), (Some(at(1)), 2));
    assert_eq!(info.last_runs(), [run.id(), paused.id()]);
    scene.clock.set(at(1));
    // In the microsecond of an instant, both get their run.
    caught_up(&client, &scene, "hourly").await;
    finished(&client, "hourly").await;
    client.schedules().trigger("hourly").await.unwrap();
    assert_eq!(runs(&client, "hourly").await.len(), 4);
}

#[tokio::test]
async fn the_history_of_a_run_tells_whether_the_schedule_or_somebody_enqueued_it() {
    let (scene, server) = made(Overlap::Skip, Work::at_once()).await;
    let client = server.client();
    let by = async |id| {
        let history = client.run::<Work>(id).status().await.unwrap().history().clone();
        history.entries[0].by.to_string()
    };
    let run = client.acting_as("ann").schedules().trigger("hourly").await.unwrap();
    assert_eq!(by(run).await, "ann");
    client.run::<Work>(run).outcome().await.unwrap();
    scene.clock.set(at(1));
    caught_up(&client, &scene, "hourly").await;
    let last = *client.schedules().get("hourly").await.unwrap().last_runs().last().unwrap();
    assert_ne!(last, run);
    assert_eq!(by(last).await, "the schedule `hourly`");
    let changed = client.acting_as("bob").schedules().change("hourly").priority(3).await.unwrap();
    assert_eq!(changed.changed().map(|changed| &*changed.by), Some("bob"));
}

#[tokio::test]
async fn a_run_by_hand_keeps_to_the_overlap() {
    for overlap in [Overlap::Skip, Overlap::Queue, Overlap::Allow, Overlap::CancelRunning] {
        let work = Work::default();
        let (_scene, server) = made(overlap, work.clone()).await;
        let client = server.client();
        let first = client.run::<Work>(client.schedules().trigger("hourly").await.unwrap());
        reaches(&first, StateKind::Running).await;
        let second = client.schedules().trigger("hourly").await;
        if overlap == Overlap::Skip {
            let refused = second.unwrap_err();
            assert!(matches!(refused, SchedulesError::Unfinished { run, .. } if run == first.id()), "{refused}");
            continue;
        }
        let second = client.run::<Work>(second.unwrap());
        match overlap {
            Overlap::Queue => {
                assert!(second.status().await.is_err());
                work.gate.open();
                told(&client, "hourly", |info| info.waiting() == 0).await;
                reaches(&second, StateKind::Completed).await;
                assert_eq!(work.most(), 1);
            }
            Overlap::CancelRunning => {
                reaches(&first, StateKind::Cancelled).await;
                told(&client, "hourly", |info| info.waiting() == 0).await;
                reaches(&second, StateKind::Running).await;
                assert_eq!(work.most(), 1);
            }
            Overlap::Skip | Overlap::Allow => {
                reaches(&second, StateKind::Running).await;
                assert_eq!(work.most(), 2);
            }
        }
    }
}

#[tokio::test]
async fn what_was_deleted_fires_no_more_and_its_runs_stay() {
    let (scene, server) = made(Overlap::Skip, Work::at_once()).await;
    let client = server.client();
    let run = client.run::<Work>(client.schedules().trigger("hourly").await.unwrap());
    client.schedules().create::<Work>("other", hourly(), "b".into()).await.unwrap();
    client.schedules().delete("hourly").await.unwrap();
    reaches(&run, StateKind::Completed).await;
    scene.clock.advance(HOUR);
    caught_up(&client, &scene, "other").await;
    assert_eq!(runs(&client, "hourly").await.len(), 1);
    assert!(client.schedules().get("hourly").await.is_err());
}

#[tokio::test]
async fn what_cannot_be_read_is_left_alone_said_and_can_be_discarded() {
    let (scene, server) = made(Overlap::Skip, Work::at_once()).await;
    let client = server.client();
    let name = longhaul::ScheduleName::new("from-the-future").unwrap();
    let value: Arc<[u8]> = br#"{"v3":{}}"#.as_slice().into();
    let change = ScheduleChange { name, seen: None, value: Some(value.clone()), runs: vec![] };
    client.store().schedule(change).await.unwrap();
    let unreadable = client.schedules().get("from-the-future").await.unwrap_err();
    assert!(matches!(&unreadable, SchedulesError::Unreadable { reason, .. } if reason.contains("v3")), "{unreadable}");
    assert_eq!(client.schedules().list().await.unwrap().len(), 1);
    scene.clock.advance(HOUR);
    caught_up(&client, &scene, "hourly").await;
    let kept = client.store().schedules(0).await.unwrap().changed;
    assert!(kept.iter().any(|row| row.value == value));
    client.schedules().discard("from-the-future").await.unwrap();
    assert!(matches!(client.schedules().get("from-the-future").await, Err(SchedulesError::NotFound(_))));
}
