//! Runs that wait for others are looked at when one of those has ended, and children of what was cancelled are cancelled.

use longhaul_core::{
    Event, RunId, StateKind,
    family::{cancel_children, is_told, runs_ended},
};

use crate::{error::Fault, state::State};

/// So many runs in one cycle. The next cycle follows at once.
const LOOKS_MAX: usize = 256;

pub(crate) fn look_at_waits(store: &mut State) -> Result<(), Fault> {
    let mut looks = 0;
    while looks < LOOKS_MAX {
        if let Some(id) = store.index.waits.next() {
            look_at(store, id)?;
            looks += 1;
        } else if let Some(parent) = store.index.waits.cancels.pop_front() {
            looks += go_down(store, parent, LOOKS_MAX - looks)?;
        } else {
            break;
        }
    }
    Ok(())
}

fn look_at(store: &mut State, id: RunId) -> Result<(), Fault> {
    let Some(awaits) = store.index.waits.of(id) else { return Ok(()) };
    let children = if awaits.children() { store.child_counts(id)? } else { longhaul_core::ChildCounts::default() };
    let event = runs_ended(&awaits, children, |id| match store.index.get(id) {
        Some(open) => Ok(Some(open.state)),
        None => state_of(store, id),
    });
    apply(store, id, &event?)
}

/// The state of a run that is final; `None`: it is not there, or cannot be read.
fn state_of(store: &mut State, id: RunId) -> Result<Option<StateKind>, Fault> {
    // What became final in the batch in the making is read from it.
    store.commit()?;
    match store.load_run(id) {
        Ok(run) => Ok(run.map(|run| run.state.kind())),
        Err(Fault::Damage(damage)) => {
            tracing::error!(run.id = %id, %damage, "a run cannot be read that another waits for");
            Ok(None)
        }
        Err(fault) => Err(fault),
    }
}

/// Cancels at most `max` children of a run that was cancelled.
fn go_down(store: &mut State, parent: RunId, max: usize) -> Result<usize, Fault> {
    store.commit()?;
    // One that was removed meanwhile, or was changed by hand, tells its children nothing.
    let Some(event) = store.load_run(parent)?.as_ref().and_then(cancel_children) else { return Ok(1) };
    let mut told = 0;
    for id in store.children(parent)? {
        if store.index.get(id).is_none() || was_told(store, id)? {
            continue;
        }
        if told == max {
            store.index.waits.cancels.push_front(parent);
            return Ok(max);
        }
        apply(store, id, &event)?;
        told += 1;
    }
    store.cancelled_children(parent)?;
    Ok(told + 1)
}

fn was_told(store: &mut State, id: RunId) -> Result<bool, Fault> {
    match store.recent_run_of(id) {
        Ok(child) => Ok(child.as_ref().is_some_and(is_told)),
        // It is passed over, with a word about it, when it is told.
        Err(Fault::Damage(_)) => Ok(false),
        Err(fault) => Err(fault),
    }
}

fn apply(store: &mut State, id: RunId, event: &Event) -> Result<(), Fault> {
    match store.take(id) {
        Ok(Some(record)) => {
            // That nothing follows is no fault: it waits for others besides, or ended meanwhile.
            _ = store.apply_event(record, event)?;
        }
        Ok(None) => {}
        Err(Fault::Damage(damage)) => {
            tracing::error!(run.id = %id, %damage, "a run cannot be read that others concern: it is passed over");
        }
        Err(fault) => return Err(fault),
    }
    Ok(())
}
