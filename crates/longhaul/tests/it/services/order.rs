//! Who starts when, and who waits for whom.

use std::sync::atomic::{AtomicUsize, Ordering};

use longhaul::{
    AnyError, BuildError, Longhaul, Restart, RunError, RunOutcome, Service, ServiceOptions, ServiceState, StateKind,
    signal::Signals, testing,
};

use super::{Log, Noted, is, let_others_go_on, runs};
use crate::kit::{GRACE, Gate, SECOND, START, Scene, WORK, done};

#[tokio::test]
async fn services_start_in_order_and_nothing_is_claimed_before() {
    let (scene, log) = (Scene::new(), Log::new());
    let run = scene.client().enqueue_fn(WORK, 1).await.unwrap();
    let first = Noted { may_start: Gate::default(), ..Noted::new("first", &log) };
    let may_start = first.may_start.clone();
    let at_work = log.clone();
    let server = scene
        .builder()
        .task_fn(WORK, move |ctx| {
            at_work.add("executed");
            async move { done(&ctx) }
        })
        .service(first)
        .service(Noted::new("second", &log))
        .start()
        .unwrap();
    log.has("first starts").await;
    let_others_go_on().await;
    assert_eq!(log.all(), ["first starts"]);
    let states = server.services().all().into_iter().map(|service| service.state);
    assert_eq!(states.collect::<Vec<_>>(), [ServiceState::Starting, ServiceState::Starting]);
    assert_eq!(run.status().await.unwrap().state(), StateKind::Pending);

    may_start.open();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(0));
    let order = ["first starts", "first started", "second starts", "second started", "executed"];
    assert_eq!(log.all(), order);
    let names = server.services().all().into_iter().map(|service| service.name.to_string());
    assert_eq!(names.collect::<Vec<_>>(), ["first", "second"]);
    server.shutdown(GRACE).await;
}

/// Its `start` fails so many times.
struct Failing {
    options: ServiceOptions,
    times: AtomicUsize,
}

impl Failing {
    fn times(times: usize, options: ServiceOptions) -> Self {
        Self { options, times: AtomicUsize::new(times) }
    }
}

impl Service for Failing {
    fn name(&self) -> &'static str {
        "failing"
    }

    fn options(&self) -> ServiceOptions {
        self.options.clone()
    }

    async fn start(&self) -> Result<(), AnyError> {
        match self.times.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |times| times.checked_sub(1)) {
            Ok(_) => Err(AnyError::msg("no route to host")),
            Err(_) => Ok(()),
        }
    }
}

#[tokio::test]
async fn a_service_that_cannot_start_holds_nobody_up_and_is_shown() {
    let (scene, log) = (Scene::new(), Log::new());
    let server = scene
        .builder()
        .task_fn(WORK, |ctx| async move { done(&ctx) })
        .service(Failing::times(1, ServiceOptions::default()))
        .service(Noted::new("next", &log))
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(0));
    assert_eq!(log.all(), ["next starts", "next started"]);
    let failing = server.services().named("failing").unwrap();
    assert_eq!(failing.state, ServiceState::BackingOff { until: START.after(SECOND) });
    let error = failing.last_error.unwrap();
    assert_eq!((error.message.as_str(), error.at), ("no route to host", START));
    assert!(!failing.essential);
}

#[tokio::test]
async fn whoever_comes_after_an_essential_service_waits_until_it_has_started() {
    let (scene, log) = (Scene::new(), Log::new());
    let server = scene
        .builder()
        .task_fn(WORK, |ctx| async move { done(&ctx) })
        .service(Failing::times(1, ServiceOptions::default().essential()))
        .service(Noted::new("next", &log))
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    scene.asleep_until(START.after(SECOND)).await;
    let_others_go_on().await;
    assert!(log.all().is_empty());
    assert_eq!(run.status().await.unwrap().state(), StateKind::Pending);

    scene.clock.advance(SECOND);
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(0));
    let failing = runs(&server.services(), "failing").await;
    assert_eq!((failing.restarts, failing.since), (1, START.after(SECOND)));
    assert!(failing.last_error.is_some(), "what went wrong before is not forgotten");
}

#[tokio::test]
async fn an_essential_service_that_failed_for_good_ends_the_server_with_an_error() {
    let (scene, log) = (Scene::new(), Log::new());
    let options = ServiceOptions::default().essential().restart(Restart::never());
    let builder = scene.builder().service(Noted::new("before", &log)).service(Failing::times(1, options));
    let server = builder.service(Noted::new("after", &log)).start().unwrap();
    let failed = server.service_failed().await;
    assert_eq!((&*failed.name, failed.message.as_str()), ("failing", "no route to host"));
    let services = server.services();

    let error = server.run_until(Signals::listen().unwrap()).await.unwrap_err();
    assert_eq!(error, RunError::Service(failed));
    assert!(error.to_string().starts_with("the essential service `failing` has failed for good: no route to host; "));
    assert_eq!(log.all(), ["before starts", "before started", "before told", "before stopped"], "in good order");
    assert_eq!(services.named("failing").unwrap().state.to_string(), "failed: no route to host");
}

#[tokio::test]
async fn a_service_that_the_server_can_do_without_may_fail_for_good() {
    let scene = Scene::new();
    let options = ServiceOptions::default().restart(Restart::never());
    let server = scene
        .builder()
        .task_fn(WORK, |ctx| async move { done(&ctx) })
        .service(Failing::times(1, options))
        .start()
        .unwrap();
    is(&server.services(), "failing", |service| matches!(service.state, ServiceState::Failed { .. })).await;
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    assert_eq!(run.outcome().await.unwrap(), RunOutcome::Completed(0));
    tokio::select! {
        biased;
        failed = server.service_failed() => panic!("{failed}"),
        () = let_others_go_on() => {}
    }
}

#[tokio::test]
async fn a_start_that_hangs_counts_as_failed_after_its_time() {
    let (scene, log) = (Scene::new(), Log::new());
    let hangs = Noted {
        may_start: Gate::default(),
        options: ServiceOptions::default().start_within(3 * SECOND),
        ..Noted::new("hangs", &log)
    };
    let server = scene.builder().service(hangs).service(Noted::new("next", &log)).start().unwrap();
    scene.asleep_until(START.after(3 * SECOND)).await;
    assert_eq!(log.all(), ["hangs starts"]);
    scene.clock.advance(3 * SECOND);
    log.has("next started").await;
    let hangs = server.services().named("hangs").unwrap();
    assert_eq!(hangs.state, ServiceState::BackingOff { until: START.after(4 * SECOND) });
    assert_eq!(hangs.last_error.unwrap().message, "`start` took longer than 3s");
}

#[test]
fn what_is_wrong_with_a_service_is_told_before_anything_starts() {
    let builder = || Longhaul::builder().store(testing::memory_store());
    let log = Log::new();
    let refused = |builder: longhaul::Builder| builder.start().unwrap_err().to_string();

    let twice = builder().service(Noted::new("a", &log)).service_fn("a", |_| async {});
    assert_eq!(twice.start().unwrap_err(), BuildError::ServiceTwice("a".into()));
    let nameless = builder().service_fn("", |_| async {});
    assert_eq!(refused(nameless), "the name of a service is ``: it must be 1 to 128 bytes long");
    assert!(refused(builder().service_fn(&"x".repeat(129), |_| async {})).contains("1 to 128 bytes"));
    assert_eq!(
        refused(builder().periodic("p", std::time::Duration::ZERO, |_| async {})),
        "every is 0ns: it must be at least 1 ms"
    );

    let with = |restart| Noted { options: ServiceOptions::default().restart(restart), ..Noted::new("b", &log) };
    let spins = builder().service(with(Restart::always().backoff(std::time::Duration::ZERO, SECOND)));
    assert!(refused(spins).starts_with("backoff is 0ns: it must be at least 1 ms"));
    let gives_up = builder().service(with(Restart::always().give_up_after(0)));
    assert!(refused(gives_up).starts_with("give_up_after is 0: it must be at least 1"));
    assert_eq!(refused(builder().background_max(0)), "background_max is 0: it must be at least 1");
    assert!(refused(builder().background_blocking_max(0)).starts_with("background_blocking_max is 0"));
    assert!(log.all().is_empty());
}
