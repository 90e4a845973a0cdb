//! Stands in for `metrics.rs` where the feature is off: the same calls, and nothing is counted.

use longhaul_core::{Inserted, NewRun};

use crate::{attempt::Attempt, hooks::Lifecycle};

pub(crate) const ARE_ON: bool = false;

pub(crate) struct Enqueuing;

#[expect(clippy::unused_self, reason = "the calls are those of the one that counts")]
impl Enqueuing {
    pub(crate) fn of(_: &[NewRun]) -> Self {
        Self
    }

    pub(crate) fn answered<E>(self, _: &[Result<Inserted, E>]) {}
}

pub(crate) struct Saving;

#[expect(clippy::unused_self, reason = "the calls are those of the one that counts")]
impl Saving {
    pub(crate) fn of(_: &Attempt) -> Self {
        Self
    }

    pub(crate) fn kept(self, _: &Attempt) {}
}

pub(crate) fn slots(_: &str, _: usize) {}

pub(crate) fn entered(_: &Attempt) {}

pub(crate) fn left(_: &Attempt) {}

pub(crate) fn lifecycle(_: &Lifecycle) {}
