//! What is known in memory of what is in the file, and how a change of it is staged and committed. Nobody waits in here:
//! replies are the committer's.

mod admission;
mod apply;
pub(crate) mod batch;
pub(crate) mod claim_pages;
pub(crate) mod crash;
mod erase;
mod families;
mod files;
mod final_counts;
pub(crate) mod find;
pub(crate) mod index;
pub(crate) mod load;
mod minutes;
pub(crate) mod record;
pub(crate) mod recover;
mod run_map;
pub(crate) mod set_aside;
mod stage;
mod turns;
pub(crate) mod unique_keys;

use std::collections::{BTreeMap, HashSet};

use longhaul_core::{
    Kind, RunId, StoreError, Timestamp,
    admission::Admission,
    store::{Ends, KindDescription, ScheduleRows, Servers},
};

use self::{
    claim_pages::ClaimPages, files::Files, final_counts::FinalCounts, index::Index, minutes::Minutes, record::Record,
    run_map::RunMap,
};
use crate::engine::kv::Kv;

/// A store, without those who ask it.
pub(crate) struct State {
    /// The time of the current cycle.
    pub(crate) now: Timestamp,
    pub(crate) files: Files,
    /// Live runs, without their values.
    pub(crate) index: Index,
    /// Runs that execute, whole.
    pub(crate) active: RunMap<Box<Record>>,
    pub(crate) claim_pages: ClaimPages,
    pub(crate) servers: Servers,
    pub(crate) admission: Admission,
    pub(crate) schedules: ScheduleRows,
    /// What is known of kinds without their code.
    pub(crate) kinds: BTreeMap<Kind, KindDescription>,
    pub(crate) ends: Ends,
    final_counts: FinalCounts,
    minutes: Minutes,
    /// No run has a higher id, final ones included; removed ones may have had.
    pub(crate) newest: RunId,
    /// What happened in this cycle to which runs.
    pub(crate) touched: RunMap<Touch>,
    /// A claim is waiting for new runs: those of the current batch stay in memory for it.
    pub(crate) claims_wait: bool,
    /// Writing failed.
    doubt: Option<Doubt>,
}

/// How a run was touched in a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Touch {
    /// In memory, or by a claim.
    Seen,
    /// Its record was written, last in this batch.
    Written(u64),
}

/// After a write that failed: the runs of which it is not known whether their last write is in the file.
struct Doubt {
    why: StoreError,
    runs: HashSet<RunId>,
}

impl State {
    pub(crate) fn new(kv: Box<dyn Kv>, now: Timestamp) -> Self {
        Self {
            now,
            files: Files::new(kv),
            index: Index::default(),
            active: RunMap::default(),
            claim_pages: ClaimPages::default(),
            servers: Servers::default(),
            admission: Admission::default(),
            schedules: ScheduleRows::default(),
            kinds: BTreeMap::new(),
            ends: Ends::default(),
            final_counts: FinalCounts::default(),
            minutes: Minutes::default(),
            newest: RunId::from_bytes([0; 16]),
            touched: RunMap::default(),
            claims_wait: false,
            doubt: None,
        }
    }

    /// A cycle begins at `now`, which may be earlier than the last one.
    pub(crate) fn begin_cycle(&mut self, now: Timestamp) {
        let before = std::mem::replace(&mut self.now, now);
        if now < before {
            self.index.rewind(now);
        }
        self.index.advance(now);
    }

    /// From now on nothing is written: what was staged is dropped, and the runs of this cycle are not shown.
    pub(crate) fn give_up_writing(&mut self, why: &StoreError) {
        let doubt = self.doubt.get_or_insert_with(|| Doubt { why: why.clone(), runs: HashSet::new() });
        doubt.runs.extend(self.touched.keys());
        self.files.drop_batch();
    }

    /// A run whose last write may or may not be in the file is not shown.
    pub(crate) fn shows(&self, id: RunId) -> Result<(), StoreError> {
        match &self.doubt {
            Some(Doubt { why, runs }) if runs.contains(&id) => Err(why.clone()),
            _ => Ok(()),
        }
    }
}
