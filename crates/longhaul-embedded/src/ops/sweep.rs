//! Final runs whose time is over.

use std::{collections::VecDeque, ops::ControlFlow};

use longhaul_core::{Kind, Retentions, RunId, StateKind, Timestamp, record::Damage, store::Swept};

use crate::{
    engine::kv::Key,
    error::Fault,
    format::{
        keys,
        list::{self, List},
        unique::UniqueKeyEntry,
    },
    state::{
        State,
        load::{read_layout, read_run},
    },
};

/// The runs of one kind that ended in one state, oldest first, as far as they were read.
struct Line {
    state: StateKind,
    kind: Kind,
    /// The list that is being worked off.
    key: Key,
    since: Timestamp,
    removable: Timestamp,
    position: Option<u64>,
    ids: VecDeque<RunId>,
    /// Those that were looked at and stay.
    kept: Vec<RunId>,
    touched: bool,
}

pub(crate) fn sweep(store: &mut State, retentions: &Retentions, max: usize) -> Result<Swept, Fault> {
    // The lists that are in the making count too.
    store.commit()?;
    let mut lines = Vec::new();
    store.expire_keys(max)?;
    super::controls::forget_limit_keys(store)?;
    for state in keys::FINAL_STATES {
        for kind in kinds_that_ended_in(store, state)? {
            lines.extend(next_line(store, retentions, state, &kind, &keys::ended_of(state, &kind))?);
        }
    }
    let mut removed = 0;
    let next = loop {
        let Some(at) = (0..lines.len()).min_by_key(|at| (lines[*at].removable, lines[*at].ids.front().copied())) else {
            break None;
        };
        if lines[at].removable > store.now || removed == max {
            break Some(lines[at].removable);
        }
        let line = &mut lines[at];
        if let Some(id) = line.ids.pop_front() {
            if store.index.turns.is_stopped_by(id) {
                line.kept.push(id);
            } else {
                let (state, since, position) = (line.state, line.since, line.position);
                match sweep_one(store, id, state, since, position)? {
                    One::Removed => {
                        line.touched = true;
                        removed += 1;
                    }
                    One::NotThere => line.touched = true,
                    One::KeptForItsParent => line.kept.push(id),
                }
            }
        }
        if lines[at].ids.is_empty() {
            let line = lines.swap_remove(at);
            if line.touched {
                shorten(store, &line)?;
            }
            let after = [&line.key[..], &[0]].concat();
            lines.extend(next_line(store, retentions, line.state, &line.kind, &after)?);
        }
    };
    for line in lines.into_iter().filter(|line| line.touched) {
        shorten(store, &line)?;
    }
    Ok(Swept { removed, next })
}

/// One look a kind, however many runs it has.
fn kinds_that_ended_in(store: &State, state: StateKind) -> Result<Vec<Kind>, Fault> {
    let (prefix, mut kinds) = (keys::ended_in(state), Vec::new());
    let mut from = prefix.clone();
    loop {
        let mut first = None;
        store.files.kv.scan(&prefix, &from, &mut |key, _| {
            first = Some(key.to_vec());
            ControlFlow::Break(())
        })?;
        let Some(key) = first else { return Ok(kinds) };
        let (kind, _) = named(&key)?;
        from = keys::ended_beyond(state, &kind);
        kinds.push(kind);
    }
}

fn next_line(
    store: &State,
    retentions: &Retentions,
    state: StateKind,
    kind: &Kind,
    from: &[u8],
) -> Result<Option<Line>, Fault> {
    let mut first = None;
    store.files.kv.scan(&keys::ended_of(state, kind), from, &mut |key, value| {
        first = Some((key.to_vec(), value.to_vec()));
        ControlFlow::Break(())
    })?;
    let Some((key, value)) = first else { return Ok(None) };
    let (kind, since) = named(&key)?;
    let List { position, ids } = list::read_list(&value)?;
    let ids = ids.into();
    let removable = retentions.of(&kind).removable_at(state, since);
    let line = |removable| Line { state, kind, key, since, removable, position, ids, kept: Vec::new(), touched: false };
    Ok(removable.map(line))
}

/// What became of a run whose time is over.
enum One {
    Removed,
    /// It is not there, or is final by another end.
    NotThere,
    /// Its parent is not final.
    KeptForItsParent,
}

/// Removes a run, if it is still the one that the list means.
fn sweep_one(
    store: &mut State,
    id: RunId,
    state: StateKind,
    since: Timestamp,
    position: Option<u64>,
) -> Result<One, Fault> {
    let Some(bytes) = store.files.kv.get(&keys::done(id))? else { return Ok(One::NotThere) };
    let (mut kept, mut swept) = (None, None);
    let pieces = match read_run(&*store.files.kv, id, &bytes) {
        Ok(run) if run.state.kind() != state || run.since != since => return Ok(One::NotThere),
        Ok(run) if run.parent().is_some_and(|parent| store.index.get(parent.id).is_some()) => {
            return Ok(One::KeptForItsParent);
        }
        Ok(run) => {
            kept = UniqueKeyEntry::of(&run).filter(|kept| store.now < kept.until);
            swept = Some(run);
            read_layout(id, &bytes)?.all_pieces(id)
        }
        // Its time has come all the same, and it must not keep others from going.
        Err(Fault::Damage(_)) => store.piece_keys(id)?,
        Err(fault) => return Err(fault),
    };
    // Before the run, which may go in several batches: no end may be shown of a run that is gone.
    if let Some(position) = position {
        store.files.batch.remove_end(position, id);
    }
    store.erase_values(id, pieces, true, swept.as_ref())?;
    // A key that is taken for longer than its run is kept.
    if let Some(kept) = kept.filter(|kept| store.index.uniques.holder(&kept.kind, &kept.key) == Some(id)) {
        let kept = UniqueKeyEntry { removed: Some(state), ..kept };
        store.files.batch.put(keys::unique(&kept.kind, &kept.key), kept.to_bytes());
        store.index.uniques.keep(kept);
    }
    Ok(One::Removed)
}

/// The list without those that were removed.
fn shorten(store: &mut State, line: &Line) -> Result<(), Fault> {
    store.room(2)?;
    store.files.batch.remove(line.key.clone());
    let left: Vec<RunId> = line.kept.iter().chain(&line.ids).copied().collect();
    if let Some(first) = left.first().copied() {
        let list = List { position: line.position, ids: left };
        store.files.batch.put(keys::ended(line.state, &line.kind, line.since, first), list.to_bytes());
    }
    store.files.batch.needs_sync = true;
    Ok(())
}

/// Kind and time of a list.
fn named(key: &[u8]) -> Result<(Kind, Timestamp), Damage> {
    keys::ended_of_key(key).ok_or_else(|| {
        Damage::of(format!("the list of final runs {}", key.escape_ascii()), "its key has no kind or time")
    })
}
