//! Why a run does not run.

use longhaul_core::{Explanation, RunId, explain, store::GetError};

use crate::{error::Fault, state::State};

pub(crate) fn explain(store: &mut State, id: RunId) -> Result<Result<Explanation, GetError>, Fault> {
    let Some(run) = store.run_of(id)? else {
        return Ok(Err(GetError::NotFound(id)));
    };
    let source = store.due_runs();
    Ok(Ok(explain::explain(store.now, &run, &store.admission, &store.servers.offers(), &source)))
}
