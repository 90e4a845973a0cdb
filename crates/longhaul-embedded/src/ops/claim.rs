//! Who gets which runs.

use longhaul_core::{
    RunId, ServerId, Timestamp,
    admission::Selection,
    store::{ClaimRequest, Claimed},
};

use super::expire_deadlines::expire;
use crate::{
    error::Fault,
    format::claim_page::ClaimEntry,
    state::{State, Touch, claim_pages::ClaimPages, index::Place, record::Record},
};

/// What a claim got.
pub(crate) struct Claims {
    pub(crate) claimed: Vec<Claimed>,
    /// The record of at least one of them was written in this cycle, and may not be durable yet.
    pub(crate) of_this_cycle: bool,
    /// When to look again, if nothing was claimed and time alone may bring something.
    pub(crate) look_again: Option<Timestamp>,
}

impl Claims {
    fn none(look_again: Option<Timestamp>) -> Self {
        Self { claimed: Vec::new(), of_this_cycle: false, look_again }
    }
}

pub(crate) fn claim(store: &mut State, request: &ClaimRequest) -> Result<Claims, Fault> {
    if store.servers.is_dead(request.server) {
        return Ok(Claims::none(None));
    }
    let offer = request.offer();
    let selection = loop {
        let selection = store.admission.select(store.now, &offer, &store.due_runs());
        // A cycle expires some runs before anything else, and new ones may have expired before they came.
        let expired = expired(store, &selection);
        if expired.is_empty() {
            break selection;
        }
        for id in expired {
            expire(store, id)?;
        }
    };
    store.index.rest(&selection.throttled);
    if selection.positions.is_empty() {
        let look_again = selection.look_again.into_iter().chain(store.index.backlogs.next_to_wake()).min();
        store.spend(selection)?;
        return Ok(Claims::none(look_again));
    }
    store.room(ClaimPages::keys_for(selection.positions.len()))?;
    let mut claimed = Vec::with_capacity(selection.positions.len());
    for position in &selection.positions {
        let begins = claimed.len() < request.begin;
        claimed.extend(claim_one(store, position.id, request.server, begins)?);
    }
    store.spend(selection)?;
    let is_written = |claimed: &Claimed| matches!(store.touched.get(&claimed.run.id), Some(Touch::Written(_)));
    Ok(Claims { of_this_cycle: claimed.iter().any(is_written), claimed, look_again: None })
}

/// Those of a selection that have not begun in time.
fn expired(store: &State, selection: &Selection) -> Vec<RunId> {
    let ids = selection.positions.iter().map(|position| position.id);
    ids.filter(|id| store.index.deadlines.has_passed(store.now, *id)).collect()
}

fn claim_one(store: &mut State, id: RunId, server: ServerId, begins: bool) -> Result<Option<Claimed>, Fault> {
    let fresh = store.files.batch.fresh.remove(&id);
    let is_fresh = fresh.is_some();
    let mut record = match fresh.map_or_else(|| load_due(store, id), Ok) {
        Ok(record) => record,
        Err(Fault::Damage(damage)) => {
            tracing::error!(run.id = %id, %damage, "a run cannot be read: it is set aside, the others go on");
            store.index.set_aside(id);
            return Ok(None);
        }
        Err(fault) => return Err(fault),
    };
    let mut place = store.index.get(id).expect("a due run is in the index").place;
    let now = store.now;
    let (claimed, _) = record.change(|run| run.claim(now, server, begins)).expect("only due runs are lined up");
    if is_fresh && store.enqueue_claimed(&mut record) {
        place = Place::Own;
    } else {
        let (epoch, claimed) = (record.run.epoch, store.now);
        store.claim_pages.hold(ClaimEntry { id, epoch, claimed, server, begun: begins });
    }
    store.index.put(store.now, &record.run, place);
    store.touched.entry(id).or_insert(Touch::Seen);
    store.active.insert(id, record);
    Ok(Some(claimed))
}

fn load_due(store: &mut State, id: RunId) -> Result<Box<Record>, Fault> {
    let record = store.take(id)?;
    Ok(record.expect("a due run is in the index, and what is in the index is in the file"))
}
