//! Suspensions that time alone ends.

use longhaul_core::Event;

use crate::{committer::Committer, error::Fault};

/// Suspensions that one cycle ends: a commit or two. The next cycle follows at once.
const EXPIRED_MAX: usize = 256;

impl Committer {
    /// Fails the runs whose deadline has passed.
    pub(crate) fn expire_suspensions(&mut self) -> Result<(), Fault> {
        for id in self.index.deadlines.passed(self.now, EXPIRED_MAX) {
            match self.take(id) {
                Ok(Some(record)) => {
                    self.apply_event(record, &Event::Expire)?.expect("the deadline is the run's, and has passed");
                }
                Ok(None) => unreachable!("what is in the index is in the file"),
                Err(Fault::Damage(damage)) => {
                    tracing::error!(run.id = %id, %damage, "a run cannot be read: its deadline is passed over");
                    self.index.deadlines.forget(id);
                }
                Err(fault) => return Err(fault),
            }
        }
        Ok(())
    }
}
