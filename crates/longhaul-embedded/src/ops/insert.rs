//! New runs.

use longhaul_core::{
    Event, Inserted, Key, Kind, NewRun, RunId, StateKind,
    constraints::{self, Conflict, conflict, conflict_with_removed},
    store::InsertError,
};

use crate::{
    committer::{Committer, Touch},
    error::Fault,
    format::keys,
    state::record::Record,
};

/// Keys whose time has passed that are let go of with each new one: more than come, so that they do not pile up.
const KEYS_EXPIRED: usize = 4;

/// A run that keeps others of its kind and key out.
pub(crate) enum Holder {
    /// Whoever takes it puts it back.
    There(Box<Record>),
    /// Its retention removed it.
    Removed { id: RunId, state: StateKind },
}

impl Committer {
    pub(crate) fn insert(&mut self, new: NewRun) -> Result<Result<Inserted, InsertError>, Fault> {
        let id = new.id;
        if self.exists(id)? {
            return Ok(Err(InsertError::Duplicate(id)));
        }
        if let Some(unique) = &new.constraints().unique {
            self.expire_keys(KEYS_EXPIRED)?;
            match self.key_holder(&new.kind, &unique.key)? {
                None => {}
                Some(Holder::There(record)) => return self.resolve_conflict(record, new),
                Some(Holder::Removed { id, state }) => {
                    return Ok(match conflict_with_removed(unique.on_conflict) {
                        Conflict::Return => Ok(Inserted::Existing { id, state }),
                        Conflict::Replace | Conflict::Refuse => {
                            Err(InsertError::Taken { key: unique.key.clone(), id, state })
                        }
                    });
                }
            }
        }
        self.add(Box::new(Record::enqueue(self.now, new)))?;
        Ok(Ok(Inserted::New))
    }

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

    /// Which run that is.
    pub(crate) fn find_by_key(&mut self, kind: &Kind, key: &Key) -> Result<Option<RunId>, Fault> {
        let Some(Holder::There(record)) = self.key_holder(kind, key)? else { return Ok(None) };
        let id = record.run.id;
        self.put_back(record);
        Ok(Some(id))
    }

    /// A new run meets the one that has its key.
    fn resolve_conflict(
        &mut self,
        mut there: Box<Record>,
        new: NewRun,
    ) -> Result<Result<Inserted, InsertError>, Fault> {
        let unique = new.constraints().unique.clone().expect("it has a key");
        let (id, state) = (there.run.id, there.run.state.kind());
        match conflict(unique.on_conflict, &there.run) {
            Conflict::Replace => {
                let event: Event = constraints::replacement(self.now, &new);
                there.replace(new.metadata, new.execution_metadata);
                self.happen_for(there, &event, new.by)?.expect("it has not begun");
                Ok(Ok(Inserted::Replaced { id }))
            }
            Conflict::Return => {
                self.put_back(there);
                Ok(Ok(Inserted::Existing { id, state }))
            }
            Conflict::Refuse => {
                self.put_back(there);
                Ok(Err(InsertError::Taken { key: unique.key, id, state }))
            }
        }
    }

    /// Lets go of a few keys whose time has passed, so that they do not pile up.
    pub(crate) fn expire_keys(&mut self, max: usize) -> Result<(), Fault> {
        for (kind, key) in self.index.uniques.expire(self.now, max) {
            self.room(1)?;
            self.batch.remove(keys::unique(&kind, &key));
        }
        Ok(())
    }

    pub(crate) fn exists(&mut self, id: RunId) -> Result<bool, Fault> {
        if self.index.get(id).is_some() {
            return Ok(true);
        }
        if matches!(self.touched.get(&id), Some(Touch::Written(_))) {
            // It became final, or was removed, and that may not be in the file yet.
            self.commit()?;
        }
        Ok(self.kv.get(&keys::done(id))?.is_some())
    }
}
