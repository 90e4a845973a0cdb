//! After it is done: started again, begun anew, asked.

use std::fs;

use crate::site::{PAGES, Site, done, run_of, undisturbed};

#[test]
fn started_again_after_it_is_done_it_says_so_and_begins_nothing() {
    let site = Site::new();
    let first = done(&site.run(&[]));
    for _ in 0..2 {
        // Without the input, too: nothing is read.
        let ended = crate::program::Program::start(&mut site.bare(&[])).wait();
        assert_eq!(done(&ended), first);
        assert_eq!(ended.said.out.len(), 1, "{ended:#?}");
        assert!(ended.said.err[0].contains("finished already; --fresh"), "{ended:#?}");
        assert!(ended.said.err[1].contains("query"), "{ended:#?}");
    }
}

#[test]
fn fresh_begins_anew_and_finds_the_same() {
    let site = Site::new();
    let first = done(&site.run(&[]));
    let ended = site.run(&["--fresh"]);
    let second = done(&ended);
    assert_eq!(run_of(ended.line("STARTED")), second.run);
    assert_ne!(second.run, first.run);
    assert_eq!((second.attempts, &second.index), (1, &first.index));
    // What only the first one needed is gone.
    assert!(!site.build(&first.run).exists() && site.build(&second.run).exists());
}

#[test]
fn fresh_calls_off_what_was_unfinished_and_reads_what_is_there_now() {
    let site = Site::new();
    let unfinished = site.listed();
    fs::write(site.page(PAGES), "<title>One more</title>newcomer").expect("a page");
    let ended = site.run(&["--fresh"]);
    let done = done(&ended);
    assert_eq!(run_of(ended.line("STARTED")), done.run);
    assert_ne!(done.run, unfinished);
    assert_eq!(done.index.files, PAGES + 1);
    assert_ne!(done.index.digest, undisturbed().digest);
    assert!(site.query(&["newcomer"]).said.out[0].contains("One more"));
}

#[test]
fn the_finished_index_answers_while_a_new_one_is_built() {
    let site = Site::new();
    site.run(&[]);
    let mut program = site.start(&["--fresh", "--throttle", "1"]);
    program.until("[2/4] reading files ");
    assert_eq!(site.query(&["only17"]).said.out[0], "  1. Page 17");
    program.kill();
    assert_eq!(site.query(&["only17"]).said.out[0], "  1. Page 17");
}

#[test]
fn a_query_answers_best_first_with_title_and_path() {
    let site = Site::new();
    site.run(&[]);
    let ended = site.query(&["only17"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(ended.said.out, ["  1. Page 17", &format!("     {}", site.page(17).display())]);

    // All ten pages of the decade, and first the one that has the other word, too, wherever it stands.
    for words in [&["decade3", "only37"][..], &["only37 decade3"]] {
        let ended = site.query(words);
        let titles: Vec<_> = ended.said.out.iter().step_by(2).collect();
        assert_eq!(titles.len(), 10, "{ended:#?}");
        assert_eq!(titles[0], "  1. Page 37");
        assert_eq!(ended.said.out[1], format!("     {}", site.page(37).display()));
    }
    // Of pages with the same words, the shorter one is more about them: cycle 0 has the least filler.
    assert!(site.query(&["decade3", "--limit", "2"]).said.out[0].ends_with("Page 35"));
    assert_eq!(site.query(&["common", "--limit", "3"]).said.out.len(), 6);
    // Not what nobody sees on the page.
    assert_eq!(site.query(&["hidden"]).said.out, Vec::<String>::new());
}

#[test]
fn a_word_that_is_nowhere_finds_nothing_and_says_so() {
    let site = Site::new();
    site.run(&[]);
    let ended = site.query(&["xylophone", "zither"]);
    assert_eq!(ended.code, Some(0));
    assert_eq!(ended.said.out, Vec::<String>::new());
    assert_eq!(ended.said.err, ["no page has any of these words: xylophone zither"]);
    assert_eq!(site.query(&["xylophone", "only17"]).said.out[0], "  1. Page 17");
}

#[test]
fn the_data_folder_can_be_named_before_and_after_query() {
    let site = Site::new();
    site.run(&[]);
    let mut after = std::process::Command::new(crate::program::docsearch());
    after.args(["query", "--data"]).arg(site.data()).arg("only17");
    assert_eq!(crate::program::Program::start(&mut after).wait().said.out, site.query(&["only17"]).said.out);
}
