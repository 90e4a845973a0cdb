//! Holds the program up at a chosen place, so that it can be broken off exactly there.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

/// A file that was replaced by a named pipe: whoever opens it waits until somebody opens its other end, and whoever reads
/// it then, until that end is written to or closed. It only holds up who reads before asking for its length, which is 0.
#[derive(Debug)]
pub(crate) struct Gate {
    path: PathBuf,
    /// What the file held; `None` when there was none.
    content: Option<Vec<u8>>,
}

impl Gate {
    pub(crate) fn at(path: PathBuf) -> Self {
        let content = fs::read(&path).ok();
        if content.is_some() {
            fs::remove_file(&path).expect("the file is ours");
        }
        let made = Command::new("mkfifo").arg(&path).status().expect("mkfifo runs");
        assert!(made.success(), "no pipe at {}", path.display());
        Self { path, content }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives whoever waits at `pipe` what the file held. It goes on.
    pub(crate) fn open(self, mut pipe: File) {
        let content = self.content.clone().expect("there is something to go on with");
        self.remove();
        pipe.write_all(&content).expect("somebody reads");
    }

    /// Puts the file back; to be called when nobody waits any more.
    pub(crate) fn remove(self) {
        fs::remove_file(&self.path).expect("the pipe is ours");
        if let Some(content) = self.content {
            fs::write(&self.path, content).expect("the file is ours");
        }
    }
}
