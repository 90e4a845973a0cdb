//! Ctrl-C and SIGTERM: once, it suspends; twice, it stops at once.

use crate::site::{PAGES, Site, done, place_of, run_of, undisturbed};

#[test]
fn told_to_end_it_suspends_and_the_next_start_goes_on_at_the_same_place() {
    let site = Site::new();
    let run = site.listed();
    let mut opening = "RECOVERED";
    let mut before = None;
    for (signal, page) in [("-TERM", 100), ("-INT", 600), ("-TERM", 601), ("-INT", 1100)] {
        let mut held = site.held_at(page);
        let line = held.program.until(opening);
        assert_eq!(run_of(&line), run);
        if let Some(place) = before {
            assert!(line.ends_with(" (suspended)"), "{line}");
            assert_eq!(place_of(&line), place, "{line}");
        }
        held.program.signal(signal);
        held.program.until("Suspending");
        let ended = held.let_go().wait();
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        let line = ended.line("SUSPENDED");
        assert_eq!(run_of(line), run);
        let (done, total) = place_of(line);
        assert_eq!(total, PAGES, "{line}");
        assert!(before.is_none_or(|(before, _)| before <= done), "{line}");
        assert_eq!(site.pid(), None);
        (opening, before) = ("RESUMED", Some((done, total)));
    }
    let ended = site.run(&[]);
    assert_eq!(place_of(ended.line("RESUMED")), before.unwrap_or_default());
    let done = done(&ended);
    assert_eq!((done.run, done.attempts), (run, 6));
    assert_eq!(done.index, *undisturbed());
}

#[test]
fn told_to_end_as_soon_as_it_says_how_it_begins_it_suspends_all_the_same() {
    let site = Site::new();
    let mut run = None;
    for signal in ["-INT", "-TERM", "-INT", "-TERM"] {
        let mut program = site.start(&["--throttle", "1"]);
        // How far the claim of the run had come when the signal came nobody can know, but it was no crash.
        let line = program.until("");
        assert!(line.starts_with("STARTED") || line.ends_with("(suspended)"), "{line}");
        let run = run.get_or_insert_with(|| run_of(&line).to_owned());
        assert_eq!(run_of(&line), run);
        program.signal(signal);
        let ended = program.wait();
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        assert_eq!(run_of(ended.line("SUSPENDED")), run);
    }
    assert_eq!(done(&site.run(&[])).index, *undisturbed());
}

#[test]
fn told_twice_it_stops_at_once_and_the_next_start_goes_on() {
    let stopped = "Stopped at once. Run the same command to go on from the last checkpoint.";
    let site = Site::new();
    let run = site.listed();
    for (first, second) in [("-INT", "-INT"), ("-TERM", "-TERM"), ("-INT", "-TERM")] {
        let mut held = site.held_at(650);
        held.program.until("RECOVERED");
        held.program.signal(first);
        // It has heard the first one. It stands at the page, so it cannot have ended of that.
        held.program.until("Suspending");
        held.program.signal(second);
        let ended = held.wait();
        assert_eq!(ended.code, Some(130), "{ended:#?}");
        assert_eq!(ended.said.err.last().map(String::as_str), Some(stopped));
        assert!(!ended.said.out.iter().any(|line| line.starts_with("SUSPENDED")), "{ended:#?}");
        assert_eq!(site.pid(), None);
    }
    let ended = site.run(&[]);
    let done_before = place_of(ended.line("RECOVERED")).0;
    assert!((500..650).contains(&done_before), "{ended:#?}");
    let done = done(&ended);
    assert_eq!((done.run, done.index), (run, undisturbed().clone()));
}
