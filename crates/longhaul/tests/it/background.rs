//! Fire and forget.

use std::{
    future::pending,
    sync::{Arc, mpsc},
    time::Duration,
};

use longhaul::{AnyError, Longhaul, SpawnError};
use tokio::sync::oneshot;

use crate::kit::{GRACE, Gate, START, Scene};

fn server() -> (Scene, Longhaul) {
    let scene = Scene::new();
    let server = scene.builder().start().unwrap();
    (scene, server)
}

fn panics(message: &str) {
    panic!("{message}")
}

#[tokio::test]
async fn work_is_counted_by_name_while_it_is_in_flight() {
    let (_scene, server) = server();
    let (end, ended) = oneshot::channel::<()>();
    server.spawn("mail", |_| ended).unwrap();
    server.spawn("mail", |token| async move { token.cancelled().await }).unwrap();
    server.spawn("cache", |token| async move { token.cancelled().await }).unwrap();
    let status = server.background().status();
    assert_eq!((status.running["mail"], status.running["cache"], status.ended), (2, 1, 0));

    end.send(()).unwrap();
    let background = server.background();
    while background.status().ended < 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(background.status().running["mail"], 1);
    assert!(server.shutdown(GRACE).await.background.is_empty());
    let status = background.status();
    assert!(status.running.is_empty());
    assert_eq!((status.ended, status.failed, status.last_failure), (3, 0, None));
}

#[tokio::test]
async fn errors_and_panics_are_told_by_name_and_harm_nobody_else() {
    let (_scene, server) = server();
    let background = server.background();
    let last = || background.status().last_failure.map(|failure| (failure.name.to_string(), failure.message));
    let of = |name: &str, message: &str| Some((name.to_owned(), message.to_owned()));

    server.spawn("fails", |_| async { Err(AnyError::msg("no route to host")) }).unwrap();
    background.idle().await;
    assert_eq!(last(), of("fails", "no route to host"));
    server.spawn("panics", |_| async { panics("it slipped") }).unwrap();
    background.idle().await;
    assert_eq!(last(), of("panics", "it panicked: it slipped"));
    // Before there is a future.
    let early = |_| -> std::future::Ready<()> { panic!("at once") };
    server.spawn("early", early).unwrap();
    background.idle().await;
    assert_eq!(last(), of("early", "it panicked: at once"));
    server.spawn_blocking("thread", |_| panics("on a thread")).unwrap();
    background.idle().await;
    assert_eq!(last(), of("thread", "it panicked: on a thread"));
    server.spawn_blocking("fails", |_| Err("disk full")).unwrap();
    background.idle().await;
    assert_eq!(last(), of("fails", "disk full"));
    server.spawn("fine", |_| async {}).unwrap();
    background.idle().await;
    let status = background.status();
    assert_eq!((status.ended, status.failed), (6, 5));
}

#[tokio::test]
async fn a_shutdown_tells_work_to_end_and_waits_for_it() {
    let (_scene, server) = server();
    let (saved, saved_too) = (Gate::default(), Gate::default());
    let (save, and_this) = (saved.clone(), saved_too.clone());
    server
        .spawn("save", |token| async move {
            token.cancelled().await;
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            save.open();
        })
        .unwrap();
    let (tell, told) = mpsc::channel();
    server
        .spawn_blocking("save-too", move |token| {
            told.recv().unwrap();
            assert!(token.is_cancelled());
            and_this.open();
        })
        .unwrap();
    server
        .spawn("teller", |token| async move {
            token.cancelled().await;
            tell.send(())
        })
        .unwrap();
    let background = server.background();
    assert!(server.shutdown(GRACE).await.background.is_empty());
    assert!(saved.is_open() && saved_too.is_open());
    assert_eq!((background.status().ended, background.status().failed), (3, 0));
}

#[tokio::test]
async fn nothing_is_begun_once_a_shutdown_began() {
    let (_scene, server) = server();
    let background = server.background();
    let (begun, gate) = (Gate::default(), Gate::default());
    let (has_begun, release) = (begun.clone(), gate.clone());
    server
        .spawn("first", |token| async move {
            token.cancelled().await;
            begun.open();
            gate.opened().await;
        })
        .unwrap();
    let shutdown = tokio::spawn(server.shutdown(GRACE));
    has_begun.opened().await;
    let refused = background.spawn("late", |_| async { panics("it was refused") }).unwrap_err();
    assert_eq!(refused, SpawnError::ShuttingDown { name: "late".into() });
    assert!(refused.to_string().ends_with("what has to happen all the same is a run; enqueue it"));
    let refused = background.spawn_blocking("late", |_| panics("it was refused")).unwrap_err();
    assert_eq!(refused, SpawnError::ShuttingDown { name: "late".into() });
    release.open();
    assert!(shutdown.await.unwrap().background.is_empty());
    assert_eq!(background.status().ended, 1);
}

#[tokio::test]
async fn work_that_outlasts_the_grace_is_dropped_or_named_as_blocked() {
    struct OnDrop(Gate);
    impl Drop for OnDrop {
        fn drop(&mut self) {
            self.0.open();
        }
    }
    let (scene, server) = server();
    let dropped = Gate::default();
    let guard = OnDrop(dropped.clone());
    server
        .spawn("deaf", |_| async move {
            pending::<()>().await;
            drop(guard);
        })
        .unwrap();
    let (go_on, wait) = mpsc::channel::<()>();
    server
        .spawn_blocking("stuck", move |_| {
            let _ = wait.recv();
        })
        .unwrap();
    server.spawn("good", |token| async move { token.cancelled().await }).unwrap();

    let shutdown = tokio::spawn(server.shutdown(GRACE));
    scene.asleep_until(START.after(GRACE)).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!shutdown.is_finished() && !dropped.is_open(), "the grace is not over");
    scene.clock.advance(GRACE);
    let report = shutdown.await.unwrap();
    assert!(dropped.is_open());
    let late: Vec<_> = report.background.iter().map(|late| (&*late.name, late.blocked)).collect();
    assert_eq!(late, [("deaf", false), ("stuck", true)]);
    drop(go_on);
}

#[tokio::test]
async fn what_may_be_in_flight_is_bounded_and_there_is_room_again_afterwards() {
    let scene = Scene::new();
    let server = scene.builder().background_max(3).background_blocking_max(1).start().unwrap();
    let background = server.background();
    let (end, ended) = mpsc::channel::<()>();
    background.spawn_blocking("thread", move |_| _ = ended.recv()).unwrap();
    let refused = background.spawn_blocking("second", |_| ()).unwrap_err();
    assert_eq!(refused, SpawnError::FullOfThreads { name: "second".into(), max: 1 });
    assert!(refused.to_string().contains("raise `background_blocking_max`"));

    let gate = Gate::default();
    for _ in 0..2 {
        let gate = gate.clone();
        background.spawn("one", |_| async move { gate.opened().await }).unwrap();
    }
    let refused = background.spawn("more", |_| async {}).unwrap_err();
    assert_eq!(refused, SpawnError::Full { name: "more".into(), max: 3 });
    assert!(refused.to_string().contains("because 3 others are in flight"));
    assert_eq!(background.status().running.len(), 2, "what was refused is not counted");

    drop(end);
    gate.open();
    background.idle().await;
    background.spawn("more", |_| async {}).unwrap();
    background.spawn_blocking("second", |_| ()).unwrap();
    background.idle().await;
    assert_eq!(background.status().ended, 5);
}

#[tokio::test]
async fn a_handle_spawns_from_any_thread() {
    let (_scene, server) = server();
    let background = server.background();
    let told = Arc::new(Gate::default());
    let (tell, handle) = (told.clone(), background.clone());
    std::thread::spawn(move || handle.spawn("far", move |_| async move { tell.open() })).join().unwrap().unwrap();
    told.opened().await;
    background.idle().await;
    let report = server.shutdown(Duration::ZERO).await;
    assert!(report.background.is_empty());
}
