//! The program that is made to be killed, from outside.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
};

/// A running victim, and what it has said so far.
pub(crate) struct Victim {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Victim {
    pub(crate) fn start(folder: &Path, arguments: &[&str]) -> Self {
        Self::spawn(Command::new(env!("CARGO_BIN_EXE_victim")), folder, arguments)
    }

    /// One that may open no more files than this.
    pub(crate) fn with_open_files_at_most(files: u32, folder: &Path, arguments: &[&str]) -> Self {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("ulimit -n {files}; exec \"$0\" \"$@\"")).arg(env!("CARGO_BIN_EXE_victim"));
        Self::spawn(shell, folder, arguments)
    }

    fn spawn(mut command: Command, folder: &Path, arguments: &[&str]) -> Self {
        let mut child = command.arg(folder).args(arguments).stdout(Stdio::piped()).spawn().expect("the victim starts");
        let said = BufReader::new(child.stdout.take().expect("it is piped"));
        Self { child, said }
    }

    /// The same, in a process that gets no more than so many bytes of memory.
    pub(crate) fn start_with_memory(folder: &Path, arguments: &[&str], bytes: u64) -> Self {
        let mut child = Command::new("sh")
            .args(["-c", &format!("ulimit -v {}; exec \"$@\"", bytes >> 10), "sh", env!("CARGO_BIN_EXE_victim")])
            .arg(folder)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the victim starts");
        let said = BufReader::new(child.stdout.take().expect("it is piped"));
        Self { child, said }
    }

    /// The next line; `None` at its end.
    pub(crate) fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.said.read_line(&mut line).expect("the pipe is read");
        // What it wrote in one call arrives whole, so a line without an end is a bug of this test.
        assert!(read == 0 || line.ends_with('\n'), "torn line {line:?}");
        (read > 0).then(|| line.trim_end().to_owned())
    }

    /// Lines up to one that begins with `word`, that one included.
    pub(crate) fn lines_until(&mut self, word: &str) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(line) = self.line() {
            lines.push(line);
            if lines.last().is_some_and(|line| line.starts_with(word)) {
                return lines;
            }
        }
        panic!("the victim ended without saying `{word}`: {lines:#?}");
    }

    pub(crate) fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(status.expect("kill runs").success(), "the victim was gone before {signal}");
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal to one that may have ended.
    pub(crate) fn signal_if_there(&self, signal: &str) {
        let mut kill = Command::new("kill");
        // Until it is waited for it is a zombie, so the number belongs to nobody else.
        let _ = kill.args([signal, &self.child.id().to_string()]).stderr(Stdio::null()).status();
    }

    /// Sends it again and again, since of two that are the same the kernel may make one. Answers how it ended.
    pub(crate) fn signal_until_it_ends(&mut self, signal: &str) -> ExitStatus {
        loop {
            // It may be gone by now, and is a zombie until it is waited for.
            let _ = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                return status;
            }
        }
    }

    /// All that it still says, and how it ended.
    pub(crate) fn wait(mut self) -> (Vec<String>, ExitStatus) {
        let mut lines = Vec::new();
        while let Some(line) = self.line() {
            lines.push(line);
        }
        (lines, self.child.wait().expect("it ends"))
    }
}
