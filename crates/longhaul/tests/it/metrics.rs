//! What is counted, by which names, in which units, and with which labels.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use longhaul::{
    AnyError, Failure, Schedule, StateKind,
    telemetry::metrics::{self as names, ALL, Measure},
};
use longhaul_testkit::{Call, FaultPoint};
use metrics_util::{
    MetricKind,
    debugging::{DebugValue, DebuggingRecorder, Snapshotter},
};

use crate::kit::{
    Count, CountUp, GRACE, Gate, SECOND, START, Scene, WORK, at_once, broken, done, reaches, unavailable, until_stopped,
};

/// Name and labels, and what was counted.
type Counted = BTreeMap<(String, Vec<(String, String)>), String>;

fn counted(snapshotter: &Snapshotter) -> Counted {
    let value = |value| match value {
        DebugValue::Counter(count) => count.to_string(),
        DebugValue::Gauge(value) => value.to_string(),
        DebugValue::Histogram(values) => format!("{:?}", values.iter().map(|value| value.0).collect::<Vec<_>>()),
    };
    let metrics = snapshotter.snapshot().into_vec().into_iter().map(|(key, unit, _, what)| {
        let (kind, key) = key.into_parts();
        let metric = ALL.iter().find(|metric| metric.name == key.name()).expect("it is in the table");
        let measure = match metric.measure {
            Measure::Counter => MetricKind::Counter,
            Measure::Gauge => MetricKind::Gauge,
            Measure::Histogram => MetricKind::Histogram,
        };
        assert_eq!(kind, measure, "{}", metric.name);
        assert_eq!(unit.expect("it was described").as_canonical_label() == "s", metric.unit == "seconds");
        let labels: Vec<_> = key.labels().map(|label| (label.key().to_owned(), label.value().to_owned())).collect();
        let keys: Vec<_> = labels.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, metric.labels, "{}", metric.name);
        ((key.name().to_owned(), labels), value(what))
    });
    metrics.collect()
}

fn of<const N: usize>(name: &str, labels: [(&str, &str); N]) -> (String, Vec<(String, String)>) {
    (name.to_owned(), labels.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec())
}

#[tokio::test]
async fn a_run_that_fails_crashes_and_completes_is_counted_under_every_name_of_the_table() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _listening = metrics::set_default_local_recorder(&recorder);
    let (scene, begun, go_on) = (Scene::new(), Gate::default(), Gate::default());
    let run = scene.client().enqueue_fn(WORK, 1).queue("mail").retry(at_once()).await.unwrap();
    scene.clock.advance(60 * SECOND);
    let gates = (begun.clone(), go_on.clone());
    let task = move |ctx: longhaul::Context<u64, u64>| {
        let (begun, go_on) = gates.clone();
        async move {
            match ctx.attempt().number {
                1 => {
                    ctx.update(|x| *x += 1);
                    ctx.checkpoint().await?;
                    Failure::for_result().with_error(AnyError::msg("no paper"))
                }
                2 => Failure::for_result().with_error(AnyError::msg("no paper")),
                3 => panic!("out of ink"),
                _ => {
                    begun.open();
                    go_on.opened().await;
                    done(&ctx)
                }
            }
        }
    };
    let server = scene.builder().name("printer").concurrency(3).task_fn(WORK, task).start().unwrap();
    begun.opened().await;
    let mail = [("kind", "work"), ("queue", "mail")];
    scene.clock.advance(5 * SECOND);
    go_on.open();
    run.outcome().await.unwrap();
    server.shutdown(GRACE).await;

    // Another one, whose end is lost.
    let server = scene.builder().name("other").task_fn(WORK, |ctx| async move { done(&ctx) }).start().unwrap();
    scene.faults.fail_next(Call::Settle, FaultPoint::BeforeEffect, broken());
    server.client().enqueue_fn(WORK, 1).queue("lost").await.unwrap();
    server.broken().await;
    server.shutdown(Duration::ZERO).await;

    let lost = [("kind", "work"), ("queue", "lost")];
    let ended = |how| [("kind", "work"), ("queue", "mail"), ("how", how)];
    let counted = counted(&snapshotter);
    let expected = [
        (of(names::STARTED, mail), "4"),
        (of(names::ENDED, ended("failed")), "2"),
        (of(names::ENDED, ended("panicked")), "1"),
        (of(names::ENDED, ended("completed")), "1"),
        (of(names::RETRIES, mail), "3"),
        (of(names::CRASHES, mail), "1"),
        (of(names::CHECKPOINTS, mail), "1"),
        (of(names::RUNNING, mail), "0"),
        (of(names::WAIT, mail), "[60.0, 0.0, 0.0, 0.0]"),
        (of(names::ATTEMPT, mail), "[0.0, 0.0, 0.0, 5.0]"),
        (of(names::CHECKPOINT, mail), "[0.0]"),
        (of(names::SLOTS, [("server", "printer")]), "0"),
        (of(names::LOST, lost), "1"),
        (of(names::STARTED, lost), "1"),
        (of(names::RUNNING, lost), "0"),
        (of(names::ENQUEUED, lost), "1"),
    ];
    for (key, value) in expected {
        assert_eq!(counted.get(&key).map(String::as_str), Some(value), "{key:?} in {counted:#?}");
    }
    // Queues are told of by themselves, below: whether they are here too depends on who comes first.
    let others = |name: &&str| ![names::DUE, names::OLDEST].contains(name);
    let emitted: BTreeSet<&str> = counted.keys().map(|(name, _)| name.as_str()).filter(others).collect();
    assert_eq!(emitted, ALL.iter().map(|metric| metric.name).filter(others).collect());
}

#[tokio::test]
async fn what_executes_is_counted_while_it_does() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _listening = metrics::set_default_local_recorder(&recorder);
    let scene = Scene::new();
    let server = scene
        .builder()
        .name("printer")
        .concurrency(3)
        .task_fn(WORK, |ctx| async move { until_stopped(&ctx).await })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    reaches(&run, StateKind::Running).await;
    let found = counted(&snapshotter);
    assert_eq!(found[&of(names::SLOTS, [("server", "printer")])], "3");
    assert_eq!(found[&of(names::RUNNING, [("kind", "work"), ("queue", "default")])], "1");
}

#[tokio::test]
async fn runs_that_are_due_and_wait_are_told_by_queue() {
    assert_eq!(looks_at_queues(1).await, ("1".into(), "75".into()), "one runs, one waits, one is not due");
}

#[tokio::test]
async fn a_queue_in_which_none_waits_any_more_is_told_as_empty() {
    assert_eq!(looks_at_queues(2).await, ("0".into(), "0".into()));
}

/// What is told of a queue's depth and its oldest run, at the first look after the start, or at the second, when the
/// queue is empty. Once only: the recorder forgets what it has shown.
async fn looks_at_queues(looks: u32) -> (String, String) {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _listening = metrics::set_default_local_recorder(&recorder);
    let (scene, go_on) = (Scene::new(), Gate::default());
    let enqueue = || scene.client().enqueue_fn(WORK, 1).queue("mail");
    let [first, second] = [enqueue().await.unwrap(), enqueue().await.unwrap()];
    enqueue().after(3600 * SECOND).await.unwrap();
    scene.clock.advance(60 * SECOND);
    let gate = go_on.clone();
    let task = move |ctx| {
        let go_on = gate.clone();
        async move {
            go_on.opened().await;
            done(&ctx)
        }
    };
    let server = scene.builder().concurrency(1).task_fn(WORK, task).start().unwrap();
    let looked_at = |seconds: u32| scene.asleep_until(START.after((60 + seconds) * SECOND));
    reaches(&first, StateKind::Running).await;
    looked_at(15).await;
    scene.clock.advance(15 * SECOND);
    looked_at(30).await;
    if looks == 2 {
        go_on.open();
        second.outcome().await.unwrap();
        scene.clock.advance(15 * SECOND);
        looked_at(45).await;
    }
    let [due, oldest] = [names::DUE, names::OLDEST].map(|name| of(name, [("queue", "mail")]));
    let found = counted(&snapshotter);
    go_on.open();
    server.shutdown(GRACE).await;
    (found[&due].clone(), found[&oldest].clone())
}

#[tokio::test]
async fn runs_are_counted_as_enqueued_once_and_whoever_enqueues_them() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _listening = metrics::set_default_local_recorder(&recorder);
    let scene = Scene::new();
    let hourly = Schedule::every(3600 * SECOND);
    let server = scene.builder().task(CountUp).schedule::<CountUp>("count", hourly, Count { to: 1 }).start().unwrap();
    let client = server.client();
    server.schedules_ready().await;
    client.enqueue_all::<CountUp>((0..3).map(|to| Count { to })).await.unwrap();
    scene.faults.fail_next(Call::Insert, FaultPoint::BeforeEffect, unavailable());
    client.enqueue::<CountUp>(Count { to: 1 }).await.unwrap_err();
    let later = || client.enqueue::<CountUp>(Count { to: 1 }).after(9 * 3600 * SECOND);
    let unique = || later().unique("one");
    assert_eq!(unique().await.unwrap().id(), unique().await.unwrap().id());
    let key = of(names::ENQUEUED, [("kind", "count-up"), ("queue", "default")]);
    assert_eq!(counted(&snapshotter)[&key], "5", "three at once, one of a key, and the schedule's first");
    scene.asleep_until(START.after(3600 * SECOND)).await;
    scene.clock.advance(3600 * SECOND);
    let found = || async { client.find::<CountUp>().state(StateKind::Completed).count().await.unwrap() };
    while found().await < 5 {
        tokio::task::yield_now().await;
    }
    assert_eq!(counted(&snapshotter)[&key], "1", "the schedule's second; the recorder forgets what it has shown");
}

/// Name, measure, unit, labels, and what it tells.
fn table(page: &str) -> Vec<[String; 5]> {
    let rows = page.lines().map(|line| line.trim_start_matches("//! ")).filter(|line| line.starts_with("| `longhaul_"));
    let cells = |row: &str| {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").map(|cell| cell.trim().replace('`', "")).collect();
        cells.try_into().expect("a row has five cells")
    };
    rows.map(cells).collect()
}

#[test]
fn the_tables_in_the_documentation_are_what_is_counted() {
    let row = |metric: &names::Metric| {
        let measure = format!("{:?}", metric.measure).to_lowercase();
        [metric.name.to_owned(), measure, metric.unit.to_owned(), metric.labels.join(" "), metric.what.to_owned()]
    };
    let all: Vec<_> = ALL.iter().map(row).collect();
    assert_eq!(table(include_str!("../../src/telemetry.rs")), all);
    assert_eq!(table(include_str!("../../../../docs/guide/14-telemetry.md")), all);
}
