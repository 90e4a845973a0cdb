//! Final runs that are tried again by hand, as new ones.

use longhaul_core::{
    IllegalEvent,
    lineage::{Succession, succeed},
    store::{Retried, Retry, RetryError},
};

use crate::{
    error::Fault,
    state::{State, record::Record, unique_keys::Holder},
};

/// How many keys whose time has passed each retry frees.
const KEYS_EXPIRED: usize = 4;

pub(crate) fn retry(store: &mut State, retry: &Retry) -> Result<Result<Retried, RetryError>, Fault> {
    let id = retry.id;
    let Some(mut record) = store.take(id)? else { return Ok(Err(RetryError::NotFound(id))) };
    let Succession { before, successor } = match succeed(store.now, &record.snapshot(), retry) {
        Ok(succession) => succession,
        Err(illegal) => {
            let state = record.run.state.kind();
            store.put_back(record);
            return Ok(match illegal {
                IllegalEvent::Retried { successor } => Ok(Retried::Existing(successor)),
                _ => Err(RetryError::NotFinal { id, state }),
            });
        }
    };
    if store.exists(retry.successor)? {
        return Ok(Err(RetryError::Duplicate(retry.successor)));
    }
    if let Some(unique) = &successor.run.constraints().unique {
        store.expire_keys(KEYS_EXPIRED)?;
        let holder = store.key_holder(&successor.run.kind, &unique.key)?.map(|holder| match holder {
            Holder::Removed { id, state } => (id, state),
            Holder::There(there) => {
                let holder = (there.run.id, there.run.state.kind());
                store.put_back(there);
                holder
            }
        });
        if let Some((holder, state)) = holder.filter(|(holder, _)| *holder != id) {
            return Ok(Err(RetryError::Taken { key: unique.key.clone(), id: holder, state }));
        }
    }
    let mut successor = Box::new(Record::of(successor));
    if let Some(key) = successor.run.order_key()
        && store.index.turns.holder(key).is_none()
    {
        successor.run.turn.iter_mut().for_each(|turn| turn.behind = false);
    }
    let was = record.run.clone();
    record.apply_decision(Ok(before)).expect("it was just decided");
    store.succeed(&was, record, successor)?;
    Ok(Ok(Retried::New))
}
