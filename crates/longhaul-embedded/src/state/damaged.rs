//! What to do with a run that cannot be read.

use std::{fmt, ops::ControlFlow};

use longhaul_core::{Event, RunId, decide, record::Damage, store::DeleteError};

use crate::committer::Committer;
use crate::{engine::kv::Key, error::Fault, format::keys};

/// Something that could not be read when the store was opened, and was set aside: its bytes are in the store, under a
/// key of their own, and nothing else knows of it.
///
/// ```
/// # use longhaul_embedded::{EmbeddedStore, Options, SetAside};
/// # let folder = tempfile::tempdir()?;
/// # let clock = std::sync::Arc::new(longhaul_testkit::TestClock::starting_at(longhaul_core::Timestamp::EPOCH));
/// let store = EmbeddedStore::open(folder.path(), Options::new(clock).set_aside_damaged())?;
/// for SetAside { what, reason } in store.set_aside() {
///     eprintln!("{what} is lost: {reason}");
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// A run, or a page of runs.
    pub what: String,
    /// What is wrong with it.
    pub reason: String,
}

impl From<Damage> for SetAside {
    fn from(Damage { what, reason, .. }: Damage) -> Self {
        Self { what: what.to_string(), reason: reason.to_string() }
    }
}

impl fmt::Display for SetAside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} was set aside: {}", self.what, self.reason)
    }
}

/// Where something stands that cannot be read.
pub(crate) enum Spot {
    /// All that is under a key.
    Key(Key, Vec<u8>),
    /// One record of a page.
    OnPage(u64, RunId, Vec<u8>),
}

impl Committer {
    /// The keys of all pieces that lie about of a run.
    pub(crate) fn piece_keys(&self, id: RunId) -> Result<Vec<Key>, Fault> {
        let (prefix, mut found) = (keys::chunks(id), Vec::new());
        self.kv.scan(&prefix, &prefix, &mut |key, _| {
            found.push(key.to_vec());
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }

    /// Deletes a run that cannot be read whole. `Err`: not even its record says what it is, though it is alive.
    pub(crate) fn delete_damaged(&mut self, id: RunId, damage: Damage) -> Result<Result<(), DeleteError>, Fault> {
        if self.index.get(id).is_none() {
            self.unlist_under(&[keys::ENDED], id)?;
            let pieces = self.piece_keys(id)?;
            self.erase_values(id, pieces, true)?;
            return Ok(Ok(()));
        }
        let run = match self.load_run(id) {
            Ok(Some(run)) => run,
            Ok(None) | Err(Fault::Damage(_)) => return Err(damage.into()),
            Err(fault @ Fault::Engine(_)) => return Err(fault),
        };
        if decide(self.now, &run, &Event::Delete).is_err() {
            return Ok(Err(DeleteError::Running(id)));
        }
        let pieces = self.piece_keys(id)?;
        self.erase_values(id, pieces, false)?;
        self.forget(&run)?;
        Ok(Ok(()))
    }

    /// Moves bytes that cannot be read to where nothing looks at them, and tells.
    pub(crate) fn put_aside(&mut self, spot: Spot, damage: Damage) -> Result<(), Fault> {
        tracing::error!(%damage, "set aside, as the options of this opening say");
        self.room(2)?;
        match spot {
            Spot::Key(key, bytes) => {
                self.batch.put(keys::aside(&key), bytes);
                self.batch.remove(key);
            }
            Spot::OnPage(page, id, bytes) => {
                self.batch.put(keys::aside(&keys::live(id)), bytes);
                self.batch.leave(page, id);
            }
        }
        self.commit()?;
        self.aside.push(damage.into());
        Ok(())
    }

    /// A run whose record can be read, and its values not: it stays where it is, and is not executed.
    pub(crate) fn pass_over(&mut self, id: RunId, damage: Damage) {
        tracing::error!(run.id = %id, %damage, "left alone, as the options of this opening say");
        self.index.set_aside(id);
        self.aside.push(damage.into());
    }
}
