//! The store is opened as a copy first, where opening it in place might destroy what could be saved.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use super::{
    refusal::{Refusal, guarded},
    steps::Opening,
};
use crate::engine::{
    kv::Kv,
    seal::{self, Digests, Seal},
    witness::{LOG, Testimony, is_unfinished},
};

/// The folder of the copy, in the folder of the store.
const NAME: &str = "copy-to-check";
const COPIED_AT_ONCE: u64 = 64 << 20;

impl Opening<'_> {
    /// Whether a copy of the folder opens, and holds what `says` says. Reads everything.
    pub(super) fn attempt(self, says: &Testimony) -> Result<(), Refusal> {
        remove(self.folder)?;
        let copy = self.folder.join(NAME);
        let checked = self.copy_to(&copy).map_err(Refusal::from).and_then(|()| {
            let kv = Box::new(self.engine(&copy, None)?);
            let (kv, ()) = self.reading(kv, |kv| {
                let seal = compare(kv, says)?;
                let all = Digests::of_all(kv, &|| self.beat())?;
                let seal = holding(seal, all.live, says)?;
                if all == seal.digests { Ok(()) } else { Err(unlike(&seal)) }
            })?;
            // It was read; whether the copy can be closed as well says nothing of the store, but of the disk.
            let closed = guarded(|| {
                drop(kv);
                Ok(())
            });
            Ok(closed?)
        });
        remove(self.folder)?;
        checked
    }

    fn copy_to(self, copy: &Path) -> io::Result<()> {
        fs::create_dir(copy)?;
        for entry in fs::read_dir(self.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let is_sleds = name == LOG || name == "conf" || name.as_encoded_bytes().starts_with(b"snap.");
            if is_sleds && !is_unfinished(&entry.path()) {
                self.copy_file(&entry.path(), &copy.join(name))?;
            }
        }
        let (blobs, copied) = (self.folder.join("blobs"), copy.join("blobs"));
        if blobs.is_dir() {
            fs::create_dir(&copied)?;
            for entry in fs::read_dir(blobs)? {
                let entry = entry?;
                self.copy_file(&entry.path(), &copied.join(entry.file_name()))?;
            }
        }
        Ok(())
    }

    /// In parts: a large file takes long, and each part shows that it gets on.
    fn copy_file(self, from: &Path, to: &Path) -> io::Result<()> {
        let (mut from, mut to) = (File::open(from)?, File::create_new(to)?);
        while io::copy(&mut (&mut from).take(COPIED_AT_ONCE), &mut to)? > 0 {
            self.beat();
        }
        Ok(())
    }
}

/// Removes a copy that a process left which died while it checked it.
pub(super) fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder.join(NAME)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The seal of a store that goes as far as the witness says.
pub(super) fn compare(kv: &dyn Kv, says: &Testimony) -> Result<Seal, Refusal> {
    let seal = seal::of(kv)?;
    check_mark(seal.as_ref(), says)?;
    seal.ok_or_else(|| Refusal::Corrupt("it has no seal".into()))
}

/// What `seal` says of a store in which `live` is the sum of what is live, if the store goes as far as the witness says.
pub(super) fn holding(seal: Seal, live: u64, says: &Testimony) -> Result<Seal, Refusal> {
    let holding = seal.holding(live).ok_or_else(|| unlike(&seal))?;
    check_mark(Some(&holding), says)?;
    Ok(holding)
}

/// Whether a seal is of the store that the witness knows, and not older.
pub(super) fn check_mark(seal: Option<&Seal>, says: &Testimony) -> Result<(), Refusal> {
    let required = says.required();
    match seal {
        Some(seal) if seal.store != says.store => Err(Refusal::Corrupt("`witness` and `db` are of two stores".into())),
        Some(seal) if seal.mark.number < required.number => {
            Err(Refusal::RolledBack { found: Some(seal.mark), required })
        }
        None if !says.is_new => Err(Refusal::RolledBack { found: None, required }),
        _ => Ok(()),
    }
}

/// Why a store is refused whose seal does not match what is in it.
fn unlike(seal: &Seal) -> Refusal {
    Refusal::Corrupt(format!(
        "it goes up to batch {} of {}, but not all that was written before is there",
        seal.mark.number, seal.mark.at
    ))
}
