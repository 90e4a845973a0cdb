//! What a run is made of before anybody stores it.

mod error;

use std::sync::{Arc, OnceLock};

use longhaul_core::{Actor, Clock, Constraints, Key, Label, NewRun, Unique, limits::LABELS_MAX};

pub use error::EnqueueError;

use crate::{SystemClock, definition::Definition, ids::IdSource, task::TaskTypes, values::ValueError};

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
    /// A run as the task's options and the marks of its schema say.
    pub(crate) fn new_run(&self, origin: &Origin, metadata: &T::Metadata) -> Result<NewRun, ValueError> {
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
            constraints: None,
            metadata: common.metadata.encode(metadata)?,
            execution_metadata: None,
            by: origin.by.clone(),
        })
    }

    /// What else is asked of a run with this metadata.
    pub(crate) fn constraints(
        &self,
        metadata: &T::Metadata,
        limit_key: Option<String>,
        unique: Option<Unique>,
        mut requires: Vec<String>,
    ) -> Result<Option<Arc<Constraints>>, EnqueueError> {
        for label in &self.common.options.requires {
            if !requires.contains(label) {
                requires.push(label.clone());
            }
        }
        if requires.len() > LABELS_MAX {
            return Err(EnqueueError::TooManyLabels(requires.len()));
        }
        let limit_key = limit_key.or_else(|| (self.limit_key)(metadata));
        let constraints = Constraints {
            limit_key: limit_key.as_deref().map(Key::new).transpose()?,
            unique,
            requires: requires.iter().map(|label| Label::new(label)).collect::<Result<_, _>>()?,
            ..Constraints::default()
        };
        Ok((!constraints.is_empty()).then(|| constraints.into()))
    }
}
