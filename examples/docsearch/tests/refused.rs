//! What it cannot do: it says what to do instead, and loses nothing.

use std::fs;

use crate::{
    program::Program,
    site::{PAGES, Site, done, place_of, undisturbed},
};

#[test]
fn an_input_folder_that_is_not_there_is_refused_before_anything_is_made() {
    let site = Site::new();
    let file = site.page(1);
    for (input, why) in [(site.path("nowhere"), "No such file"), (file, "not a directory")] {
        let ended = Program::start(site.bare(&["--input"]).arg(&input)).wait();
        let error = ended.error();
        assert!(error.contains(&*input.to_string_lossy()) && error.contains(why), "{error}");
        assert!(error.contains("--input DIR"), "{error}");
        assert!(!site.data().exists());
    }
}

#[test]
fn a_folder_without_pages_is_refused_and_another_one_can_be_named() {
    let site = Site::new();
    let empty = site.path("pictures");
    fs::create_dir_all(&empty).expect("a folder");
    fs::write(empty.join("a.png"), "").expect("a file");
    let ended = Program::start(site.bare(&["--input"]).arg(&empty)).wait();
    assert!(ended.error().contains("no file ends in .html"), "{ended:#?}");
    assert!(ended.error().contains("--input DIR"), "{ended:#?}");
    assert_eq!(site.pid(), None);
    // With the same data folder, as it says.
    assert_eq!(done(&site.run(&[])).index, *undisturbed());
}

#[test]
fn a_folder_where_no_page_can_be_read_is_refused() {
    let site = Site::new();
    let huge = site.path("huge");
    fs::create_dir_all(&huge).expect("a folder");
    // A hole of 65 MiB: whoever runs this as root may read anything else.
    let file = fs::File::create(huge.join("a.html")).and_then(|file| file.set_len(65 << 20));
    file.expect("a file with a hole");
    let ended = Program::start(site.bare(&["--input"]).arg(&huge)).wait();
    let error = ended.error();
    assert!(error.contains("none of the 1 files") && error.contains("--fresh"), "{error}");
    assert_eq!(done(&site.run(&["--fresh"])).index, *undisturbed());
}

#[test]
fn a_data_folder_held_by_another_process_is_refused_and_that_one_goes_on() {
    let site = Site::new();
    site.listed();
    let held = site.held_at(800);
    let pid = held.program.id();
    for args in [&[][..], &["--fresh"]] {
        let ended = site.run(args);
        let error = ended.error();
        assert!(error.contains(&pid.to_string()) && error.contains("in use"), "{error}");
        assert!(error.contains("stop that process, or use another folder"), "{error}");
        assert_eq!(site.pid(), Some(pid), "the pid of whoever works there was taken away");
    }
    assert_eq!(done(&held.let_go().wait()).index, *undisturbed());
}

#[test]
fn a_query_before_the_index_is_finished_says_what_to_do() {
    let site = Site::new();
    let error = |ended: crate::program::Ended| {
        assert_eq!(ended.said.out, Vec::<String>::new());
        ended.error().to_owned()
    };
    let nothing = error(site.query(&["only17"]));
    assert!(nothing.contains("no finished index") && nothing.contains("without `query` first"), "{nothing}");
    assert!(!site.data().exists(), "to ask makes nothing");
    site.listed();
    assert_eq!(error(site.query(&["only17"])), nothing);
    // While somebody works on it, too.
    let held = site.held_at(800);
    assert_eq!(error(site.query(&["only17"])), nothing);
    assert_eq!(done(&held.let_go().wait()).index, *undisturbed());
}

#[test]
fn another_input_than_that_of_the_run_is_refused_and_the_run_goes_on() {
    let site = Site::new();
    site.listed();
    let other = site.path("other");
    fs::create_dir_all(&other).expect("a folder");
    fs::write(other.join("a.html"), "other").expect("a page");
    let with_other = || Program::start(site.bare(&["--input"]).arg(&other)).wait();
    let refused = |what: &str| {
        let ended = with_other();
        let error = ended.error();
        for part in [what, &*other.to_string_lossy(), &*site.input().to_string_lossy(), "--data DIR", "--fresh"] {
            assert!(error.contains(part), "{part}: {error}");
        }
        assert_eq!(ended.said.out, Vec::<String>::new());
    };
    refused("an unfinished index");
    // The same one by another way to it, from another place.
    let mut same = site.bare(&["--input", "other/../input"]);
    let ended = Program::start(same.current_dir(site.path(""))).wait();
    assert!(place_of(ended.line("RECOVERED")).0 < PAGES);
    assert_eq!(done(&ended).index, *undisturbed());
    refused("the finished index");
    // None named: the one of the run.
    assert_eq!(done(&Program::start(&mut site.bare(&[])).wait()).index, *undisturbed());
}

#[test]
fn an_input_that_vanishes_holds_the_run_up_until_it_is_back() {
    let site = Site::new();
    let run = site.listed();
    let away = site.path("away");
    fs::rename(site.input(), &away).expect("it can be moved");
    let ended = Program::start(&mut site.bare(&[])).wait();
    assert!(ended.error().contains("cannot read the input folder"), "{ended:#?}");
    fs::rename(&away, site.input()).expect("it can be moved");
    let ended = Program::start(&mut site.bare(&[])).wait();
    assert!(ended.line("RESUMED").ends_with("(after a failure)"), "{ended:#?}");
    let done = done(&ended);
    assert_eq!((done.run, &done.index), (run, undisturbed()));
}

#[test]
fn a_data_folder_that_cannot_be_made_is_refused() {
    let site = Site::new();
    let below_a_file = site.page(1).join("data");
    let site = site.with_data(below_a_file.clone());
    let ended = site.run(&[]);
    let error = ended.error();
    assert!(error.contains("cannot create the folder") && error.contains("Not a directory"), "{error}");
    assert!(error.contains(&*below_a_file.to_string_lossy()), "{error}");
}

#[test]
fn arguments_that_make_no_sense_are_refused_with_what_is_possible() {
    let site = Site::new();
    for args in [&["--throttle", "0"][..], &["query"], &["--thorttle", "1"]] {
        let ended = Program::start(&mut site.bare(args)).wait();
        assert_eq!(ended.code, Some(2), "{ended:#?}");
        assert!(ended.said.err.iter().any(|line| line.contains("--help")), "{ended:#?}");
        assert!(!site.data().exists());
    }
}
