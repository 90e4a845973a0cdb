//! The four steps, cut into units that take well under a second each.

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

use super::{
    documents, durable,
    error::IndexError,
    files::FileList,
    merge,
    pace::Pace,
    part,
    progress::{Progress, Step, Summary, Verified},
    publish::{self, Published},
    segment::{self, Segment},
    verify,
};

/// Bytes in one segment at most, unless one file has more: it bounds the time of a unit, and its memory.
const BATCH_BYTES: u64 = 8 << 20;

/// Builds one index. Its units may be repeated, in any process, as long as the label is the same.
#[derive(Debug)]
pub struct Engine {
    index: PathBuf,
    label: String,
    build: PathBuf,
    input: PathBuf,
    pace: Pace,
    // Both are final once they are needed here, so each is read once.
    list: OnceLock<FileList>,
    segments: OnceLock<Vec<Segment>>,
}

impl Engine {
    /// Builds an index of the folder `input` under `index`. The label keeps apart what belongs to other builds: it must
    /// be new for each, and of characters that may stand in a file name.
    pub fn new(index: &Path, label: &str, input: &Path, pace: Pace) -> Self {
        Self {
            index: index.to_owned(),
            label: label.to_owned(),
            build: publish::build_folder(index, label),
            input: input.to_owned(),
            pace,
            list: OnceLock::new(),
            segments: OnceLock::new(),
        }
    }

    /// Does the next unit of work and says where the one after it begins. What it says is durable. `None`: told to
    /// stop, nothing was changed.
    ///
    /// To do a unit again changes nothing: one that was done already is recognised by its file. What was read stays as
    /// it was read, even when the input has changed since.
    pub fn advance(&self, from: &Progress, stop: &dyn Fn() -> bool) -> Result<Option<Progress>, IndexError> {
        match &from.step {
            Step::List => self.list_files(stop),
            Step::Read => self.read_files(from, stop),
            Step::Merge(done) => self.merge_part(from, *done, stop),
            Step::Verify(done, before) => self.verify_part(from, *done, before).map(Some),
            Step::Done(_) => Ok(Some(from.clone())),
        }
    }

    fn list_files(&self, stop: &dyn Fn() -> bool) -> Result<Option<Progress>, IndexError> {
        let path = self.list_path();
        if path.exists() {
            return Ok(Some(Progress::listed(self.list()?)));
        }
        let Some(list) = FileList::walk(&self.input, stop)? else { return Ok(None) };
        durable::create_folder(&self.build)?;
        list.write(&path)?;
        Ok(Some(Progress::listed(&list)))
    }

    fn read_files(&self, from: &Progress, stop: &dyn Fn() -> bool) -> Result<Option<Progress>, IndexError> {
        let first = from.files_done + 1;
        let path = segment::path(&self.build, first);
        let found = match Segment::open(&path) {
            Err(IndexError::Damaged { .. }) => {
                segment::discard(&path)?;
                None
            }
            opened => opened?,
        };
        let segment = if let Some(segment) = found {
            segment
        } else {
            let files = &self.list()?.files[from.files_done as usize..];
            let batch = batch_length(files.iter().map(|file| file.size), self.pace.batch_files());
            let Some(()) = segment::build(&self.input, &files[..batch], first, &path, stop)? else {
                return Ok(None);
            };
            Segment::open(&path)?.ok_or_else(|| IndexError::damaged(&path, "it has just been written"))?
        };
        let mut next = from.clone();
        next.files_done += segment.count;
        for document in segment.documents()? {
            next.words += u64::from(document.words);
            next.skipped += u32::from(!document.fate.was_read());
            next.read_in_part += u32::from(document.fate == segment::Fate::ReadInPart);
        }
        if next.files_done >= next.files {
            if next.skipped == next.files {
                return Err(IndexError::NothingReadable {
                    folder: self.input.display().to_string(),
                    files: next.files,
                });
            }
            next.step = Step::Merge(0);
        }
        Ok(Some(next))
    }

    fn merge_part(&self, from: &Progress, done: u32, stop: &dyn Fn() -> bool) -> Result<Option<Progress>, IndexError> {
        let mut next = Progress { step: Step::Merge(done + 1), ..from.clone() };
        if done + 1 < Progress::PARTS {
            let path = part::path(&self.build, done as usize);
            let counts = match part::counts(&path)? {
                Some(counts) => Some(counts),
                None => merge::merge(self.segments(from.files)?, done as usize, &path, stop)?,
            };
            let Some(counts) = counts else { return Ok(None) };
            next.terms += counts.terms;
            next.postings += counts.postings;
        } else {
            let path = documents::path(&self.build);
            if !path.exists() && documents::merge(self.list()?, self.segments(from.files)?, &path, stop)?.is_none() {
                return Ok(None);
            }
            next.step = Step::Verify(0, Verified::default());
        }
        Ok(Some(next))
    }

    fn verify_part(&self, from: &Progress, done: u32, before: &Verified) -> Result<Progress, IndexError> {
        let step = if done + 1 < Progress::PARTS {
            let slice = done as usize;
            Step::Verify(done + 1, verify::part(&part::path(&self.build, slice), slice, from.files, before)?)
        } else {
            let found = verify::documents(&documents::path(&self.build), self.list()?, from, before)?;
            let summary = summary(from, &found);
            let (label, input) = (self.label.clone(), self.input.clone());
            publish::publish(&self.index, &Published { label, input, summary: summary.clone() })?;
            Step::Done(summary)
        };
        Ok(Progress { step, ..from.clone() })
    }

    fn list_path(&self) -> PathBuf {
        self.build.join("files")
    }

    fn list(&self) -> Result<&FileList, IndexError> {
        once(&self.list, || FileList::read(&self.list_path()))
    }

    /// All segments, in the order of their files; each begins where the one before ends.
    fn segments(&self, files: u32) -> Result<&[Segment], IndexError> {
        once(&self.segments, || {
            let (mut segments, mut first) = (Vec::new(), 1);
            while first <= files {
                let path = segment::path(&self.build, first);
                let segment = Segment::open(&path)?.ok_or_else(|| IndexError::damaged(&path, "it is missing"))?;
                if segment.first != first || segment.count == 0 {
                    return Err(IndexError::damaged(&path, "it holds other files than its name says"));
                }
                first += segment.count;
                segments.push(segment);
            }
            Ok(segments)
        })
        .map(Vec::as_slice)
    }
}

/// How many of the files that come next make one segment. At least one, and the same whenever it is asked.
fn batch_length(sizes: impl Iterator<Item = u64>, files_max: u32) -> usize {
    let mut bytes = 0;
    let fitting = sizes.take(files_max as usize).take_while(|size| {
        bytes += size;
        bytes <= BATCH_BYTES
    });
    fitting.count().max(1)
}

fn summary(counted: &Progress, found: &Verified) -> Summary {
    let digest = found.chain.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    Summary { files: counted.files, skipped: counted.skipped, words: counted.words, terms: counted.terms, digest }
}

/// What the cell holds, made first if it holds nothing.
fn once<T>(cell: &OnceLock<T>, make: impl FnOnce() -> Result<T, IndexError>) -> Result<&T, IndexError> {
    match cell.get() {
        Some(value) => Ok(value),
        None => make().map(|value| cell.get_or_init(|| value)),
    }
}
