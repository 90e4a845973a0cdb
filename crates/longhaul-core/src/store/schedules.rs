//! Schedules: rows that a store keeps without understanding them.

mod rows;

use std::sync::Arc;

pub use self::rows::ScheduleRows;

use crate::{
    constraints::Inserted,
    name::ScheduleName,
    run::NewRun,
    store::{InsertError, StoreError},
};

port! {
    ($) forward_schedule_store;

    /// Schedules, as rows that a store keeps without understanding them.
    pub trait ScheduleStore {
        /// Changes a schedule, and inserts the runs that come with the change, together or not at all. Of changes that were
        /// made on the same revision one is kept: so of many servers, one enqueues the run of an instant.
        Schedule: async fn schedule(&self, change: ScheduleChange) -> Result<ScheduleChanged, ScheduleChangeError>;

        /// What changed among the schedules since the position `seen`: all of them at first, with 0. Waits until there is
        /// something to tell, but answers at once with 0.
        Schedules: async fn schedules(&self, seen: u64) -> Result<ScheduleChanges, StoreError>;

        /// One schedule; `None`: there is none of this name.
        GetSchedule: async fn get_schedule(&self, name: ScheduleName) -> Result<Option<ScheduleRow>, StoreError>;
    }
}

/// A schedule, as a store sees it: it knows nothing of calendars.
///
/// ```
/// use longhaul_core::{ScheduleName, store::ScheduleRow};
///
/// let row = ScheduleRow { name: ScheduleName::new("nightly")?, revision: 7, value: (*b"{}").into() };
/// assert_eq!(row.value.len(), 2);
/// # Ok::<(), longhaul_core::name::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub struct ScheduleRow {
    /// Its name.
    pub name: ScheduleName,
    /// Grows with each change of any schedule; no two changes have the same.
    pub revision: u64,
    /// What it consists of, at most [`SCHEDULE_MAX`](crate::limits::SCHEDULE_MAX) bytes.
    pub value: Arc<[u8]>,
}

/// A change of one schedule, and the runs that come with it.
///
/// ```
/// use longhaul_core::{ScheduleName, store::ScheduleChange};
///
/// let removed = ScheduleChange { name: ScheduleName::new("nightly")?, seen: Some(7), value: None, runs: vec![] };
/// assert!(removed.value.is_none());
/// # Ok::<(), longhaul_core::name::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub struct ScheduleChange {
    /// Its name.
    pub name: ScheduleName,
    /// The revision that the change was made on; `None`: there was no such schedule.
    pub seen: Option<u64>,
    /// What it consists of from now on; `None`: it is removed.
    pub value: Option<Arc<[u8]>>,
    /// Inserted in the same transaction, each kept or refused by itself; at most
    /// [`SCHEDULE_RUNS_MAX`](crate::limits::SCHEDULE_RUNS_MAX), with metadata of at most
    /// [`SCHEDULE_MAX`](crate::limits::SCHEDULE_MAX) bytes each.
    pub runs: Vec<NewRun>,
}

/// A change of a schedule that is kept.
///
/// ```
/// use longhaul_core::{store::ScheduleChanged};
///
/// let changed = ScheduleChanged { revision: 8, runs: vec![] };
/// assert!(changed.runs.is_empty());
/// # Ok::<(), longhaul_core::name::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub struct ScheduleChanged {
    /// The schedule's revision from now on.
    pub revision: u64,
    /// What became of the runs.
    pub runs: Vec<Result<Inserted, InsertError>>,
}

/// Why a schedule was not changed. None of the runs that came with the change is kept.
///
/// ```
/// use longhaul_core::{ScheduleName, store::ScheduleChangeError};
///
/// let error = ScheduleChangeError::Conflict { name: ScheduleName::new("nightly")?, revision: None };
/// assert!(error.to_string().contains("`nightly` changed meanwhile"), "{error}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub enum ScheduleChangeError {
    /// It changed since the caller read it, or there is one where there was none, or none any more: read it again, and
    /// make the change on that.
    #[error("the schedule `{name}` changed meanwhile")]
    Conflict {
        /// Which.
        name: ScheduleName,
        /// Its revision; `None`: there is none.
        revision: Option<u64>,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What changed among the schedules.
///
/// ```
/// use longhaul_core::{store::ScheduleChanges};
///
/// assert_eq!(ScheduleChanges::default().position, 0);
/// # Ok::<(), longhaul_core::name::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub struct ScheduleChanges {
    /// To be handed in as `seen` next time.
    pub position: u64,
    /// Those that are new or changed, by name.
    pub changed: Vec<ScheduleRow>,
    /// Those that were removed, by name.
    pub removed: Vec<ScheduleName>,
}
