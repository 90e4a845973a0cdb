//! What people see, on a terminal and elsewhere.

use std::process::Command;

use crate::{
    program::{Ended, Program, docsearch},
    site::Site,
};

const ESCAPE: char = '\x1b';

/// Whether colours, or anything else that changes how text looks, are asked for: `ESC [ numbers m`.
fn is_coloured(text: &str) -> bool {
    text.split("\x1b[")
        .skip(1)
        .any(|code| code.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').starts_with('m'))
}

/// The text alone, where each return to the margin begins a new line.
fn without_codes(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let first = parts.next().unwrap_or_default().to_owned();
    let text = parts.fold(first, |text, part| {
        text + part.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').get(1..).unwrap_or_default()
    });
    text.replace('\r', "\n")
}

#[test]
fn where_there_is_no_terminal_it_says_in_plain_lines_how_far_it_is() {
    let site = Site::new();
    let mut program = site.start(&["--throttle", "1"]);
    let line = program.until("[2/4] reading files ");
    let figures: Vec<_> = line["[2/4] reading files ".len()..].split(" · ").collect();
    assert!(figures[0].ends_with("/1,200"), "{line}");
    let age = figures.last().and_then(|last| last.strip_prefix("checkpoint ")?.strip_suffix(" s ago"));
    assert!(age.is_some_and(|age| age.parse::<f64>().is_ok_and(|age| age < 60.0)), "{line}");
    program.signal("-TERM");
    let ended = program.wait();
    let other = site.run(&[]);
    for line in [ended.said.out, ended.said.err, other.said.out, other.said.err].iter().flatten() {
        assert!(!line.contains([ESCAPE, '\r']), "{line:?}");
    }
}

#[test]
fn on_a_terminal_there_is_a_bar_and_no_color_takes_its_colours() {
    if Command::new("script").arg("--version").output().is_err() {
        return println!("there is no `script` here to make a terminal with");
    }
    for (variables, coloured) in [("env -u NO_COLOR", true), ("env NO_COLOR=1", false)] {
        let site = Site::new();
        let command = format!(
            "stty cols 100 rows 30; exec {variables} {} --data {} --input {} --throttle 1000",
            docsearch().display(),
            site.data().display(),
            site.input().display(),
        );
        let mut script = Command::new("script");
        script.args(["-qec", &command, "/dev/null"]).env("TERM", "xterm-256color").env_remove("CLICOLOR");
        let ended = Program::start(&mut script).wait();
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        let text = ended.said.out.join("\n");
        let shown = without_codes(&text);
        assert!(shown.contains("[2/4] reading files █"), "{shown}");
        assert_eq!(is_coloured(&text), coloured, "{variables}: {text:?}");
        // What tells of what happened stands on a line of its own, whatever the bar does.
        for word in ["STARTED run_", "DONE run_"] {
            assert_eq!(shown.lines().filter(|line| line.starts_with(word)).count(), 1, "{word}: {shown}");
        }
    }
}

#[test]
fn help_says_what_can_be_said() {
    let help: Ended = Program::start(Command::new(docsearch()).arg("--help")).wait();
    assert_eq!(help.code, Some(0));
    assert_eq!(help.said.err, Vec::<String>::new());
    let text = help.said.out.join("\n");
    for word in ["--input <DIR>", "--data <DIR>", "--throttle <FILES_PER_SECOND>", "--fresh", "query", "docsearch-data"]
    {
        assert!(text.contains(word), "{word} is missing: {text}");
    }
    assert!(!text.contains(ESCAPE), "{text:?}");
}
