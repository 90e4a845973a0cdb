//! What holds runs back: limits of code and of operators, pauses, labels, a server's share of queues, unique keys.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use longhaul::{
    Ageing, AnyError, BuildError, Clock, Context, EnqueueError, Enqueued, ExecutionResult, Explanation, Limits,
    QueueOptions, Rate, StateKind, Success, Task, TaskOptions, UniqueKey,
    store_api::{StoreError, admission::BlockedBy, control::Scope, store::InsertError},
};

use longhaul_testkit::{Call, FaultPoint};

use crate::kit::{Count, CountUp, Gate, SECOND, Scene, WORK, done, reaches, unavailable, until_stopped};

/// Counts how many of it run at the same time, and lets them go on together.
#[derive(Clone, Default)]
struct Crowd {
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
    gate: Gate,
}

impl Crowd {
    async fn pass(&self) {
        let now = self.now.fetch_add(1, Ordering::AcqRel) + 1;
        self.most.fetch_max(now, Ordering::AcqRel);
        self.gate.opened().await;
        self.now.fetch_sub(1, Ordering::AcqRel);
    }

    fn most(&self) -> usize {
        self.most.load(Ordering::Acquire)
    }
}

struct OfTenant(Crowd);

impl Task for OfTenant {
    const NAME: &'static str = "of-tenant";
    type Metadata = String;
    type ExecutionMetadata = ();
    type Output = ();
    type Error = AnyError;

    fn options() -> TaskOptions {
        TaskOptions::default().per_key_max(1).running_max(2)
    }

    fn limit_key(tenant: &String) -> Option<String> {
        Some(tenant.clone())
    }

    async fn execute(&self, _: &Context<String, ()>) -> ExecutionResult<(), AnyError> {
        self.0.pass().await;
        Success::with_empty_result().for_error()
    }
}

#[tokio::test]
async fn runs_of_a_tenant_wait_for_each_other_and_for_no_others() {
    let scene = Scene::new();
    let crowd = Crowd::default();
    let server = scene.leased().concurrency(8).task(OfTenant(crowd.clone())).start().unwrap();
    scene.begun().await;
    let client = server.client();
    let first = client.enqueue::<OfTenant>("a".into()).await.unwrap();
    let second = client.enqueue::<OfTenant>("a".into()).await.unwrap();
    let other = client.enqueue::<OfTenant>("b".into()).await.unwrap();
    reaches(&first, StateKind::Running).await;
    reaches(&other, StateKind::Running).await;
    let third = client.enqueue::<OfTenant>("c".into()).await.unwrap();
    let held = |explanation| match explanation {
        Explanation::BlockedBy { by: BlockedBy::Running { scope: Scope::Kind(_), key, max }, .. } => {
            (key.map(|key| key.to_string()), max)
        }
        other => panic!("{other}"),
    };
    // The kind is full: two of it run.
    assert_eq!(held(second.explain().await.unwrap()), (None, 2));
    assert_eq!(held(third.explain().await.unwrap()), (None, 2));
    crowd.gate.open();
    for run in [first, second, other, third] {
        assert_eq!(run.outcome().await.unwrap().completed(), Some(()));
    }
    assert_eq!(crowd.most(), 2);
}

#[tokio::test]
async fn what_an_operator_set_holds_through_a_restart_until_it_is_undone() {
    let scene = Scene::new();
    let crowd = Crowd::default();
    let server = scene.builder().task(OfTenant(crowd.clone())).start().unwrap();
    let run = server.client().enqueue::<OfTenant>("z".into()).await.unwrap();
    reaches(&run, StateKind::Running).await;
    let kind = scene.client().kind::<OfTenant>();
    let declared = Limits { running: Some(2), per_key: Some(1), ..Limits::NONE };
    assert_eq!(kind.control().await.unwrap().limits(), declared);
    let set = Limits { running: Some(5), ..Limits::NONE };
    kind.limit(set).await.unwrap();
    crowd.gate.open();
    server.shutdown(SECOND).await;
    let again = scene.builder().task(OfTenant(crowd)).start().unwrap();
    let run = again.client().enqueue::<OfTenant>("z".into()).await.unwrap();
    run.outcome().await.unwrap();
    assert_eq!(kind.control().await.unwrap().limits(), set);
    assert_eq!(kind.reset_limits().await.unwrap().limits(), declared);
}

#[tokio::test]
async fn tenants_take_turns_where_the_queue_says_so() {
    let scene = Scene::new();
    let client = scene.client();
    let mut runs = Vec::new();
    for (n, tenant) in [(1, "a"), (2, "a"), (3, "a"), (4, "b")] {
        runs.push(client.enqueue_fn(WORK, n).limit_key(tenant).await.unwrap());
    }
    let order = Arc::new(Mutex::new(Vec::new()));
    let (seen, ageing) = (Arc::clone(&order), Ageing::new(SECOND * 60).unwrap());
    let builder = scene.builder().concurrency(1).queue(QueueOptions::new("default").fair_by_key().ageing(ageing));
    let _server = builder
        .task_fn(WORK, move |ctx| {
            seen.lock().unwrap().push(*ctx.metadata());
            async move { done(&ctx) }
        })
        .start()
        .unwrap();
    for run in &runs {
        run.outcome().await.unwrap();
    }
    assert_eq!(*order.lock().unwrap(), [1, 4, 2, 3]);
    let declared = client.queue("default").unwrap().control().await.unwrap().limits();
    assert_eq!(declared, Limits { ageing: Some(ageing), fair_by_key: true, ..Limits::NONE });
}

#[tokio::test]
async fn a_paused_queue_waits_and_says_so_and_goes_on_when_it_is_resumed() {
    let scene = Scene::new();
    let server = scene.leased().task_fn(WORK, |ctx| async move { done(&ctx) }).start().unwrap();
    scene.begun().await;
    let client = server.client();
    let imports = client.queue("imports").unwrap();
    let paused = imports.pause().acting_as("ann").because("the disk is full").await.unwrap().paused.unwrap();
    assert_eq!((&*paused.by, paused.why.as_deref()), ("ann", Some("the disk is full")));
    let waits = client.enqueue_fn(WORK, 1).queue("imports").await.unwrap();
    let passes = client.enqueue_fn(WORK, 1).await.unwrap();
    assert_eq!(passes.outcome().await.unwrap().completed(), Some(0));
    assert_eq!(waits.explain().await.unwrap().to_string(), "the queue `imports` is paused: the disk is full");
    imports.resume().await.unwrap();
    assert_eq!(waits.outcome().await.unwrap().completed(), Some(0));
    assert!(client.queue("no such name").is_err());
}

#[tokio::test]
async fn no_more_start_in_a_period_than_the_rate_of_a_task_allows() {
    struct Mail;
    impl Task for Mail {
        const NAME: &'static str = "mail";
        type Metadata = ();
        type ExecutionMetadata = ();
        type Output = ();
        type Error = AnyError;
        fn options() -> TaskOptions {
            TaskOptions::default().rate(Rate::new(2, SECOND * 30).expect("a rate"))
        }
        async fn execute(&self, _: &Context<(), ()>) -> ExecutionResult<(), AnyError> {
            Success::with_empty_result().for_error()
        }
    }
    let scene = Scene::new();
    let server = scene.leased().task(Mail).start().unwrap();
    scene.begun().await;
    let mut runs = Vec::new();
    for _ in 0..4 {
        runs.push(server.client().enqueue::<Mail>(()).await.unwrap());
    }
    for run in &runs[..2] {
        run.outcome().await.unwrap();
    }
    assert!(
        runs[2].explain().await.unwrap().to_string().contains("may start 2 in 30s; the next at 2026-01-01T00:00:30")
    );
    scene.clock.advance(SECOND * 29);
    for run in &runs[2..] {
        assert_eq!(run.status().await.unwrap().state(), StateKind::Pending);
    }
    scene.clock.advance(SECOND);
    for run in &runs[2..] {
        run.outcome().await.unwrap();
    }
}

#[tokio::test]
async fn a_server_executes_no_more_of_a_queue_than_it_was_told_and_takes_the_next_when_one_ends() {
    let scene = Scene::new();
    let (crowd, gate) = (Crowd::default(), Gate::default());
    let (inside, outside) = (crowd.clone(), gate.clone());
    let server = scene
        .builder()
        .concurrency(8)
        .queue(QueueOptions::new("imports").local_max(2))
        .task_fn(WORK, move |ctx| {
            let (crowd, gate) = (inside.clone(), outside.clone());
            async move {
                if *ctx.metadata() == 7 {
                    gate.opened().await;
                } else {
                    crowd.pass().await;
                }
                done(&ctx)
            }
        })
        .start()
        .unwrap();
    let client = server.client();
    let mut imports = Vec::new();
    for _ in 0..6 {
        imports.push(client.enqueue_fn(WORK, 1).queue("imports").await.unwrap());
    }
    for run in &imports[..2] {
        reaches(run, StateKind::Running).await;
    }
    // Another queue is not held up: its run is claimed after those were left.
    let other = client.enqueue_fn(WORK, 7).await.unwrap();
    reaches(&other, StateKind::Running).await;
    assert_eq!(imports[2].status().await.unwrap().state(), StateKind::Pending);
    crowd.gate.open();
    for run in &imports {
        run.outcome().await.unwrap();
    }
    assert_eq!(crowd.most(), 2);
    gate.open();
    other.outcome().await.unwrap();
}

#[tokio::test]
async fn a_server_of_certain_queues_leaves_the_others() {
    let scene = Scene::new();
    let server = scene
        .builder()
        .queue(QueueOptions::new("mail"))
        .only_listed()
        .task_fn(WORK, |ctx| async move { done(&ctx) })
        .start()
        .unwrap();
    let left = server.client().enqueue_fn(WORK, 1).await.unwrap();
    let taken = server.client().enqueue_fn(WORK, 1).queue("mail").await.unwrap();
    taken.outcome().await.unwrap();
    assert_eq!(left.status().await.unwrap().state(), StateKind::Pending);
}

#[tokio::test]
async fn a_run_that_requires_a_label_waits_for_a_server_that_has_it() {
    let scene = Scene::new();
    let plain = scene.leased().task_fn(WORK, |ctx| async move { done(&ctx) }).start().unwrap();
    scene.begun().await;
    let run = plain.client().enqueue_fn(WORK, 1).requires("gpu").await.unwrap();
    let passes = plain.client().enqueue_fn(WORK, 1).await.unwrap();
    passes.outcome().await.unwrap();
    assert_eq!(run.status().await.unwrap().state(), StateKind::Pending);
    let why = run.explain().await.unwrap().to_string();
    assert_eq!(why, "no server that lives has all labels that it requires: gpu");
    let able = scene.another();
    let _server = able.builder().label("gpu").task_fn(WORK, |ctx| async move { done(&ctx) }).start().unwrap();
    run.outcome().await.unwrap();
}

#[test]
fn a_server_that_cannot_be_told_so_is_refused() {
    let refused = |builder: longhaul::Builder| builder.start().unwrap_err().to_string();
    let scene = Scene::new();
    assert!(refused(scene.builder().label("no label")).contains("label `no label`"));
    assert!(refused(scene.builder().queue(QueueOptions::new("a").local_max(0))).contains("local_max is 0"));
    assert!(refused(scene.builder().queue(QueueOptions::new("a").weight(0))).contains("weight is 0"));
    let twice = scene.builder().queue(QueueOptions::new("a")).queue(QueueOptions::new("a")).start().unwrap_err();
    assert!(matches!(twice, BuildError::QueueTwice(queue) if queue.as_str() == "a"));
}

#[tokio::test]
async fn a_second_run_of_a_unique_key_is_answered_as_was_asked() {
    let scene = Scene::new();
    let client = scene.client();
    let enqueue = |key: UniqueKey| client.enqueue_fn(WORK, 1).unique(key).send();
    let first = enqueue("account 7".into()).await.unwrap();
    assert!(first.is_new());
    let id = first.run().id();
    let second = enqueue("account 7".into()).await.unwrap();
    assert!(matches!(second, Enqueued::Existing { run, state: StateKind::Pending } if run.id() == id));
    let refused = enqueue(UniqueKey::new("account 7").or_refuse()).await.unwrap_err();
    assert!(matches!(&refused, EnqueueError::Refused(InsertError::Taken { id: there, .. }) if *there == id));
    assert!(refused.to_string().contains("`account 7` is taken"), "{refused}");
    let replaced = client.enqueue_fn(WORK, 5).unique(UniqueKey::new("account 7").or_replace()).send().await.unwrap();
    assert!(matches!(&replaced, Enqueued::Replaced(run) if run.id() == id));
    assert_eq!(replaced.run().status().await.unwrap().metadata().unwrap(), 5);
    assert!(matches!(enqueue("".into()).await, Err(EnqueueError::Name(_))));
}

#[tokio::test]
async fn a_debounced_run_executes_once_with_what_came_last() {
    let scene = Scene::new();
    let server =
        scene.builder().task_fn(WORK, |ctx| async move { Success::with_result(*ctx.metadata()).for_error() }).start();
    let server = server.unwrap();
    let client = server.client();
    let mut ids = Vec::new();
    for n in 1..=3 {
        let run = client.enqueue_fn(WORK, n).debounce("index", SECOND * 5).await.unwrap();
        ids.push(run.id());
        scene.clock.advance(SECOND * 4);
    }
    assert!(ids.iter().all(|id| *id == ids[0]));
    let run = client.run_fn(WORK, ids[0]);
    assert_eq!(run.status().await.unwrap().state(), StateKind::Pending);
    scene.clock.advance(SECOND);
    assert_eq!(run.outcome().await.unwrap().completed(), Some(3));
}

#[tokio::test]
async fn a_run_that_is_suspended_from_outside_stops_keeps_what_it_has_and_goes_on_when_it_is_let() {
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn(WORK, |ctx| async move {
            if ctx.update(|x| {
                *x += 1;
                *x
            }) == 1
            {
                until_stopped(&ctx).await?;
            }
            done(&ctx)
        })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    reaches(&run, StateKind::Running).await;
    assert_eq!(run.suspend().because("the database moves").await, Ok(StateKind::Running));
    let status = reaches(&run, StateKind::Suspended).await;
    assert_eq!(status.execution_metadata().unwrap(), 1);
    assert_eq!(status.run().counts.interruptions, 0);
    let last = status.history().entries.last().unwrap();
    assert_eq!(last.why.as_deref(), Some("the database moves"));
    assert!(run.suspend().because("again").await.is_err());
    run.proceed().await.unwrap();
    assert_eq!(run.outcome().await.unwrap().completed(), Some(2));
}

#[tokio::test]
async fn a_run_that_does_not_follow_a_suspension_is_dropped_at_the_deadline() {
    let scene = Scene::new();
    let server = scene
        .builder()
        .stop_deadline(SECOND * 3)
        .task_fn(WORK, |_| async move { std::future::pending().await })
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    reaches(&run, StateKind::Running).await;
    run.suspend().await.unwrap();
    scene.asleep_until(scene.clock.now().after(SECOND * 3)).await;
    scene.clock.advance(SECOND * 3);
    reaches(&run, StateKind::Suspended).await;
}

#[tokio::test]
async fn another_time_and_another_priority_are_followed() {
    let scene = Scene::new();
    let client = scene.client();
    let run = client.enqueue_fn(WORK, 1).after(SECOND * 60).await.unwrap();
    let soon = scene.clock.now().after(SECOND);
    assert_eq!(run.reschedule(soon).await, Ok(StateKind::Pending));
    assert_eq!(run.status().await.unwrap().run().state.due(), Some(soon));
    assert_eq!(run.set_priority(9).await, Ok(StateKind::Pending));
    assert_eq!(run.status().await.unwrap().run().priority.0, 9);
    run.cancel().await.unwrap();
    let refused = run.reschedule(soon).await.unwrap_err().to_string();
    assert!(refused.contains("cannot reschedule a run that is cancelled"), "{refused}");
}

#[tokio::test]
async fn a_run_can_be_had_again_with_other_metadata() {
    let scene = Scene::new();
    let client = scene.client();
    let run = client
        .enqueue::<CountUp>(Count { to: 3 })
        .queue("imports")
        .priority(4)
        .tag("order", 7)
        .timeout(Duration::from_secs(9))
        .unique("once")
        .requires("gpu")
        .await
        .unwrap();
    let again = run.enqueue_like(Count { to: 9 }).await.unwrap().await.unwrap();
    let (one, other) = (run.status().await.unwrap(), again.status().await.unwrap());
    let same = |status: &longhaul::RunStatus<CountUp>| {
        let run = status.run().clone();
        (run.queue.clone(), run.priority, run.tags.clone(), run.timeout, run.constraints().requires.clone())
    };
    assert_eq!(same(&one), same(&other));
    assert_eq!((other.metadata().unwrap().to, &other.run().constraints().unique), (9, &None));
}

#[tokio::test]
async fn many_runs_are_counted_first_and_then_steered_together() {
    let scene = Scene::new();
    let client = scene.client();
    for n in 0..150 {
        client.enqueue_fn(WORK, n).tag("half", n % 2).await.unwrap();
    }
    client.enqueue::<CountUp>(Count { to: 1 }).tag("half", 1).await.unwrap();
    let odd = || client.select().with_tag("half", 1);
    assert_eq!(odd().count().await, Ok(76));
    let suspended = odd().kind("work").unwrap().suspend().because("stocktaking").await.unwrap();
    assert_eq!((suspended.matched, suspended.done), (75, 75));
    let again = odd().kind("work").unwrap().suspend().because("stocktaking").await.unwrap();
    assert_eq!((again.matched, again.done, again.refused.len()), (75, 0, 75));
    assert!(again.refused[0].1.contains("cannot suspend a run that is suspended"), "{:?}", again.refused[0]);
    let large = || client.find_fn(WORK).suspended().matching(|n, _| *n >= 100).select();
    assert_eq!(large().count().await, Ok(25));
    assert_eq!(large().proceed().await.unwrap().done, 25);
    assert_eq!(large().count().await, Ok(0));
    assert_eq!(client.select().state(StateKind::Suspended).cancel().because("too old").await.unwrap().done, 50);
    // The successors of a retry are not retried again.
    assert_eq!(
        client.select().state(StateKind::Cancelled).retry(longhaul::RetryFrom::TheStart).await.unwrap().done,
        50
    );
    assert_eq!(client.select().state(StateKind::Cancelled).delete().await.unwrap().done, 50);
    assert_eq!(client.select().count().await, Ok(151));
    let later = scene.clock.now().after(SECOND * 60);
    assert_eq!(client.select().reschedule(later).await.unwrap().done, 151);
    assert_eq!(client.select().set_priority(3).await.unwrap().done, 151);
    assert_eq!(client.select().enqueued_before(scene.clock.now()).count().await, Ok(0));
}

#[tokio::test]
async fn a_selection_names_the_runs_that_cannot_be_read_and_goes_on_with_the_others() {
    let scene = Scene::new();
    let server = scene.builder().task_fn("other", |ctx: Context<u64, u64>| async move { done(&ctx) }).start().unwrap();
    let client = server.client();
    let mut runs = Vec::new();
    for n in 0..3 {
        runs.push(client.enqueue_fn(WORK, n).await.unwrap());
    }
    scene.faults.damage(runs[1].id());
    let cancelled = client.select().cancel().because("too old").await.unwrap();
    assert_eq!((cancelled.matched, cancelled.done), (2, 2));
    assert_eq!(cancelled.refused, [(runs[1].id(), "it is damaged: the test damaged it".to_owned())]);
    // Who asks for values gets none that are left out in silence.
    let all = client.find_fn(WORK).all().await.map(|found| found.len());
    assert!(matches!(&all, Err(StoreError::Corrupt { what, .. }) if **what == *runs[1].id().to_string()), "{all:?}");
}

#[tokio::test]
async fn a_trace_comes_from_the_enqueuer_to_the_task() {
    const TRACED: longhaul::TaskFn<u64, u64, String, AnyError> = longhaul::TaskFn::new("traced");
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn(
            TRACED,
            |ctx| async move { Success::with_result(ctx.trace().unwrap_or("none").to_owned()).for_error() },
        )
        .start()
        .unwrap();
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let run = server.client().enqueue_fn(TRACED, 1).trace(parent).await.unwrap();
    assert_eq!(run.outcome().await.unwrap().completed(), Some(parent.into()));
    let none = server.client().enqueue_fn(TRACED, 1).await.unwrap();
    assert_eq!(none.outcome().await.unwrap().completed(), Some("none".into()));
    let long = server.client().enqueue_fn(TRACED, 1).trace("x".repeat(129)).await.unwrap_err();
    assert!(matches!(long, EnqueueError::TraceTooLong(129)));
}

#[tokio::test]
async fn a_selection_stops_when_the_store_fails() {
    let scene = Scene::new();
    let server = scene.builder().task_fn("other", |ctx: Context<u64, u64>| async move { done(&ctx) }).start().unwrap();
    server.client().enqueue_fn(WORK, 1).await.unwrap();
    scene.faults.fail_next(Call::Cancel, FaultPoint::BeforeEffect, unavailable());
    assert_eq!(server.client().select().cancel().await, Err(unavailable()));
    assert_eq!(server.client().select().state(StateKind::Pending).count().await, Ok(1));
}
