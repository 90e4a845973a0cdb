//! How many runs there are, and how many moved: each transaction adds rows with what it changed, and sweeps add them up.
//! So no row is written by two servers at once.

use longhaul_core::counts::Statistics;

use crate::{
    error::Fault,
    row::state_number,
    session::{Param, SessionIn, Step},
};

pub(crate) const ADD_COUNTS: &str = "\
    INSERT INTO @state_count (kind, queue, state, runs) SELECT * FROM unnest($1::text[], $2::text[], $3::int2[], $4::int8[])";

pub(crate) const ADD_MINUTES: &str = "\
    INSERT INTO @minute_count (minute, enqueued, started, retried, completed, failed, cancelled) \
    SELECT * FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[], $5::int8[], $6::int8[], $7::int8[])";

/// What a transaction changed, by column.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    kinds: Vec<String>,
    queues: Vec<String>,
    states: Vec<i16>,
    runs: Vec<i64>,
    minutes: [Vec<i64>; 7],
}

impl Counts {
    pub(crate) fn of(changes: &Statistics) -> Self {
        let mut counts = Self::default();
        for row in changes.counts.rows() {
            counts.kinds.push(row.kind.as_str().to_owned());
            counts.queues.push(row.queue.as_str().to_owned());
            counts.states.push(state_number(row.state));
            counts.runs.push(row.runs);
        }
        for minute in changes.throughput.all() {
            let numbers =
                [minute.enqueued, minute.started, minute.retried, minute.completed, minute.failed, minute.cancelled];
            let numbers = numbers.map(|count| count as i64);
            counts.minutes[0].push(minute.minute);
            counts.minutes[1..].iter_mut().zip(numbers).for_each(|(column, number)| column.push(number));
        }
        counts
    }

    /// The parameters of [`ADD_COUNTS`], unless there is nothing to add.
    pub(crate) fn runs(&self) -> Option<[Param<'_>; 4]> {
        (!self.runs.is_empty()).then(|| self.run_columns())
    }

    /// The parameters of [`ADD_MINUTES`], unless there is nothing to add.
    pub(crate) fn minutes(&self) -> Option<[Param<'_>; 7]> {
        (!self.minutes[0].is_empty()).then(|| self.minute_columns())
    }

    pub(crate) fn run_columns(&self) -> [Param<'_>; 4] {
        [&self.kinds, &self.queues, &self.states, &self.runs]
    }

    pub(crate) fn minute_columns(&self) -> [Param<'_>; 7] {
        self.minutes.each_ref().map(|column| column as Param<'_>)
    }
}

/// Adds what a transaction changed.
pub(crate) async fn add(session: &SessionIn<'_>, changes: &Statistics) -> Result<(), Fault> {
    let counts = Counts::of(changes);
    let (runs, minutes) = (counts.runs(), counts.minutes());
    let runs = runs.as_ref().map(|params| Step(ADD_COUNTS, params));
    let steps: Vec<Step<'_>> =
        runs.into_iter().chain(minutes.as_ref().map(|params| Step(ADD_MINUTES, params))).collect();
    if !steps.is_empty() {
        session.query_all(&steps).await?;
    }
    Ok(())
}
