//! Files that are whole or absent, whatever happens to the process or the power.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
};

use super::error::{At, IndexError};

/// Between a file's name and what makes its unfinished copy unique.
const UNFINISHED: &str = ".unfinished-";

/// A file being written under another name. It takes its own name in [`finish`](Draft::finish), when all its bytes are
/// on disk; dropped before that, it goes away.
#[derive(Debug)]
pub(super) struct Draft {
    to: PathBuf,
    at: PathBuf,
    file: BufWriter<File>,
    finished: bool,
}

impl Draft {
    pub(super) fn new(to: &Path) -> Result<Self, IndexError> {
        // An attempt that was dropped may still be writing the same file: each writer has a copy of its own.
        static WRITERS: AtomicU64 = AtomicU64::new(0);
        let mut at = to.as_os_str().to_owned();
        at.push(format!("{UNFINISHED}{}-{}", process::id(), WRITERS.fetch_add(1, Ordering::Relaxed)));
        let at = PathBuf::from(at);
        let file = File::create(&at).at("create", &at)?;
        Ok(Self { to: to.to_owned(), at, file: BufWriter::new(file), finished: false })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), IndexError> {
        self.file.write_all(bytes).at("write", &self.at)
    }

    /// When this returns, the file survives a power cut: a checkpoint may claim that it is there.
    pub(super) fn finish(mut self) -> Result<(), IndexError> {
        self.file.flush().at("write", &self.at)?;
        self.file.get_ref().sync_all().at("write", &self.at)?;
        fs::rename(&self.at, &self.to).at("rename", &self.at)?;
        self.finished = true;
        let folder = self.to.parent().expect("a draft is made inside a folder");
        sync_folder(folder).at("write", folder)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.finished {
            // It has no name of its own yet, so nobody misses it; a leftover is swept with its build.
            let _ = fs::remove_file(&self.at);
        }
    }
}

pub(super) fn write(to: &Path, bytes: &[u8]) -> Result<(), IndexError> {
    let mut draft = Draft::new(to)?;
    draft.write(bytes)?;
    draft.finish()
}

/// Creates the folder and those above it, durably.
pub(super) fn create_folder(folder: &Path) -> Result<(), IndexError> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = folder.parent().filter(|above| !above.as_os_str().is_empty());
    if let Some(above) = above {
        create_folder(above)?;
    }
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error).at("create the folder", folder)?,
        _ => {}
    }
    let above = above.unwrap_or(Path::new("."));
    sync_folder(above).at("write", above)
}

pub(super) fn is_unfinished(name: &str) -> bool {
    name.contains(UNFINISHED)
}

/// A new name is durable when its folder is; where folders cannot be opened as files, the system sees to it.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/file");
        create_folder(path.parent().unwrap()).unwrap();
        let mut broken_off = Draft::new(&path).unwrap();
        broken_off.write(b"half").unwrap();
        assert!(!path.exists());
        drop(broken_off);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 0);

        write(&path, b"whole").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        write(&path, b"again").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"again");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
