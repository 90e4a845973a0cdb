//! Limit keys that a failure holds: paused before the end of the attempt is stored.

use longhaul_core::store::prelude::*;

use super::executor::Executor;
use crate::{
    attempt::{Attempt, LimitKeyHold},
    backoff::ErrorBackoff,
};

impl Executor {
    /// Keeps trying while the store may come back, as for the end itself: a pause that is at least so long may be told
    /// twice. Whoever dies in between leaves a run that is interrupted, and a pause.
    pub(super) async fn hold_limit_key(&self, attempt: &Attempt, hold: LimitKeyHold) {
        let LimitKeyHold { scope, change } = hold;
        let mut max_wait = ErrorBackoff::default();
        while self.broken().is_none() {
            match self.store.control(scope.clone(), change.clone()).await {
                Ok(control) if control.paused.is_none() => {
                    tracing::warn!(run.id = %attempt.id, %scope, "too many limit keys are paused: this one is not");
                    return;
                }
                Ok(_) => return,
                Err(error) if error.is_transient() && !self.exit.drop_attempts.is_cancelled() => {
                    tracing::warn!(%error, %scope, "a pause waits for the store");
                    max_wait.pause().await;
                }
                Err(error) => {
                    tracing::error!(run.id = %attempt.id, %error, %scope, "a limit key was not paused");
                    return;
                }
            }
        }
    }
}
