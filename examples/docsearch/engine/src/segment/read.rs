//! Reading a segment back, a term at a time.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use super::Section;
use crate::{
    error::{At, IndexError},
    wire::{self, damaged},
};

/// A term in a segment, with its postings as they were written: the first is counted from 0.
#[derive(Debug, Default)]
pub(crate) struct Entry {
    pub(crate) term: String,
    pub(crate) documents: u32,
    pub(crate) last: u32,
    pub(crate) postings: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct SliceReader {
    reader: SectionReader,
}

impl SliceReader {
    pub(super) fn new(reader: SectionReader) -> Self {
        Self { reader }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.reader.get().path
    }

    /// The next term; `None` at the end, when the whole slice was found as it had been written.
    pub(crate) fn next(&mut self) -> Result<Option<Entry>, IndexError> {
        let entry = self.decode();
        entry.at("read", self.path())
    }

    fn decode(&mut self) -> io::Result<Option<Entry>> {
        let reader = &mut self.reader;
        if reader.is_at_end() {
            return reader.finish().map(|()| None);
        }
        let mut entry = Entry {
            term: wire::text(reader)?,
            documents: wire::small(reader)?,
            last: wire::small(reader)?,
            postings: Vec::new(),
        };
        let length = wire::number(reader)?;
        if length > reader.left() {
            return Err(damaged("postings beyond the end"));
        }
        entry.postings.resize(length as usize, 0);
        reader.read_exact(&mut entry.postings)?;
        Ok(Some(entry))
    }
}

/// Reads a section through a buffer, without keeping the file open: a merge reads from all segments at once, and there
/// may be more of them than a process may have open files.
#[derive(Debug)]
pub(super) struct SectionReader(BufReader<SectionFile>);

#[derive(Debug)]
struct SectionFile {
    path: PathBuf,
    at: u64,
    end: u64,
    sum: crc32fast::Hasher,
    expected: u32,
}

impl SectionReader {
    pub(super) fn new(path: PathBuf, section: Section, buffer: usize) -> Self {
        let file = SectionFile {
            path,
            at: section.offset,
            end: section.offset + section.length,
            sum: crc32fast::Hasher::new(),
            expected: section.sum,
        };
        Self(BufReader::with_capacity(buffer.clamp(1, section.length.max(1) as usize), file))
    }

    fn get(&self) -> &SectionFile {
        self.0.get_ref()
    }

    fn left(&self) -> u64 {
        self.get().end - self.get().at + self.0.buffer().len() as u64
    }

    fn is_at_end(&self) -> bool {
        self.left() == 0
    }

    pub(super) fn finish(&self) -> io::Result<()> {
        let sound = self.is_at_end() && self.get().sum.clone().finalize() == self.get().expected;
        if sound { Ok(()) } else { Err(damaged("a checksum does not match")) }
    }
}

impl Read for SectionReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.0.read(out)
    }
}

impl Read for SectionFile {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let length = out.len().min((self.end - self.at) as usize);
        let out = &mut out[..length];
        if length > 0 {
            let mut file = File::open(&self.path)?;
            file.seek(SeekFrom::Start(self.at))?;
            file.read_exact(out)?;
            self.sum.update(out);
            self.at += length as u64;
        }
        Ok(length)
    }
}
