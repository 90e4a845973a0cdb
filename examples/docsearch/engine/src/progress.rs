//! How far a build is: what the run of the demo keeps as its execution metadata.

use serde::{Deserialize, Serialize};

use super::{files::FileList, segment::SLICES};

/// Where the next unit of work begins, and what was counted before it. Its default is the very beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The step, with its cursor.
    pub step: Step,
    /// Files that were listed; 0 until they are.
    pub files: u32,
    /// Files whose segment is written, whether they could be read or not.
    pub files_done: u32,
    /// Of these, files that could not be read, or are too large.
    pub skipped: u32,
    /// Of these, files that were read with bytes in them that are not UTF-8.
    pub read_in_part: u32,
    /// Folders that could not be entered, and names that are not UTF-8.
    pub left_out: u32,
    /// Words read.
    pub words: u64,
    /// Different words, in the parts merged so far.
    pub terms: u64,
    /// Pairs of a word and a file that has it, in the parts merged so far.
    pub postings: u64,
}

/// What is to be done next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// Find the files.
    #[default]
    List,
    /// Read the files behind [`Progress::files_done`].
    Read,
    /// Merge the parts of the index behind this many.
    Merge(u32),
    /// Read the merged parts again, behind this many.
    Verify(u32, Verified),
    /// Nothing: the index answers queries.
    Done(Summary),
}

/// What was found in the parts that were read again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// SHA-256 over the digest before and the part, again and again: a digest that can be broken off.
    pub(super) chain: [u8; 32],
    pub(super) terms: u64,
    pub(super) postings: u64,
    pub(super) words: u64,
}

/// What a finished build amounts to. The same input gives the same summary, however often the work was broken off.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Files in the index.
    pub files: u32,
    /// Of these, files that could not be read, or are too large.
    pub skipped: u32,
    /// Words in all files.
    pub words: u64,
    /// Different words.
    pub terms: u64,
    /// Over the merged index, in hexadecimal.
    pub digest: String,
}

impl Progress {
    /// The slices of the terms, and the table of documents.
    pub(super) const PARTS: u32 = SLICES as u32 + 1;

    /// The number of the step, of [`STEPS`](Self::STEPS), and its name.
    pub fn name(&self) -> (u32, &'static str) {
        match self.step {
            Step::List => (1, "listing files"),
            Step::Read => (2, "reading files"),
            Step::Merge(_) => (3, "merging"),
            Step::Verify(..) => (4, "verifying"),
            Step::Done(_) => (4, "done"),
        }
    }

    /// How many steps there are.
    pub const STEPS: u32 = 4;

    /// Within the step: how much of how much is done. A total of 0 is not known yet.
    pub fn within_step(&self) -> (u32, u32) {
        match self.step {
            Step::List => (0, 0),
            Step::Read => (self.files_done, self.files),
            Step::Merge(done) | Step::Verify(done, _) => (done, Self::PARTS),
            Step::Done(_) => (Self::PARTS, Self::PARTS),
        }
    }

    pub(super) fn listed(list: &FileList) -> Self {
        Self { step: Step::Read, files: list.files.len() as u32, left_out: list.left_out, ..Self::default() }
    }
}
