//! Claims that never reached the caller who asked for them.

use longhaul_core::{Ending, Epoch, Event, RunId, State as RunState};

use crate::{error::Fault, state::State};

pub(crate) fn give_back(store: &mut State, held: Vec<(RunId, Epoch)>) -> Result<(), Fault> {
    for (id, epoch) in held {
        let holds = store.active.get(&id).is_some_and(|record| record.run.epoch == epoch);
        if holds && let Some(record) = store.take(id)? {
            debug_assert!(matches!(record.run.state, RunState::Running { .. }));
            let event = Event::Settle { epoch, ending: Ending::Returned };
            store.apply_event(record, &event)?.expect("the claim holds");
        }
    }
    Ok(())
}
