//! One process of `docsearch`, and what it has said so far.

use std::{
    env,
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};

use crate::gate::Gate;

/// A program that lasts so long hangs, or goes round in circles: the test is to fail then, and to tell what it said.
const HUNG: Duration = Duration::from_secs(120);

/// Where cargo puts the example beside this test: `target/debug/deps/it-0123` and `target/debug/examples/docsearch`.
///
/// `cargo test` builds it; when it is given the name of a test, or of a test target, it does not.
pub(crate) fn docsearch() -> PathBuf {
    let test = env::current_exe().expect("the test knows where it is");
    let folder = test.parent().and_then(Path::parent).expect("it is in target/PROFILE/deps");
    let program = folder.join("examples").join(format!("docsearch{}", env::consts::EXE_SUFFIX));
    assert!(
        program.is_file(),
        "{} is missing. `cargo test -p docsearch` builds it, but not when some tests are picked out: run `cargo \
         build -p docsearch --example docsearch` before, with the same profile and features",
        program.display()
    );
    program
}

enum Event {
    Out(String),
    Err(String),
    Closed,
    Reached(File),
}

/// Killed when dropped: a test that fails leaves nothing behind.
pub(crate) struct Program {
    child: Child,
    events: Receiver<Event>,
    sender: Sender<Event>,
    /// How many of its two streams it has not closed yet.
    open: u8,
    said: Said,
    started: Instant,
}

#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) out: Vec<String>,
    pub(crate) err: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct Ended {
    /// `None`: killed.
    pub(crate) code: Option<i32>,
    pub(crate) said: Said,
}

impl Program {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let (sender, events) = mpsc::channel();
        listen(child.stdout.take().expect("it is piped"), Event::Out, sender.clone());
        listen(child.stderr.take().expect("it is piped"), Event::Err, sender.clone());
        Self { child, events, sender, open: 2, said: Said::default(), started: now() }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until a line was said that begins with `words`, on either stream, and gives the first one.
    pub(crate) fn until(&mut self, words: &str) -> String {
        loop {
            let mut said = self.said.out.iter().chain(&self.said.err);
            if let Some(line) = said.find(|line| line.starts_with(words)) {
                return line.clone();
            }
            self.next(words);
        }
    }

    /// Waits until the program stands at the gate, which it does for as long as the pipe that this gives is kept.
    #[must_use]
    pub(crate) fn until_at(&mut self, gate: &Gate) -> File {
        let (path, sender) = (gate.path().to_owned(), self.sender.clone());
        thread::spawn(move || {
            // Comes back when the program opens the other end.
            if let Ok(pipe) = OpenOptions::new().write(true).open(path) {
                // A test that has failed meanwhile does not want to know.
                let _ = sender.send(Event::Reached(pipe));
            }
        });
        loop {
            if let Event::Reached(pipe) = self.next(&gate.path().to_string_lossy()) {
                return pipe;
            }
        }
    }

    pub(crate) fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.id().to_string()]).status();
        assert!(status.expect("kill runs").success(), "the program was gone before {signal}");
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it is ours");
        assert_eq!(self.wait().code, None, "it ended before it was killed");
    }

    /// All that it still says, and how it ended.
    pub(crate) fn wait(mut self) -> Ended {
        while self.open > 0 {
            self.next("its end");
        }
        let code = self.child.wait().expect("it ends").code();
        Ended { code, said: std::mem::take(&mut self.said) }
    }

    fn next(&mut self, awaited: &str) -> Event {
        assert!(self.open > 0, "it ended before {awaited}: {:#?}", self.said);
        let event = match self.events.recv_timeout(HUNG.saturating_sub(now() - self.started)) {
            Ok(event) => event,
            Err(RecvTimeoutError::Timeout) => panic!("it hangs before {awaited}: {:#?}", self.said),
            Err(RecvTimeoutError::Disconnected) => unreachable!("this holds a sender"),
        };
        match &event {
            Event::Out(line) => self.said.out.push(line.clone()),
            Event::Err(line) => self.said.err.push(line.clone()),
            Event::Closed => self.open -= 1,
            Event::Reached(_) => {}
        }
        event
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended, most of the time.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// The line on stdout that begins with `word`; there must be one, once.
    pub(crate) fn line(&self, word: &str) -> &str {
        let lines: Vec<_> = self.said.out.iter().filter(|line| line.starts_with(word)).collect();
        assert_eq!(lines.len(), 1, "not one line with {word}: {self:#?}");
        lines[0]
    }

    /// The message it failed with; it must be all that it says of the failure.
    pub(crate) fn error(&self) -> &str {
        assert_eq!(self.code, Some(1), "{self:#?}");
        let errors: Vec<_> = self.said.err.iter().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!(errors.len(), 1, "not one error: {self:#?}");
        assert!(!self.said.err.iter().any(|line| line.contains("panicked")), "{self:#?}");
        errors[0]
    }
}

fn listen(stream: impl Read + Send + 'static, event: fn(String) -> Event, sender: Sender<Event>) {
    thread::spawn(move || {
        for line in BufReader::new(stream).lines() {
            // A line that is not UTF-8 is as good as an end: the test fails for what is missing.
            let Ok(line) = line else { break };
            let _ = sender.send(event(line));
        }
        let _ = sender.send(Event::Closed);
    });
}

#[expect(clippy::disallowed_methods, reason = "it bounds how long a broken program holds the tests up, and no more")]
fn now() -> Instant {
    Instant::now()
}
