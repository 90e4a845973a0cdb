//! Where the socket of a folder is.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::{ffi::OsStrExt, fs::DirBuilderExt},
    path::{Path, PathBuf},
};

/// The socket.
const NAME: &str = "longhaul.sock";
/// Has the path of the socket, if that is elsewhere.
const POINTER: &str = "longhaul.sock.path";
/// A path of a socket in bytes. Systems take 104 or 108 with the zero at its end.
pub const PATH_MAX: usize = 100;
/// Names that are tried for a short path; each is taken only if a process of the same number died without cleaning up.
const TRIES: u32 = 1000;

/// Where the server of this folder would listen. Whether it does shows when one connects. `None`: there is no socket.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// assert_eq!(longhaul_inspect::socket::find(folder.path())?, None);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// When the folder cannot be read.
pub fn find(folder: &Path) -> io::Result<Option<PathBuf>> {
    let folder = match folder.canonicalize() {
        Ok(folder) => folder,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let there = folder.join(NAME);
    if is_short(&there) {
        return Ok(there.symlink_metadata().is_ok().then_some(there));
    }
    match fs::read(folder.join(POINTER)) {
        Ok(path) => Ok(Some(PathBuf::from(std::ffi::OsStr::from_bytes(&path)))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_short(path: &Path) -> bool {
    path.as_os_str().len() <= PATH_MAX
}

/// The path on which a server listens, and what has to be removed when it ends.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    /// The folder that was made for a short path, and the file that names it.
    short: Option<(PathBuf, PathBuf)>,
}

impl Place {
    /// In the folder, or, if that path is too long, in a folder of its own that only this user may enter.
    pub(super) fn make(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let folder = folder.canonicalize()?;
        let pointer = folder.join(POINTER);
        Self::remove_short(&pointer)?;
        let path = folder.join(NAME);
        if is_short(&path) {
            return Ok(Self { path, short: None });
        }
        let own = own_folder(&std::env::temp_dir())?;
        let path = own.join(NAME);
        if !is_short(&path) {
            fs::remove_dir(&own)?;
            let text = format!("`{}` is too long for the path of a socket: set TMPDIR to a short path", own.display());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        fs::write(&pointer, path.as_os_str().as_bytes())?;
        Ok(Self { path, short: Some((own, pointer)) })
    }

    /// What a process that was killed left behind.
    fn remove_short(pointer: &Path) -> io::Result<()> {
        let path = match fs::read(pointer) {
            Ok(path) => PathBuf::from(std::ffi::OsStr::from_bytes(&path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        super::stale::remove_stale(&path)?;
        if let Some(own) = path.parent() {
            // It is empty now, or not ours to remove.
            fs::remove_dir(own).ok();
        }
        fs::remove_file(pointer)
    }

    pub(super) fn remove(&self) -> io::Result<()> {
        let mut result = fs::remove_file(&self.path);
        if let Some((own, pointer)) = &self.short {
            result = result.and(fs::remove_dir(own)).and(fs::remove_file(pointer));
        }
        result
    }
}

/// A new folder that no other user may enter. It is created, never reused: the folder above is shared by all users.
fn own_folder(above: &Path) -> io::Result<PathBuf> {
    let pid = std::process::id();
    for number in 0..TRIES {
        let path = above.join(format!("longhaul-{pid}-{number}"));
        match DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "all names for a folder of a socket are taken"))
}
