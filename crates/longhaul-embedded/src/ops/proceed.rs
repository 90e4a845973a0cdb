//! A suspended run goes on, or will.

use longhaul_core::{
    StateKind, decide,
    store::{Proceed, ProceedError, Proceeded},
};

use crate::{error::Fault, state::State};

pub(crate) fn proceed(store: &mut State, proceed: Proceed) -> Result<Result<Proceeded, ProceedError>, Fault> {
    let event = proceed.event();
    let Proceed { id, replacement, by, .. } = proceed;
    let Some(mut record) = store.take(id)? else {
        return Ok(Err(ProceedError::NotFound(id)));
    };
    let state = record.run.state.kind();
    if let (StateKind::Suspended, Some(new)) = (state, &replacement)
        && new.revision != record.run.revision
    {
        return Ok(Err(ProceedError::Conflict(id)));
    }
    if let Err(why) = decide(store.now, &record.run, &event) {
        let refused = ProceedError::of(&record.run, &why);
        store.put_back(record);
        return Ok(refused.map_or(Ok(Proceeded::Repeated), Err));
    }
    if let Some(new) = replacement {
        record.set_execution_metadata(Some(new.execution_metadata));
    }
    let after = store.apply_event_of(by, record, &event)?.expect("it was just decided");
    Ok(Ok(Proceeded::of(state, after)))
}
