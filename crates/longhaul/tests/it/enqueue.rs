//! Enqueueing: what can be said of a run, and what is refused at the edge.

use std::{
    sync::{Arc, Mutex},
    time::SystemTime,
};

use longhaul::{
    AnyError, Backoff, BuildError, Client, Codec, Context, EnqueueError, Enqueued, ExecutionResult, Longhaul,
    OutcomeError, RetryPolicy, RunId, RunOutcome, StateKind, Success, Task, TaskFn, TaskOptions, UniqueKey, testing,
};
use longhaul_testkit::{Call, FaultPoint};

use crate::kit::{Count, CountUp, SECOND, START, Scene, WORK, done, until_stopped};

#[tokio::test]
async fn a_run_starts_at_its_time_and_not_before() {
    let scene = Scene::new();
    let server = scene.builder().task(CountUp).start().unwrap();
    let client = server.client();
    let at = client.enqueue::<CountUp>(Count { to: 1 }).at(SystemTime::from(START.after(60 * SECOND))).await.unwrap();
    let after = client.enqueue::<CountUp>(Count { to: 2 }).after(90 * SECOND).await.unwrap();
    let now = client.enqueue::<CountUp>(Count { to: 3 }).at(SystemTime::UNIX_EPOCH).await.unwrap();
    assert_eq!(now.outcome().await.unwrap(), RunOutcome::Completed(3), "a time in the past is now");
    assert_eq!(at.status().await.unwrap().run().state.due(), Some(START.after(60 * SECOND)));
    assert_eq!(after.status().await.unwrap().run().state.due(), Some(START.after(90 * SECOND)));
    scene.clock.advance(60 * SECOND);
    assert_eq!(at.outcome().await.unwrap(), RunOutcome::Completed(1));
    assert_eq!(after.status().await.unwrap().state(), StateKind::Pending);
    scene.clock.advance(30 * SECOND);
    assert_eq!(after.outcome().await.unwrap(), RunOutcome::Completed(2));
}

#[tokio::test]
async fn due_runs_start_by_priority_and_then_in_the_order_of_their_enqueueing() {
    let scene = Scene::new();
    let order = Arc::new(Mutex::new(vec![]));
    let client = scene.client();
    let mut last = None;
    for (n, priority) in [(1, 0), (2, 0), (3, 5), (4, -5), (5, 5), (6, 127)] {
        last = Some(client.enqueue_fn(WORK, n).priority(priority).await.unwrap());
    }
    let noted = order.clone();
    let server = scene
        .builder()
        .concurrency(1)
        .task_fn(WORK, move |ctx| {
            noted.lock().unwrap().push(*ctx.metadata());
            async move { done(&ctx) }
        })
        .start()
        .unwrap();
    last.unwrap().outcome().await.unwrap();
    for found in server.client().find_fn(WORK).all().await.unwrap() {
        found.run.outcome().await.unwrap();
    }
    assert_eq!(*order.lock().unwrap(), [6, 3, 5, 1, 2, 4]);
}

struct Mail;

impl Task for Mail {
    const NAME: &'static str = "mail";
    type Metadata = String;
    type ExecutionMetadata = ();
    type Output = ();
    type Error = AnyError;

    async fn execute(&self, _: &Context<String, ()>) -> ExecutionResult<(), AnyError> {
        Success::with_empty_result().for_error()
    }

    fn options() -> TaskOptions {
        let retry = RetryPolicy::default().attempts(3);
        TaskOptions::default().queue("mail").retry(retry).timeout(60 * SECOND).priority(7).codec(Codec::Json)
    }
}

#[tokio::test]
async fn a_run_is_as_the_tasks_options_say_unless_its_enqueuer_says_otherwise() {
    let client = Scene::new().client();
    let by_options = client.enqueue::<Mail>("anna".into()).await.unwrap().status().await.unwrap();
    let run = by_options.run();
    assert_eq!((run.queue.as_str(), run.priority.0, run.policy.attempts_max), ("mail", 7, 3));
    assert_eq!(run.timeout, Some(60 * SECOND));
    assert_eq!(by_options.snapshot().metadata.codec(), Codec::Json);

    let otherwise = client
        .enqueue::<Mail>("anna".into())
        .queue("urgent")
        .priority(100)
        .timeout(SECOND)
        .retry(RetryPolicy::never())
        .tag("customer", 7)
        .tag("kind", "welcome")
        .await
        .unwrap()
        .status()
        .await
        .unwrap();
    let run = otherwise.run();
    assert_eq!((run.queue.as_str(), run.priority.0, run.policy.attempts_max), ("urgent", 100, 1));
    assert_eq!(run.timeout, Some(SECOND));
    let tags: Vec<_> = run.tags.iter().map(|tag| (&*tag.key, &*tag.value)).collect();
    assert_eq!(tags, [("customer", "7"), ("kind", "welcome")]);
    assert_eq!(otherwise.metadata().unwrap(), "anna");
}

#[tokio::test]
async fn many_runs_are_enqueued_at_once_in_order_and_all_executed() {
    let scene = Scene::new();
    let server = scene.builder().task(CountUp).start().unwrap();
    let runs = server.client().enqueue_all::<CountUp>((0..5000).map(|n| Count { to: n % 3 })).await.unwrap();
    assert_eq!(scene.faults.count_of(Call::Insert), 2, "a call for 4096 of them");
    assert!(runs.windows(2).all(|pair| pair[0].id() < pair[1].id()));
    for (n, run) in (0..).zip(&runs).step_by(499) {
        assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(n % 3));
    }
    assert_eq!(server.client().enqueue_all::<CountUp>([]).await.unwrap().len(), 0);
}

#[tokio::test]
async fn runs_of_functions_are_enqueued_by_name_too() {
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn("shout", |ctx: Context<String, ()>| async move {
            Success::with_result(ctx.metadata().to_uppercase()).for_error::<AnyError>()
        })
        .start()
        .unwrap();
    let shout: TaskFn<String, (), String, AnyError> = "shout".try_into().unwrap();
    let run = server.client().enqueue_fn(shout, "hey".to_owned()).await.unwrap();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed("HEY".into()));
    assert_eq!(format!("{shout:?} {run:?}"), format!("TaskFn(shout) RunHandle({}, shout)", run.id()));
}

#[tokio::test]
async fn metadata_that_is_too_large_is_refused_with_its_size_and_the_remedy() {
    let scene = Scene::new();
    let client = scene.client();
    let error = client.enqueue::<Mail>("x".repeat(1 << 20)).await.unwrap_err().to_string();
    assert!(error.starts_with("the metadata (a alloc::string::String) has 10485"), "{error}");
    assert!(
        error.ends_with(
            "of at most 1048576: keep what is large elsewhere, in a file or a table, and its address in here"
        ),
        "{error}"
    );
    let error = client.enqueue_all::<Mail>(["small".into(), "x".repeat(1 << 20)]).await.unwrap_err();
    assert!(error.to_string().starts_with("the first 0 runs are enqueued, the rest are not: the metadata"), "{error}");
    assert_eq!(client.find::<Mail>().count().await.unwrap(), 0, "nothing is kept of what was refused");
}

#[tokio::test]
async fn bad_names_tags_and_policies_are_refused_with_what_they_must_be() {
    let client = Scene::new().client();
    let enqueue = || client.enqueue::<Mail>("anna".into());
    let many_tags = (0..17).fold(enqueue(), |enqueue, n| enqueue.tag(format!("key{n}"), n));
    let jitter = Backoff::Exponential { base: SECOND, factor: 2.0, max: SECOND, jitter: 1.5 };
    let refused = [
        (enqueue().queue("two words"), "the queue `two words` contains ' ': use letters, digits and any of - _ . : /"),
        (enqueue().queue(""), "the name of a queue is empty"),
        (enqueue().tag("", "7"), "the name of a tag is empty"),
        (enqueue().tag("order", "7".repeat(257)), "has 257 bytes, of at most 256"),
        (many_tags, "17 tags, of at most 16"),
        (enqueue().retry(RetryPolicy::default().attempts(0)), "attempts_max is 0: a run needs at least 1"),
        (enqueue().retry(RetryPolicy::default().crashes(0)), "crashes_max is 0"),
        (enqueue().retry(RetryPolicy::default().backoff(jitter)), "must lie between 0.0 and 1.0"),
    ];
    for (enqueue, expected) in refused {
        let error = enqueue.await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert_eq!(client.find::<Mail>().count().await.unwrap(), 0);
}

#[tokio::test]
async fn a_task_that_says_nonsense_of_itself_is_refused_when_it_is_registered_and_when_it_is_enqueued() {
    const NEVER: TaskFn<u64, u64, u64, AnyError> =
        TaskFn::new("never").options(|| TaskOptions::default().retry(RetryPolicy::default().attempts(0)));
    const NOWHERE: TaskFn<u64, u64, u64, AnyError> =
        TaskFn::new("nowhere").options(|| TaskOptions::default().queue("no where"));
    let client = Scene::new().client();
    for (function, expected) in
        [(NEVER, "the retry policy of `never`: attempts_max is 0"), (NOWHERE, "the queue `no where` contains ' '")]
    {
        let error = client.enqueue_fn(function, 1).await.unwrap_err();
        assert!(matches!(error, EnqueueError::Definition(_)));
        assert!(error.to_string().contains(expected), "{error}");
        let error = Scene::new().builder().task_fn(function, |ctx| async move { done(&ctx) }).start().unwrap_err();
        assert!(matches!(error, BuildError::Definition(_)));
        assert!(error.to_string().contains(expected), "{error}");
        // Nothing of that matters to those who look for its runs.
        assert_eq!(client.find_fn(function).count().await, Ok(0));
        let run = client.run_fn(function, RunId::from_bytes([7; 16]));
        assert!(matches!(run.status().await, Err(OutcomeError::NotFound(_))));
    }
}

#[tokio::test]
async fn a_name_that_is_known_at_run_time_only_is_refused_as_an_error() {
    let expected = "the kind `two words` contains ' '";
    let error = TaskFn::<u64>::try_from("two words").unwrap_err();
    assert!(error.to_string().contains(expected), "{error}");
    let builder = Scene::new().builder().task_fn("two words", |ctx: Context<u64, u64>| async move { done(&ctx) });
    let error = builder.start().unwrap_err();
    assert!(matches!(error, BuildError::Definition(_)));
    assert!(error.to_string().contains(expected), "{error}");
}

#[tokio::test]
async fn a_server_that_cannot_work_is_not_started() {
    struct Alias;
    impl Task for Alias {
        const NAME: &'static str = "alias";
        const ALIASES: &'static [&'static str] = &["count-up"];
        type Metadata = ();
        type ExecutionMetadata = ();
        type Output = ();
        type Error = AnyError;
        async fn execute(&self, _: &Context<(), ()>) -> ExecutionResult<(), AnyError> {
            Success::with_empty_result().for_error()
        }
    }
    let builder = || Longhaul::builder().store(testing::memory_store());
    let zero = std::time::Duration::ZERO;
    let refused = [
        (Longhaul::builder(), "no store: call `.store(…)`"),
        (builder().task(CountUp).task(CountUp), "two tasks are called `count-up`"),
        (builder().task(CountUp).task(Alias), "two tasks are called `count-up`"),
        (builder().concurrency(0), "concurrency is 0: it must be"),
        (builder().concurrency(usize::MAX), "concurrency is 18446744073709551615: it must be"),
        (builder().autosave(zero), "autosave is 0ns: it must be at least 1 ms"),
        (builder().lease(SECOND / 2), "lease is 500ms: it must be at least 1 s"),
        (builder().store_timeout(zero), "store_timeout is 0ns: it must be"),
        // The first that was wrong is told.
        (builder().task(CountUp).task(CountUp).concurrency(0), "two tasks are called `count-up`"),
    ];
    for (builder, expected) in refused {
        let error = builder.start().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn as_many_runs_are_executed_at_once_as_the_concurrency_says() {
    let scene = Scene::new();
    let (running, most) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(0)));
    let (count, highest) = (running.clone(), most.clone());
    let server = scene
        .builder()
        .concurrency(3)
        .task_fn(WORK, move |ctx| {
            let (count, highest) = (count.clone(), highest.clone());
            async move {
                let now = {
                    let mut count = count.lock().unwrap();
                    *count += 1;
                    *count
                };
                let highest_before = *highest.lock().unwrap();
                *highest.lock().unwrap() = now.max(highest_before);
                for _ in 0..20 {
                    tokio::task::yield_now().await;
                }
                *count.lock().unwrap() -= 1;
                done(&ctx)
            }
        })
        .start()
        .unwrap();
    let mut runs = vec![];
    for n in 0..20 {
        runs.push(server.client().enqueue_fn(WORK, n).await.unwrap());
    }
    for run in runs {
        run.outcome().await.unwrap();
    }
    assert_eq!((*running.lock().unwrap(), *most.lock().unwrap()), (0, 3));
}

#[tokio::test]
async fn a_queue_is_a_name_that_runs_are_found_by() {
    let scene = Scene::new();
    let client = scene.client();
    client.enqueue::<Mail>("a".into()).await.unwrap();
    client.enqueue::<Mail>("b".into()).queue("urgent").await.unwrap();
    let urgent = client.find::<Mail>().queue("urgent").unwrap().all().await.unwrap();
    assert_eq!(urgent.len(), 1);
    assert_eq!(urgent[0].status.metadata().unwrap(), "b");
}

#[tokio::test]
async fn an_enqueue_that_is_never_awaited_enqueues_nothing() {
    let scene = Scene::new();
    let _server = scene.builder().task_fn(WORK, |ctx| async move { until_stopped(&ctx).await }).start().unwrap();
    drop(scene.client().enqueue_fn(WORK, 1));
    assert_eq!(scene.client().find_fn(WORK).count().await.unwrap(), 0);
}

#[tokio::test]
async fn a_bulk_of_builders_keeps_what_each_says_and_answers_each_by_itself() {
    let scene = Scene::new();
    let client = scene.client();
    let hour = SECOND * 3600;
    let answers = client
        .enqueue_many([
            client.enqueue_fn(WORK, 1).unique("a").tag("order", 1).priority(5).queue("mails").after(hour),
            client.acting_as("ann").enqueue_fn(WORK, 2).execution_metadata(20),
            client.enqueue_fn(WORK, 3).queue("two words"),
            client.enqueue_fn(WORK, 4).unique("a"),
            client.enqueue_fn(WORK, 5).unique(UniqueKey::new("a").or_refuse()),
            client.enqueue_fn(WORK, 6),
        ])
        .await;
    let [first, second, third, fourth, fifth, sixth] = answers.try_into().unwrap();
    let (first, second) = (first.unwrap(), second.unwrap());
    assert!(first.is_new() && second.is_new() && sixth.unwrap().is_new());
    let first = first.run();
    assert!(matches!(third, Err(EnqueueError::Name(_))), "one that is refused does not refuse the others");
    assert!(matches!(fourth.unwrap(), Enqueued::Existing { run, .. } if run.id() == first.id()));
    assert!(matches!(fifth, Err(EnqueueError::Refused(_))));

    let status = first.status().await.unwrap();
    let run = status.run();
    assert_eq!((run.priority.0, run.queue.as_str(), run.tags.len()), (5, "mails", 1));
    assert_eq!(run.state.due(), Some(START.after(hour)));
    let status = second.run().status().await.unwrap();
    assert_eq!(status.execution_metadata().unwrap(), 20);
    assert_eq!(status.history().lines().next().unwrap().to_string(), "enqueued by ann");
    assert_eq!(client.find_fn(WORK).count().await.unwrap(), 3);
}

#[tokio::test]
async fn a_bulk_is_one_call_of_the_store_for_4096_runs_and_a_call_that_fails_is_told_to_each_that_it_concerns() {
    let scene = Scene::new();
    let client = Client::new(Arc::new(scene.faults.clone()));
    let runs = (0..9000).map(|n| client.enqueue_fn(WORK, n).tag("n", n));
    // The second call of three, and all that follow.
    scene.faults.cut_after(2, FaultPoint::BeforeEffect);
    let answers = client.enqueue_many(runs).await;
    assert_eq!(answers.len(), 9000);
    assert!(answers[..4096].iter().all(Result::is_ok));
    assert!(answers[4096..].iter().all(|answer| matches!(answer, Err(EnqueueError::Store(_)))));
    assert_eq!(scene.faults.count_of(Call::Insert), 2, "a store that failed is not called again");
    assert_eq!(scene.client().find_fn(WORK).count().await.unwrap(), 4096);
}

#[tokio::test]
async fn a_run_that_nobody_began_in_time_is_cancelled_as_expired_and_one_that_began_is_not() {
    let scene = Scene::new();
    let client = scene.client();
    let late = client.enqueue::<CountUp>(Count { to: 1 }).expires_after(60 * SECOND).await.unwrap();
    let until = client.enqueue::<CountUp>(Count { to: 2 }).expires_at(START.after(90 * SECOND)).await.unwrap();
    scene.clock.advance(60 * SECOND);
    let server = scene.builder().task(CountUp).start().unwrap();
    assert_eq!(until.outcome().await.unwrap(), RunOutcome::Completed(2));
    let RunOutcome::Cancelled { reason, .. } = late.outcome().await.unwrap() else { panic!("it did not expire") };
    assert_eq!(reason.as_deref(), Some("expired"));
    assert_eq!(late.status().await.unwrap().attempts(), 0);
    scene.clock.advance(60 * SECOND);
    assert_eq!(until.outcome().await.unwrap(), RunOutcome::Completed(2));
    drop(server);
}
