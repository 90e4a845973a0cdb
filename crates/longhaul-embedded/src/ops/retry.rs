//! Final runs that are tried again by hand, as new ones.

use longhaul_core::{
    lineage::{Succession, succeed},
    store::{Retried, Retry, RetryError},
};

use crate::{
    error::Fault,
    state::{State, unique_keys::Holder},
};

/// How many keys whose time has passed each retry frees.
const KEYS_EXPIRED: usize = 4;

pub(crate) fn retry(store: &mut State, retry: &Retry) -> Result<Result<Retried, RetryError>, Fault> {
    let id = retry.id;
    let Some(mut record) = store.take(id)? else { return Ok(Err(RetryError::NotFound(id))) };
    let succession = match succeed(store.now, &record, retry) {
        Ok(succession) => succession,
        Err(answer) => {
            store.put_back(record);
            return Ok(answer);
        }
    };
    if store.exists(retry.successor)? {
        return Ok(Err(RetryError::Duplicate(retry.successor)));
    }
    let mut holder = None;
    if let Some(unique) = &succession.successor.run.constraints().unique {
        store.expire_keys(KEYS_EXPIRED)?;
        holder = store.key_holder(&succession.successor.run.kind, &unique.key)?;
    }
    let holder = holder.map(|holder| match holder {
        Holder::Removed { id, state } => (id, state),
        Holder::There(there) => {
            let holder = (there.run.id, there.run.state.kind());
            store.put_back(there);
            holder
        }
    });
    if let Err(taken) = succession.check_key(holder) {
        return Ok(Err(taken));
    }
    let Succession { before, mut successor } = succession;
    if let Some(key) = successor.run.order_key() {
        successor.run.wait_if(store.index.turns.holder(key).is_some());
    }
    let was = record.run.clone();
    record.apply(before);
    store.succeed(&was, record, Box::new(successor.into()))?;
    Ok(Ok(Retried::New))
}
