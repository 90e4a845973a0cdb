//! What a table of runs shows: runs without their values.

use std::sync::Arc;

use crate::{
    id::{RunId, ServerId},
    lineage::Lineage,
    name::{Kind, Queue, Tag},
    progress::Progress,
    run::{Counts, Priority, Run},
    state::{State, StateKind},
    store::Damaged,
    time::Timestamp,
};

/// A run without its values.
///
/// ```
/// use longhaul_core::{doc, store::RunHeader};
///
/// let header = RunHeader::of(&doc::running());
/// assert_eq!((header.id, header.server), (doc::running().id, Some(doc::SERVER)));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct RunHeader {
    /// Which.
    pub id: RunId,
    /// Its kind.
    pub kind: Kind,
    /// The version of its values.
    pub version: u16,
    /// Its queue.
    pub queue: Queue,
    /// Its priority.
    pub priority: Priority,
    /// Its tags.
    pub tags: Arc<[Tag]>,
    /// Its state.
    pub state: StateKind,
    /// The server that executes it.
    pub server: Option<ServerId>,
    /// When it is due, if it waits for a time.
    pub due: Option<Timestamp>,
    /// When it was enqueued.
    pub created: Timestamp,
    /// Since when it is in its state.
    pub since: Timestamp,
    /// How many attempts began.
    pub attempts: u32,
    /// How often which ends of attempts came.
    pub counts: Counts,
    /// How far it is.
    pub progress: Option<Progress>,
    /// What it was retried from, and as what.
    pub lineage: Lineage,
    /// How many values wait in its inbox.
    pub inbox: usize,
    /// Grows with each change.
    pub revision: u64,
}

impl RunHeader {
    /// What a table shows of a run.
    pub fn of(run: &Run) -> Self {
        let server = match run.state {
            State::Running { server } => Some(server),
            _ => None,
        };
        Self {
            id: run.id,
            kind: run.kind.clone(),
            version: run.version,
            queue: run.queue.clone(),
            priority: run.priority,
            tags: run.tags.clone(),
            state: run.state.kind(),
            server,
            due: run.state.due(),
            created: run.created,
            since: run.since,
            attempts: run.attempts,
            counts: run.counts,
            progress: run.progress.clone(),
            lineage: run.lineage,
            inbox: run.inbox().messages.len(),
            revision: run.revision,
        }
    }
}

/// Some of the runs that match, without their values.
///
/// ```
/// use longhaul_core::store::HeaderPage;
///
/// assert_eq!(HeaderPage::default().next, None); // there is no other
/// ```
#[derive(Clone, Debug, PartialEq, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct HeaderPage {
    /// In the order that was asked for.
    pub runs: Vec<RunHeader>,
    /// As in [`Page`](crate::store::Page).
    pub damaged: Vec<Damaged>,
    /// As in [`Page`](crate::store::Page).
    pub next: Option<RunId>,
}
