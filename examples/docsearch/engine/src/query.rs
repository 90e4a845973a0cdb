//! Answers from a finished index, best first.

use std::{
    collections::{BTreeSet, HashMap},
    path::{Path, PathBuf},
};

use super::{
    documents,
    error::IndexError,
    part::{self, PartReader},
    publish::{self, published},
    segment::slice_of,
    tokens::tokens,
};

/// A page that answers a query.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// What the page calls itself, or its path when it has no title.
    pub title: String,
    /// Where it is.
    pub path: PathBuf,
    /// The higher, the better it answers.
    pub score: f64,
}

/// BM25's constants, at the values that its authors recommend: how soon more of the same word stops counting, and how
/// much a long page is marked down.
const SATURATION: f64 = 1.2;
const LENGTH: f64 = 0.75;
/// A page that is named after a word is about it: worth as much as a page full of it.
const TITLE: f64 = 2.2;

/// The best `limit` pages for the words: BM25, with words in the title counting again, and marked down for each word
/// that a page lacks.
///
/// `words` are taken apart like the pages are; a word that no page has finds nothing and does no harm.
pub fn search(index: &Path, words: &str, limit: usize) -> Result<Vec<Hit>, IndexError> {
    let published = published(index)?.ok_or_else(|| IndexError::NoIndex { folder: index.display().to_string() })?;
    let build = publish::build_folder(index, &published.label);
    let files = f64::from(published.summary.files);
    let mean = published.summary.words as f64 / files;
    let mut wanted = BTreeSet::new();
    tokens(words, |word| {
        wanted.insert(word.to_owned());
    });

    let mut pages = Vec::new();
    documents::read(&documents::path(&build), |path, document| pages.push((path, document)))?;
    let mut candidates: HashMap<u32, Candidate> = HashMap::new();
    for word in &wanted {
        let postings = postings(&build, word)?;
        let rarity = (1.0 + (files - postings.len() as f64 + 0.5) / (postings.len() as f64 + 0.5)).ln();
        for (number, count) in postings {
            let path = documents::path(&build);
            let (_, document) = (pages.get(number as usize - 1))
                .ok_or_else(|| IndexError::damaged(&path, format!("it has no file {number}")))?;
            let (count, length) = (f64::from(count), f64::from(document.words) / mean);
            let weight = count * (SATURATION + 1.0) / (count + SATURATION * (1.0 - LENGTH + LENGTH * length));
            let candidate = candidates.entry(number).or_default();
            candidate.score += rarity * (weight + if has_word(&document.title, word) { TITLE } else { 0.0 });
            candidate.words += 1;
        }
    }

    let mut ranked: Vec<_> = candidates
        .into_iter()
        .map(|(number, found)| (number, found.score * f64::from(found.words) / wanted.len() as f64))
        .collect();
    ranked.sort_by(|(a, a_score), (b, b_score)| b_score.total_cmp(a_score).then(a.cmp(b)));
    ranked.truncate(limit);
    let hit = |(number, score): (u32, f64)| {
        let (path, document) = &pages[number as usize - 1];
        let title = if document.title.is_empty() { path } else { &document.title };
        Hit { title: title.clone(), path: published.input.join(path), score }
    };
    Ok(ranked.into_iter().map(hit).collect())
}

#[derive(Default)]
struct Candidate {
    score: f64,
    /// How many of the words it has.
    words: u32,
}

/// Which files have the word, and how often.
fn postings(build: &Path, word: &str) -> Result<Vec<(u32, u32)>, IndexError> {
    let mut found = Vec::new();
    let mut part = PartReader::open(part::path(build, slice_of(word)))?;
    while let Some(term) = part.next()? {
        if term.text == word {
            part.postings(&term, |number, count| found.push((number, count)))?;
        }
        if term.text.as_str() >= word {
            break;
        }
        part.skip(&term)?;
    }
    Ok(found)
}

fn has_word(text: &str, wanted: &str) -> bool {
    let mut found = false;
    tokens(text, |word| found |= word == wanted);
    found
}
