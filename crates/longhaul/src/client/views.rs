//! Values without their types, through a client.

use longhaul_core::RunId;
use serde_json::Value;

use super::Client;
use crate::{
    new_run::EnqueueError,
    views::{EnqueueJsonError, Views},
};

impl Client {
    /// The kinds whose values this client can show and make without their types.
    pub fn views(&self) -> &Views {
        &self.views
    }

    /// The same client, with these views in place of those that it has.
    #[must_use]
    pub fn with_views(&self, views: Views) -> Self {
        Self { views, ..self.clone() }
    }

    /// Enqueues a run of any kind that the [views](Self::views) have, with metadata that is made from JSON. To say more
    /// of the run, change what [`Views::new_run`] gives and insert that.
    ///
    /// # Errors
    /// When the kind is unknown here or the JSON is no metadata of it, nothing is stored; otherwise as those of
    /// [`Enqueue`](crate::Enqueue).
    ///
    /// # Cancel safety
    /// When the future is dropped before it is ready, the run is either enqueued or not.
    pub async fn enqueue_json(&self, kind: &str, metadata: Value) -> Result<RunId, EnqueueJsonError> {
        let new = self.views.new_run_of(kind, &metadata, &self.origin())?;
        let id = new.id;
        let mut answers = self.store().insert(vec![new]).await.map_err(EnqueueError::from)?;
        answers.pop().expect("one answer for one run").map_err(EnqueueError::from)?;
        Ok(id)
    }
}
