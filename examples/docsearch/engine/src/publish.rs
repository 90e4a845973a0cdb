//! Which build answers queries, and the clearing away of all others.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    durable,
    error::{At, IndexError},
    progress::Summary,
    segment,
};

/// The finished index of a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// The build's label.
    pub label: String,
    /// The folder that was indexed.
    pub input: PathBuf,
    /// What came of it.
    pub summary: Summary,
}

pub(super) fn build_folder(index: &Path, label: &str) -> PathBuf {
    index.join(format!("build-{label}"))
}

fn current(index: &Path) -> PathBuf {
    index.join("current.json")
}

/// Makes a verified build the one that answers queries. Whoever asks finds the one before or this one, whole.
pub(super) fn publish(index: &Path, published: &Published) -> Result<(), IndexError> {
    let json = serde_json::to_vec_pretty(published).expect("texts and numbers can be written as JSON");
    durable::write(&current(index), &json)
}

/// The index that answers queries; `None`: none was finished yet.
pub fn published(index: &Path) -> Result<Option<Published>, IndexError> {
    let path = current(index);
    match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => {
            let bytes = read.at("read", &path)?;
            serde_json::from_slice(&bytes).map(Some).map_err(|error| IndexError::damaged(&path, error.to_string()))
        }
    }
}

/// Removes what nobody needs any more: all builds but the one that answers queries and the one that is `going_on`, and
/// the segments of the former. To be called by whoever knows that no other is being made: a build removes nothing of
/// its own accord, because an attempt at it that was dropped may still be writing.
pub fn sweep(index: &Path, going_on: Option<&str>) -> Result<(), IndexError> {
    let current = published(index)?.map(|published| published.label);
    for name in names(index)? {
        let path = index.join(&name);
        match name.strip_prefix("build-") {
            Some(label) if Some(label) == going_on => {}
            Some(label) if Some(label) == current.as_deref() => sweep_finished(&path)?,
            Some(_) => gone(fs::remove_dir_all(&path), &path)?,
            None if durable::is_unfinished(&name) => gone(fs::remove_file(&path), &path)?,
            None => {}
        }
    }
    Ok(())
}

fn sweep_finished(build: &Path) -> Result<(), IndexError> {
    for name in names(build)? {
        if segment::is_segment(&name) || durable::is_unfinished(&name) {
            let path = build.join(name);
            gone(fs::remove_file(&path), &path)?;
        }
    }
    Ok(())
}

fn names(folder: &Path) -> Result<Vec<String>, IndexError> {
    match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries
            .and_then(|entries| entries.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>())
            .at("read the folder", folder)
            // No name of ours is anything but ASCII: what is not was put there by somebody else.
            .map(|names| names.into_iter().filter_map(|name| name.into_string().ok()).collect()),
    }
}

/// Somebody else may have removed it meanwhile.
fn gone(removed: io::Result<()>, path: &Path) -> Result<(), IndexError> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.at("remove", path),
    }
}
