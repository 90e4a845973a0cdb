//! Records, from memory or from the file.

use std::ops::ControlFlow;

use longhaul_core::{
    Epoch, Run, RunId, Snapshot,
    record::{self, Apart, Damage, Part},
    store::CheckpointError,
};

use super::{State, Touch, index::Place, record::Record};
use crate::{
    engine::kv::Kv,
    error::Fault,
    format::{keys, page, pieces::Layout},
};

impl State {
    /// The run with all its values, taken out of memory if it executes: the caller puts it back. `None`: there is no such
    /// run.
    pub(crate) fn take(&mut self, id: RunId) -> Result<Option<Box<Record>>, Fault> {
        if let Some(record) = self.active.remove(&id) {
            return Ok(Some(record));
        }
        if self.touched.get(&id) == Some(&Touch::Written(self.files.batch_number)) {
            self.commit()?;
        }
        self.load(id)
    }

    /// The run with all its values, out of the file.
    pub(crate) fn load(&mut self, id: RunId) -> Result<Option<Box<Record>>, Fault> {
        self.with_bytes(id, |kv, bytes| read_record(kv, id, bytes).map(Box::new))
    }

    /// The run without its values, out of the file.
    pub(crate) fn load_run(&mut self, id: RunId) -> Result<Option<Run>, Fault> {
        self.with_bytes(id, |kv, bytes| read_run(kv, id, bytes))
    }

    pub(crate) fn with_bytes<T>(
        &mut self,
        id: RunId,
        read: impl FnOnce(&dyn Kv, &[u8]) -> Result<T, Fault>,
    ) -> Result<Option<T>, Fault> {
        match self.index.get(id).map(|entry| entry.place) {
            None => match self.files.kv.get(&keys::done(id))? {
                Some(bytes) => read(&*self.files.kv, &bytes).map(Some),
                None => Ok(None),
            },
            Some(Place::Own) => {
                let bytes =
                    self.files.kv.get(&keys::live(id))?.ok_or_else(|| Damage::of_run(id, "its record is missing"))?;
                read(&*self.files.kv, &bytes).map(Some)
            }
            Some(Place::Page(number)) => {
                self.turn_to(number)?;
                let (_, page) = self.files.last_page.as_ref().expect("the page was just read");
                let bytes = page::find(number, page, id)?;
                let bytes = bytes.ok_or_else(|| Damage::of_run(id, format!("it is not on page {number}")))?;
                read(&*self.files.kv, bytes).map(Some)
            }
        }
    }

    fn turn_to(&mut self, number: u64) -> Result<(), Fault> {
        if self.files.last_page.as_ref().is_none_or(|(last, _)| *last != number) {
            let bytes = self.files.kv.get(&keys::page(number))?;
            let bytes = bytes.ok_or_else(|| Damage::of(format!("page {number}"), "it is missing"))?;
            self.files.last_page = Some((number, bytes));
        }
        Ok(())
    }

    /// Whether there is a run of this id.
    pub(crate) fn exists(&mut self, id: RunId) -> Result<bool, Fault> {
        // Most new ids are the highest so far.
        if id > self.newest {
            return Ok(false);
        }
        if self.index.get(id).is_some() {
            return Ok(true);
        }
        if matches!(self.touched.get(&id), Some(Touch::Written(_))) {
            // It became final, or was removed, and that may not be in the file yet.
            self.commit()?;
        }
        Ok(self.files.kv.get(&keys::done(id))?.is_some())
    }

    /// The run as it is now, without taking it. `None`: there is no such run.
    pub(crate) fn run_of(&mut self, id: RunId) -> Result<Option<Run>, Fault> {
        match self.active.get(&id) {
            Some(record) => Ok(Some(record.run.clone())),
            None => self.load_run(id),
        }
    }

    /// The same, also of what the batch in the making has changed.
    pub(crate) fn recent_run_of(&mut self, id: RunId) -> Result<Option<Run>, Fault> {
        if !self.active.contains_key(&id) && self.touched.get(&id) == Some(&Touch::Written(self.files.batch_number)) {
            self.commit()?;
        }
        self.run_of(id)
    }

    /// The same, with its values.
    pub(crate) fn snapshot(&mut self, id: RunId) -> Result<Option<Snapshot>, Fault> {
        match self.active.get(&id) {
            Some(record) => Ok(Some(record.snapshot())),
            None => Ok(self.load(id)?.map(|record| record.into_snapshot())),
        }
    }

    /// Why an attempt writes nothing whose run does not execute.
    pub(crate) fn lost_claim(&mut self, id: RunId, epoch: Epoch) -> Result<CheckpointError, Fault> {
        Ok(if self.exists(id)? { CheckpointError::EpochLost { id, epoch } } else { CheckpointError::NotFound(id) })
    }
}

/// The run that a record holds.
pub(crate) fn read_run(kv: &dyn Kv, id: RunId, bytes: &[u8]) -> Result<Run, Fault> {
    record::read(id, bytes)?.run(&mut |part, apart| assemble(kv, id, part, apart))
}

/// The run that a record holds, with all its values.
pub(crate) fn read_record(kv: &dyn Kv, id: RunId, bytes: &[u8]) -> Result<Record, Fault> {
    let recorded = record::read(id, bytes)?;
    let stored = recorded.stored(&mut |part, apart| assemble(kv, id, part, apart))?;
    Ok(Record { stored, layout: Layout::read(recorded.apart()) })
}

/// Where the parts of a run are.
pub(crate) fn read_layout(id: RunId, bytes: &[u8]) -> Result<Layout, Fault> {
    Ok(Layout::read(record::read(id, bytes)?.apart()))
}

/// Puts the pieces of a part together.
fn assemble(kv: &dyn Kv, id: RunId, part: Part, apart: Apart) -> Result<Vec<u8>, Fault> {
    let length = apart.length as usize;
    let mut value = Vec::with_capacity(length);
    let first = keys::chunk(id, part.number(), apart.generation, 0);
    let prefix = &first[..first.len() - 4];
    let mut number = 0;
    kv.scan(prefix, prefix, &mut |key, bytes| {
        if keys::chunk_of(key).is_none_or(|(_, _, _, found)| found != number) || value.len() >= length {
            return ControlFlow::Break(());
        }
        number += 1;
        value.extend_from_slice(bytes);
        ControlFlow::Continue(())
    })?;
    if !apart.matches(&value) {
        let (part, there) = (part.number(), value.len());
        let reason = format!("part {part}: {there} of its {length} bytes are there, or not those that were written");
        return Err(Damage::of_run(id, reason).into());
    }
    Ok(value)
}
