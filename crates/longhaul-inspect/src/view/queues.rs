//! Queues: what waits in them, and what holds it back.

use std::collections::BTreeMap;

use longhaul::{Control, Queue, Scope, StateKind, Timestamp};
use serde::Serialize;

use super::StateCounts;
use crate::{InspectError, Inspector, serial};

/// A queue: what waits in it, and what holds it back.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct QueueView {
    /// Its name.
    pub queue: Queue,
    /// Its runs by state.
    pub states: StateCounts,
    /// So many of them could start by the time.
    pub due: u64,
    /// Since when the one is due that has waited longest.
    #[serde(serialize_with = "serial::optional_time")]
    pub oldest: Option<Timestamp>,
    /// Its pause and its limits.
    pub control: Control,
}

impl QueueView {
    /// How many run now.
    pub fn running(&self) -> u64 {
        self.states.of(StateKind::Running)
    }
}

impl Inspector {
    /// All queues that have runs, or that somebody paused or limited, by name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn queues(&self) -> Result<Vec<QueueView>, InspectError> {
        let store = self.client().store();
        let (statistics, controls) = (store.statistics().await?, store.controls().await?);
        let mut queues: BTreeMap<Queue, QueueView> = BTreeMap::new();
        let mut of = |queue: &Queue, change: &dyn Fn(&mut QueueView)| {
            let empty = || QueueView {
                queue: queue.clone(),
                states: StateCounts::default(),
                due: 0,
                oldest: None,
                control: Control::default(),
            };
            change(queues.entry(queue.clone()).or_insert_with(empty));
        };
        for row in statistics.counts.rows() {
            of(&row.queue, &|view| view.states.add(&row));
        }
        for depth in store.queues().await? {
            of(&depth.queue, &|view| (view.due, view.oldest) = (depth.due, Some(depth.oldest)));
        }
        for (scope, control) in controls.iter() {
            if let Scope::Queue(queue) = &scope {
                of(queue, &|view| view.control = control.clone());
            }
        }
        Ok(queues.into_values().collect())
    }
}
