//! The list of runs.

use std::time::Duration;

use longhaul::{
    Kind, Lineage, Progress, Queue, RunId, ServerId, StateKind, Tag, Timestamp,
    run::{Counts, Damaged},
    store_api::store::RunHeader,
};
use serde::Serialize;

use super::StateCounts;
use crate::{InspectError, Inspector, RunQuery, serial};

/// A store reads only so much at a time, and a page of it may be empty. So many of them are read for one of ours: a
/// filter that matches little shows a short page with a way on, and holds nobody up.
const READS_MAX: usize = 8;
/// Nobody waits longer for the next read: a page has 50 ms, and the last read takes its time, too.
const READS_FOR: Duration = Duration::from_millis(15);

/// A run as a row of a table: what can be shown without its values. The fields have the names of the core's JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RunRow {
    /// Which.
    pub id: RunId,
    /// Its kind.
    pub kind: Kind,
    /// The version of its values.
    pub version: u16,
    /// Its queue.
    pub queue: Queue,
    /// More is sooner.
    pub priority: i8,
    /// By which it is found.
    pub tags: Vec<Tag>,
    /// Its state.
    pub state: StateKind,
    /// Who runs it.
    pub server: Option<ServerId>,
    /// When it may start; `None`: not by time.
    #[serde(serialize_with = "serial::optional_time")]
    pub due: Option<Timestamp>,
    /// When it was enqueued.
    #[serde(serialize_with = "serial::time")]
    pub created: Timestamp,
    /// Since when it is in its state.
    #[serde(serialize_with = "serial::time")]
    pub since: Timestamp,
    /// How many attempts have begun.
    pub attempts: u32,
    /// How often what happened.
    pub counts: Counts,
    /// How far it is, if it said so.
    pub progress: Option<Progress>,
    /// The run that it is a retry of.
    pub predecessor: Option<RunId>,
    /// The run that retries it.
    pub successor: Option<RunId>,
    /// Values that it has not taken.
    pub values_waiting: usize,
    /// Grows with every change.
    pub revision: u64,
}

impl From<RunHeader> for RunRow {
    fn from(header: RunHeader) -> Self {
        let Lineage { predecessor, successor, .. } = header.lineage;
        Self {
            id: header.id,
            kind: header.kind,
            version: header.version,
            queue: header.queue,
            priority: header.priority.0,
            tags: header.tags.to_vec(),
            state: header.state,
            server: header.server,
            due: header.due,
            created: header.created,
            since: header.since,
            attempts: header.attempts,
            counts: header.counts,
            progress: header.progress,
            predecessor,
            successor,
            values_waiting: header.inbox,
            revision: header.revision,
        }
    }
}

/// A page of runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RunList {
    /// In the order that was asked for.
    pub runs: Vec<RunRow>,
    /// Runs in the reach of the page that cannot be read.
    pub damaged: Vec<Damaged>,
    /// Which run to hand in as `after` for the next page; `None`: there is none. A page may be short, or empty, and
    /// have a next one.
    pub next: Option<RunId>,
    /// How many match in all, where that is counted: for filters of state, kind and queue.
    pub total: Option<u64>,
    /// How many the other filters leave in each state, whichever states are asked for; `None` where that is not counted.
    pub states: Option<StateCounts>,
}

impl Inspector {
    /// A page of runs, without their values.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn runs(&self, query: &RunQuery) -> Result<RunList, InspectError> {
        let store = self.client().store();
        let begin = self.now();
        let mut request = query.request(begin);
        let counts = store.statistics().await?.counts;
        let (total, states) = (counts.count(&request.filter), StateCounts::matching(&counts, &request.filter));
        let mut list = RunList { runs: Vec::new(), damaged: Vec::new(), next: None, total, states };
        for _ in 0..READS_MAX {
            request.limit = query.limit - list.runs.len();
            let page = store.list_headers(request.clone()).await?;
            list.runs.extend(page.runs.into_iter().map(RunRow::from));
            list.damaged.extend(page.damaged);
            list.next = page.next;
            request.after = page.next;
            let is_long = self.now().since(begin) >= READS_FOR;
            if list.runs.len() >= query.limit || page.next.is_none() || is_long {
                break;
            }
        }
        Ok(list)
    }
}
