//! Everything that is kept, on its way to another store.

use std::ops::ControlFlow;

use longhaul_core::{
    LogPage, Run, RunId,
    record::{self, Damage},
    store::copy::{CopiedRun, CopyCursor, CopyItem, CopyPage, RemovedKey},
};

use super::export::ids_after;
use crate::{
    error::Fault,
    format::{keys, list, unique::UniqueKeyEntry},
    state::State,
};

/// Runs on a page: with values as large as they may be, a few hundred MiB.
const RUNS: usize = 64;
/// Unique keys that a page looks at. Most of them belong to runs that are there.
const KEYS: usize = 1000;

pub(crate) fn copy_out(store: &mut State, from: Option<CopyCursor>) -> Result<CopyPage, Fault> {
    match from {
        None => Ok(settings(store)),
        Some(CopyCursor::RunsAfter(after)) => {
            let ids = ids_after(store, after, RUNS)?;
            let last = ids.last().copied().filter(|_| ids.len() == RUNS);
            let runs = ids.into_iter().filter_map(|id| run(store, id).transpose());
            Ok(CopyPage::of_runs(runs.collect::<Result<Vec<_>, Fault>>()?, last))
        }
        Some(CopyCursor::KeysAfter(after)) => keys_after(store, after),
    }
}

fn settings(store: &State) -> CopyPage {
    let (controls, starts) = (&store.admission.controls, &store.admission.buckets);
    let kinds = store.kinds.values().cloned();
    CopyPage::of_settings(store.now, controls, store.schedules.all(), kinds, starts, store.ends.removed())
}

fn run(store: &mut State, id: RunId) -> Result<Option<CopiedRun>, Fault> {
    let stored = match store.active.get(&id) {
        Some(record) => record.stored.clone(),
        None => match store.load(id)? {
            Some(record) => record.stored,
            None => return Ok(None),
        },
    };
    let end = end(store, &stored.run)?;
    let log = log(store, id)?;
    Ok(Some(CopiedRun::new(stored, end, log)))
}

/// The position of a run's end, as the list says that has it.
fn end(store: &State, run: &Run) -> Result<Option<u64>, Fault> {
    if !run.state.is_final() {
        return Ok(None);
    }
    let prefix = keys::ended_at(run.state.kind(), &run.kind, run.since);
    let mut found = Ok(None);
    store.files.kv.scan(&prefix, &prefix, &mut |_, value| match list::read_list(value) {
        Ok(list) if !list.ids.contains(&run.id) => ControlFlow::Continue(()),
        list => {
            found = list.map(|list| list.position);
            ControlFlow::Break(())
        }
    })?;
    Ok(found?)
}

fn log(store: &State, id: RunId) -> Result<Vec<(u32, LogPage)>, Fault> {
    let prefix = keys::logs(id);
    let (mut pages, mut fault) = (Vec::new(), Ok(()));
    store.files.kv.scan(&prefix, &prefix, &mut |key, bytes| match record::read_log(key, bytes) {
        Ok((attempt, page)) => {
            pages.push((attempt.0, page));
            ControlFlow::Continue(())
        }
        Err(damage) => {
            fault = Err(damage);
            ControlFlow::Break(())
        }
    })?;
    fault?;
    Ok(pages)
}

fn keys_after(store: &State, after: Option<(longhaul_core::Kind, longhaul_core::Key)>) -> Result<CopyPage, Fault> {
    // The next key after that of `after`.
    let from = after.map_or_else(|| vec![keys::UNIQUE], |(kind, key)| [&keys::unique(&kind, &key)[..], &[0]].concat());
    let (mut page, mut looked_at, mut last, mut fault) = (CopyPage::default(), 0, None, Ok(()));
    store.files.kv.scan(&[keys::UNIQUE], &from, &mut |key, value| {
        let Some((kind, name)) = keys::unique_of(key) else {
            fault = Err(Damage::of("a unique key", "it names no kind"));
            return ControlFlow::Break(());
        };
        let Some(entry) = UniqueKeyEntry::from_bytes(kind.clone(), name.clone(), value) else {
            fault = Err(Damage::of(format!("the unique key `{name}`"), "it is not what was written"));
            return ControlFlow::Break(());
        };
        if let Some(state) = entry.removed.filter(|_| store.now < entry.until) {
            let UniqueKeyEntry { kind, key, id: run, until, .. } = entry;
            page.items.push(CopyItem::Key(RemovedKey { kind, key, run, state, until }));
        }
        looked_at += 1;
        last = Some((kind, name));
        if looked_at == KEYS { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    fault?;
    page.next = last.filter(|_| looked_at == KEYS).map(|last| CopyCursor::KeysAfter(Some(last)));
    Ok(page)
}
