//! Step 2: some files in a row, tokenised, as one file that is sorted by term.
//!
//! ```text
//! magic
//! number of the first file, number of files
//! offset, length, crc32 of the documents and of each slice        all fixed width, little endian
//! crc32 of everything above
//! documents: per file: fate, words, title
//! slices: per term: term, documents, last document, length, postings
//! ```
//! A slice holds the terms that begin alike (see [`slice_of`]), so that the merge can take them in portions.

mod read;
mod write;

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{
    error::{At, IndexError},
    wire::{self, damaged},
};
use read::SectionReader;
pub(super) use read::{Entry, SliceReader};
pub(super) use write::build;

/// Terms are portioned by their first character: digits, `_`, the letters, all others. In this order the slices, one
/// behind the other, are sorted as a whole.
pub(super) const SLICES: usize = 29;

const MAGIC: &[u8; 16] = b"docsearch seg 1\n";
const HEADER: usize = MAGIC.len() + 8 + (SLICES + 1) * 20 + 4;

pub(super) fn slice_of(term: &str) -> usize {
    match term.as_bytes()[0] {
        b'0'..=b'9' => 0,
        b'_' => 1,
        letter @ b'a'..=b'z' => 2 + usize::from(letter - b'a'),
        _ => SLICES - 1,
    }
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Read,
    /// Read, with bytes in it that are not UTF-8.
    ReadInPart,
    /// Not there any more, or not readable.
    Unreadable,
    TooLarge,
}

impl Fate {
    const ALL: [Self; 4] = [Self::Read, Self::ReadInPart, Self::Unreadable, Self::TooLarge];

    pub(super) fn was_read(self) -> bool {
        matches!(self, Self::Read | Self::ReadInPart)
    }

    pub(super) fn as_byte(self) -> u8 {
        Self::ALL.iter().position(|fate| *fate == self).expect("all fates are listed") as u8
    }

    pub(super) fn from_byte(byte: u8) -> io::Result<Self> {
        Self::ALL.get(usize::from(byte)).copied().ok_or_else(|| damaged("an unknown fate of a file"))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Document {
    pub(super) fate: Fate,
    /// How many words it has.
    pub(super) words: u32,
    pub(super) title: String,
}

/// Where a segment lies in its build.
pub(super) fn path(build: &Path, first: u32) -> PathBuf {
    build.join(format!("seg-{first:08}"))
}

#[derive(Clone, Copy, Debug)]
struct Section {
    offset: u64,
    length: u64,
    sum: u32,
}

/// A segment on disk, whose header was found sound.
#[derive(Debug)]
pub(super) struct Segment {
    path: PathBuf,
    pub(super) first: u32,
    pub(super) count: u32,
    documents: Section,
    slices: [Section; SLICES],
}

impl Segment {
    /// `None`: there is no such segment.
    pub(super) fn open(path: &Path) -> Result<Option<Self>, IndexError> {
        let mut file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.at("open", path)?,
        };
        let mut header = [0; HEADER];
        file.read_exact(&mut header).at("read", path)?;
        let length = file.metadata().at("read", path)?.len();
        Self::decode(path.to_owned(), &header, length).at("read", path).map(Some)
    }

    fn decode(path: PathBuf, header: &[u8; HEADER], length: u64) -> io::Result<Self> {
        let (body, sum) = header.split_last_chunk().expect("a header is longer than its checksum");
        if crc32fast::hash(body) != u32::from_le_bytes(*sum) {
            return Err(damaged("the checksum of its header does not match"));
        }
        let mut rest = body.strip_prefix(MAGIC).ok_or_else(|| damaged("not a segment"))?;
        let (first, count) = (u32::from_le_bytes(array(&mut rest)?), u32::from_le_bytes(array(&mut rest)?));
        let mut section = || {
            Ok::<_, io::Error>(Section {
                offset: u64::from_le_bytes(array(&mut rest)?),
                length: u64::from_le_bytes(array(&mut rest)?),
                sum: u32::from_le_bytes(array(&mut rest)?),
            })
        };
        let documents = section()?;
        let mut slices = [documents; SLICES];
        for slice in &mut slices {
            *slice = section()?;
        }
        let last = slices[SLICES - 1];
        if last.offset + last.length != length {
            return Err(damaged("it has not its length"));
        }
        Ok(Self { path, first, count, documents, slices })
    }

    pub(super) fn documents(&self) -> Result<Vec<Document>, IndexError> {
        let mut reader = SectionReader::new(self.path.clone(), self.documents, self.documents.length as usize);
        let read = (0..self.count)
            .map(|_| {
                Ok(Document {
                    fate: Fate::from_byte(wire::byte(&mut reader)?)?,
                    words: wire::small(&mut reader)?,
                    title: wire::text(&mut reader)?,
                })
            })
            .collect::<io::Result<_>>();
        read.and_then(|documents| reader.finish().map(|()| documents)).at("read", &self.path)
    }

    /// Its terms of one slice, read through a buffer of so many bytes.
    pub(super) fn slice(&self, slice: usize, buffer: usize) -> SliceReader {
        SliceReader::new(SectionReader::new(self.path.clone(), self.slices[slice], buffer))
    }
}

fn array<const N: usize>(from: &mut &[u8]) -> io::Result<[u8; N]> {
    let (array, rest) = from.split_first_chunk().ok_or(io::ErrorKind::UnexpectedEof)?;
    *from = rest;
    Ok(*array)
}

/// Whether a file of the build is a segment.
pub(super) fn is_segment(name: &str) -> bool {
    name.starts_with("seg-")
}

/// Takes a segment away that was found damaged, so that it is written again.
pub(super) fn discard(path: &Path) -> Result<(), IndexError> {
    fs::remove_file(path).at("remove", path)
}
