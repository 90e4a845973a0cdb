//! Which folder is indexed when nobody says.

use std::{
    env,
    error::Error,
    io,
    path::{Path, PathBuf},
    process::Command,
};

use docsearch_engine::IndexError;

/// A folder that was named, as an absolute path: the next process may be started elsewhere.
pub(crate) fn named(folder: &Path) -> Result<PathBuf, IndexError> {
    let absolute = folder.canonicalize().map_err(|error| IndexError::input(folder, &error))?;
    if absolute.is_dir() {
        Ok(absolute)
    } else {
        Err(IndexError::input(folder, &io::Error::from(io::ErrorKind::NotADirectory)))
    }
}

/// A folder that whoever compiled this has.
pub(crate) fn default() -> Result<PathBuf, Box<dyn Error>> {
    let folder = documentation().or_else(sources).ok_or(
        "neither the documentation of this Rust toolchain nor sources in cargo's registry are there to be indexed. \
         Run `rustup component add rust-docs`, or name a folder with --input DIR",
    )?;
    Ok(named(&folder)?)
}

fn documentation() -> Option<PathBuf> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let told = Command::new(rustc).args(["--print", "sysroot"]).output().ok().filter(|told| told.status.success())?;
    let sysroot = String::from_utf8(told.stdout).ok()?;
    Some(Path::new(sysroot.trim_end()).join("share/doc/rust/html")).filter(|folder| folder.is_dir())
}

fn sources() -> Option<PathBuf> {
    let cargo = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".cargo")))?;
    Some(cargo.join("registry/src")).filter(|folder| folder.is_dir())
}
