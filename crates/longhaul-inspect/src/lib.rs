//! What people see of runs, and what they do to them: the part that a dashboard and a command line share.
//!
//! An [`Inspector`] stands over a [`Client`](longhaul::Client). It answers plain structures that serialize to one JSON
//! form ([`Overview`], [`RunList`], [`RunDetail`], …), and it acts: [`Inspector::act`] suspends, proceeds, cancels,
//! retries or deletes a run in the name of a person. [`api`] is the same as a JSON API, without a web framework: a
//! program that has bytes and a path gets back a status and a value.
//!
//! Redacted fields never leave this crate: each value passes through the `writeOnly` marks of its kind's schema before
//! it is in a structure.

mod act;
pub mod api;
mod bulk;
mod error;
mod find;
pub mod form;
mod inspector;
mod query;
mod redact;
pub mod render;
mod role;
mod serial;
#[cfg(all(feature = "socket", unix))]
pub mod socket;
mod view;
pub mod words;

pub use act::{
    BoundRequest, By, Done, InstantAction, InstantRequest, LimitRequest, MissedRequest, NewRunRequest, OverlapRequest,
    RESERVED_TAGS, RateRequest, RunAction, RunPreview, ScheduleAction, ScheduleRequest, ScopeAction, SelectedPage,
};
pub use bulk::{BulkActions, BulkProgress, BulkRequest};
pub use error::InspectError;
pub use find::FoundIds;
pub use inspector::Inspector;
pub use query::{QueryError, RunQuery, TimeBound};
pub use redact::REDACTED;
pub use role::Role;
#[cfg(all(feature = "socket", unix))]
pub use socket::Inspect;
pub use view::{
    AttemptView, Doctor, IncompatibleRun, KindView, LatestRun, MinuteView, Overview, PausedKey, QueueView, RunDetail,
    RunList, RunRow, ScheduleView, ServerView, StateCounts, Warning,
};
