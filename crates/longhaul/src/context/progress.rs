//! Telling people how far a run is.

use longhaul_core::Progress;

use crate::attempt::Attempt;

/// Tells people how far a run is, with the rate and the time left, which are measured; see [`Context::progress`](crate::Context::progress).
///
/// ```
/// # use longhaul::Context;
/// # fn tell(ctx: &Context<(), u64>) {
/// ctx.progress().step("exporting").unit("rows").set(41_210, 100_000).message("orders of 2025");
/// # }
/// ```
#[derive(Debug)]
pub struct ProgressReporter<'a>(&'a Attempt);

impl<'a> ProgressReporter<'a> {
    pub(crate) fn new(attempt: &'a Attempt) -> Self {
        Self(attempt)
    }

    /// What is being done now, in at most 256 bytes.
    #[expect(clippy::return_self_not_must_use, reason = "it has taken effect already")]
    pub fn step(self, step: &str) -> Self {
        self.0.describe(|progress| {
            if &*progress.step != step {
                progress.step = step.into();
            }
        });
        self
    }

    /// How many units are done, of how many: a number, or `None` if that is not known. `done` beyond the total is
    /// shown as the total.
    #[expect(clippy::return_self_not_must_use, reason = "it has taken effect already")]
    pub fn set(self, done: u64, total: impl Into<Option<u64>>) -> Self {
        let total = total.into();
        self.0.count(|progress| {
            progress.done = done;
            progress.total = total;
        });
        self
    }

    /// So many units more are done.
    #[expect(clippy::return_self_not_must_use, reason = "it has taken effect already")]
    pub fn advance(self, units: u64) -> Self {
        self.0.count(|progress| progress.done = progress.done.saturating_add(units));
        self
    }

    /// What is counted, in at most 32 bytes: "files".
    #[expect(clippy::return_self_not_must_use, reason = "it has taken effect already")]
    pub fn unit(self, unit: &str) -> Self {
        self.0.describe(|progress| {
            if &*progress.unit != unit {
                progress.unit = unit.into();
            }
        });
        self
    }

    /// What was told last, by this attempt or those before it.
    pub fn now(&self) -> Progress {
        self.0.progress()
    }

    /// A line for the person who waits, in at most 256 bytes.
    #[expect(clippy::return_self_not_must_use, reason = "it has taken effect already")]
    pub fn message(self, message: &str) -> Self {
        self.0.describe(|progress| progress.message = message.into());
        self
    }
}
