//! Says to others which process is at work.

use std::{
    fs,
    path::{Path, PathBuf},
    process,
};

use docsearch_engine::IndexError;

/// A file with the number of this process, for as long as this lives. One that a killed process left is overwritten:
/// the lock of the store, not this file, keeps a second process out.
#[derive(Debug)]
pub(crate) struct PidFile(PathBuf);

impl PidFile {
    pub(crate) fn write(data: &Path) -> Result<Self, IndexError> {
        let path = data.join("pid");
        fs::write(&path, format!("{}\n", process::id())).map_err(|error| IndexError::of_io(&error, "write", &path))?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // Stale, it misleads nobody for longer than until the next start.
        let _ = fs::remove_file(&self.0);
    }
}
