//! A run that is the callback of a batch: its children are the members, and it begins when the batch is done.

use super::{
    ChildCounts,
    awaits::{AwaitedRuns, Awaits, Struck},
};
use crate::{id::RunId, run::Run, time::Timestamp};

/// What makes a run the callback of a batch.
///
/// ```
/// use longhaul_core::{Batch, CallbackWhen};
///
/// let batch = Batch::from(CallbackWhen::AllFinal);
/// assert_eq!(batch.of, None); // its own
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct Batch {
    /// When it begins.
    pub callback: CallbackWhen,
    /// Whose children the members are; `None`: its own. A retry by hand of a callback has the members of the first.
    pub of: Option<RunId>,
}

/// When the callback of a batch begins. In any case not before the batch is closed, and once.
///
/// ```
/// assert_eq!(longhaul_core::CallbackWhen::default(), longhaul_core::CallbackWhen::AllFinal);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[expect(clippy::exhaustive_enums, reason = "a store or an executor that leaves a case out should not compile")]
pub enum CallbackWhen {
    /// When all members are final, however they ended.
    #[default]
    AllFinal,
    /// When all members completed. One that failed holds it until it is retried.
    AllCompleted,
    /// As soon as one has failed; if none does, when all are final.
    AnyFailed,
}

impl From<CallbackWhen> for Batch {
    fn from(callback: CallbackWhen) -> Self {
        Self { callback, of: None }
    }
}

impl Batch {
    /// What a callback that is enqueued waits for. It was to begin at `due`. A retry waits for nothing.
    pub(crate) fn awaits(self, now: Timestamp, due: Timestamp) -> Option<Awaits> {
        let runs = AwaitedRuns::Members { added: false, callback: self.callback };
        let awaits = Awaits { runs, success_only: false, not_before: (due > now).then_some(due) };
        self.of.is_none().then_some(awaits)
    }

    /// Of a retry of `run`.
    pub(crate) fn inherited(self, run: RunId) -> Self {
        Self { of: Some(self.of.unwrap_or(run)), ..self }
    }
}

/// Whether `run` is the callback of a batch to which nothing is added any more.
pub(super) fn is_closed(run: &Run) -> bool {
    let open = |awaits: &Awaits| matches!(awaits.runs, AwaitedRuns::Members { added: false, .. });
    run.constraints().batch.is_some() && !run.awaits.as_deref().is_some_and(open)
}

impl CallbackWhen {
    pub(super) fn strike(self, children: ChildCounts) -> Struck {
        let over = |why| Struck::Over(format!("{why}: {children}").into());
        match self {
            Self::AllCompleted if children.completed == children.total => over("all runs of its batch completed"),
            Self::AnyFailed if children.failed > 0 => over("a run of its batch failed"),
            Self::AllFinal | Self::AnyFailed if children.open() == 0 => over("all runs of its batch are final"),
            _ => Struck::Unchanged,
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::AllFinal => "all runs of its batch are final",
            Self::AllCompleted => "all runs of its batch completed",
            Self::AnyFailed => "a run of its batch failed, or all are final",
        }
    }
}
