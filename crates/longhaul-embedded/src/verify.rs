//! A check of the whole store.

use std::collections::BTreeSet;

use longhaul_core::{StoreError, counts::RunCounts};

use crate::{
    committer::command::Read,
    ops::verify::{Checked, Position, VerifyReport},
    store::EmbeddedStore,
};

/// More say no more.
const PROBLEMS_MAX: usize = 100;

impl EmbeddedStore {
    /// Reads every record, value and list of the store, and compares what is in the file with what is known in memory.
    /// The store goes on working meanwhile, so it is a check of a moment only where nothing is written.
    pub async fn verify(&self) -> Result<VerifyReport, StoreError> {
        let mut report = VerifyReport::default();
        let mut from = Position::default();
        loop {
            let Checked { report: part, next } = self.call(|reply| Read::Verify { from, reply }).await?;
            report.keys += part.keys;
            report.live += part.live;
            report.finished += part.finished;
            report.counts.merge(&part.counts);
            let room = PROBLEMS_MAX - report.problems.len();
            report.problems.extend(part.problems.into_iter().take(room));
            match next {
                Some(next) => from = next,
                None => break,
            }
        }
        // A final run that cannot be read is counted, but not met.
        if report.problems.is_empty() {
            let kept = self.call(|reply| Read::Statistics { reply }).await?.counts;
            report.problems.extend(unlike(&kept, &report.counts));
        }
        Ok(report)
    }
}

/// Rows of the kept counts that do not fit to the runs that are there.
fn unlike(kept: &RunCounts, met: &RunCounts) -> Vec<String> {
    let rows = [kept, met].into_iter().flat_map(RunCounts::rows).map(|row| (row.state, row.kind, row.queue));
    let differs = rows.collect::<BTreeSet<_>>().into_iter().filter_map(|(state, kind, queue)| {
        let (kept, met) = (kept.get(state, &kind, &queue), met.get(state, &kind, &queue));
        let problem =
            || format!("{kept} runs of `{kind}` in the queue `{queue}` are counted as {state}, and {met} are there");
        (kept != met).then(problem)
    });
    differs.take(PROBLEMS_MAX).collect()
}
