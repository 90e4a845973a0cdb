//! The pages, one a file.

pub(crate) mod fields;
mod instants;
pub(crate) mod kinds;
mod layout;
pub(crate) mod message;
pub(crate) mod overview;
mod parts;
pub(crate) mod queues;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod schedule;
pub(crate) mod schedules;
pub(crate) mod servers;
pub(crate) mod start;

use longhaul::Timestamp;

use crate::{access::User, mount::Mount};

/// What all pages are made with.
pub(crate) struct View<'a> {
    pub(crate) mount: &'a Mount,
    pub(crate) title: &'a str,
    pub(crate) user: &'a User,
    pub(crate) now: Timestamp,
    /// Whether there is a session that can be ended.
    pub(crate) can_log_out: bool,
    /// What was just done, for a line at the top.
    pub(crate) done: Option<&'a str>,
}
