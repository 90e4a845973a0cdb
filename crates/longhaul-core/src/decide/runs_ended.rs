//! What follows when runs ended that another one waits for.

use super::{
    Step,
    decision::{Decision, IllegalEvent},
};
use crate::{
    family::{AwaitedEnd, AwaitedRuns, Awaits, ChildCounts, Struck},
    history::Transition,
    state::State,
};

impl Step<'_> {
    pub(super) fn runs_ended(mut self, children: ChildCounts, ended: &[AwaitedEnd]) -> Result<Decision, IllegalEvent> {
        let Some(awaits) = self.before.awaits.as_deref() else {
            return Err(self.cannot("no end of another run is awaited by"));
        };
        match awaits.strike(children, ended) {
            Struck::Unchanged => Err(self.cannot("nothing has ended that lets go on")),
            Struck::Left(left) => {
                self.next.awaits = Some(left.into());
                Ok(self.stay())
            }
            Struck::Over(_) | Struck::Unsuccessful(_) if self.is_being_cancelled() => Ok(self.cancelled_as_requested()),
            Struck::Over(why) => {
                let due = awaits.not_before.map_or(self.now, |at| at.max(self.now));
                self.record(Transition::Proceeded, Some(&why));
                Ok(self.enter(State::Pending { due }))
            }
            Struck::Unsuccessful(why) => Ok(self.cancelled(Some(&why), None)),
        }
    }

    /// A store looks at it after that, as at a run that has just begun to wait.
    pub(super) fn batch_closed(mut self) -> Result<Decision, IllegalEvent> {
        let Some(awaits) = self.before.awaits.as_deref() else { return Err(self.cannot("no batch is open of")) };
        let AwaitedRuns::Members { added: false, callback } = awaits.runs else {
            return Err(self.cannot("no batch is open of"));
        };
        let runs = AwaitedRuns::Members { added: true, callback };
        self.next.awaits = Some(Awaits { runs, ..awaits.clone() }.into());
        Ok(self.stay())
    }
}
