//! Keys of which there is one run at a time.

use std::{fmt, time::Duration};

use longhaul_core::{Key, OnConflict, StateKind, Unique, UniqueScope, name::NameError};

use super::RunHandle;
use crate::task::TaskTypes;

/// A key of which there is one run at a time, within a kind: how long it is taken, and what happens to a second run with
/// it. By default it is taken until its run is final, and the second enqueue gives the handle of the first run.
///
/// ```
/// use longhaul::UniqueKey;
/// use std::{fmt, time::Duration};
///
/// let once_a_day = UniqueKey::new("newsletter").for_period(Duration::from_secs(24 * 60 * 60)).or_refuse();
/// let latest = UniqueKey::new("index 7").while_waiting().or_replace();
/// ```
///
/// The store checks and inserts in one step: of many that arrive at once, one is inserted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UniqueKey {
    key: String,
    scope: UniqueScope,
    on_conflict: OnConflict,
}

impl UniqueKey {
    /// This key: 1 to 256 bytes of any text.
    pub fn new(key: impl Into<String>) -> Self {
        Self { key: key.into(), scope: UniqueScope::NotFinal, on_conflict: OnConflict::Return }
    }

    /// Taken until the run's first attempt begins: a later request may be about something that it did not see.
    #[must_use]
    pub fn while_waiting(mut self) -> Self {
        self.scope = UniqueScope::Waiting;
        self
    }

    /// Taken until the run is final.
    #[must_use]
    pub fn while_not_final(mut self) -> Self {
        self.scope = UniqueScope::NotFinal;
        self
    }

    /// Taken for this long after the run was enqueued, in whatever state it is; but not after it was deleted.
    #[must_use]
    pub fn for_period(mut self, period: Duration) -> Self {
        self.scope = UniqueScope::For(period);
        self
    }

    /// A second run gives the handle of the first.
    #[must_use]
    pub fn or_existing(mut self) -> Self {
        self.on_conflict = OnConflict::Return;
        self
    }

    /// A second run gives the first, if that has not begun, its metadata, execution metadata and priority. If it has,
    /// the second is refused.
    #[must_use]
    pub fn or_replace(mut self) -> Self {
        self.on_conflict = OnConflict::Replace { reschedule: false };
        self
    }

    /// The same, and the first waits anew, until the time that the second would have been due.
    #[must_use]
    pub fn or_debounce(mut self) -> Self {
        self.on_conflict = OnConflict::Replace { reschedule: true };
        self
    }

    /// A second run is refused, with an error that names the first.
    #[must_use]
    pub fn or_refuse(mut self) -> Self {
        self.on_conflict = OnConflict::Refuse;
        self
    }

    pub(super) fn checked(self) -> Result<Unique, NameError> {
        Ok(Unique { key: Key::new(&self.key)?, scope: self.scope, on_conflict: self.on_conflict })
    }
}

impl From<String> for UniqueKey {
    fn from(key: String) -> Self {
        Self::new(key)
    }
}

impl From<&str> for UniqueKey {
    fn from(key: &str) -> Self {
        Self::new(key)
    }
}

/// The result of an enqueue. See [`Enqueue::send`](super::Enqueue::send).
///
/// ```
/// # use longhaul::{doc::{Count, CountUp}, Client, testing};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
///
/// let first = client.enqueue::<CountUp>(Count { to: 3 }).unique("once").send().await?;
/// assert!(first.is_new());
/// let second = client.enqueue::<CountUp>(Count { to: 3 }).unique("once").send().await?;
/// assert_eq!(second.run().id(), first.run().id());
/// # Ok(())
/// # }
/// ```
#[expect(clippy::exhaustive_enums, reason = "callers handle each case")]
pub enum Enqueued<T: TaskTypes> {
    /// It is new.
    New(RunHandle<T>),
    /// It was not inserted: this run has its unique key.
    Existing {
        /// Which.
        run: RunHandle<T>,
        /// The state that it was in.
        state: StateKind,
    },
    /// It was not inserted: this run has its unique key, had not begun, and took over the values of the new one.
    Replaced(RunHandle<T>),
}

// Written out, because derived ones would ask the task to be `Clone` and `Debug` too.
impl<T: TaskTypes> Clone for Enqueued<T> {
    fn clone(&self) -> Self {
        match self {
            Self::New(run) => Self::New(run.clone()),
            Self::Existing { run, state } => Self::Existing { run: run.clone(), state: *state },
            Self::Replaced(run) => Self::Replaced(run.clone()),
        }
    }
}

impl<T: TaskTypes> fmt::Debug for Enqueued<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New(run) => f.debug_tuple("New").field(run).finish(),
            Self::Existing { run, state } => {
                f.debug_struct("Existing").field("run", run).field("state", state).finish()
            }
            Self::Replaced(run) => f.debug_tuple("Replaced").field(run).finish(),
        }
    }
}

impl<T: TaskTypes> Enqueued<T> {
    /// The run that is there now.
    pub fn run(self) -> RunHandle<T> {
        match self {
            Self::New(run) | Self::Existing { run, .. } | Self::Replaced(run) => run,
        }
    }

    /// Whether the run is new.
    pub const fn is_new(&self) -> bool {
        matches!(self, Self::New(_))
    }
}
