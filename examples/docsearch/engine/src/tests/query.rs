//! Questions to a finished index.

use super::*;
use crate::search;

fn bench() -> Bench {
    let filler = "lorem ipsum dolor sit amet ".repeat(40);
    Bench::new([
        ("channel.html", "<title>Channels</title> A channel sends values. Select is cancel safe here."),
        ("long.html", &format!("<title>Everything</title> select cancel safe {filler}")),
        ("named.html", &format!("<title>Select in sync</title> select waits. {filler}")),
        ("once.html", &format!("<title>Other</title> select is mentioned. {filler}")),
        ("twice.html", &format!("<title>Other</title> select select. {filler}")),
        ("untitled.md", "plain words"),
    ])
}

fn ask(bench: &Bench, words: &str) -> Vec<String> {
    let hits = search(&bench.index(), words, 10).unwrap();
    assert!(hits.is_sorted_by(|a, b| a.score >= b.score));
    hits.iter().map(|hit| hit.path.strip_prefix(bench.input()).unwrap().display().to_string()).collect()
}

#[test]
fn pages_with_all_the_words_come_first_and_short_ones_before_long_ones() {
    let bench = bench();
    bench.build("a", 2);
    let found = ask(&bench, "select cancel safe");
    assert_eq!(found[..2], ["channel.html", "long.html"]);
    assert_eq!(found.len(), 5);
}

#[test]
fn a_page_named_after_a_word_comes_before_pages_that_mention_it() {
    let bench = bench();
    bench.build("a", 2);
    let found = ask(&bench, "Select");
    assert_eq!(found[0], "named.html");
    let place = |name: &str| found.iter().position(|found| found == name).unwrap();
    assert!(place("twice.html") < place("once.html"));
}

#[test]
fn a_page_without_a_title_is_called_by_its_path() {
    let bench = bench();
    bench.build("a", 2);
    let hits = search(&bench.index(), "plain", 10).unwrap();
    assert_eq!((hits.len(), hits[0].title.as_str()), (1, "untitled.md"));
}

#[test]
fn words_that_are_nowhere_find_nothing_and_do_no_harm() {
    let bench = bench();
    bench.build("a", 2);
    assert_eq!(ask(&bench, "nowhere"), Vec::<String>::new());
    assert_eq!(ask(&bench, "!"), Vec::<String>::new());
    assert_eq!(ask(&bench, "nowhere plain zzzz 漢字"), ["untitled.md"]);
    assert_eq!(search(&bench.index(), "lorem", 2).unwrap().len(), 2);
}

#[test]
fn a_question_before_the_index_is_finished_is_answered_with_what_to_do() {
    let bench = bench();
    step(&bench.engine("a", 2), &Progress::default());
    let error = search(&bench.index(), "select", 10).unwrap_err();
    assert!(matches!(error, IndexError::NoIndex { .. }), "{error}");
}
