//! Stands in for `metrics.rs` where the feature is off: the same calls, and nothing is counted.

use std::time::Duration;

use longhaul_core::{Inserted, Kind, NewRun, Queue, Timestamp};

pub(crate) const ARE_ON: bool = false;

pub(crate) struct Enqueuing;

#[expect(clippy::unused_self, reason = "the calls are those of the one that counts")]
impl Enqueuing {
    pub(crate) fn of(_: &[NewRun]) -> Self {
        Self
    }

    pub(crate) fn answered<E>(self, _: &[Result<Inserted, E>]) {}
}

#[derive(Clone, Copy)]
pub(crate) struct Saving;

#[expect(clippy::unused_self, reason = "the calls are those of the one that counts")]
impl Saving {
    pub(crate) fn started(_: Timestamp) -> Self {
        Self
    }

    pub(crate) fn kept(self, _: &Kind, _: &Queue, _: Timestamp) {}
}

pub(crate) fn slots(_: &str, _: usize) {}

pub(crate) fn entered(_: &Kind, _: &Queue) {}

pub(crate) fn left(_: &Kind, _: &Queue) {}

pub(crate) fn started(_: &Kind, _: &Queue, _: Duration, _: bool) {}

pub(crate) fn ended(_: &Kind, _: &Queue, _: &'static str, _: Duration, _: bool) {}

pub(crate) fn lost(_: &Kind, _: &Queue, _: Duration) {}
