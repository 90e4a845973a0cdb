//! The end: in which order, within which time, and what is told of it.

use std::{
    future::pending,
    sync::{Arc, mpsc},
    time::Duration,
};

use longhaul::{AnyError, CancellationToken, Service, ServiceOptions, ServiceState, StateKind};

use super::{Log, Noted, is, let_others_go_on, runs};
use crate::kit::{GRACE, Gate, SECOND, START, Scene, WORK, done, reaches};

#[tokio::test]
async fn services_stop_in_reverse_after_claiming_and_before_the_runs_are_told() {
    let (scene, log) = (Scene::new(), Log::new());
    let second = Noted { may_stop: Gate::default(), ..Noted::new("second", &log) };
    let may_stop = second.may_stop.clone();
    let at_work = log.clone();
    let server = scene
        .builder()
        .task_fn(WORK, move |ctx| {
            let log = at_work.clone();
            async move {
                ctx.cancellation().cancelled().await;
                log.add("run told");
                done(&ctx)
            }
        })
        .service(Noted::new("first", &log))
        .service(second)
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    reaches(&run, StateKind::Running).await;
    let services = server.services();
    let started = log.all().len();

    let shutdown = tokio::spawn(server.shutdown(GRACE));
    log.has("second told").await;
    let late = scene.client().enqueue_fn(WORK, 2).await.unwrap();
    let_others_go_on().await;
    assert_eq!(log.all()[started..], ["second told"], "the others wait for it");
    assert_eq!(services.named("second").unwrap().state, ServiceState::Stopping);
    assert_eq!(services.named("first").unwrap().state, ServiceState::Running);
    may_stop.open();
    let report = shutdown.await.unwrap();
    let order = ["second told", "second stopped", "first told", "first stopped", "run told"];
    assert_eq!(log.all()[started..], order);
    assert!(report.services.is_empty());
    assert_eq!(run.status().await.unwrap().state(), StateKind::Completed);
    assert_eq!(late.status().await.unwrap().state(), StateKind::Pending, "claiming had stopped before");
    assert!(services.all().iter().all(|service| service.state == ServiceState::Stopped));
}

/// Does not follow when it is told to stop.
struct Deaf(&'static str, Duration);

impl Service for Deaf {
    fn name(&self) -> &str {
        self.0
    }

    fn options(&self) -> ServiceOptions {
        ServiceOptions::default().stop_within(self.1)
    }

    async fn run(&self, _: CancellationToken) -> Result<(), AnyError> {
        pending().await
    }
}

#[tokio::test]
async fn a_service_that_does_not_stop_is_given_up_and_named_and_the_others_still_have_their_time() {
    let (scene, log) = (Scene::new(), Log::new());
    let builder = scene.builder().service(Noted::new("first", &log)).service(Deaf("deaf", 5 * SECOND));
    let server = builder.start().unwrap();
    let services = server.services();
    runs(&services, "deaf").await;
    let shutdown = tokio::spawn(server.shutdown(GRACE));
    scene.asleep_until(START.after(5 * SECOND)).await;
    let_others_go_on().await;
    assert_eq!(log.all(), ["first starts", "first started"], "it waits for the one that came later");
    scene.clock.advance(5 * SECOND);
    let report = shutdown.await.unwrap();
    assert_eq!(log.all()[2..], ["first told", "first stopped"]);
    assert_eq!(report.services.len(), 1);
    assert_eq!((&*report.services[0].name, report.services[0].blocked), ("deaf", false));
    assert_eq!(services.named("deaf").unwrap().state, ServiceState::Stopped);
}

#[tokio::test]
async fn services_runs_and_work_in_the_background_share_one_deadline() {
    let scene = Scene::new();
    let server = scene
        .builder()
        .task_fn(WORK, |_| pending())
        .service(Deaf("first", 20 * SECOND))
        .service(Deaf("second", 20 * SECOND))
        .start()
        .unwrap();
    let run = server.client().enqueue_fn(WORK, 1).await.unwrap();
    reaches(&run, StateKind::Running).await;
    server.spawn("deaf", |_| pending::<()>()).unwrap();

    let mut shutdown = tokio::spawn(server.shutdown(GRACE));
    scene.asleep_until(START.after(20 * SECOND)).await;
    scene.clock.advance(20 * SECOND);
    // The other one gets what is left, not the 20 s that it asks for.
    scene.asleep_until(START.after(GRACE)).await;
    scene.clock.advance(Duration::from_micros(4_999_999));
    let_others_go_on().await;
    assert!(!shutdown.is_finished(), "the grace is not over");
    scene.clock.advance(Duration::from_micros(1));
    let report = (&mut shutdown).await.unwrap();
    let names: Vec<&str> = report.services.iter().map(|late| &*late.name).collect();
    assert_eq!(names, ["second", "first"], "in the order in which they were told");
    assert_eq!(report.dropped[0].id, run.id());
    assert_eq!((&*report.background[0].name, report.background[0].blocked), ("deaf", false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_blocks_its_thread_is_named_as_blocked() {
    let (scene, blocks) = (Scene::new(), Gate::default());
    let blocking = blocks.clone();
    let (go_on, wait) = mpsc::channel::<()>();
    let once = std::sync::Mutex::new(Some(wait));
    let server = scene
        .builder()
        .service_fn("stuck", move |_| {
            let wait = once.lock().unwrap().take().expect("called once");
            let blocks = blocks.clone();
            async move {
                // What the gate wakes runs on the other thread.
                tokio::task::yield_now().await;
                blocks.open();
                let _ = wait.recv();
            }
        })
        .start()
        .unwrap();
    blocking.opened().await;
    let report = server.shutdown(Duration::ZERO).await;
    assert_eq!(report.services.len(), 1);
    assert_eq!((&*report.services[0].name, report.services[0].blocked), ("stuck", true));
    drop(go_on);
}

#[tokio::test]
async fn a_start_under_way_does_not_hold_up_a_shutdown() {
    let (scene, log) = (Scene::new(), Log::new());
    let hangs = Noted { may_start: Gate::default(), ..Noted::new("hangs", &log) };
    let server = scene.builder().service(hangs).service(Noted::new("never", &log)).start().unwrap();
    log.has("hangs starts").await;
    let services = server.services();
    let report = server.shutdown(GRACE).await;
    assert!(report.services.is_empty());
    assert_eq!(log.all(), ["hangs starts"], "what did not start is not stopped, and nothing else starts");
    assert!(services.all().iter().all(|service| service.state == ServiceState::Stopped));
}

#[tokio::test]
async fn nothing_is_left_of_a_service_that_ended_though_somebody_still_looks_at_it() {
    let held = Arc::new(());
    let weak = Arc::downgrade(&held);
    let scene = Scene::new();
    let server = scene
        .builder()
        .service_fn("holder", move |token| {
            let held = held.clone();
            async move {
                token.cancelled().await;
                drop(held);
            }
        })
        .start()
        .unwrap();
    let services = server.services();
    runs(&services, "holder").await;
    assert!(weak.upgrade().is_some());
    server.shutdown(GRACE).await;
    assert!(weak.upgrade().is_none());
    assert_eq!(services.named("holder").unwrap().state, ServiceState::Stopped);
}

#[tokio::test]
async fn a_server_that_is_dropped_lets_go_of_its_services_and_of_work_in_the_background() {
    struct OnDrop(Gate);
    impl Drop for OnDrop {
        fn drop(&mut self) {
            self.0.open();
        }
    }
    let scene = Scene::new();
    let (service, work) = (Gate::default(), Gate::default());
    let (of_service, of_work) = (service.clone(), OnDrop(work.clone()));
    let server = scene
        .builder()
        .service_fn("deaf", move |_| {
            let guard = OnDrop(of_service.clone());
            async move {
                pending::<()>().await;
                drop(guard);
            }
        })
        .start()
        .unwrap();
    let services = server.services();
    is(&services, "deaf", |deaf| deaf.state == ServiceState::Running).await;
    server
        .spawn("deaf", |_| async move {
            pending::<()>().await;
            drop(of_work);
        })
        .unwrap();
    drop(server);
    service.opened().await;
    work.opened().await;
}
