//! Pauses and limits of queues and kinds.

use longhaul_core::{Control, ControlChange, Controls, Scope, record};

use crate::{error::Fault, format::keys, state::State};

pub(crate) fn control(store: &mut State, scope: &Scope, change: ControlChange) -> Result<Control, Fault> {
    let control = store.admission.controls.change(scope, change);
    write_control(store, scope, &control)?;
    Ok(control.at(store.now))
}

/// Stages what a scope is controlled by now.
pub(super) fn write_control(store: &mut State, scope: &Scope, control: &Control) -> Result<(), Fault> {
    store.index.backlogs.unthrottle_all();
    if let Scope::Queue(queue) = scope
        && !control.limits().fair_by_key
    {
        store.index.backlogs.forget_turns(queue);
    }
    let key = keys::control(scope);
    store.room(1)?;
    if control.is_empty() {
        store.files.batch.remove(key);
    } else {
        let bytes = record::write_control(&key, control);
        store.files.batch.put(key, bytes);
    }
    store.files.batch.needs_sync = true;
    Ok(())
}

pub(crate) fn controls(store: &State) -> Controls {
    store.admission.controls.at(store.now)
}
