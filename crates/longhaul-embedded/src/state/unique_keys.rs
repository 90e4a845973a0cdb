//! Which run has a unique key, as far as the run itself says so.

use longhaul_core::{Key, Kind, RunId, StateKind};

use super::{State, record::Record};
use crate::{error::Fault, format::keys};

/// A run that keeps others of its kind and key out.
pub(crate) enum Holder {
    /// It was taken; the caller puts it back.
    There(Box<Record>),
    /// Its retention removed it.
    Removed { id: RunId, state: StateKind },
}

impl State {
    /// The run that keeps others of this kind and key out.
    pub(crate) fn key_holder(&mut self, kind: &Kind, key: &Key) -> Result<Option<Holder>, Fault> {
        let Some(id) = self.index.uniques.holder(kind, key) else { return Ok(None) };
        if let Some(state) = self.index.uniques.removed(self.now, id) {
            return Ok(Some(Holder::Removed { id, state }));
        }
        let Some(record) = self.take(id)? else { return Ok(None) };
        let holds = record.run.constraints().unique.as_ref().is_some_and(|unique| unique.holds(self.now, &record.run));
        if holds {
            return Ok(Some(Holder::There(record)));
        }
        self.put_back(record);
        Ok(None)
    }

    /// Frees up to `max` keys whose time has passed, so that they do not pile up.
    pub(crate) fn expire_keys(&mut self, max: usize) -> Result<(), Fault> {
        for (kind, key) in self.index.uniques.expire(self.now, max) {
            self.room(1)?;
            self.files.batch.remove(keys::unique(&kind, &key));
        }
        Ok(())
    }
}
