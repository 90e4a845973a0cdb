//! An engine that panics, hangs or fails at any of its calls: everybody is answered, with the verdict, and it is there
//! before.

use longhaul_core::store::prelude::*;
use std::{
    fmt::Debug,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use longhaul_core::{
    Actor, Clock, ControlChange, Limits, LogRequest, Retention, RunId, ScheduleName, Scope, ServerId, Timestamp,
    clock::OnJump,
    store::{ClaimRequest, Filter, PageRequest, Proceed, RunUpdate, ScheduleChange, ServerBeat},
};
use longhaul_testkit::{TestClock, fixture};

use super::kit::{block_on, checkpoint, over, settlement, value};
use crate::{
    EmbeddedStore, OpenError, Options,
    engine::{
        kv::{
            faulty::{Failure, Faults, Faulty},
            sim::{End, SimDisk},
        },
        watchdog::Looks,
    },
    opening,
};

/// More calls than a workload has: one that never ends is a bug of the test.
const CALLS_MAX: usize = 500;
/// More than any call gets in these tests, whose timeouts are a look, and three for the end of an engine that failed.
const LOOKS: usize = 5;

/// A store on an engine of which the test has the faults, and a clock of its own for the watchdog.
struct Scene {
    store: EmbeddedStore,
    faults: Faults,
    server: ServerId,
    clock: TestClock,
    held: longhaul_core::store::Claimed,
    waiting: RunId,
    closed: Arc<AtomicBool>,
}

fn options(clock: &TestClock) -> Options {
    let look = Duration::from_secs(1);
    Options::new(Arc::new(clock.clone())).open_timeout(look).engine_timeout(look)
}

/// Looks that are made when a call hangs, and never otherwise: nothing here goes by time.
fn looks_at_what_hangs(faults: &Faults) -> Looks {
    let (hand, looks) = Looks::by_hand();
    let faults = faults.clone();
    thread::spawn(move || {
        let hangs = crate::health::block_on(async {
            tokio::select! {
                () = faults.until_hanging() => true,
                () = faults.until_dropped() => false,
            }
        });
        if hangs {
            (0..LOOKS).for_each(|_| _ = hand.send(()));
        }
        // A hand that is held would keep the watchdog.
        crate::health::block_on(faults.until_dropped());
    });
    looks
}

async fn open_faulty(disk: &SimDisk, clock: &TestClock, faults: &Faults) -> Result<EmbeddedStore, OpenError> {
    let engine = Faulty::new(disk.clone(), faults);
    let over = |folder: &Path, options, watchdog| opening::folder::over(Box::new(engine), options, folder, watchdog);
    opening::thread::open(Path::new("simulated"), options(clock), looks_at_what_hangs(faults), over)
        .await
        .map(EmbeddedStore::of)
}

impl Scene {
    async fn new() -> Self {
        let clock = TestClock::starting_at(Timestamp::from_micros(1_800_000_000_000_000));
        let faults = Faults::default();
        let store = open_faulty(&SimDisk::default(), &clock, &faults).await.expect("an empty disk opens");
        let server = fixture::server_id(Timestamp::EPOCH, 0);
        let new = |n| fixture::new_run(clock.now(), "plain", n);
        store.insert(vec![new(1), new(2)]).await.expect("the store works");
        let waiting = fixture::run_id(clock.now(), 2);
        let request = ClaimRequest::new(server, [fixture::support("plain", 1)].into(), 1);
        let held = store.claim(request).await.expect("the store works").remove(0);
        Self { store, faults, server, clock, held, waiting, closed: Arc::default() }
    }

    /// What a caller was answered. If it is an error, the store's health has said so before.
    fn told<T, E: Debug>(&self, call: &str, answer: Result<T, E>) {
        let Err(error) = answer else { return };
        let error = format!("{error:?}");
        assert!(!error.contains("lost"), "{call}: {error}");
        if error.contains("Closed") {
            assert!(self.closed.load(Ordering::Acquire), "{call}: nobody closed it");
        } else if error.contains("Broken") {
            let verdict = format!("{:?}", self.store.health().expect_err("the verdict comes first"));
            assert!(
                error.contains(&verdict[verdict.find("reason").expect("it has one")..]),
                "{call}: {error} is not {verdict}"
            );
        } else if error.contains("Unavailable") {
            assert_eq!(self.faults.failed_reading(), Some(true), "{call}: {error}");
        }
    }

    /// Calls that are answered when something happens, or the store ends.
    async fn wait(&self) {
        let store = &self.store;
        let request =
            |kind| ClaimRequest { wait: true, ..ClaimRequest::new(self.server, [fixture::support(kind, 1)].into(), 9) };
        let held = async { self.told("changed", store.changed(self.held.run.id, self.held.run.revision).await) };
        let waiting = async { self.told("changed", store.changed(self.waiting, u64::MAX).await) };
        let claim = async { self.told("claim", store.claim(request("plain")).await) };
        let other = async { self.told("claim", store.claim(request("other")).await) };
        let stops = async { self.told("stop_requests", store.stop_requests(self.server, u64::MAX - 1).await) };
        let schedules = async { self.told("schedules", store.schedules(u64::MAX).await) };
        tokio::join!(held, waiting, claim, other, stops, schedules);
    }

    /// One call of each sort, one after the other, and the end of the store.
    async fn work(&self) {
        let (store, by, id) = (&self.store, Actor::UNKNOWN, self.waiting);
        let new = |n| fixture::new_run(self.clock.now(), "plain", n);
        self.told("insert", store.insert((10..14).map(new).collect()).await);
        self.told("checkpoint", store.checkpoint(vec![checkpoint(&self.held, 1, value(1, 9_000))]).await);
        self.told("get", store.get(self.held.run.id).await);
        self.told("settle", store.settle(vec![settlement(&self.held, fixture::completed(1))]).await);
        self.told("get", store.get(self.held.run.id).await);
        self.told(
            "list",
            store
                .list(PageRequest { filter: Filter::default(), after: None, limit: 9, ..PageRequest::default() })
                .await,
        );
        self.told("count", store.count(Filter::default()).await);
        self.told("queues", store.queues().await);
        self.told("explain", store.explain(id).await);
        self.told("read_log", store.read_log(LogRequest::of(id)).await);
        self.told("update", store.update(id, RunUpdate::Suspend { reason: None }, by.clone()).await);
        self.told(
            "proceed",
            store
                .proceed(Proceed {
                    id,
                    at: None,
                    replacement: None,
                    signal: None,
                    value: None,
                    key: None,
                    by: by.clone(),
                })
                .await,
        );
        let scope = || Scope::Kind(self.held.run.kind.clone());
        self.told("control", store.control(scope(), ControlChange::Declare(Limits::NONE)).await);
        self.told("controls", store.controls().await);
        let name = ScheduleName::new("nightly").expect("a name");
        let change = ScheduleChange { name, seen: None, value: Some(vec![7; 9000].into()), runs: vec![new(20)] };
        self.told("schedule", store.schedule(change).await);
        self.told("cancel", store.cancel(id, None, by).await);
        self.told("verify", store.verify().await);
        let mut copy = Vec::new();
        self.told("export", store.export(&mut copy).await);
        self.told("import", store.import(&mut &*copy).await);
        self.told("delete", store.delete(self.held.run.id).await);
        self.told("sweep", store.sweep(Retention::all(Duration::ZERO).into(), 100).await);
        let beat = ServerBeat::new(self.server, "here", Duration::from_secs(9));
        self.told("heartbeat", store.heartbeat(beat).await);
        self.clock.advance(Duration::from_secs(60));
        self.told("expire", store.expire().await);
        self.told("leave", store.leave(self.server).await);
    }

    async fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.store.close().await;
    }
}

/// The workload, with a failure after each number of calls in turn, until there are no more. Returns how many there were.
fn at_each_call(failure: Failure, one: impl AsyncFn(Scene, usize) -> Faults) -> usize {
    block_on(async {
        for spared in 0..CALLS_MAX {
            let scene = Scene::new().await;
            scene.faults.arm(spared, failure);
            let faults = one(scene, spared).await;
            faults.release();
            faults.until_dropped().await;
            if faults.failed_reading().is_none() {
                return spared;
            }
        }
        panic!("a workload without end");
    })
}

#[test]
fn whatever_call_of_the_engine_fails_everybody_is_told_why_and_the_store_can_be_closed() {
    for failure in [Failure::Panics, Failure::Hangs, Failure::Full] {
        let calls = at_each_call(failure, async |scene, spared| {
            let end = async {
                scene.work().await;
                let failed = scene.faults.failed_reading();
                let broken = scene.store.health().is_err();
                match failure {
                    // To read may fail once, and work later.
                    Failure::Full => assert!(broken || failed != Some(false), "after {spared} calls"),
                    _ => assert_eq!(broken, failed.is_some(), "after {spared} calls"),
                }
                scene.close().await;
            };
            tokio::join!(scene.wait(), end);
            scene.faults.clone()
        });
        assert!(calls > 60, "{failure:?}: there are only {calls} calls");
    }
}

#[test]
fn whatever_call_of_the_engine_fails_dropping_the_last_handle_ends() {
    for failure in [Failure::Panics, Failure::Hangs, Failure::Full] {
        at_each_call(failure, async |scene, _| {
            scene.work().await;
            // In a runtime, as it happens to users.
            scene.faults.clone()
        });
    }
}

#[test]
fn an_engine_that_hangs_at_its_end_holds_up_neither_close_nor_drop_and_keeps_its_folder() {
    block_on(async {
        for broken in [false, true] {
            for closes in [false, true] {
                let scene = Scene::new().await;
                scene.faults.hang_at_the_end();
                if broken {
                    scene.faults.arm(0, Failure::Panics);
                    scene.told(
                        "insert",
                        scene.store.insert(vec![fixture::new_run(scene.clock.now(), "plain", 10)]).await,
                    );
                    assert!(scene.store.health().is_err());
                }
                if closes {
                    scene.close().await;
                }
                let faults = scene.faults.clone();
                drop(scene);
                faults.until_hanging().await;
                faults.release();
                faults.until_dropped().await;
            }
        }
    });
}

#[test]
fn a_call_that_comes_back_after_it_was_given_up_changes_no_verdict_and_the_store_ends_in_order() {
    block_on(async {
        let scene = Scene::new().await;
        scene.faults.arm(0, Failure::Hangs);
        let new = fixture::new_run(scene.clock.now(), "plain", 10);
        let error = scene.store.insert(vec![new]).await.expect_err("it hangs");
        assert!(error.to_string().contains("has not come back for 1s"), "{error}");
        assert!(error.to_string().contains("end this process and start it again"), "{error}");
        scene.faults.release();
        assert_eq!(
            scene.store.get(scene.waiting).await.expect_err("it does not read either").to_string(),
            error.to_string()
        );
        assert_eq!(scene.store.health(), Err(error));
        let faults = scene.faults.clone();
        drop(scene);
        faults.until_dropped().await;
    });
}

#[test]
fn an_opening_that_hangs_panics_or_fails_at_any_call_ends_with_an_error_that_says_so() {
    let clock = TestClock::starting_at(Timestamp::from_micros(1_800_000_000_000_000));
    block_on(async {
        let disk = SimDisk::default();
        let store = over(Box::new(disk.clone()), options(&clock)).expect("an empty disk opens");
        store.insert((0..300).map(|n| fixture::new_run(clock.now(), "plain", n)).collect()).await.expect("it works");
        let request =
            ClaimRequest::new(fixture::server_id(Timestamp::EPOCH, 0), [fixture::support("plain", 1)].into(), 9);
        store.claim(request).await.expect("the store works");
        let crashed = disk.after(End::Killed, 0.0);
        store.close().await;
        for failure in [Failure::Panics, Failure::Hangs, Failure::Full] {
            let mut spared = 0;
            loop {
                let faults = Faults::default();
                faults.arm(spared, failure);
                let opened = open_faulty(&crashed.after(End::Killed, 0.0), &clock, &faults).await;
                let error = match opened {
                    Ok(store) => {
                        faults.release();
                        drop(store);
                        break;
                    }
                    Err(error) => error,
                };
                match failure {
                    Failure::Panics => {
                        assert!(
                            matches!(&error, OpenError::Corrupt { reason, .. } if reason.contains("a page is zero"))
                        );
                    }
                    Failure::Hangs => {
                        assert!(matches!(error, OpenError::Stalled { .. }), "{error}");
                    }
                    Failure::Full => assert!(matches!(error, OpenError::Full { .. }), "{error}"),
                }
                faults.release();
                faults.until_dropped().await;
                spared += 1;
                assert!(spared < CALLS_MAX, "an opening without end");
            }
            assert!(spared > 10, "{failure:?}: an opening has only {spared} calls");
        }
    });
}

#[test]
fn an_opening_that_failed_and_hangs_at_its_end_tells_why_it_failed() {
    let clock = TestClock::starting_at(Timestamp::from_micros(1_800_000_000_000_000));
    block_on(async {
        let faults = Faults::default();
        faults.arm(0, Failure::Full);
        faults.hang_at_the_end();
        let error = open_faulty(&SimDisk::default(), &clock, &faults).await.expect_err("it failed");
        assert!(matches!(error, OpenError::Full { .. }), "{error}");
        faults.release();
        faults.until_dropped().await;
    });
}

#[test]
fn an_opening_that_nobody_waits_for_any_more_lets_go_of_the_engine() {
    let clock = TestClock::starting_at(Timestamp::from_micros(1_800_000_000_000_000));
    block_on(async {
        let faults = Faults::default();
        let engine = Faulty::new(SimDisk::default(), &faults);
        let over =
            |folder: &Path, options, watchdog| opening::folder::over(Box::new(engine), options, folder, watchdog);
        let opening = opening::thread::open(Path::new("simulated"), options(&clock), Looks::every_second(), over);
        assert!(looked_at_once(opening).await.is_none_or(|opened| opened.is_ok()));
        faults.until_dropped().await;
    });
}

/// What a future has come to when it is looked at once. It is dropped then.
async fn looked_at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(match future.as_mut().poll(context) {
            std::task::Poll::Ready(outcome) => Some(outcome),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

/// A clock that panics at one of its looks: a bug of ours, in the middle of the committer.
#[derive(Debug)]
struct Broken {
    clock: TestClock,
    left: AtomicUsize,
}

impl Clock for Broken {
    fn now(&self) -> Timestamp {
        let left = self.left.fetch_sub(1, Ordering::AcqRel);
        assert!(left != 1, "the clock is broken");
        self.clock.now()
    }

    fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }

    fn wait_for(&self, at: Timestamp) -> Option<Duration> {
        self.clock.wait_for(at)
    }

    fn on_jump(&self, _: std::sync::Weak<OnJump>) {}
}

#[test]
fn whoever_asks_when_the_committer_panics_is_told_of_the_panic_and_never_that_the_store_is_closed() {
    block_on(async {
        for left in 1..12 {
            let clock = TestClock::starting_at(Timestamp::from_micros(1_800_000_000_000_000));
            let broken = Arc::new(Broken { clock: clock.clone(), left: AtomicUsize::new(usize::MAX / 2) });
            let store = over(Box::new(SimDisk::default()), Options::new(broken.clone())).expect("an empty disk opens");
            broken.left.store(left, Ordering::Release);
            let server = fixture::server_id(Timestamp::EPOCH, 0);
            let ask = async || {
                for nth in 0..12 {
                    let answer = store.insert(vec![fixture::new_run(clock.now(), "plain", nth)]).await;
                    if let Err(error) = answer {
                        assert!(error.to_string().contains("the clock is broken"), "{error}");
                        assert_eq!(store.health(), Err(error), "the verdict was there");
                        return;
                    }
                }
                panic!("the committer never looked at the clock");
            };
            let request =
                ClaimRequest { wait: true, ..ClaimRequest::new(server, [fixture::support("other", 1)].into(), 1) };
            let wait = async {
                let error = store.claim(request).await.expect_err("there is nothing to claim");
                assert!(error.to_string().contains("the clock is broken"), "{error}");
            };
            tokio::join!(wait, ask(), ask());
            store.close().await;
        }
    });
}
