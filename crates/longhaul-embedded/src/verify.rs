//! A check of the whole store.

use longhaul_core::StoreError;

use crate::{
    committer::command::Read,
    ops::verify::{Checked, Position, Report},
    store::EmbeddedStore,
};

/// More say no more.
const PROBLEMS_MAX: usize = 100;

impl EmbeddedStore {
    /// Reads every record, value and list of the store, and compares what is in the file with what is known in memory.
    /// The store goes on working meanwhile, so it is a check of a moment only where nothing is written.
    pub async fn verify(&self) -> Result<Report, StoreError> {
        let mut report = Report::default();
        let mut from = Position::default();
        loop {
            let Checked { report: part, next } = self.call(|reply| Read::Verify { from, reply }).await?;
            report.keys += part.keys;
            report.live += part.live;
            report.finished += part.finished;
            let room = PROBLEMS_MAX - report.problems.len();
            report.problems.extend(part.problems.into_iter().take(room));
            match next {
                Some(next) => from = next,
                None => return Ok(report),
            }
        }
    }
}
