//! What decides who may claim a run, as far as runs share it.

use longhaul_core::{
    Kind, Label, Queue, Run,
    admission::{Isolation, Offer},
};

/// What the runs of a lane have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LaneKey {
    pub(crate) queue: Queue,
    pub(crate) kind: Kind,
    pub(crate) version: u16,
    pub(crate) labels: Vec<Label>,
    /// They have limit keys.
    pub(crate) keyed: bool,
    pub(crate) isolation: Isolation,
}

impl LaneKey {
    pub(crate) fn of(run: &Run) -> Self {
        let constraints = run.constraints();
        Self {
            queue: run.queue.clone(),
            kind: run.kind.clone(),
            version: run.version,
            labels: constraints.requires.clone(),
            keyed: constraints.limit_key.is_some(),
            isolation: Isolation::of(run),
        }
    }

    pub(crate) fn is_read_by(&self, offer: &Offer<'_>) -> bool {
        offer.reads(&self.kind, self.version, &self.labels)
    }
}
