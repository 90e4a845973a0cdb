//! How many runs are due, without reading them: kept beside the counts of states, which say almost all of it.
//!
//! A run that is pending or retrying counts as due, and any other does not. Rows are what is not so. Most runs are due as
//! soon as they wait, and have none.

use std::collections::BTreeMap;

use longhaul_core::{Queue, Run, StateKind, Timestamp};

use crate::{
    error::Fault,
    session::{Param, SessionIn},
};

/// From the beginning on.
const ALWAYS: i64 = 0;
/// The states whose runs count as due.
pub(crate) const COUNTED: [StateKind; 2] = [StateKind::Pending, StateKind::Retrying];

pub(crate) const ADD_DUE: &str = "\
    INSERT INTO @due_count (queue, at, runs) SELECT * FROM unnest($1::text[], $2::int8[], $3::int8[])";

/// Takes what became so by a time that has come, to be added up.
pub(crate) const TAKE_PASSED: &str = "\
    WITH passed AS (DELETE FROM @due_count WHERE at <= $1 RETURNING queue, runs) \
    SELECT queue, sum(runs)::int8 FROM passed GROUP BY queue";

/// In what a run differs from what its state says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DueFrom {
    /// −1, if it counts and is not due from the beginning on; 1, if it is due and does not count.
    always: i64,
    /// It is one more from this time on.
    at: Option<i64>,
}

impl DueFrom {
    pub(crate) fn of(run: &Run) -> Self {
        Self::new(run.state.kind(), run.due().map(Timestamp::as_micros), run.since.as_micros())
    }

    /// Of a run that is in this state since then, and due at that time.
    pub(crate) fn new(state: StateKind, due: Option<i64>, since: i64) -> Self {
        let counts = i64::from(COUNTED.contains(&state));
        match due {
            Some(due) if due <= since => Self { always: 1 - counts, at: None },
            at => Self { always: -counts, at },
        }
    }

    /// It is as its state says.
    pub(crate) fn is_plain(self) -> bool {
        self == Self::default()
    }
}

/// What a transaction changed.
#[derive(Debug, Default)]
pub(crate) struct DueCounts(BTreeMap<(Queue, i64), i64>);

impl DueCounts {
    /// So many runs of this queue are new, or gone if it is negative.
    pub(crate) fn add(&mut self, queue: &Queue, of: DueFrom, runs: i64) {
        if of.is_plain() {
            return;
        }
        for (at, one) in [(ALWAYS, of.always)].into_iter().chain(of.at.map(|at| (at, 1))) {
            *self.0.entry((queue.clone(), at)).or_default() += one * runs;
        }
    }

    /// So many runs are due whose time has come.
    pub(crate) fn passed(&mut self, queue: Queue, runs: i64) {
        *self.0.entry((queue, ALWAYS)).or_default() += runs;
    }

    /// A run was so, and is as it is now.
    pub(crate) fn changed(&mut self, was: DueFrom, run: &Run) {
        let is = DueFrom::of(run);
        if was != is {
            self.add(&run.queue, was, -1);
            self.add(&run.queue, is, 1);
        }
    }

    pub(crate) fn columns(&self) -> DueColumns<'_> {
        let rows = self.0.iter().filter(|(_, runs)| **runs != 0);
        let mut columns = DueColumns::default();
        for ((queue, at), runs) in rows {
            columns.queues.push(queue.as_str());
            columns.at.push(*at);
            columns.runs.push(*runs);
        }
        columns
    }

    /// Adds it.
    pub(crate) async fn write(&self, session: &SessionIn<'_>) -> Result<(), Fault> {
        match self.columns().params() {
            Some(params) => session.execute(ADD_DUE, &params).await.map(drop),
            None => Ok(()),
        }
    }
}

/// The same, by column.
#[derive(Debug, Default)]
pub(crate) struct DueColumns<'a> {
    queues: Vec<&'a str>,
    at: Vec<i64>,
    runs: Vec<i64>,
}

impl DueColumns<'_> {
    /// The parameters of [`ADD_DUE`], unless there is nothing to add.
    pub(crate) fn params(&self) -> Option<[Param<'_>; 3]> {
        (!self.runs.is_empty()).then(|| self.all())
    }

    pub(crate) fn all(&self) -> [Param<'_>; 3] {
        [&self.queues, &self.at, &self.runs]
    }
}
