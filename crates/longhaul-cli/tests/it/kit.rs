//! A shop with a few kinds, and the command line over it.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
    time::Duration,
};

use clap::Parser;
use longhaul::{
    AnyError, Builder, Client, Context, ExecutionResult, Failure, RunId, Schedule, StateKind, Success, Suspended, Task,
    TaskOptions, Timestamp, Views,
    testing::{TestClock, TestServer},
};
use longhaul_cli::{Exit, Tasks, Terminal};
use longhaul_inspect::Inspector;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Counts up, and is done.
pub(crate) struct Count;

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct CountTo {
    /// How far.
    pub(crate) up_to: u64,
    /// For whom.
    pub(crate) customer: Option<String>,
    /// Of the customer's account.
    #[schemars(extend("writeOnly" = true))]
    #[serde(default)]
    pub(crate) password: String,
}

impl Task for Count {
    const NAME: &'static str = "count";
    type Metadata = CountTo;
    type ExecutionMetadata = u64;
    type Output = u64;
    type Error = AnyError;
    async fn execute(&self, ctx: &Context<CountTo, u64>) -> ExecutionResult<u64, AnyError> {
        ctx.progress().step("counting").set(ctx.metadata().up_to, ctx.metadata().up_to);
        ctx.update(|at| *at = ctx.metadata().up_to);
        Success::with_result(ctx.metadata().up_to).for_error()
    }
    fn options() -> TaskOptions {
        TaskOptions::default().queue("numbers").schema::<Self>()
    }
}

/// Fails for good, with what it was given.
pub(crate) struct Fail;

impl Task for Fail {
    const NAME: &'static str = "fail";
    type Metadata = String;
    type ExecutionMetadata = ();
    type Output = ();
    type Error = AnyError;
    async fn execute(&self, ctx: &Context<String, ()>) -> ExecutionResult<(), AnyError> {
        ctx.progress().step(ctx.metadata());
        Failure::for_result().permanently().with_error(AnyError::msg(ctx.metadata()))
    }
}

/// Packs what was ordered.
pub(crate) struct Pack;

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Parcel {
    /// What goes into it.
    pub(crate) lines: Vec<Line>,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Line {
    /// Which article.
    pub(crate) article: String,
    pub(crate) pieces: u32,
    #[serde(default)]
    pub(crate) codes: Vec<u32>,
}

impl Task for Pack {
    const NAME: &'static str = "pack";
    type Metadata = Parcel;
    type ExecutionMetadata = ();
    type Output = ();
    type Error = AnyError;
    async fn execute(&self, _: &Context<Parcel, ()>) -> ExecutionResult<(), AnyError> {
        Success::with_result(()).for_error()
    }
    fn options() -> TaskOptions {
        TaskOptions::default().schema::<Self>()
    }
}

/// Waits until somebody approves.
pub(crate) struct Approve;

impl Task for Approve {
    const NAME: &'static str = "approve";
    type Metadata = ();
    type ExecutionMetadata = bool;
    type Output = ();
    type Error = AnyError;
    async fn execute(&self, ctx: &Context<(), bool>) -> ExecutionResult<(), AnyError> {
        if ctx.read(|asked| *asked) {
            return Success::with_result(()).for_error();
        }
        ctx.update(|asked| *asked = true);
        Suspended::for_result().for_error()
    }
}

pub(crate) fn views() -> Views {
    Views::new().task::<Count>().task::<Fail>().task::<Approve>().task::<Pack>()
}

pub(crate) fn tasks(builder: Builder) -> Builder {
    builder.task(Count).task(Fail).task(Approve).task(Pack)
}

/// What a command wrote.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Written {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).expect("only text is written")
    }
}

#[derive(Parser)]
struct Typed {
    #[command(flatten)]
    tasks: Tasks,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) exit: Exit,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    pub(crate) fn json(&self) -> serde_json::Value {
        assert_eq!(self.exit, Exit::Done, "{}", self.err);
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

/// Runs a command as it is typed; no word has a space in it. `answer`: what is typed when it asks; `None`: nobody is
/// there, and the output is no terminal.
pub(crate) async fn longhaul(line: &str, answer: Option<&str>, inspector: Option<&Inspector>) -> Ended {
    let words = ["longhaul", "--actor", "ann"].into_iter().chain(line.split(' '));
    let tasks = match Typed::try_parse_from(words) {
        Ok(typed) => typed.tasks,
        // What the program prints then, before it ends with 2.
        Err(error) => return Ended { exit: Exit::Usage, out: String::new(), err: error.to_string() },
    };
    let (out, err) = (Written::default(), Written::default());
    let mut terminal = Terminal::into_writers(out.clone(), err.clone(), answer.map(|_| 80), answer);
    let exit = match inspector {
        Some(inspector) => tasks.run_over(inspector.clone(), "longhaul", &mut terminal).await,
        None => tasks.run_on(views(), "longhaul", &mut terminal).await,
    };
    Ended { exit, out: out.text(), err: err.text() }
}

/// The same in a script, by a command line that has no code of any kind.
pub(crate) async fn without_code(line: &str) -> Ended {
    let words = ["longhaul", "--actor", "ann"].into_iter().chain(line.split(' '));
    let tasks = match Typed::try_parse_from(words) {
        Ok(typed) => typed.tasks,
        // What the program prints then, before it ends with 2.
        Err(error) => return Ended { exit: Exit::Usage, out: String::new(), err: error.to_string() },
    };
    let (out, err) = (Written::default(), Written::default());
    let mut terminal = Terminal::into_writers(out.clone(), err.clone(), None, None);
    let exit = tasks.run_on(Views::new(), "longhaul", &mut terminal).await;
    Ended { exit, out: out.text(), err: err.text() }
}

/// The shop on the store in memory, at a time that stands still.
pub(crate) struct Shop {
    server: TestServer,
    pub(crate) inspector: Inspector,
}

impl Shop {
    pub(crate) async fn open() -> Self {
        let clock = TestClock::starting_at("2026-11-20T21:00:00Z".parse::<Timestamp>().unwrap());
        let far = Schedule::once("2026-12-24T18:00:00Z".parse::<Timestamp>().unwrap());
        let server = TestServer::start_with_clock(clock, |builder| {
            tasks(builder.name("shop")).schedule::<Approve>("christmas", far, ())
        });
        let inspector = Inspector::new(server.client());
        // Its first heartbeat and its schedules come from loops of their own.
        while inspector.servers().await.unwrap().is_empty() || inspector.schedules().await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        Self { server, inspector }
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.server.advance(Duration::from_secs(seconds));
    }

    pub(crate) fn client(&self) -> &Client {
        self.inspector.client()
    }

    pub(crate) async fn reaches(&self, id: RunId, state: StateKind) {
        reaches(&self.inspector, id, state).await;
    }

    /// On a terminal of 80 columns, where everything is answered by yes.
    pub(crate) async fn on_terminal(&self, line: &str) -> Ended {
        longhaul(line, Some("y\n"), Some(&self.inspector)).await
    }

    /// In a script.
    pub(crate) async fn in_script(&self, line: &str) -> Ended {
        longhaul(line, None, Some(&self.inspector)).await
    }
}

pub(crate) async fn reaches(inspector: &Inspector, id: RunId, state: StateKind) {
    let mut seen = 0;
    loop {
        let snapshot = inspector.changed(id, seen).await.unwrap();
        seen = snapshot.run.revision;
        if snapshot.run.state.kind() == state {
            return;
        }
    }
}

/// Waits until the socket of the folder takes connections.
#[cfg(unix)]
pub(crate) async fn until_it_listens(folder: &std::path::Path) {
    loop {
        let socket = longhaul_inspect::socket::find(folder).unwrap();
        if socket.is_some_and(|socket| std::os::unix::net::UnixStream::connect(socket).is_ok()) {
            return;
        }
        tokio::task::yield_now().await;
    }
}
