//! A pause of the limit key of an attempt's run.

use longhaul_core::{ControlChange, Paused, Scope, Timestamp};

use super::Attempt;

/// What is to be told to the store.
#[derive(Debug, Clone)]
pub(crate) struct LimitKeyHold {
    pub(crate) scope: Scope,
    pub(crate) change: ControlChange,
}

impl LimitKeyHold {
    /// `None`: the run has no limit key.
    pub(crate) fn of(attempt: &Attempt, until: Timestamp, why: &str) -> Option<Self> {
        let scope = Scope::LimitKey(attempt.kind.clone(), attempt.limit_key.clone()?);
        let paused = Paused::new(attempt.clock.now(), &attempt.id.to_string(), (!why.is_empty()).then_some(why));
        Some(Self { scope, change: ControlChange::PauseAtLeast(Paused { until: Some(until), ..paused }) })
    }
}
