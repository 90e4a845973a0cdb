//! What an insert comes to where another run is in the way.

use super::{Followup, StoredRun};
use crate::{
    constraints::{Inserted, OnConflict, has_not_begun},
    event::Event,
    family::ChildRefused,
    id::RunId,
    run::{NewRun, Run},
    state::StateKind,
    store::InsertError,
    time::Timestamp,
};

/// What is answered where `there` has the id of `new`: that it is a duplicate, or, if `new` is a child, that its name among
/// the children of its parent is that of another run. Only children need `there`.
///
/// ```
/// use longhaul_core::{doc, store::InsertError, stored::duplicate};
///
/// let new = doc::new_run();
/// assert_eq!(duplicate(&new, None), InsertError::Duplicate(new.id));
/// ```
pub fn duplicate(new: &NewRun, there: Option<&Run>) -> InsertError {
    match new.parent() {
        Some(parent) if !there.and_then(Run::parent).is_some_and(|there| there.is_same_child(parent)) => {
            ChildRefused::Ambiguous { name: parent.name.clone() }.into()
        }
        _ => InsertError::Duplicate(new.id),
    }
}

/// What is answered where a run has the unique key of `new`: the run with this id, which is in this state. `there` is the
/// run, or `None` if its retention has removed it. [`Inserted::Replaced`] asks for [`StoredRun::replace`].
///
/// # Errors
/// The key is taken.
///
/// ```
/// use longhaul_core::{Constraints, Inserted, Key, NewRun, OnConflict, Run, Unique, UniqueScope, doc, stored::resolve_conflict};
///
/// let unique = |on_conflict| Unique { key: Key::new("k").expect("a key"), scope: UniqueScope::NotFinal, on_conflict };
/// let new = |on_conflict| {
///     let constraints = Constraints { unique: Some(unique(on_conflict)), ..Constraints::default() };
///     NewRun { constraints: Some(constraints.into()), ..doc::new_run() }
/// };
/// let answer = |on_conflict, there: &Run| resolve_conflict(&new(on_conflict), (there.id, there.state.kind()), Some(there));
/// let (waits, runs) = (doc::run(), doc::running());
/// let replace = OnConflict::Replace { reschedule: false };
/// assert_eq!(answer(replace, &waits), Ok(Inserted::Replaced { id: waits.id }));
/// assert!(answer(replace, &runs).is_err()); // it has begun
/// assert!(answer(OnConflict::Refuse, &waits).is_err());
/// assert_eq!(answer(OnConflict::Return, &runs), Ok(Inserted::Existing { id: runs.id, state: runs.state.kind() }));
/// ```
///
/// # Panics
/// If `new` has no unique key.
pub fn resolve_conflict(
    new: &NewRun,
    (id, state): (RunId, StateKind),
    there: Option<&Run>,
) -> Result<Inserted, InsertError> {
    let unique = new.constraints().unique.as_ref().expect("only who has a key meets another one");
    match unique.on_conflict {
        OnConflict::Return => Ok(Inserted::Existing { id, state }),
        OnConflict::Replace { .. } if there.is_some_and(has_not_begun) => Ok(Inserted::Replaced { id }),
        OnConflict::Replace { .. } | OnConflict::Refuse => {
            Err(InsertError::Taken { key: unique.key.clone(), id, state })
        }
    }
}

impl StoredRun {
    /// Takes over what `new` brings. No attempt of it has begun.
    ///
    /// ```
    /// use longhaul_core::{NewRun, Priority, StoredRun, doc};
    ///
    /// let mut stored = StoredRun::enqueue(doc::NOW, doc::new_run());
    /// let followup = stored.replace(doc::NOW, NewRun { priority: Priority(7), ..doc::new_run() });
    /// assert!(stored.run.priority == Priority(7) && followup.changed.asked);
    /// ```
    ///
    /// # Panics
    /// If an attempt of it has begun.
    pub fn replace(&mut self, now: Timestamp, new: NewRun) -> Followup {
        let mut followup = self.apply_event_of(new.by.clone(), now, &replacement(now, &new)).expect("it has not begun");
        self.metadata = new.metadata;
        self.initial.clone_from(&new.execution_metadata);
        self.execution_metadata = new.execution_metadata;
        followup.changed.asked = true;
        followup.changed.execution_metadata = true;
        followup
    }
}

fn replacement(now: Timestamp, new: &NewRun) -> Event {
    let on_conflict = new.constraints().unique.as_ref().map(|unique| unique.on_conflict);
    let reschedule = matches!(on_conflict, Some(OnConflict::Replace { reschedule: true }));
    let expires = new.constraints().expires.map(|expires| expires.time(now));
    Event::Replace { version: new.version, priority: new.priority, due: reschedule.then(|| new.due(now)), expires }
}
