//! The rules of longhaul, and nothing else.
//!
//! This crate knows what a run is, which state follows which ([`decide`](decide())), how a user's value is laid down
//! ([`envelope`]), and what a store and a clock must do for us (the ports [`Store`] and [`Clock`]). It does no I/O,
//! reads no clock, starts no thread and logs nothing: whatever needs those is handed in, or lives elsewhere.
//! (With the feature `cron`, the rules of a time zone are read from the system's files when they are asked for first.)
//!
//! Applications use the crate `longhaul`; this one is for people who write a store.

pub mod admission;
pub mod clock;
pub mod code;
pub mod constraints;
pub mod counts;
pub mod decide;
#[doc(hidden)]
pub mod doc;
pub mod envelope;
pub mod event;
pub mod failure;
pub mod family;
pub mod history;
pub mod id;
pub mod inbox;
pub mod json;
pub mod limits;
pub mod lineage;
pub mod log;
pub mod name;
pub mod order;
pub mod progress;
pub mod record;
pub mod retention;
pub mod retry;
pub mod run;
pub mod schedule;
pub mod shape;
pub mod state;
mod stop_request;
pub mod store;
pub mod stored;
pub mod time;

pub use admission::{controls as control, explain};
pub use clock::Clock;
pub use constraints::{Constraints, Inserted, OnConflict, Unique, UniqueScope};
pub use control::{Ageing, Control, ControlChange, Controls, Limits, Paused, Rate, Scope};
pub use counts::Statistics;
pub use decide::{Decision, IllegalEvent, admit, decide};
pub use envelope::{Codec, Envelope};
pub use event::{Ending, Event, StopRequest};
pub use explain::Explanation;
pub use failure::{Cause, FailedAttempt};
pub use family::{
    After, AwaitedEnd, AwaitedRuns, Awaits, Batch, CallbackWhen, ChildCounts, ChildRefused, OnCancel, Parent,
};
pub use history::{Actor, History, HistoryEntry, Transition};
pub use id::{Epoch, RunId, ServerId};
pub use inbox::Inbox;
pub use lineage::Lineage;
pub use log::{Log, LogLevel, LogLine, LogPage, LogRequest};
pub use name::{Key, Kind, Label, Queue, ScheduleName, Tag};
pub use order::{AfterFailure, OrderTurn, Ordered};
pub use progress::Progress;
pub use retention::{Retention, Retentions};
pub use retry::{Backoff, Resume, RetryPolicy};
pub use run::{Counts, Ended, LastEnd, NewRun, PendingProceed, Priority, Run, Snapshot};
pub use schedule::{Date, Missed, Overlap, Schedule, ScheduleError, Timetable, Timing};
pub use state::{State, StateKind, Waiting};
pub use store::{Store, StoreError};
pub use stored::StoredRun;
pub use time::Timestamp;
