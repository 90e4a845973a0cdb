//! What a run is made of before anybody stores it.

mod error;

use std::sync::{Arc, OnceLock};

use longhaul_core::{Actor, Clock, Constraints, Key, Label, NewRun, limits::LABELS_MAX};

pub use error::EnqueueError;

use crate::{SystemClock, definition::Definition, ids::IdSource, task::TaskTypes};

/// What a new run needs besides its task and its values.
#[derive(Clone)]
pub(crate) struct Origin {
    pub(crate) ids: IdSource,
    pub(crate) clock: Arc<dyn Clock>,
    /// Who enqueues.
    pub(crate) by: Actor,
}

impl Origin {
    /// Of runs that no client makes. There is one for the process, so that their ids are in order too.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Origin> = OnceLock::new();
        SHARED.get_or_init(|| Self { ids: IdSource::default(), clock: Arc::new(SystemClock), by: Actor::UNKNOWN })
    }
}

impl<T: TaskTypes> Definition<T> {
    /// A run as the task's options and the marks of its schema say, of which `asked` is asked besides.
    pub(crate) fn new_run(
        &self,
        origin: &Origin,
        metadata: &T::Metadata,
        asked: Constraints,
    ) -> Result<NewRun, EnqueueError> {
        let common = &self.common;
        Ok(NewRun {
            id: origin.ids.run(origin.clock.now()),
            kind: common.kind().clone(),
            version: common.version,
            queue: common.queue.clone(),
            priority: common.options.priority,
            tags: self.marked_tags(metadata).into(),
            policy: common.options.retry.clone(),
            timeout: common.options.timeout,
            due: None,
            constraints: self.constraints(metadata, asked)?,
            metadata: common.metadata.encode(metadata)?,
            execution_metadata: None,
            by: origin.by.clone(),
        })
    }

    fn constraints(
        &self,
        metadata: &T::Metadata,
        mut asked: Constraints,
    ) -> Result<Option<Arc<Constraints>>, EnqueueError> {
        for label in &self.common.options.requires {
            if !asked.requires.iter().any(|there| there.as_str() == label) {
                asked.requires.push(Label::new(label)?);
            }
        }
        if asked.requires.len() > LABELS_MAX {
            return Err(EnqueueError::TooManyLabels(asked.requires.len()));
        }
        if asked.limit_key.is_none() {
            asked.limit_key = (self.limit_key)(metadata).as_deref().map(Key::new).transpose()?;
        }
        Ok((!asked.is_empty()).then(|| asked.into()))
    }
}
