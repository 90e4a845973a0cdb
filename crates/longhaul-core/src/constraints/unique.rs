//! How long a run has its unique key.

use super::{Unique, UniqueScope};
use crate::{name::Key, run::Run, state::State, time::Timestamp};

impl Run {
    /// Whether it keeps others of its kind with this unique key out at `now`.
    ///
    /// ```
    /// use longhaul_core::{Key, doc};
    ///
    /// assert!(!doc::run().has_key(doc::NOW, &Key::new("k")?));
    /// # Ok::<(), longhaul_core::name::NameError>(())
    /// ```
    pub fn has_key(&self, now: Timestamp, key: &Key) -> bool {
        self.constraints().unique.as_ref().is_some_and(|unique| unique.key == *key && unique.holds(now, self))
    }
}

impl Unique {
    /// Whether `run`, which was enqueued with this, keeps others out at `now`.
    pub fn holds(&self, now: Timestamp, run: &Run) -> bool {
        // A store may not have come to end it yet.
        let is_over = || run.deadline().is_some_and(|deadline| deadline <= now);
        match self.scope {
            UniqueScope::Waiting => has_not_begun(run) && !is_over(),
            UniqueScope::NotFinal => !run.state.is_final() && !is_over(),
            UniqueScope::For(_) => self.until(run).is_some_and(|until| now < until),
        }
    }

    /// Until when the key is taken whatever becomes of `run`, which was enqueued with this, unless a client deletes it;
    /// `None`: that depends on the run.
    ///
    /// ```
    /// use longhaul_core::{Key, OnConflict, Unique, UniqueScope, doc};
    /// use std::time::Duration;
    ///
    /// let day = Duration::from_secs(24 * 60 * 60);
    /// let unique = |scope| Unique { key: Key::new("k").expect("a key"), scope, on_conflict: OnConflict::Refuse };
    /// assert_eq!(unique(UniqueScope::For(day)).until(&doc::run()), Some(doc::NOW.after(day)));
    /// assert_eq!(unique(UniqueScope::NotFinal).until(&doc::run()), None);
    /// ```
    pub fn until(&self, run: &Run) -> Option<Timestamp> {
        match self.scope {
            // The key goes on to the run that it was retried as.
            UniqueScope::For(period) => run.lineage.successor.is_none().then(|| run.created.after(period)),
            UniqueScope::Waiting | UniqueScope::NotFinal => None,
        }
    }
}

/// Whether no attempt of it began: it waits, or was put aside while it waited.
pub(crate) fn has_not_begun(run: &Run) -> bool {
    run.epoch.0 == 0 && matches!(run.state, State::Pending { .. } | State::Suspended { .. })
}
