//! What a killed process left.

use std::{fs, io, os::unix::net, path::Path};

/// Removes a socket that a killed process left.
///
/// # Errors
/// When somebody listens on it, or it is no socket.
pub(super) fn remove_stale(path: &Path) -> io::Result<()> {
    match net::UnixStream::connect(path) {
        Ok(_) => {
            let text = format!("another server listens on `{}`", path.display());
            Err(io::Error::new(io::ErrorKind::AddrInUse, text))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused && is_socket(path)? => fs::remove_file(path),
        Err(error) => Err(io::Error::new(error.kind(), format!("`{}` is in the way: {error}", path.display()))),
    }
}

fn is_socket(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::FileTypeExt;
    Ok(fs::symlink_metadata(path)?.file_type().is_socket())
}
