//! A program with a store in a folder, as a process of its own: this test binary, started again.

use std::{
    io::{BufRead, BufReader, Lines},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

use longhaul::Longhaul;
use longhaul_inspect::Inspect;

use crate::kit::tasks;

/// What the process prints when it serves.
const READY: &str = "ready";

/// What `serve` does in its process: it serves a folder until its input ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[ignore = "it is the program that other tests start"]
async fn serve() {
    let folder = std::env::var("SHOP_FOLDER").expect("the test says which");
    let store = longhaul::open(&folder).expect("it is free");
    let mut builder = tasks(Longhaul::builder().name("shop").store(store));
    if std::env::var("SHOP_LISTENS").is_ok() {
        builder = builder.inspect(&folder);
    }
    let server = builder.start().unwrap();
    let services = server.services();
    services.until(|all| all.iter().all(|service| service.state == longhaul::ServiceState::Running)).await;
    if std::env::var("SHOP_LISTENS").is_ok() {
        crate::kit::until_it_listens(Path::new(&folder)).await;
    }
    println!("{READY}");
    let input = tokio::task::spawn_blocking(|| std::io::stdin().lines().count());
    input.await.unwrap();
    server.shutdown(std::time::Duration::from_secs(10)).await;
}

/// The process. It is killed when this is dropped.
pub(crate) struct App {
    child: Child,
    /// Kept open: the process still writes when it ends.
    out: Lines<BufReader<ChildStdout>>,
}

impl App {
    pub(crate) fn start(folder: &Path, listens: bool) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "app::serve", "--ignored", "--nocapture"]).env("SHOP_FOLDER", folder);
        if listens {
            command.env("SHOP_LISTENS", "1");
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut app = Self { child, out };
        let mut before = String::new();
        for line in app.out.by_ref().map(Result::unwrap) {
            if line.ends_with(READY) {
                return app;
            }
            before.push_str(&line);
        }
        panic!("it did not start: {before}");
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// As `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends in good order.
    pub(crate) fn end(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for App {
    fn drop(&mut self) {
        // It has ended already, or a test has failed.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
