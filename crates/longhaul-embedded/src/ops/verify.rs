//! The whole file, read and checked against what is known in memory.

use std::ops::ControlFlow;

use longhaul_core::{
    ChildCounts, RunId, StateKind,
    counts::RunCounts,
    record::{Damage, read_control, read_log},
};

use crate::{
    engine::kv::Key,
    error::Fault,
    format::{claim_page, family::Family, keys, list, page, unique::UniqueKeyEntry},
    state::{
        State,
        index::Place,
        load::{read_record, read_run},
    },
};

/// Keys that one call looks at.
const KEYS_MAX: usize = 200;

/// What a check of the whole store found.
///
/// ```
/// # use longhaul_embedded::{EmbeddedStore, Options};
/// # let folder = tempfile::tempdir()?;
/// # let clock = std::sync::Arc::new(longhaul_testkit::TestClock::starting_at(longhaul_core::Timestamp::EPOCH));
/// # let store = EmbeddedStore::open(folder.path(), Options::new(clock))?;
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let report = store.verify().await?;
/// assert!(report.problems.is_empty(), "{:?}", report.problems);
/// # store.close().await;
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct VerifyReport {
    /// Keys that were read.
    pub keys: u64,
    /// Runs that are not final.
    pub live: u64,
    /// Runs that are.
    pub finished: u64,
    /// What is wrong, each in a sentence, the first hundred. Empty: nothing.
    pub problems: Vec<String>,
    /// How many runs were met, by state, kind and queue.
    pub counts: RunCounts,
}

/// Where a check goes on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Position(Key);

/// Part of a check.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    pub(crate) report: VerifyReport,
    pub(crate) next: Option<Position>,
}

pub(crate) fn verify(store: &mut State, from: &Position) -> Result<Checked, Fault> {
    let mut entries = Vec::new();
    store.files.kv.scan(&[], &from.0, &mut |key, value| {
        entries.push((key.to_vec(), value.to_vec()));
        if entries.len() == KEYS_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    let mut checked = Checked::default();
    if entries.len() == KEYS_MAX {
        let last = entries.last().expect("it is not empty");
        checked.next = Some(Position([&last.0[..], &[0]].concat()));
    }
    let report = &mut checked.report;
    for (key, value) in entries {
        report.keys += 1;
        match check(store, &key, &value, report) {
            Ok(()) => {}
            Err(Fault::Damage(damage)) => report.problems.push(damage.to_string()),
            Err(fault) => return Err(fault),
        }
    }
    if checked.next.is_none() {
        // What is in memory must be in the file: each live run was met once, on its page or under its key.
        report.problems.extend(missing(store)?);
    }
    Ok(checked)
}

fn check(store: &State, key: &[u8], value: &[u8], report: &mut VerifyReport) -> Result<(), Fault> {
    let stray = || Damage::of(format!("the key {}", key.escape_ascii()), "it is none of ours");
    match key.first() {
        Some(&keys::PAGE) => {
            let number = keys::page_of(key).ok_or_else(stray)?;
            for (id, bytes) in page::records(number, value)? {
                report.live += 1;
                check_live(store, id, bytes, Place::Page(number), report)?;
            }
        }
        Some(&keys::LIVE) => {
            report.live += 1;
            check_live(store, keys::id_of(key).ok_or_else(stray)?, value, Place::Own, report)?;
        }
        Some(&keys::FINAL) => {
            report.finished += 1;
            check_final(store, keys::id_of(key).ok_or_else(stray)?, value, report)?;
        }
        Some(&keys::CHUNK) => check_chunk(store, key)?,
        Some(&keys::LOG) => {
            let id = keys::log_of(key).ok_or_else(stray)?;
            read_log(key, value)?;
            if store.index.get(id).is_none() && store.files.kv.get(&keys::done(id))?.is_none() {
                return Err(Damage::of_run(id, "a page of its log is left of it").into());
            }
        }
        Some(&keys::ENDED) => {
            let (kind, since) = keys::ended_of_key(key).ok_or_else(stray)?;
            for id in list::read_list(value)?.ids {
                let bytes = store.files.kv.get(&keys::done(id))?;
                let bytes = bytes.ok_or_else(|| Damage::of_run(id, "it is listed as final, and is not there"))?;
                let run = read_run(&*store.files.kv, id, &bytes)?;
                if (run.since, &run.kind) != (since, &kind) {
                    return Err(Damage::of_run(id, "it is listed as final under another time or kind").into());
                }
            }
        }
        Some(&keys::ENDS) => {
            keys::ends_of(key).ok_or_else(stray)?;
            for id in list::read_list(value)?.ids {
                if store.files.kv.get(&keys::done(id))?.is_none() {
                    return Err(Damage::of_run(id, "its end is listed, and it is not there").into());
                }
            }
        }
        Some(&keys::SLOTS) => drop(claim_page::read(value)?),
        Some(&keys::MARK) => {
            return Err(Damage::of_run(keys::id_of(key).ok_or_else(stray)?, "a write of it was left half done").into());
        }
        Some(&keys::CONTROL) => {
            let scope = keys::control_of(key).ok_or_else(stray)?;
            if store.admission.controls.get(&scope) != Some(&read_control(key, value)?) {
                return Err(Damage::of(scope.to_string(), "its control in memory is another one").into());
            }
        }
        Some(&keys::BUCKET) => drop(keys::bucket_of(key).ok_or_else(stray)?),
        Some(&keys::UNIQUE) => {
            let (kind, name) = keys::unique_of(key).ok_or_else(stray)?;
            UniqueKeyEntry::from_bytes(kind, name, value).ok_or_else(stray)?;
        }
        Some(&keys::STOPPED) => {
            keys::stopped_of(key).ok_or_else(stray)?;
            let id = RunId::from_bytes(value.try_into().map_err(|_| stray())?);
            if !store.index.turns.is_stopped_by(id) {
                return Err(Damage::of_run(id, "it is said to stop its order key, and does not").into());
            }
        }
        Some(&keys::ASIDE) => {
            let what = match key.get(1..).and_then(keys::id_of) {
                Some(id) if key[1] == keys::LIVE => id.to_string(),
                _ => format!("what was under the key {}", key[1..].escape_ascii()),
            };
            return Err(Damage::of(what, "it could not be read at an opening, and was set aside").into());
        }
        Some(&keys::FINAL_COUNT) => drop(keys::final_count_of(key).ok_or_else(stray)?),
        Some(&keys::MINUTE) => _ = keys::minute_of(key).ok_or_else(stray)?,
        Some(&keys::KIND) => {
            let (kind, _) = keys::described_of(key).ok_or_else(stray)?;
            if !store.kinds.contains_key(&kind) {
                return Err(Damage::of(format!("the kind `{kind}`"), "its description is not in memory").into());
            }
        }
        Some(&keys::FAMILY) => {
            let parent = keys::id_of(key).ok_or_else(stray)?;
            check_family(store, parent, Family::read(value)?)?;
        }
        Some(&keys::CHILDREN) => drop(list::read_list(value)?),
        Some(&keys::SCHEDULE) => drop(keys::schedule_of(key).ok_or_else(stray)?),
        _ if key == keys::FORMAT || key == keys::SCHEDULES || key == keys::COUNTED || key == keys::REMOVED_ENDS => {}
        _ => return Err(stray().into()),
    }
    Ok(())
}

/// The counts of a run's children are those of the children that are there.
fn check_family(store: &State, parent: RunId, family: Family) -> Result<(), Fault> {
    let mut counts = ChildCounts::default();
    for id in store.children(parent)? {
        if store.index.get(id).is_some() {
            counts.moved(None, Some(StateKind::Pending));
        } else if let Some(bytes) = store.files.kv.get(&keys::done(id))? {
            counts.moved(None, read_run(&*store.files.kv, id, &bytes)?.counts_as());
        }
    }
    let kept = ChildCounts { ends: counts.ends, ..family.counts };
    if kept == counts {
        return Ok(());
    }
    Err(Damage::of_run(parent, format!("of its children, {kept} are counted, and {counts} are there")).into())
}

fn check_live(store: &State, id: RunId, bytes: &[u8], place: Place, report: &mut VerifyReport) -> Result<(), Fault> {
    let run = read_record(&*store.files.kv, id, bytes)?.stored.run;
    let entry = store.index.get(id).ok_or_else(|| Damage::of_run(id, "it is in the file, but not in the index"))?;
    if entry.place != place {
        return Err(Damage::of_run(id, "it is twice in the file").into());
    }
    report.counts.add(entry.state, &run.kind, &run.queue, 1);
    // A claim is in its slot only.
    let same = entry.state == run.state.kind() || entry.state == StateKind::Running;
    if same { Ok(()) } else { Err(Damage::of_run(id, "its state in the index is another one").into()) }
}

fn check_final(store: &State, id: RunId, bytes: &[u8], report: &mut VerifyReport) -> Result<(), Fault> {
    let run = read_record(&*store.files.kv, id, bytes)?.stored.run;
    report.counts.add(run.state.kind(), &run.kind, &run.queue, 1);
    if !run.state.is_final() || store.index.get(id).is_some() {
        return Err(Damage::of_run(id, "it is among the final runs, and is not final").into());
    }
    let prefix = keys::ended_at(run.state.kind(), &run.kind, run.since);
    let mut listed = false;
    store.files.kv.scan(&prefix, &prefix, &mut |_, value| {
        listed = list::read_list(value).is_ok_and(|list| list.ids.contains(&id));
        if listed { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    if listed { Ok(()) } else { Err(Damage::of_run(id, "no list of final runs has it").into()) }
}

fn check_chunk(store: &State, key: &[u8]) -> Result<(), Fault> {
    let Some((id, part, ..)) = keys::chunk_of(key) else {
        return Err(Damage::of("a key of a piece", "it is cut short").into());
    };
    let is_there = store.index.get(id).is_some() || store.files.kv.get(&keys::done(id))?.is_some();
    if is_there { Ok(()) } else { Err(Damage::of_run(id, format!("a piece of part {part} is left of it")).into()) }
}

fn missing(store: &mut State) -> Result<Vec<String>, Fault> {
    // In the file, not in memory.
    store.files.forget_page();
    let mut missing = Vec::new();
    let ids: Vec<RunId> = store.index.after(None).map(|(id, _)| id).collect();
    for id in ids {
        match store.load_run(id) {
            Ok(Some(_)) => {}
            Ok(None) => missing.push(format!("{id} is in the index, but not in the file")),
            Err(Fault::Damage(damage)) => missing.push(damage.to_string()),
            Err(fault) => return Err(fault),
        }
    }
    Ok(missing)
}
