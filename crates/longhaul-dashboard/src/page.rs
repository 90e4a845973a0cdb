//! The pages, one a file.

mod buttons;
pub(crate) mod fields;
mod instants;
pub(crate) mod kinds;
mod layout;
mod limits;
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

use crate::{access::User, form::Form, mount::Mount};

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
    /// What was just refused: it is said at the top, and where it was asked.
    pub(crate) tried: Option<&'a Tried>,
}

/// What somebody tried, and why it was not done.
pub(crate) struct Tried {
    /// The address of the form.
    pub(crate) action: String,
    /// What was filled in.
    pub(crate) form: Form,
    /// The field that is wrong, where it is one.
    pub(crate) field: Option<String>,
    /// What is wrong, as a sentence.
    pub(crate) why: String,
    /// The address of the page that shows it.
    pub(crate) page: String,
}

impl View<'_> {
    /// What was filled into the form of this address, if it was refused.
    fn tried(&self, action: &str) -> Option<&Tried> {
        self.tried.filter(|tried| tried.action == action)
    }
}
