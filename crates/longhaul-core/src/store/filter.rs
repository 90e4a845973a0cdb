//! Which runs are meant.

use crate::{
    id::RunId,
    name::{Kind, Queue, Tag},
    run::Run,
    state::StateKind,
    time::Timestamp,
};

/// Which runs. Empty fields match all; the fields are joined by and, the members of one by or.
///
/// ```
/// use longhaul_core::{StateKind, doc, store::Filter};
///
/// assert!(Filter::default().matches(&doc::run()));
/// assert!(!Filter { states: vec![StateKind::Failed], ..Filter::default() }.matches(&doc::run()));
/// assert!(!Filter { before: Some(doc::NOW), ..Filter::default() }.matches(&doc::run()));
/// assert!(!Filter { due_before: Some(doc::NOW), ..Filter::default() }.matches(&doc::run()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub struct Filter {
    /// Of these kinds.
    pub kinds: Vec<Kind>,
    /// In these states.
    pub states: Vec<StateKind>,
    /// In these queues.
    pub queues: Vec<Queue>,
    /// With all of these tags.
    pub tags: Vec<Tag>,
    /// Enqueued at this time or after it.
    pub from: Option<Timestamp>,
    /// Enqueued before this time.
    pub before: Option<Timestamp>,
    /// Due before this time: [`State::due`](crate::State::due). Runs that wait for no time, or are running, do not match.
    pub due_before: Option<Timestamp>,
    /// Children of this run.
    pub parent: Option<RunId>,
    /// Only those that were not retried.
    pub not_retried: bool,
}

impl Filter {
    /// Whether `run` is meant.
    pub fn matches(&self, run: &Run) -> bool {
        fn any<T: PartialEq>(wanted: &[T], value: &T) -> bool {
            wanted.is_empty() || wanted.contains(value)
        }
        any(&self.kinds, &run.kind)
            && any(&self.states, &run.state.kind())
            && any(&self.queues, &run.queue)
            && self.tags.iter().all(|tag| run.tags.contains(tag))
            && self.from.is_none_or(|from| run.created >= from)
            && self.before.is_none_or(|before| run.created < before)
            && self.due_before.is_none_or(|before| run.due().is_some_and(|due| due < before))
            && self.parent.is_none_or(|parent| run.parent().is_some_and(|of| of.id == parent))
            && !(self.not_retried && run.lineage.successor.is_some())
    }
}
