//! sled, when the system fails it: whoever opens, writes or closes gets an answer.

use std::{
    fs::{self, OpenOptions},
    io::{BufRead, BufReader, Read, Seek, SeekFrom, Write},
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::victim::Victim;

/// Longer than any round takes, whose timeouts are 2 seconds: one that hangs fails the test.
const HUNG: &str = "120";
/// An hour, in microseconds: a call that does not come back.
const FOR_EVER: &str = "3600000000";
/// What sled writes and syncs with.
const ENGINE_CALLS: [&str; 2] = ["sync_file_range", "pwrite64"];

/// `LONGHAUL_ENGINE_ROUNDS` on demand.
fn rounds() -> usize {
    std::env::var("LONGHAUL_ENGINE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(15)
}

/// A folder that a killed server left, so that its opening has much to do.
fn left_by_a_kill(folder: &Path) {
    let mut victim = Victim::start(folder, &["serve", "40"]);
    let mut checkpoints = 0;
    while checkpoints < 60 {
        victim.lines_until("checkpoint");
        checkpoints += 1;
    }
    victim.signal("-KILL");
    victim.wait();
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-r").args([from, to]).status();
    assert!(copied.is_ok_and(|status| status.success()));
}

/// A victim some of whose system calls are tampered with. `None`: there is no strace.
fn traced(folder: &Path, inject: &str, arguments: &[&str]) -> Option<Child> {
    Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "-e", inject, env!("CARGO_BIN_EXE_victim")])
        .arg(folder)
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()
}

/// What it says up to a line that begins with `word`, while its calls hang. Then it is let go, and ends: strace would keep
/// the threads that it holds, even of a process that has ended.
fn until_it_says(mut child: Child, word: &str, mut each: impl FnMut(&str)) -> String {
    let mut out = BufReader::new(child.stdout.take().expect("it is piped"));
    let (mut said, mut line) = (String::new(), String::new());
    while out.read_line(&mut line).expect("a line") > 0 {
        each(line.trim_end());
        said += &line;
        if line.starts_with(word) {
            child.kill().expect("strace is there");
            break;
        }
        line.clear();
    }
    out.read_to_string(&mut said).expect("the victim ends");
    child.wait().expect("strace ends");
    said
}

/// What it says from now on, and whether it ended well.
fn end(child: Child) -> (String, Option<i32>) {
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (said, output.status.code())
}

#[test]
fn an_opening_whose_system_calls_do_not_come_back_ends_with_an_error_and_at_a_signal_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let origin = folder.path().join("origin");
    left_by_a_kill(&origin);
    for call in ENGINE_CALLS {
        let inject = format!("inject={call}:delay_enter={FOR_EVER}:when=1+");
        let store = folder.path().join(call);
        copy(&origin, &store);
        let Some(hung) = traced(&store, &inject, &["open-within", "2"]) else {
            return println!("strace is missing, so no call can be made to hang");
        };
        let said = until_it_says(hung, "refused", |_| {});
        assert!(said.contains("has not got on for 2s") && said.contains("end this process"), "{call}: {said}");

        let hung = traced(&store, &inject, &["open-within", "3600"]).expect("there is a strace");
        let said = until_it_says(hung, "told", |line| {
            if let Some(pid) = line.strip_prefix("opening ") {
                let told = Command::new("kill").args(["-TERM", pid]).status();
                assert!(told.is_ok_and(|status| status.success()));
            }
        });
        assert!(said.contains("told SIGTERM"), "{call}: {said}");

        // And nothing is lost by it.
        let (lines, status) = Victim::start(&store, &["drain"]).wait();
        assert!(status.success(), "{lines:#?}");
    }
}

#[test]
fn an_opening_one_of_whose_syncs_fails_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let origin = folder.path().join("origin");
    left_by_a_kill(&origin);
    let (mut opened, mut refused) = (0, 0);
    for round in 0..rounds() {
        let store = folder.path().join(round.to_string());
        copy(&origin, &store);
        let inject = format!("inject=sync_file_range:error=EIO:when={}", 1 + round % 8);
        let Some(child) = traced(&store, &inject, &["open-within", "2"]) else {
            return println!("strace is missing, so no call can be made to fail");
        };
        match end(child) {
            (_, Some(0)) => opened += 1,
            (said, Some(1)) => {
                assert!(said.contains("refused "), "{said}");
                refused += 1;
            }
            (said, code) => panic!("ended with {code:?}: {said}"),
        }
        fs::remove_dir_all(&store).expect("it is ours");
    }
    println!("{opened} opened, {refused} refused");
}

#[test]
fn a_store_whose_sync_does_not_come_back_says_so_and_can_be_closed() {
    let folder = tempfile::tempdir().expect("a folder");
    // Some calls later than those of an opening.
    for (call, nth) in [("fdatasync", 30), ("sync_file_range", 60), ("pwrite64", 60)] {
        let inject = format!("inject={call}:delay_enter={FOR_EVER}:when={nth}+");
        let Some(child) = traced(&folder.path().join(call), &inject, &["write-within", "2"]) else {
            return println!("strace is missing, so no call can be made to hang");
        };
        let said = until_it_says(child, "ended", |_| {});
        let lines: Vec<&str> = said.lines().collect();
        let place = |word: &str| lines.iter().position(|line| line.starts_with(word));
        let refused = place("refused").unwrap_or_else(|| panic!("{call}: {said}"));
        assert!(lines[refused].contains("has not come back for 2s"), "{call}: {said}");
        assert!(lines[refused].contains("end this process and start it again"), "{call}: {said}");
        assert!(place("closed").is_some() && place("ended").is_some(), "{call}: {said}");
        // What was acknowledged is there, for the process that comes next.
        let (lines, status) = Victim::start(&folder.path().join(call), &["inspect"]).wait();
        assert!(status.success(), "{lines:#?}");
    }
}

/// Fills blocks of a file with zeros.
fn zero(file: &Path, blocks: usize) -> String {
    const BLOCK: usize = 4096;
    let mut file = OpenOptions::new().write(true).open(file).expect("it is there");
    let length = usize::try_from(file.metadata().expect("it is there").len()).expect("a small file");
    let mut at = Vec::new();
    for _ in 0..blocks {
        at.push(fastrand::usize(..length / BLOCK) * BLOCK);
        file.seek(SeekFrom::Start(at[at.len() - 1] as u64)).expect("it is within");
        file.write_all(&[0; BLOCK]).expect("it is writable");
    }
    format!("zeros at {at:?} of {length}")
}

#[test]
fn a_store_whose_pages_become_zero_under_it_tells_everybody_why_and_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let origin = folder.path().join("origin");
    // Larger than what sled keeps in memory.
    let mut victim = Victim::start(&origin, &["serve", "1500"]);
    let mut checkpoints = 0;
    while checkpoints < 2500 {
        victim.lines_until("checkpoint");
        checkpoints += 1;
    }
    victim.signal("-TERM");
    assert!(victim.wait().1.success());
    let (mut well, mut refused) = (0, 0);
    for round in 0..rounds() {
        let store = folder.path().join(round.to_string());
        copy(&origin, &store);
        let mut child = Command::new("timeout")
            .args(["-s", "KILL", HUNG, env!("CARGO_BIN_EXE_victim")])
            .arg(&store)
            .arg("reread")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the victim starts");
        let mut out = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut said = String::new();
        out.read_line(&mut said).expect("a line");
        assert!(said.starts_with("opened"), "{said}");
        let how = zero(&store.join("db"), 64 << (round % 5));
        child.stdin.take().expect("it is piped").write_all(b"go on\n").expect("it listens");
        for line in out.lines() {
            said += &(line.expect("a line") + "\n");
        }
        let (errors, code) = end(child);
        assert_eq!(code, Some(0), "{how}: {said}{errors}");
        assert!(said.ends_with("closed\nended\n"), "{how}: {said}{errors}");
        assert!(!said.contains("the store is closed"), "{how}: {said}");
        if said.contains("refused") {
            refused += 1;
        } else {
            well += 1;
        }
        fs::remove_dir_all(&store).expect("it is ours");
    }
    println!("{well} went well, {refused} refused");
    assert!(refused > 0, "nothing that was read was zero");
}
