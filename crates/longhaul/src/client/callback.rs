//! A run that is the callback of a batch.

use std::time::Duration;

use longhaul_core::CallbackWhen;

use super::{
    Enqueue, EnqueueError, UniqueKey,
    enqueue::{Callback, Options},
};
use crate::{task::TaskTypes, title::TITLE_TAG};

/// The unique key by which the callback of a batch of this name is found.
pub(crate) fn batch_key(name: &str) -> String {
    format!("batch {name}")
}

impl<T: TaskTypes> Enqueue<T> {
    /// As the callback of the batch of this name.
    pub(crate) fn callback_of(mut self, name: String, when: CallbackWhen, named_for: Duration) -> Self {
        self.options.callback = Some(Callback { name, when, named_for });
        self
    }
}

impl Options {
    /// Says what a callback has besides what was asked of it.
    pub(super) fn with_callback(mut self) -> Result<(Self, Option<CallbackWhen>), EnqueueError> {
        let Some(Callback { name, when, named_for }) = self.callback.take() else { return Ok((self, None)) };
        let refused = |what| Err(EnqueueError::Callback { batch: name.clone(), what });
        if self.unique.is_some() {
            return refused("a unique key: the name of the batch is its key");
        }
        if self.after.is_some() {
            return refused("runs that it comes after: it comes after the members of its batch");
        }
        self.unique = Some(UniqueKey::new(batch_key(&name)).for_period(named_for));
        if self.tags.iter().all(|(key, _)| key != TITLE_TAG) {
            self.tags.push((TITLE_TAG.to_owned(), name));
        }
        Ok((self, Some(when)))
    }
}
