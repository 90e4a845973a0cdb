//! Reading files into a segment.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read},
    path::Path,
};

use super::{Document, Fate, HEADER, MAGIC, SLICES, slice_of};
use crate::{
    durable,
    error::{At, IndexError},
    files::{ListedFile, passes_by},
    page::Page,
    tokens::tokens,
    wire::{put_number, put_text},
};

/// Larger files are no documentation, and would take memory out of proportion.
const FILE_MAX: u64 = 64 << 20;

/// Reads the files, numbered from `first`, and writes their segment. `None`: told to stop, nothing was written.
pub(crate) fn build(
    input: &Path,
    files: &[ListedFile],
    first: u32,
    to: &Path,
    stop: &dyn Fn() -> bool,
) -> Result<Option<()>, IndexError> {
    let mut draft = SegmentDraft::new(first);
    for file in files {
        if stop() {
            return Ok(None);
        }
        draft.add(&input.join(&file.path))?;
    }
    if draft.documents.iter().any(|document| document.fate == Fate::Unreadable) {
        // Without this, a disk that was unplugged would make an index without the rest of the files.
        input.read_dir().map_err(|error| IndexError::input(input, &error))?;
    }
    durable::write(to, &draft.into_bytes())?;
    Ok(Some(()))
}

struct SegmentDraft {
    first: u32,
    documents: Vec<Document>,
    terms: HashMap<Box<str>, usize>,
    postings: Vec<Postings>,
}

/// One term's documents, ascending.
#[derive(Default)]
struct Postings {
    bytes: Vec<u8>,
    documents: u32,
    last: u32,
    /// In the document being read.
    pending: u32,
}

impl SegmentDraft {
    fn new(first: u32) -> Self {
        Self { first, documents: Vec::new(), terms: HashMap::new(), postings: Vec::new() }
    }

    fn add(&mut self, path: &Path) -> Result<(), IndexError> {
        let (fate, source) = read(path).at("read", path)?;
        let page = if path.extension().is_some_and(|ending| ending == "html") {
            Page::html(&source)
        } else {
            Page::plain(&source)
        };
        let mut words = 0;
        let mut touched = Vec::new();
        tokens(&page.text, |word| {
            let term = self.terms.get(word).copied().unwrap_or_else(|| {
                self.terms.insert(word.into(), self.postings.len());
                self.postings.push(Postings::default());
                self.postings.len() - 1
            });
            let postings = &mut self.postings[term];
            if postings.pending == 0 {
                touched.push(term);
            }
            postings.pending += 1;
            words += 1;
        });
        let number = self.first + self.documents.len() as u32;
        for term in touched {
            let postings = &mut self.postings[term];
            put_number(&mut postings.bytes, u64::from(number - postings.last));
            put_number(&mut postings.bytes, u64::from(postings.pending));
            (postings.last, postings.pending) = (number, 0);
            postings.documents += 1;
        }
        self.documents.push(Document { fate, words, title: page.title });
        Ok(())
    }

    fn into_bytes(self) -> Vec<u8> {
        let mut sections = vec![Vec::new(); SLICES + 1];
        for document in &self.documents {
            sections[0].push(document.fate.as_byte());
            put_number(&mut sections[0], u64::from(document.words));
            put_text(&mut sections[0], &document.title);
        }
        let mut terms: Vec<_> = self.terms.into_iter().collect();
        terms.sort_unstable();
        for (term, at) in terms {
            let (postings, section) = (&self.postings[at], &mut sections[1 + slice_of(&term)]);
            put_text(section, &term);
            put_number(section, u64::from(postings.documents));
            put_number(section, u64::from(postings.last));
            put_number(section, postings.bytes.len() as u64);
            section.extend_from_slice(&postings.bytes);
        }
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&self.first.to_le_bytes());
        bytes.extend_from_slice(&(self.documents.len() as u32).to_le_bytes());
        let mut offset = HEADER as u64;
        for section in &sections {
            bytes.extend_from_slice(&offset.to_le_bytes());
            bytes.extend_from_slice(&(section.len() as u64).to_le_bytes());
            bytes.extend_from_slice(&crc32fast::hash(section).to_le_bytes());
            offset += section.len() as u64;
        }
        let sum = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&sum.to_le_bytes());
        bytes.extend(sections.into_iter().flatten());
        bytes
    }
}

/// A file that cannot be read is an empty one with a fate: it keeps its number, so nothing moves.
fn read(path: &Path) -> io::Result<(Fate, String)> {
    let read = || -> io::Result<(Fate, Vec<u8>)> {
        let file = File::open(path)?;
        let mut bytes = Vec::with_capacity(file.metadata()?.len().min(FILE_MAX) as usize);
        // Asked of what was read, not of the metadata: the file may be growing.
        let fate = if file.take(FILE_MAX + 1).read_to_end(&mut bytes)? as u64 > FILE_MAX {
            Fate::TooLarge
        } else {
            Fate::Read
        };
        Ok((fate, bytes))
    };
    match read() {
        Ok((Fate::Read, bytes)) => Ok(match String::from_utf8(bytes) {
            Ok(text) => (Fate::Read, text),
            Err(error) => (Fate::ReadInPart, String::from_utf8_lossy(error.as_bytes()).into_owned()),
        }),
        Ok((fate, _)) => Ok((fate, String::new())),
        Err(error) if passes_by(&error) => Ok((Fate::Unreadable, String::new())),
        Err(error) => Err(error),
    }
}
