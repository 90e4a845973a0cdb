//! What becomes of a new run while another one has its unique key.

use super::{Conflict, OnConflict, Unique, UniqueScope};
use crate::{
    event::Event,
    run::{NewRun, Run},
    state::State,
    time::Timestamp,
};

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

/// What is to be done with a new run, where `there` keeps its kind and key.
///
/// ```
/// use longhaul_core::{OnConflict, doc, constraints::{Conflict, conflict}};
///
/// assert_eq!(conflict(OnConflict::Refuse, &doc::running()), Conflict::Refuse);
/// ```
pub fn conflict(on_conflict: OnConflict, there: &Run) -> Conflict {
    match on_conflict {
        OnConflict::Return => Conflict::Return,
        OnConflict::Replace { .. } if has_not_begun(there) => Conflict::Replace,
        OnConflict::Replace { .. } | OnConflict::Refuse => Conflict::Refuse,
    }
}

/// The same, where the run that had the key [for a period](UniqueScope::For) is gone, since its retention removed it.
///
/// ```
/// use longhaul_core::{OnConflict, constraints::{Conflict, conflict_with_removed}};
///
/// assert_eq!(conflict_with_removed(OnConflict::Replace { reschedule: true }), Conflict::Refuse);
/// ```
pub fn conflict_with_removed(on_conflict: OnConflict) -> Conflict {
    match on_conflict {
        OnConflict::Return => Conflict::Return,
        OnConflict::Replace { .. } | OnConflict::Refuse => Conflict::Refuse,
    }
}

/// What happens to the run that is there, when it takes over what `new` brings.
///
/// ```
/// use longhaul_core::{Event, doc, constraints::replacement};
///
/// assert!(matches!(replacement(doc::NOW, &doc::new_run()), Event::Replace { due: None, .. }));
/// ```
pub fn replacement(now: Timestamp, new: &NewRun) -> Event {
    let on_conflict = new.constraints().unique.as_ref().map(|unique| unique.on_conflict);
    let reschedule = matches!(on_conflict, Some(OnConflict::Replace { reschedule: true }));
    let expires = new.constraints().expires.map(|expires| expires.time(now));
    Event::Replace { version: new.version, priority: new.priority, due: reschedule.then(|| new.due(now)), expires }
}

/// Whether no attempt of it began: it waits, or was put aside while it waited.
pub(crate) fn has_not_begun(run: &Run) -> bool {
    run.epoch.0 == 0 && matches!(run.state, State::Pending { .. } | State::Suspended { .. })
}
