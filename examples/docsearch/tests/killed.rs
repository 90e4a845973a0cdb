//! SIGKILL, in every step.

use crate::{
    gate::Gate,
    site::{PAGES, Site, done, place_of, run_of, undisturbed},
};

/// How many pages make a segment.
const SEGMENT: u32 = 500;

/// That the next start says it goes on at this place, and how many pages were done.
fn recovered(line: &str, run: &str) -> u32 {
    assert_eq!(run_of(line), run);
    assert!(line.ends_with(" (after a crash)"), "{line}");
    let (done, total) = place_of(line);
    assert_eq!(total, PAGES, "{line}");
    done
}

#[test]
fn killed_again_and_again_while_it_reads_it_loses_no_page_and_counts_none_twice() {
    let site = Site::new();
    let run = site.listed();
    let mut first = None;
    // Each page is read for the first time, or once more after the kill before.
    for (page, segments) in [(90, 0), (400, 0), (401, 0), (700, 0), (1150, 1), (PAGES - 1, 2)] {
        let mut held = site.held_at(page);
        let done = recovered(&held.program.until("RECOVERED"), &run);
        // What one process has read is not read again by the next: of the first, that is what the throttle let it have.
        let first = *first.get_or_insert(done);
        assert!((1..90).contains(&first), "{first} pages were read at one a second");
        assert_eq!(done, first + segments * SEGMENT, "before it was killed at {page}");
        held.kill();
    }
    let ended = site.run(&[]);
    assert_eq!(recovered(ended.line("RECOVERED"), &run), first.unwrap_or_default() + 2 * SEGMENT);
    let done = done(&ended);
    assert_eq!((done.run, done.attempts), (run, 8));
    assert_eq!(done.index, *undisturbed());
}

#[test]
fn killed_while_it_merges_and_while_it_verifies_it_ends_with_the_same_index() {
    let site = Site::new();
    let run = site.listed();
    site.held_at(PAGES - 1).kill();
    let kill_at = |file: &str| {
        let gate = Gate::at(site.build(&run).join(file));
        let mut program = site.start(&[]);
        recovered(&program.until("RECOVERED"), &run);
        let pipe = program.until_at(&gate);
        program.kill();
        // Not before: it would have read an empty file.
        drop(pipe);
        gate.remove();
    };
    // The merge opens each segment before it begins, and looks whether a part is there before it writes it.
    for file in ["seg-00000001", "part-00", "part-20", "part-28"] {
        kill_at(file);
    }
    // What is merged is read again.
    for file in ["part-07", "part-28", "docs"] {
        assert!(site.build(&run).join(file).is_file() || file == "docs", "{file} was to be merged by now");
        kill_at(file);
    }
    let ended = site.run(&[]);
    assert_eq!(recovered(ended.line("RECOVERED"), &run), PAGES);
    let done = done(&ended);
    assert_eq!((done.run, done.attempts), (run, 10));
    assert_eq!(done.index, *undisturbed());
}

#[test]
fn killed_as_soon_as_it_says_how_it_begins_it_goes_on_with_the_same_run() {
    let site = Site::new();
    // So slow that it cannot end before it is killed.
    let start = || site.start(&["--throttle", "1"]);
    let mut program = start();
    let run = run_of(&program.until("STARTED")).to_owned();
    program.kill();
    for _ in 0..3 {
        let mut program = start();
        // Whether the kill came before the run was claimed nobody can know; that it is the same run, everybody can.
        let line = program.until("");
        assert!(line.starts_with("STARTED") || line.starts_with("RECOVERED"), "{line}");
        assert_eq!(run_of(&line), run);
        program.kill();
    }
    let done = done(&site.run(&[]));
    assert_eq!((done.run, done.index), (run, undisturbed().clone()));
}
