//! What is done again and again.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use longhaul::{Clock, ServiceState, Timestamp};
use tokio::sync::{Semaphore, mpsc};

use super::{let_others_go_on, runs};
use crate::kit::{GRACE, Gate, SECOND, START, Scene};

fn at(seconds: u32) -> Timestamp {
    START.after(seconds * SECOND)
}

#[tokio::test]
async fn ticks_come_at_their_time_and_those_that_were_missed_are_skipped() {
    let scene = Scene::new();
    let (tell, mut ticks) = mpsc::unbounded_channel();
    let clock = scene.clock.clone();
    let server = scene
        .builder()
        .periodic("beat", 10 * SECOND, move |_| {
            let told = tell.send(clock.now());
            async move { told }
        })
        .start()
        .unwrap();
    runs(&server.services(), "beat").await;
    scene.asleep_until(at(10)).await;
    let_others_go_on().await;
    assert!(ticks.is_empty(), "the first tick comes after a period");

    scene.clock.advance(10 * SECOND);
    assert_eq!(ticks.recv().await, Some(at(10)));
    scene.asleep_until(at(20)).await;
    scene.clock.advance(35 * SECOND);
    assert_eq!(ticks.recv().await, Some(at(45)), "one for all three that were due");
    scene.asleep_until(at(50)).await;
    let_others_go_on().await;
    assert!(ticks.is_empty());
    scene.clock.advance(5 * SECOND);
    assert_eq!(ticks.recv().await, Some(at(50)), "the others keep their time");
    server.shutdown(GRACE).await;
}

#[tokio::test]
async fn calls_never_overlap() {
    let scene = Scene::new();
    let (calls, go_on) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
    let (called, may_go_on) = (calls.clone(), go_on.clone());
    let (tell, mut begun) = mpsc::unbounded_channel();
    let server = scene
        .builder()
        .periodic("slow", SECOND, move |_| {
            let (called, may_go_on, told) = (called.clone(), may_go_on.clone(), tell.send(()));
            async move {
                assert_eq!(called.fetch_add(1, Ordering::Relaxed), 0, "two at once");
                may_go_on.acquire().await.unwrap().forget();
                called.fetch_sub(1, Ordering::Relaxed);
                told
            }
        })
        .start()
        .unwrap();
    runs(&server.services(), "slow").await;
    scene.clock.advance(SECOND);
    begun.recv().await.unwrap();
    for _ in 0..5 {
        scene.clock.advance(SECOND);
        let_others_go_on().await;
    }
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    assert!(begun.is_empty());
    go_on.add_permits(1);
    scene.asleep_until(at(7)).await;
    scene.clock.advance(SECOND);
    begun.recv().await.unwrap();
    go_on.add_permits(1);
    server.shutdown(GRACE).await;
}

#[tokio::test]
async fn a_tick_that_fails_or_panics_is_told_and_ends_nothing() {
    let scene = Scene::new();
    let calls = AtomicUsize::new(0);
    let (tell, mut ended) = mpsc::unbounded_channel();
    let server = scene
        .builder()
        .periodic("shaky", SECOND, move |_| {
            let call = calls.fetch_add(1, Ordering::Relaxed);
            tell.send(call).unwrap();
            async move {
                match call {
                    0 => panic!("it slipped"),
                    1 => Err("no route to host"),
                    _ => Ok(()),
                }
            }
        })
        .start()
        .unwrap();
    let services = server.services();
    runs(&services, "shaky").await;
    for (call, message) in [(0, "a tick panicked: it slipped"), (1, "no route to host"), (2, "no route to host")] {
        scene.clock.advance(SECOND);
        assert_eq!(ended.recv().await, Some(call));
        scene.asleep_until(at(call as u32 + 2)).await;
        let shaky = services.named("shaky").unwrap();
        assert_eq!((shaky.state, shaky.restarts), (ServiceState::Running, 0));
        assert_eq!(shaky.last_error.unwrap().message, message);
    }
}

#[tokio::test]
async fn a_call_under_way_is_told_of_a_shutdown_and_waited_for() {
    let scene = Scene::new();
    let (begun, saved) = (Gate::default(), Gate::default());
    let (has_begun, was_saved) = (begun.clone(), saved.clone());
    let server = scene
        .builder()
        .periodic("save", SECOND, move |token| {
            let (begun, saved) = (begun.clone(), saved.clone());
            async move {
                begun.open();
                token.cancelled().await;
                let_others_go_on().await;
                saved.open();
            }
        })
        .start()
        .unwrap();
    runs(&server.services(), "save").await;
    scene.clock.advance(SECOND);
    has_begun.opened().await;
    assert!(server.shutdown(GRACE).await.services.is_empty());
    assert!(was_saved.is_open());
}
