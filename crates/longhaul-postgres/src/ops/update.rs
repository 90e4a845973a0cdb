//! What may be changed of a run that is there.

use longhaul_core::{
    Actor, RunId, StateKind,
    store::{RunUpdate, UpdateError},
};

use super::decide::Changed;
use crate::handle::Inner;

impl Inner {
    pub(crate) async fn update(&self, id: RunId, update: RunUpdate, by: &Actor) -> Result<StateKind, UpdateError> {
        match self.decide(id, &update.event(), by).await? {
            Changed::NotFound => Err(UpdateError::NotFound(id)),
            Changed::Done((_, after)) => Ok(after),
            Changed::Refused(_, why) => Err(UpdateError::Refused { id, why }),
        }
    }
}
