//! Children: which a run has, and how many. The counts go into the batch of what they count.

use std::ops::ControlFlow;

use longhaul_core::{ChildCounts, Run, RunId, StateKind, family::cancel_children};

use super::State;
use crate::{
    error::Fault,
    format::{family::Family, keys, list::read_list},
};

impl State {
    pub(crate) fn family(&self, parent: RunId) -> Result<Option<Family>, Fault> {
        if let Some(family) = self.files.batch.families.get(&parent) {
            return Ok(*family);
        }
        let bytes = self.files.kv.get(&keys::family(parent))?;
        Ok(bytes.map(|bytes| Family::read(&bytes)).transpose()?)
    }

    pub(crate) fn child_counts(&self, parent: RunId) -> Result<ChildCounts, Fault> {
        Ok(self.family(parent)?.unwrap_or_default().counts)
    }

    /// A new run comes in: its parent has one more.
    pub(super) fn child_added(&mut self, child: &Run) -> Result<(), Fault> {
        let Some(parent) = child.parent() else { return Ok(()) };
        let mut family = self.family(parent.id)?.unwrap_or_default();
        family.counts.moved(None, child.counts_as());
        self.files.batch.families.insert(parent.id, Some(family));
        self.files.batch.children.entry(parent.id).or_default().push(child.id);
        self.index.waits.children_changed(parent.id);
        Ok(())
    }

    /// A run counted as `before`, and counts as `after`.
    pub(super) fn child_moved(
        &mut self,
        child: &Run,
        before: Option<StateKind>,
        after: Option<StateKind>,
    ) -> Result<(), Fault> {
        let Some(parent) = child.parent() else { return Ok(()) };
        // It is gone with its parent.
        let Some(mut family) = self.family(parent.id)? else { return Ok(()) };
        family.counts.moved(before, after);
        self.files.batch.families.insert(parent.id, Some(family));
        self.index.waits.children_changed(parent.id);
        Ok(())
    }

    /// The run became final.
    pub(super) fn family_ended(&mut self, run: &Run) -> Result<(), Fault> {
        self.index.waits.ended(run.id);
        self.child_moved(run, Some(StateKind::Running), run.counts_as())?;
        if cancel_children(run).is_some()
            && let Some(family) = self.family(run.id)?.filter(|family| family.counts.open() > 0)
        {
            self.files.batch.families.insert(run.id, Some(Family { cancels: true, ..family }));
            self.index.waits.cancels.push_back(run.id);
        }
        Ok(())
    }

    /// The run is removed: nobody asks any more which children it has.
    pub(super) fn family_removed(&mut self, id: RunId) -> Result<(), Fault> {
        self.index.waits.ended(id);
        if self.family(id)?.is_none() {
            return Ok(());
        }
        // Its lists may be in the making.
        self.commit()?;
        let (prefix, mut found) = (keys::children(id), Vec::new());
        self.files.kv.scan(&prefix, &prefix, &mut |key, _| {
            found.push(key.to_vec());
            ControlFlow::Continue(())
        })?;
        // Lists without counts are those of a run that is gone: the counts go first. A child that goes with this run in one
        // batch finds none.
        self.room(1)?;
        self.files.batch.families.insert(id, None);
        for keys in found.chunks(crate::engine::kv::BATCH_KEYS_MAX / 2) {
            self.room(keys.len())?;
            self.files.batch.remove_all(keys);
        }
        Ok(())
    }

    /// The children of a run, in no order. Those that were removed may be among them.
    pub(crate) fn children(&self, parent: RunId) -> Result<Vec<RunId>, Fault> {
        let (prefix, mut found, mut fault) = (keys::children(parent), Vec::new(), None);
        self.files.kv.scan(&prefix, &prefix, &mut |_, value| match read_list(value) {
            Ok(list) => {
                found.extend(list.ids);
                ControlFlow::Continue(())
            }
            Err(damage) => {
                fault = Some(damage);
                ControlFlow::Break(())
            }
        })?;
        fault.map_or(Ok(found), |damage| Err(damage.into()))
    }

    /// The cancellation of this run has gone down to all of its children.
    pub(crate) fn cancelled_children(&mut self, parent: RunId) -> Result<(), Fault> {
        if let Some(family) = self.family(parent)? {
            self.room(1)?;
            self.files.batch.families.insert(parent, Some(Family { cancels: false, ..family }));
            self.files.batch.needs_sync = true;
        }
        Ok(())
    }
}
