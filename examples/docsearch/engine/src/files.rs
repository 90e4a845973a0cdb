//! Step 1: which files there are, in an order that does not depend on the disk.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    durable,
    error::{At, IndexError},
    wire::{self, damaged, put_number, put_text},
};

/// What a file's name must end in to be read.
pub const ENDINGS: [&str; 4] = [".html", ".md", ".rs", ".toml"];

const MAGIC: &[u8] = b"docsearch files 1\n";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ListedFile {
    /// Below the input folder, with `/` between its parts.
    pub(super) path: String,
    /// In bytes, when it was listed.
    pub(super) size: u64,
}

/// The files in the order in which they are numbered, from 1.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct FileList {
    pub(super) files: Vec<ListedFile>,
    /// Folders that cannot be entered, and names that are not UTF-8.
    pub(super) left_out: u32,
}

impl FileList {
    /// Walks the folder; symbolic links are not followed. `None`: told to stop.
    pub(super) fn walk(input: &Path, stop: &dyn Fn() -> bool) -> Result<Option<Self>, IndexError> {
        let mut list = Self::default();
        let mut folders: Vec<(PathBuf, String)> = Vec::new();
        let mut entries = fs::read_dir(input).map_err(|error| IndexError::input(input, &error))?;
        let mut prefix = String::new();
        loop {
            if stop() {
                return Ok(None);
            }
            list.add(entries, &prefix, &mut folders).at("read the folder", input)?;
            entries = loop {
                let Some((folder, below)) = folders.pop() else {
                    list.files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
                    return if list.files.is_empty() { Err(nothing_in(input)) } else { Ok(Some(list)) };
                };
                match fs::read_dir(&folder) {
                    Ok(entries) => {
                        prefix = below;
                        break entries;
                    }
                    Err(error) if passes_by(&error) => list.left_out += 1,
                    Err(error) => Err(error).at("read the folder", &folder)?,
                }
            };
        }
    }

    fn add(
        &mut self,
        entries: fs::ReadDir,
        prefix: &str,
        folders: &mut Vec<(PathBuf, String)>,
    ) -> Result<(), io::Error> {
        for entry in entries {
            let entry = entry?;
            let kind = entry.file_type()?;
            let Ok(name) = entry.file_name().into_string() else {
                self.left_out += 1;
                continue;
            };
            if kind.is_dir() {
                folders.push((entry.path(), format!("{prefix}{name}/")));
            } else if kind.is_file() && ENDINGS.iter().any(|ending| name.ends_with(ending)) {
                // A file that vanished just now is listed all the same: the next step says that it could not be read.
                let size = entry.metadata().map_or(0, |metadata| metadata.len());
                self.files.push(ListedFile { path: format!("{prefix}{name}"), size });
            }
        }
        Ok(())
    }

    pub(super) fn write(&self, to: &Path) -> Result<(), IndexError> {
        let mut bytes = MAGIC.to_vec();
        put_number(&mut bytes, u64::from(self.left_out));
        put_number(&mut bytes, self.files.len() as u64);
        for file in &self.files {
            put_text(&mut bytes, &file.path);
            put_number(&mut bytes, file.size);
        }
        let sum = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&sum.to_le_bytes());
        durable::write(to, &bytes)
    }

    pub(super) fn read(from: &Path) -> Result<Self, IndexError> {
        let bytes = fs::read(from).at("read", from)?;
        Self::decode(&bytes).at("read", from)
    }

    fn decode(bytes: &[u8]) -> io::Result<Self> {
        let (body, sum) = bytes.split_last_chunk().ok_or(io::ErrorKind::UnexpectedEof)?;
        if crc32fast::hash(body) != u32::from_le_bytes(*sum) {
            return Err(damaged("its checksum does not match"));
        }
        let mut rest = body.strip_prefix(MAGIC).ok_or_else(|| damaged("not a list of files"))?;
        let left_out = wire::small(&mut rest)?;
        let count = wire::number(&mut rest)?;
        let files = (0..count)
            .map(|_| Ok(ListedFile { path: wire::text(&mut rest)?, size: wire::number(&mut rest)? }))
            .collect::<io::Result<_>>()?;
        Ok(Self { files, left_out })
    }
}

/// Whether an error says something about one file, and not about the machine: then the others go on.
pub(super) fn passes_by(error: &io::Error) -> bool {
    use io::ErrorKind::{IsADirectory, NotADirectory, NotFound, PermissionDenied};
    matches!(error.kind(), NotFound | PermissionDenied | IsADirectory | NotADirectory)
}

fn nothing_in(input: &Path) -> IndexError {
    IndexError::NothingToIndex { folder: input.display().to_string(), endings: ENDINGS.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        folder
    }

    #[test]
    fn files_are_listed_sorted_by_their_whole_path_and_by_ending() {
        let folder = folder(&["b.html", "a/z.md", "a/b/c.rs", "a.html", "a/picture.png", "Cargo.toml", "html"]);
        let list = FileList::walk(folder.path(), &|| false).unwrap().unwrap();
        let paths: Vec<_> = list.files.iter().map(|file| (file.path.as_str(), file.size)).collect();
        assert_eq!(paths, [("Cargo.toml", 10), ("a.html", 6), ("a/b/c.rs", 8), ("a/z.md", 6), ("b.html", 6)]);
        assert_eq!(list.left_out, 0);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed_and_names_that_are_not_utf8_are_counted() {
        use std::os::unix::{ffi::OsStrExt, fs::symlink};
        let folder = folder(&["a.html"]);
        symlink(folder.path(), folder.path().join("loop")).unwrap();
        symlink(folder.path().join("a.html"), folder.path().join("b.html")).unwrap();
        fs::write(folder.path().join(std::ffi::OsStr::from_bytes(b"\xff.html")), "").unwrap();
        let list = FileList::walk(folder.path(), &|| false).unwrap().unwrap();
        assert_eq!(list.files.len(), 1);
        assert_eq!(list.left_out, 1);
    }

    #[test]
    fn a_list_comes_back_and_a_flipped_bit_is_noticed() {
        let folder = folder(&["a.html", "b.html"]);
        let list = FileList::walk(folder.path(), &|| false).unwrap().unwrap();
        let at = folder.path().join("files");
        list.write(&at).unwrap();
        assert_eq!(FileList::read(&at).unwrap(), list);
        let mut bytes = fs::read(&at).unwrap();
        bytes[20] ^= 1;
        fs::write(&at, bytes).unwrap();
        assert!(matches!(FileList::read(&at), Err(IndexError::Damaged { .. })));
    }

    #[test]
    fn an_input_without_pages_is_refused_by_name() {
        let folder = folder(&["a.png"]);
        let error = FileList::walk(folder.path(), &|| false).unwrap_err();
        assert!(matches!(error, IndexError::NothingToIndex { .. }), "{error}");
        let error = FileList::walk(&folder.path().join("nowhere"), &|| false).unwrap_err();
        assert!(matches!(error, IndexError::Input { .. }), "{error}");
    }

    #[test]
    fn the_walk_ends_when_told_to_stop() {
        let folder = folder(&["a.html"]);
        assert_eq!(FileList::walk(folder.path(), &|| true).unwrap(), None);
    }
}
