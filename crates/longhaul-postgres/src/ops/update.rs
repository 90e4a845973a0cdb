//! What may be changed of a run that is there.

use longhaul_core::{
    Actor, RunId, StateKind,
    store::{RunUpdate, UpdateError},
};

use crate::handle::Inner;

impl Inner {
    pub(crate) async fn update(&self, id: RunId, update: RunUpdate, by: &Actor) -> Result<StateKind, UpdateError> {
        self.change(id, UpdateError::NotFound, |now, run| run.update(now, update.clone(), by.clone())).await
    }
}
