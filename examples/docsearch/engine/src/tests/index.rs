//! What is in a finished index.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::{
    documents,
    part::{self, PartReader},
    published,
    segment::SLICES,
    sweep,
};

type Index = BTreeMap<String, Vec<(u32, u32)>>;

/// All parts, one behind the other, with a check that their terms ascend as a whole.
fn read_parts(build: &Path) -> Index {
    let (mut index, mut last) = (Index::new(), String::new());
    for slice in 0..SLICES {
        let mut part = PartReader::open(part::path(build, slice)).unwrap();
        while let Some(term) = part.next().unwrap() {
            assert!(term.text > last, "{} after {last}", term.text);
            last.clone_from(&term.text);
            let mut found = Vec::new();
            part.postings(&term, |document, count| found.push((document, count))).unwrap();
            index.insert(term.text, found);
        }
    }
    index
}

#[test]
fn every_word_is_found_with_its_files_and_counts() {
    let bench = Bench::of_seven_pages();
    let summary = bench.build("a", 2);
    let index = read_parts(&bench.index().join("build-a"));
    let expected: [(&str, &[(u32, u32)]); 12] = [
        ("2024", &[(1, 1)]),
        ("_private", &[(1, 1)]),
        ("alpha", &[(1, 1)]),
        ("beta", &[(2, 1)]),
        ("fn", &[(4, 1)]),
        ("größe", &[(4, 1)]),
        ("one", &[(1, 2), (4, 1), (7, 1)]),
        ("shared", &[(1, 1), (2, 1), (5, 1), (7, 1)]),
        ("shared_by", &[(4, 1)]),
        ("zwei", &[(2, 1)]),
        ("zzz", &[(7, 1)]),
        ("über", &[(7, 1)]),
    ];
    let expected: Index = expected.into_iter().map(|(term, postings)| (term.to_owned(), postings.to_vec())).collect();
    assert_eq!(index, expected);
    assert_eq!((summary.files, summary.skipped, summary.terms, summary.words), (7, 0, 12, 18));

    let mut rows = Vec::new();
    documents::read(&bench.index().join("build-a/docs"), |path, document| rows.push((path, document.title))).unwrap();
    let rows: Vec<_> = rows.iter().map(|(path, title)| (path.as_str(), title.as_str())).collect();
    let expected = [
        ("a.md", "Alpha"),
        ("b/b.html", "Beta"),
        ("b/c.html", "Gone"),
        ("d.rs", ""),
        ("e.toml", ""),
        ("f.md", ""),
        ("g.md", ""),
    ];
    assert_eq!(rows, expected);
}

#[test]
fn the_digest_is_pinned() {
    // It changes when the format or the reading of pages does: then that is what the change is about.
    let digest = Bench::of_seven_pages().build("a", 500).digest;
    assert_eq!(digest, "3f3832c11c5d3947acda8421ac1c4cd1c5b10776ea5379eb0e9d7be7e7a50721");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn the_merged_index_is_that_of_a_plain_map(
        pages in prop::collection::vec(prop::collection::vec("[a-c_0é][a-c]{1,2}", 0..12), 1..10),
        batch in 1_u32..6,
    ) {
        let texts: Vec<_> = pages.iter().enumerate().map(|(at, words)| (format!("{at}.rs"), words.join(" "))).collect();
        let bench = Bench::new(texts.iter().map(|(path, text)| (path.as_str(), text.as_str())));
        let mut plain: BTreeMap<String, BTreeMap<u32, u32>> = BTreeMap::new();
        for (page, number) in pages.iter().zip(1..) {
            for word in page {
                *plain.entry(word.clone()).or_default().entry(number).or_default() += 1;
            }
        }
        let plain: Index = plain.into_iter().map(|(word, files)| (word, files.into_iter().collect())).collect();
        let summary = bench.build("a", batch);
        prop_assert_eq!(summary.terms, plain.len() as u64);
        prop_assert_eq!(read_parts(&bench.index().join("build-a")), plain);
    }
}

#[test]
fn a_swept_build_keeps_only_what_queries_and_a_second_look_need() {
    let bench = Bench::of_seven_pages();
    let build = bench.index().join("build-a");
    let listed = step(&bench.engine("a", 2), &Progress::default());
    fs::write(build.join("seg-00000003.unfinished-1-1"), "left by a killed process").unwrap();
    finish(&bench.engine("a", 2), listed).unwrap();
    fs::write(bench.index().join("current.json.unfinished-1-1"), "left by a killed process").unwrap();
    sweep(&bench.index(), None).unwrap();
    assert_eq!(fs::read_dir(bench.index()).unwrap().count(), 2, "the build, and which it is");
    let names: Vec<_> = bench.files_of("a").into_iter().map(|(name, _)| name).collect();
    assert!(names.iter().all(|name| name.starts_with("part-") || name == "docs" || name == "files"), "{names:?}");
    assert_eq!(names.len(), SLICES + 2);
    assert_eq!(crate::search(&bench.index(), "shared", 9).unwrap().len(), 4);
}

#[test]
fn the_index_before_answers_until_the_next_is_whole_and_is_swept_after() {
    let bench = Bench::of_seven_pages();
    bench.build("a", 2);
    bench.put("z.md", "another");
    let next = cursors(&bench.engine("b", 2));
    // A third build is under way while the second is the published one.
    step(&bench.engine("c", 2), &Progress::default());
    assert_eq!(published(&bench.index()).unwrap().unwrap().label, "b");
    let Step::Done(summary) = &next.last().unwrap().step else { panic!("it is done") };
    assert_eq!(&published(&bench.index()).unwrap().unwrap().summary, summary);

    sweep(&bench.index(), Some("c")).unwrap();
    let exists = |label: &str| bench.index().join(format!("build-{label}")).exists();
    assert_eq!((exists("a"), exists("b"), exists("c")), (false, true, true));
    sweep(&bench.index(), None).unwrap();
    assert_eq!((exists("b"), exists("c")), (true, false));
}

#[test]
fn nothing_is_published_before_it_is_verified() {
    let bench = Bench::of_seven_pages();
    let mut progress = Progress::default();
    while !matches!(progress.step, Step::Done(_)) {
        assert_eq!(published(&bench.index()).unwrap(), None);
        progress = step(&bench.engine("a", 2), &progress);
    }
    assert!(published(&bench.index()).unwrap().is_some());
}
