//! Why a run was not enqueued.

use longhaul_core::{StoreError, limits, name::NameError, retry::PolicyError, store::InsertError};

use crate::{definition::DefinitionError, values::ValueError};

/// A run was not enqueued.
///
/// ```
/// # use longhaul::{doc::{Count, CountUp}, Client, testing};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
///
/// use longhaul::EnqueueError;
///
/// let refused = client.enqueue::<CountUp>(Count { to: 3 }).queue("two words").await.unwrap_err();
/// assert!(matches!(refused, EnqueueError::Name(_)));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EnqueueError {
    /// What the task says of itself cannot be used.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// The metadata or execution metadata was refused.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// The name of a queue or a label, a tag or a key was refused.
    #[error(transparent)]
    Name(#[from] NameError),
    /// There are more tags than a run may have.
    #[error("{0} tags, of at most {max}: tags are for finding runs, put the rest into the metadata", max = limits::TAGS_MAX)]
    TooManyTags(usize),
    /// It requires more labels than a run may.
    #[error("{0} labels are required, of at most {max}: give the servers a label that stands for several", max = limits::LABELS_MAX)]
    TooManyLabels(usize),
    /// The trace is no `traceparent`.
    #[error("a trace of {0} bytes, of at most {max}: hand in W3C's `traceparent`, which has 55", max = limits::TRACE_MAX)]
    TraceTooLong(usize),
    /// It is to come after more runs than a run may wait for.
    #[error("it comes after {0} runs, of at most {max}: make them children of one run, and come after that", max = limits::AWAITED_RUNS_MAX)]
    TooManyAwaited(usize),
    /// It was to be the callback of a batch, and has what none may have.
    #[error("the callback of the batch `{batch}` has {what}")]
    Callback {
        /// The name of the batch.
        batch: String,
        /// What, and why not.
        what: &'static str,
    },
    /// The retry policy was refused.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// There is such a run already, or one that has its unique key.
    #[error(transparent)]
    Refused(#[from] InsertError),
    /// The store failed: the run may be enqueued or not.
    #[error(transparent)]
    Store(#[from] StoreError),
}
