//! What becomes of children, and who may have any.

use super::{
    awaits::{AwaitedEnd, AwaitedRuns, Awaits},
    counts::ChildCounts,
    parent::{ChildRefused, OnCancel, Parent},
};
use crate::{
    event::{Event, StopRequest},
    id::RunId,
    limits::{CHILD_DEPTH_MAX, CHILDREN_MAX},
    run::Run,
    state::{State, StateKind},
};

/// Whether a run may become a child of `there`, which is the run that `parent` names, or `None` if there is none.
/// `children` are those that it has.
///
/// # Errors
/// Says why not.
///
/// ```
/// use longhaul_core::{ChildCounts, Epoch, Key, Parent, doc, family::admit_child};
///
/// let there = doc::running();
/// let parent = Parent { id: there.id, epoch: Some(there.epoch), name: Key::new("page 7")?, depth: 1 };
/// assert_eq!(admit_child(&parent, Some(&there), ChildCounts::default()), Ok(()));
/// let old = Parent { epoch: Some(Epoch(0)), ..parent };
/// assert!(admit_child(&old, Some(&there), ChildCounts::default()).is_err());
/// # Ok::<(), longhaul_core::name::NameError>(())
/// ```
pub fn admit_child(parent: &Parent, there: Option<&Run>, children: ChildCounts) -> Result<(), ChildRefused> {
    let id = parent.id;
    let Some(there) = there else { return Err(ChildRefused::NoParent { parent: id }) };
    if there.state.is_final() {
        return Err(ChildRefused::Final { parent: id, state: there.state.kind() });
    }
    // What a task enqueues as its own child is no member.
    if parent.epoch.is_none() && is_closed(there) {
        return Err(ChildRefused::Closed { parent: id });
    }
    let holds = |epoch| matches!(there.state, State::Running { .. }) && there.epoch == epoch;
    if parent.epoch.is_some_and(|epoch| !holds(epoch)) {
        return Err(ChildRefused::EpochLost { parent: id });
    }
    if parent.depth > CHILD_DEPTH_MAX {
        return Err(ChildRefused::TooDeep { parent: id });
    }
    if children.total >= CHILDREN_MAX {
        return Err(ChildRefused::TooMany { parent: id });
    }
    Ok(())
}

/// Whether `run` is the callback of a batch to which nothing is added any more.
fn is_closed(run: &Run) -> bool {
    let open = |awaits: &Awaits| matches!(awaits.runs, AwaitedRuns::Members { added: false, .. });
    run.constraints().batch.is_some() && !run.awaits.as_deref().is_some_and(open)
}

/// What happens to a run that waits as `awaits` says, and has these children: which of the runs that it names are final or
/// not there. `state_of` is asked for the state of each; `None`: it is not there.
///
/// # Errors
/// Those of `state_of`.
///
/// ```
/// use longhaul_core::{AwaitedRuns, Awaits, ChildCounts, Event, RunId, StateKind, family::runs_ended};
///
/// let [open, gone] = [1, 2].map(|id| RunId::from_bytes([id; 16]));
/// let awaits = Awaits::from(AwaitedRuns::Runs { open: vec![open, gone], any: false });
/// let state_of = |id| Ok::<_, ()>((id == open).then_some(StateKind::Running));
/// let Ok(Event::RunsEnded { ended, .. }) = runs_ended(&awaits, ChildCounts::default(), state_of) else { panic!() };
/// assert_eq!(ended.iter().map(|ended| ended.id).collect::<Vec<_>>(), [gone]);
/// ```
pub fn runs_ended<E>(
    awaits: &Awaits,
    children: ChildCounts,
    mut state_of: impl FnMut(RunId) -> Result<Option<StateKind>, E>,
) -> Result<Event, E> {
    let mut ended = Vec::new();
    for id in awaits.named() {
        let state = state_of(*id)?;
        if state.is_none_or(StateKind::is_final) {
            ended.push(AwaitedEnd { id: *id, state });
        }
    }
    Ok(Event::RunsEnded { children, ended })
}

/// What happens to the children of `parent`, which is final: they are cancelled, or `None`: nothing.
///
/// ```
/// use longhaul_core::{Run, State, doc, family::cancel_children};
///
/// assert_eq!(cancel_children(&doc::run()), None);
/// assert!(cancel_children(&Run { state: State::Cancelled, ..doc::run() }).is_some());
/// ```
pub fn cancel_children(parent: &Run) -> Option<Event> {
    let cancels = parent.state == State::Cancelled && parent.constraints().on_cancel == OnCancel::Cancel;
    cancels.then(|| Event::Cancel { reason: Some(format!("its parent {} was cancelled", parent.id).into()) })
}

/// Whether a child was told already that it is cancelled: it is asked to stop, or waits for its own children. It is told
/// once, whoever did so. One that is asked to suspend is not.
///
/// ```
/// use longhaul_core::{Run, StopRequest, doc, family::is_told};
///
/// let asked = |request| is_told(&Run { request: Some(request), ..doc::running() });
/// assert!(asked(StopRequest::Cancel { reason: None }));
/// assert!(!asked(StopRequest::Suspend { reason: None }));
/// ```
pub fn is_told(child: &Run) -> bool {
    matches!(child.request, Some(StopRequest::Cancel { .. }))
}
