//! Runs that wait for others are looked at when one of those has ended, and children of what was cancelled are cancelled.

use longhaul_core::{AwaitedEnd, Event, RunId, family::cancel_children};

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
    let mut ended = Vec::new();
    let gone = |id: &RunId| store.index.get(*id).is_none();
    for id in awaits.named().iter().copied().filter(gone).collect::<Vec<_>>() {
        // What became final in the batch in the making is read from it.
        store.commit()?;
        let state = match store.load_run(id) {
            Ok(run) => run.map(|run| run.state.kind()),
            Err(Fault::Damage(damage)) => {
                tracing::error!(run.id = %id, %damage, "a run cannot be read that another waits for");
                None
            }
            Err(fault) => return Err(fault),
        };
        ended.push(AwaitedEnd { id, state });
    }
    let children = if awaits.children() { store.child_counts(id)? } else { longhaul_core::ChildCounts::default() };
    apply(store, id, &Event::RunsEnded { children, ended })
}

/// Cancels at most `max` children of a run that was cancelled.
fn go_down(store: &mut State, parent: RunId, max: usize) -> Result<usize, Fault> {
    store.commit()?;
    // One that was removed meanwhile, or was changed by hand, tells its children nothing.
    let Some(event) = store.load_run(parent)?.as_ref().and_then(cancel_children) else { return Ok(1) };
    let told = |store: &State, id: &RunId| {
        // One that runs is told once.
        let asked = store.active.get(id).is_some_and(|record| record.run.request.is_some());
        store.index.get(*id).is_none() || asked
    };
    let children = store.children(parent)?;
    let open: Vec<RunId> = children.into_iter().filter(|id| !told(store, id)).take(max + 1).collect();
    for id in open.iter().take(max) {
        apply(store, *id, &event)?;
    }
    if open.len() > max {
        store.index.waits.cancels.push_front(parent);
        return Ok(max);
    }
    store.cancelled_children(parent)?;
    Ok(open.len() + 1)
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
