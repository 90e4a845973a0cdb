//! Step 4: the merged index is read again, and must hold what was counted while it was made.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::{
    documents,
    error::IndexError,
    files::FileList,
    part::{self, PartReader},
    progress::{Progress, Verified},
    segment::slice_of,
};

/// Checks one part: its terms ascend and belong to it, its postings ascend and name files that exist.
pub(super) fn part(path: &Path, slice: usize, files: u32, before: &Verified) -> Result<Verified, IndexError> {
    let mut found = digest(path, before)?;
    let mut reader = PartReader::open(path.to_owned())?;
    let mut last = String::new();
    while let Some(term) = reader.next()? {
        if term.text <= last || slice_of(&term.text) != slice {
            return Err(IndexError::damaged(path, format!("the term `{}` is out of order", term.text)));
        }
        let mut highest = 0;
        reader.postings(&term, |document, count| {
            highest = document;
            found.words += u64::from(count);
        })?;
        if highest > files {
            return Err(IndexError::damaged(path, format!("it names file {highest} of {files}")));
        }
        found.terms += 1;
        found.postings += u64::from(term.documents);
        last = term.text;
    }
    Ok(found)
}

/// Checks the table of documents against the list of files, and all that was found against what had been counted.
pub(super) fn documents(
    path: &Path,
    list: &FileList,
    counted: &Progress,
    before: &Verified,
) -> Result<Verified, IndexError> {
    let found = digest(path, before)?;
    let (mut files, mut words, mut skipped, mut in_order) = (0_u32, 0_u64, 0_u32, true);
    documents::read(path, |file, document| {
        in_order &= list.files.get(files as usize).is_some_and(|listed| listed.path == file);
        files += 1;
        words += u64::from(document.words);
        skipped += u32::from(!document.fate.was_read());
    })?;
    if !in_order {
        return Err(IndexError::damaged(path, "its files are not those that were listed"));
    }
    let pairs = [
        ("files", u64::from(files), u64::from(counted.files)),
        ("files read", u64::from(files - skipped), u64::from(counted.files - counted.skipped)),
        ("words in files", words, counted.words),
        ("words in parts", found.words, counted.words),
        ("terms", found.terms, counted.terms),
        ("postings", found.postings, counted.postings),
    ];
    for (what, found, counted) in pairs {
        if found != counted {
            return Err(IndexError::damaged(path, format!("the index holds {found} {what}, {counted} were counted")));
        }
    }
    Ok(found)
}

fn digest(path: &Path, before: &Verified) -> Result<Verified, IndexError> {
    let mut sha = Sha256::new();
    sha.update(before.chain);
    part::check(path, |bytes| sha.update(bytes))?;
    Ok(Verified { chain: sha.finalize().into(), ..before.clone() })
}
