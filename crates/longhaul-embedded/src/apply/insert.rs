//! New runs.

use longhaul_core::{NewRun, store::InsertError};

use crate::{
    committer::{Committer, Touch},
    error::Fault,
    keys,
    record::Record,
};

impl Committer {
    pub(super) fn insert(&mut self, new: NewRun) -> Result<Result<(), InsertError>, Fault> {
        let id = new.id;
        if self.exists(id)? {
            return Ok(Err(InsertError::Duplicate(id)));
        }
        self.add(Box::new(Record::admit(self.now, new)))?;
        Ok(Ok(()))
    }

    pub(super) fn exists(&mut self, id: longhaul_core::RunId) -> Result<bool, Fault> {
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
