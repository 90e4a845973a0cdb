//! Why a server cannot be put together.

use std::sync::Arc;

use longhaul_core::{Kind, Queue, ScheduleName, limits::KIND_SCHEMA_MAX, name::NameError};

use crate::{definition::DefinitionError, schedule::SchedulesError};

/// A server cannot be put together like this.
///
/// ```
/// use longhaul::{BuildError, Longhaul};
///
/// let refused = Longhaul::builder().start().unwrap_err();
/// assert_eq!(refused, BuildError::NoStore);
/// assert!(refused.to_string().contains("longhaul::open"));
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// No store was given.
    #[error("no store: call `.store(…)`, for instance with `longhaul::open(\"./data\")?`")]
    NoStore,
    /// Two tasks have the same name, or one has the name of the other as an alias.
    #[error("two tasks are called `{0}`: a stored run could not tell which of them it belongs to")]
    Duplicate(Kind),
    /// What a task says of itself cannot be used.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// The JSON Schema of a task is too long to be stored.
    #[error("the JSON Schema of `{kind}` has {length} bytes, and at most {max} are stored: leave out `TaskOptions::schema`, or replace large parts of its types by `#[schemars(with = \"serde_json::Value\")]`", max = KIND_SCHEMA_MAX)]
    SchemaTooLong {
        /// The task.
        kind: Kind,
        /// How many bytes it has.
        length: usize,
    },
    /// The name of a queue or a label cannot be used.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A queue was named twice.
    #[error("the queue `{0}` was named twice: say all of it at once")]
    QueueTwice(Queue),
    /// Two services have the same name.
    #[error("two services are called `{0}`: nobody could tell them apart; take another name for one of them")]
    ServiceTwice(Arc<str>),
    /// A schedule cannot be followed.
    #[error(transparent)]
    Schedule(#[from] SchedulesError),
    /// Two schedules have the same name.
    #[error("two schedules are called `{0}`: take another name for one of them")]
    ScheduleTwice(ScheduleName),
    /// A schedule would enqueue runs that this server does not execute.
    #[error("the schedule `{name}` enqueues runs of `{kind}`, which is not registered: call `.task(…)` with it")]
    ScheduleWithoutTask {
        /// The schedule.
        name: ScheduleName,
        /// The kind of its runs.
        kind: Kind,
    },
    /// The server could not say that it lives, and so would lose its claims while it works.
    #[error(
        "the operating system has no room for the thread of the heartbeats: {reason}. Raise the limits of this \
        process (`ulimit -n`, `ulimit -u`), or find out what uses them up"
    )]
    NoHeartbeat {
        /// What it said.
        reason: String,
    },
    /// A setting cannot be followed.
    #[error("{setting} is {value}: it must be {must}")]
    Setting {
        /// Which.
        setting: &'static str,
        /// What it was set to.
        value: String,
        /// What it may be.
        must: &'static str,
    },
}
