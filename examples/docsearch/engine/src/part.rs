//! A part of the merged index: all terms that begin alike, with every file that has them.
//!
//! ```text
//! magic
//! per term: term, documents, length, postings        ascending by term
//! terms, postings, crc32 of everything above         fixed width, little endian
//! ```
//! A posting is the number of a file, counted from the one before, and how often the term is in it.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use super::{
    durable::Draft,
    error::{At, IndexError},
    wire::{self, damaged, put_number, put_text},
};

const MAGIC: &[u8; 17] = b"docsearch part 1\n";
const FOOTER: u64 = 8 + 8 + 4;

/// Where a part lies in its build.
pub(super) fn path(build: &Path, slice: usize) -> PathBuf {
    build.join(format!("part-{slice:02}"))
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PartCounts {
    pub(super) terms: u64,
    pub(super) postings: u64,
}

pub(super) struct PartDraft {
    draft: Draft,
    sum: crc32fast::Hasher,
    counts: PartCounts,
    entry: Vec<u8>,
}

impl PartDraft {
    pub(super) fn new(to: &Path) -> Result<Self, IndexError> {
        let draft = Draft::new(to)?;
        let mut part =
            Self { draft, sum: crc32fast::Hasher::new(), counts: PartCounts::default(), entry: MAGIC.to_vec() };
        part.put_entry()?;
        Ok(part)
    }

    pub(super) fn add(&mut self, term: &str, documents: u32, postings: &[u8]) -> Result<(), IndexError> {
        put_text(&mut self.entry, term);
        put_number(&mut self.entry, u64::from(documents));
        put_number(&mut self.entry, postings.len() as u64);
        self.entry.extend_from_slice(postings);
        self.counts.terms += 1;
        self.counts.postings += u64::from(documents);
        self.put_entry()
    }

    pub(super) fn finish(mut self) -> Result<PartCounts, IndexError> {
        self.entry.extend_from_slice(&self.counts.terms.to_le_bytes());
        self.entry.extend_from_slice(&self.counts.postings.to_le_bytes());
        self.put_entry()?;
        let sum = self.sum.finalize().to_le_bytes();
        self.draft.write(&sum)?;
        self.draft.finish()?;
        Ok(self.counts)
    }

    fn put_entry(&mut self) -> Result<(), IndexError> {
        self.sum.update(&self.entry);
        self.draft.write(&self.entry)?;
        self.entry.clear();
        Ok(())
    }
}

/// What a finished part says of itself; `None`: there is none yet.
pub(super) fn counts(path: &Path) -> Result<Option<PartCounts>, IndexError> {
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        opened => opened.and_then(|mut file| footer(&mut file)).at("read", path).map(|(counts, _)| Some(counts)),
    }
}

fn footer(file: &mut File) -> io::Result<(PartCounts, u32)> {
    check_magic(file)?;
    let length = file.metadata()?.len();
    let at = length.checked_sub(FOOTER).ok_or(io::ErrorKind::UnexpectedEof)?;
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = [0; FOOTER as usize];
    file.read_exact(&mut bytes)?;
    let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
    let sum = u32::from_le_bytes(bytes[16..].try_into().expect("four bytes"));
    Ok((PartCounts { terms: number(0), postings: number(8) }, sum))
}

fn check_magic(file: &mut File) -> io::Result<()> {
    let mut magic = [0; MAGIC.len()];
    file.read_exact(&mut magic)?;
    if magic == *MAGIC { Ok(()) } else { Err(damaged("not a part of an index")) }
}

/// One term of a part.
#[derive(Debug, Default)]
pub(super) struct Term {
    pub(super) text: String,
    pub(super) documents: u32,
    length: u64,
}

/// Reads a part from its beginning, term by term.
#[derive(Debug)]
pub(super) struct PartReader {
    path: PathBuf,
    file: BufReader<File>,
    /// Bytes of terms that are still to come.
    left: u64,
}

impl PartReader {
    pub(super) fn open(path: PathBuf) -> Result<Self, IndexError> {
        let open = || {
            let mut file = File::open(&path)?;
            check_magic(&mut file)?;
            let length = file.metadata()?.len();
            let left = length.checked_sub(FOOTER + MAGIC.len() as u64).ok_or(io::ErrorKind::UnexpectedEof)?;
            Ok((file, left))
        };
        let (file, left) = open().at("read", &path)?;
        Ok(Self { file: BufReader::with_capacity(1 << 16, file), path, left })
    }

    /// The next term, before whose successor its postings must be [`read`](Self::postings) or
    /// [`passed over`](Self::skip).
    pub(super) fn next(&mut self) -> Result<Option<Term>, IndexError> {
        if self.left == 0 {
            return Ok(None);
        }
        let term = self.decode_next();
        term.at("read", &self.path).map(Some)
    }

    fn decode_next(&mut self) -> io::Result<Term> {
        let mut rest = (&mut self.file).take(self.left);
        let term =
            Term { text: wire::text(&mut rest)?, documents: wire::small(&mut rest)?, length: wire::number(&mut rest)? };
        self.left = rest.limit().checked_sub(term.length).ok_or_else(|| damaged("postings beyond the end"))?;
        Ok(term)
    }

    pub(super) fn skip(&mut self, term: &Term) -> Result<(), IndexError> {
        self.file.seek_relative(term.length as i64).at("read", &self.path)
    }

    /// Calls `each` with every file that has the term, and how often; ascending, and as many as the term says.
    pub(super) fn postings(&mut self, term: &Term, mut each: impl FnMut(u32, u32)) -> Result<(), IndexError> {
        let mut bytes = vec![0; term.length as usize];
        let mut decode = || {
            self.file.read_exact(&mut bytes)?;
            let (mut rest, mut document, mut seen) = (bytes.as_slice(), 0_u32, 0);
            while !rest.is_empty() {
                let (step, count) = (wire::small(&mut rest)?, wire::small(&mut rest)?);
                if step == 0 || count == 0 {
                    return Err(damaged("postings that do not ascend"));
                }
                document = document.checked_add(step).ok_or_else(|| damaged("a file number above its limit"))?;
                seen += 1;
                each(document, count);
            }
            if seen == term.documents { Ok(()) } else { Err(damaged("fewer or more postings than it says")) }
        };
        decode().at("read", &self.path)
    }
}

/// Reads a whole part, or table of documents, and hands its bytes to `each`; an error when its checksum, the last four
/// bytes, does not match.
pub(super) fn check(path: &Path, mut each: impl FnMut(&[u8])) -> Result<(), IndexError> {
    let mut check = || {
        let mut file = File::open(path)?;
        let (mut sum, mut buffer, mut held) = (crc32fast::Hasher::new(), vec![0; 1 << 16], 0);
        loop {
            let length = match file.read(&mut buffer[held..]) {
                Ok(0) => break,
                Ok(length) => held + length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            // The last four bytes may be the checksum; they are kept back until more have come.
            let summed = length.saturating_sub(4);
            sum.update(&buffer[..summed]);
            each(&buffer[..summed]);
            buffer.copy_within(summed..length, 0);
            held = length - summed;
        }
        let expected: [u8; 4] = buffer[..held].try_into().map_err(|_| io::ErrorKind::UnexpectedEof)?;
        each(&expected);
        if sum.finalize() == u32::from_le_bytes(expected) {
            Ok(())
        } else {
            Err(damaged("its checksum does not match"))
        }
    };
    check().at("read", path)
}
