//! From a folder to a store that works.

pub(crate) mod folder;
mod look;
mod refusal;
mod steps;
pub(crate) mod thread;
mod trial;

use std::path::Path;

pub(crate) use self::folder::Opened;
use crate::{engine::watchdog::Looks, error::OpenError, options::Options};

/// Opens a folder, on a thread of its own.
pub(crate) async fn open(path: &Path, options: Options) -> Result<Opened, OpenError> {
    thread::open(path, options, Looks::every_second(), folder::open).await
}
