//! Nobody breaks it off.

use crate::site::{PAGES, Site, done, run_of, undisturbed};

#[test]
fn an_undisturbed_run_says_how_it_began_and_what_came_of_it() {
    let site = Site::new();
    let ended = site.run(&[]);
    let done = done(&ended);
    assert_eq!(ended.said.out.len(), 2, "{ended:#?}");
    assert_eq!(ended.said.out[0], format!("STARTED {}", done.run));
    assert_eq!(run_of(&ended.said.out[0]), done.run);
    assert_eq!((done.attempts, done.index.files), (1, PAGES));
    // `page`, seven words in common and `größe`; a number and an `only…` for each page, where the ten numbers below 10
    // are too short to be words; 120 decades; 7 cycles, named twice.
    assert_eq!(done.index.terms, 9 + 1190 + 1200 + 120 + 14);
}

#[test]
fn the_same_pages_give_the_same_index_in_another_folder_and_at_another_pace() {
    let done = done(&Site::new().run(&["--throttle", "2000"]));
    assert_eq!(done.index, *undisturbed());
}

#[test]
fn its_pid_is_in_the_data_folder_while_it_works() {
    let site = Site::new();
    site.listed();
    let held = site.held_at(700);
    assert_eq!(site.pid(), Some(held.program.id()), "the pid of the killed program was not overwritten");
    assert_eq!(held.let_go().wait().code, Some(0));
    assert_eq!(site.pid(), None);
}
