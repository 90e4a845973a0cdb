//! A run that is the callback of a batch: its children are the members, and it begins when the batch is done.

use crate::id::RunId;

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
    /// Of a retry of `run`.
    pub(crate) fn inherited(self, run: RunId) -> Self {
        Self { of: Some(self.of.unwrap_or(run)), ..self }
    }
}

impl CallbackWhen {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::AllFinal => "all runs of its batch are final",
            Self::AllCompleted => "all runs of its batch completed",
            Self::AnyFailed => "a run of its batch failed, or all are final",
        }
    }
}
