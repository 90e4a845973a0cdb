//! Runs on their way out, a slice in each call.

use std::ops::ControlFlow;

use longhaul_core::{RunId, record::run_line};

use crate::{error::Fault, format::keys, state::State};

/// A slice of an export.
#[derive(Debug, Default)]
pub(crate) struct Exported {
    pub(crate) lines: Vec<String>,
    pub(crate) damaged: Vec<(RunId, String)>,
    pub(crate) next: Option<RunId>,
}

/// Runs in one slice of an export.
const SLICE: usize = 200;

pub(crate) fn export(store: &mut State, after: Option<RunId>) -> Result<Exported, Fault> {
    let ids = ids_after(store, after, SLICE)?;
    let mut exported = Exported { next: ids.last().copied().filter(|_| ids.len() == SLICE), ..Exported::default() };
    for id in ids {
        let record = match store.active.get(&id) {
            Some(record) => Ok(Some(record.clone())),
            None => store.load(id),
        };
        match record {
            Ok(record) => exported.lines.extend(record.map(|record| run_line(&record))),
            // An export is for when something is wrong: one damaged run must not cost the others.
            Err(Fault::Damage(damage)) => exported.damaged.push((id, damage.to_string())),
            Err(fault) => return Err(fault),
        }
    }
    Ok(exported)
}

/// The next runs by their ids, without reading them.
pub(super) fn ids_after(store: &State, after: Option<RunId>, limit: usize) -> Result<Vec<RunId>, Fault> {
    let mut ids: Vec<RunId> = store.index.after(after).map(|(id, _)| id).take(limit).collect();
    let live = ids.len();
    // The next key after that of `after`.
    let from = after.map_or_else(|| vec![keys::FINAL], |id| [&keys::done(id)[..], &[0]].concat());
    store.files.kv.scan(&[keys::FINAL], &from, &mut |key, _| {
        ids.extend(keys::id_of(key));
        if ids.len() - live == limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    ids.sort_unstable();
    ids.truncate(limit);
    Ok(ids)
}
