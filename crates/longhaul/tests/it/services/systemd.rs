//! What systemd is told, on a socket of the test's own.

use std::{
    path::PathBuf,
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
};

use longhaul::systemd::Systemd;
use tokio::net::UnixDatagram;

use super::{Log, Noted, let_others_go_on, runs};
use crate::kit::{GRACE, Gate, SECOND, START, Scene, WORK, broken, done};

/// What systemd would listen on.
struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Manager {
    fn new() -> Self {
        static NTH: AtomicUsize = AtomicUsize::new(0);
        let nth = NTH.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("longhaul-notify-{}-{nth}", std::process::id()));
        Self { socket: UnixDatagram::bind(&path).unwrap(), path }
    }

    async fn hears(&self) -> String {
        let mut message = [0; 256];
        let length = self.socket.recv(&mut message).await.unwrap();
        String::from_utf8(message[..length].to_vec()).unwrap()
    }

    /// What was sent has arrived; nothing is under way.
    fn hears_nothing(&self) {
        let mut message = [0; 256];
        let heard =
            self.socket.try_recv(&mut message).map(|length| String::from_utf8_lossy(&message[..length]).into_owned());
        assert!(heard.is_err(), "{heard:?}");
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

#[tokio::test]
async fn a_server_is_ready_when_its_services_have_started_and_asks_for_time_while_it_stops() {
    let (scene, log, manager) = (Scene::new(), Log::new(), Manager::new());
    let slow = Noted { may_start: Gate::default(), may_stop: Gate::default(), ..Noted::new("slow", &log) };
    let (may_start, may_stop) = (slow.may_start.clone(), slow.may_stop.clone());
    let server = scene.builder().systemd(Systemd::at(&manager.path)).service(slow).start().unwrap();
    log.has("slow starts").await;
    let_others_go_on().await;
    manager.hears_nothing();
    may_start.open();
    assert_eq!(manager.hears().await, "READY=1");
    let_others_go_on().await;
    manager.hears_nothing();

    let shutdown = tokio::spawn(server.shutdown(GRACE));
    assert_eq!(manager.hears().await, "STOPPING=1");
    assert_eq!(manager.hears().await, "EXTEND_TIMEOUT_USEC=15000000");
    scene.asleep_until(START.after(5 * SECOND)).await;
    let_others_go_on().await;
    manager.hears_nothing();
    scene.clock.advance(4 * SECOND);
    let_others_go_on().await;
    manager.hears_nothing();
    scene.clock.advance(SECOND / 2);
    let_others_go_on().await;
    manager.hears_nothing();
    may_stop.open();
    shutdown.await.unwrap();
    manager.hears_nothing();
}

#[tokio::test]
async fn time_is_asked_for_again_until_the_shutdown_is_done() {
    let (scene, manager) = (Scene::new(), Manager::new());
    let server = scene.builder().systemd(Systemd::at(&manager.path)).start().unwrap();
    assert_eq!(manager.hears().await, "READY=1");
    server.spawn("deaf", |_| std::future::pending::<()>()).unwrap();
    let shutdown = tokio::spawn(server.shutdown(11 * SECOND));
    assert_eq!(manager.hears().await, "STOPPING=1");
    for n in 1..=3 {
        assert_eq!(manager.hears().await, "EXTEND_TIMEOUT_USEC=15000000");
        scene.asleep_until(START.after(5 * n * SECOND)).await;
        if n < 3 {
            scene.clock.advance(5 * SECOND);
        }
    }
    scene.clock.advance(SECOND);
    assert_eq!(shutdown.await.unwrap().background.len(), 1);
    manager.hears_nothing();
}

#[tokio::test]
async fn the_watchdog_is_fed_at_half_of_its_time_also_in_a_shutdown() {
    let (scene, manager) = (Scene::new(), Manager::new());
    let systemd = Systemd::at(&manager.path).watchdog(6 * SECOND);
    let server = scene.builder().systemd(systemd).task_fn(WORK, |ctx| async move { done(&ctx) }).start().unwrap();
    assert_eq!(manager.hears().await, "WATCHDOG=1");
    assert_eq!(manager.hears().await, "READY=1");
    for n in 1..=4 {
        scene.asleep_until(START.after(3 * n * SECOND)).await;
        let_others_go_on().await;
        manager.hears_nothing();
        scene.clock.advance(3 * SECOND);
        assert_eq!(manager.hears().await, "WATCHDOG=1");
    }
    server.spawn("deaf", |_| std::future::pending::<()>()).unwrap();
    let shutdown = tokio::spawn(server.shutdown(4 * SECOND));
    assert_eq!(manager.hears().await, "STOPPING=1");
    assert_eq!(manager.hears().await, "EXTEND_TIMEOUT_USEC=15000000\nWATCHDOG=1");
    scene.asleep_until(START.after(15 * SECOND)).await;
    scene.clock.advance(3 * SECOND);
    assert_eq!(manager.hears().await, "EXTEND_TIMEOUT_USEC=15000000\nWATCHDOG=1");
    scene.asleep_until(START.after(16 * SECOND)).await;
    scene.clock.advance(SECOND);
    shutdown.await.unwrap();
}

#[tokio::test]
async fn a_server_without_tasks_feeds_the_watchdog_too() {
    let (scene, manager) = (Scene::new(), Manager::new());
    let systemd = Systemd::at(&manager.path).watchdog(6 * SECOND);
    let _server = scene.builder().systemd(systemd).start().unwrap();
    assert_eq!(manager.hears().await, "WATCHDOG=1");
    assert_eq!(manager.hears().await, "READY=1");
    let_others_go_on().await;
    scene.clock.advance(3 * SECOND);
    assert_eq!(manager.hears().await, "WATCHDOG=1");
}

/// The runtime has one thread, and this test is on another.
#[test]
fn a_loop_that_hangs_stops_the_watchdog() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (scene, manager) = {
        let _entered = runtime.enter();
        (Scene::new(), Manager::new())
    };
    let (blocks, blocked) = mpsc::channel();
    let (go_on, wait) = mpsc::channel::<()>();
    let systemd = Systemd::at(&manager.path).watchdog(6 * SECOND);
    let server = {
        let _entered = runtime.enter();
        scene.builder().systemd(systemd).start().unwrap()
    };
    assert_eq!(runtime.block_on(manager.hears()), "WATCHDOG=1");
    assert_eq!(runtime.block_on(manager.hears()), "READY=1");
    runtime.block_on(scene.asleep_until(START.after(3 * SECOND)));
    server
        .spawn("hangs", move |_| async move {
            blocks.send(()).unwrap();
            let _ = wait.recv(); // outside of `spawn_blocking`
        })
        .unwrap();
    blocked.recv().unwrap();
    scene.clock.advance(60 * SECOND);
    manager.hears_nothing();
    drop(go_on);
    assert_eq!(runtime.block_on(manager.hears()), "WATCHDOG=1", "it goes on");
}

#[tokio::test]
async fn a_store_that_broke_stops_the_watchdog() {
    let (scene, manager) = (Scene::new(), Manager::new());
    let systemd = Systemd::at(&manager.path).watchdog(6 * SECOND);
    scene.faults.fail_next(longhaul_testkit::Call::List, longhaul_testkit::FaultPoint::BeforeEffect, broken());
    scene.faults.fail_next(longhaul_testkit::Call::Claim, longhaul_testkit::FaultPoint::BeforeEffect, broken());
    let server = scene.builder().systemd(systemd).task_fn(WORK, |ctx| async move { done(&ctx) }).start().unwrap();
    server.broken().await;
    let_others_go_on().await;
    while manager.socket.try_recv(&mut [0; 256]).is_ok() {}
    scene.clock.advance(60 * SECOND);
    let_others_go_on().await;
    manager.hears_nothing();
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_socket_in_the_abstract_namespace_is_reached() {
    use std::os::{linux::net::SocketAddrExt, unix::net};
    let name = format!("longhaul-abstract-{}", std::process::id());
    let address = net::SocketAddr::from_abstract_name(&name).unwrap();
    let socket = net::UnixDatagram::bind_addr(&address).unwrap();
    socket.set_nonblocking(true).unwrap();
    let socket = UnixDatagram::from_std(socket).unwrap();
    let scene = Scene::new();
    let _server = scene.builder().systemd(Systemd::at(format!("@{name}"))).start().unwrap();
    let mut message = [0; 16];
    let length = socket.recv(&mut message).await.unwrap();
    assert_eq!(&message[..length], b"READY=1");
}

#[tokio::test]
async fn a_manager_that_is_gone_harms_nobody() {
    let scene = Scene::new();
    let nowhere = Systemd::at("/nowhere/at/all").watchdog(SECOND);
    let server = scene.builder().systemd(nowhere).service_fn("here", |token| async move { token.cancelled().await });
    let server = server.start().unwrap();
    runs(&server.services(), "here").await;
    server.shutdown(GRACE).await;
}
