//! The table of documents of a merged index: which file has which number, and what became of it.
//!
//! ```text
//! magic
//! number of files
//! per file: fate, words, path, title
//! crc32 of everything above                 fixed width, little endian
//! ```

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
};

use super::{
    durable::Draft,
    error::{At, IndexError},
    files::FileList,
    segment::{Document, Fate, Segment},
    wire::{self, damaged, put_number, put_text},
};

const MAGIC: &[u8; 17] = b"docsearch docs 1\n";

pub(super) fn path(build: &Path) -> PathBuf {
    build.join("docs")
}

/// Writes the table: every file of the list once, in its order. `None`: told to stop, nothing was written.
pub(super) fn merge(
    list: &FileList,
    segments: &[Segment],
    to: &Path,
    stop: &dyn Fn() -> bool,
) -> Result<Option<()>, IndexError> {
    let mut draft = Draft::new(to)?;
    let mut sum = crc32fast::Hasher::new();
    let mut bytes = MAGIC.to_vec();
    put_number(&mut bytes, list.files.len() as u64);
    for segment in segments {
        if stop() {
            return Ok(None);
        }
        let files = &list.files[segment.first as usize - 1..];
        for (document, file) in segment.documents()?.into_iter().zip(files) {
            bytes.push(document.fate.as_byte());
            put_number(&mut bytes, u64::from(document.words));
            put_text(&mut bytes, &file.path);
            put_text(&mut bytes, &document.title);
        }
        sum.update(&bytes);
        draft.write(&bytes)?;
        bytes.clear();
    }
    draft.write(&sum.finalize().to_le_bytes())?;
    draft.finish().map(Some)
}

/// Calls `each` with every file, in the order of their numbers.
pub(super) fn read(from: &Path, mut each: impl FnMut(String, Document)) -> Result<(), IndexError> {
    let mut read = || -> io::Result<()> {
        let mut file = BufReader::with_capacity(1 << 16, File::open(from)?);
        let mut magic = [0; MAGIC.len()];
        file.read_exact(&mut magic)?;
        if magic != *MAGIC {
            return Err(damaged("not a table of documents"));
        }
        for _ in 0..wire::number(&mut file)? {
            let (fate, words) = (Fate::from_byte(wire::byte(&mut file)?)?, wire::small(&mut file)?);
            let path = wire::text(&mut file)?;
            each(path, Document { fate, words, title: wire::text(&mut file)? });
        }
        Ok(())
    };
    read().at("read", from)
}
