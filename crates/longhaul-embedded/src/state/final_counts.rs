//! How many final runs there are, in the file: so that an opening does not read them.
//!
//! In memory the counts change with each run. In the file, a row (state, kind, queue) is written together with each final
//! run that is removed or comes in from elsewhere, and otherwise only now and then: a row says up to which position of the
//! list of ends it has counted, and an opening counts the ends after it. So the end of a run costs no key of its own.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

use longhaul_core::{Kind, Queue, Run, RunId, StateKind, record::Damage};

use super::{State, load::read_run};
use crate::{
    engine::kv::{BATCH_KEYS_MAX, Key, Writes},
    error::Fault,
    format::{keys, list::read_list},
};

/// Batches with ends after which the rows that changed are written. An opening counts the ends of as many.
const BATCHES_MAX: u32 = 64;
/// Keys that this adds to a batch at most.
const KEYS_MAX: usize = 32;
/// Runs that one step of the first count reads.
const SLICE: usize = 1000;

type Row = (StateKind, Kind, Queue);

/// Which rows in the file are behind.
#[derive(Default)]
pub(crate) struct FinalCounts {
    /// The first end that the row in the file does not count.
    behind: BTreeMap<Row, u64>,
    /// Rows that have to be written with the batch in the making.
    due: BTreeSet<Row>,
    /// Batches with ends since rows were written.
    batches: u32,
    /// A run was removed that could not be read, with the batch in the making.
    unsure: bool,
    /// One was removed in a batch before: all are counted anew.
    recount: bool,
    /// Rows of runs that end with the batch in the making.
    ending: BTreeSet<Row>,
}

impl FinalCounts {
    /// Keys that it adds to the batch in the making.
    pub(crate) fn keys(&self) -> usize {
        self.due.len() + usize::from(self.unsure)
    }

    /// A run became final with the batch in the making.
    pub(crate) fn ended(&mut self, run: &Run) {
        self.ending.insert(row(run));
    }

    /// A final run came in, or is removed, with the batch in the making.
    pub(crate) fn moved(&mut self, run: &Run) {
        self.due.insert(row(run));
    }
}

fn row(run: &Run) -> Row {
    (run.state.kind(), run.kind.clone(), run.queue.clone())
}

impl State {
    /// A final run is removed with the batch in the making; `None`: nobody knows what it was.
    pub(super) fn uncount(&mut self, run: Option<&Run>) {
        match run {
            Some(run) => {
                self.final_counts.moved(run);
                self.index.statistics.record(self.now, run, Some(run.state.kind()), None);
            }
            None => self.final_counts.unsure = true,
        }
    }

    /// Adds the rows that go with the batch, whose ends have positions up to `last`.
    pub(crate) fn write_final_counts(&mut self, writes: &mut Writes, last: u64) {
        let counts = &mut self.final_counts;
        if !counts.ending.is_empty() {
            counts.batches += 1;
            for row in std::mem::take(&mut counts.ending) {
                counts.behind.entry(row).or_insert(last);
            }
        }
        let mut due = std::mem::take(&mut counts.due);
        let mut moves_base = false;
        if counts.batches >= BATCHES_MAX && writes.len() + due.len() + KEYS_MAX + 2 <= BATCH_KEYS_MAX {
            counts.batches = 0;
            // Those first that are behind the furthest.
            let mut behind: Vec<_> = counts.behind.iter().map(|(row, since)| (*since, row.clone())).collect();
            behind.sort_unstable();
            due.extend(behind.into_iter().take(KEYS_MAX).map(|(_, row)| row));
            moves_base = true;
        }
        for row in due {
            let (state, kind, queue) = &row;
            let runs = self.index.statistics.counts.get(*state, kind, queue);
            counts.behind.remove(&row);
            let key = keys::final_count(*state, kind, queue);
            if runs == 0 {
                // Whatever ended before is gone, so an opening finds none of it.
                writes.remove(key);
            } else {
                writes.put(key, [&runs.to_be_bytes()[..], &last.to_be_bytes()].concat());
            }
        }
        if std::mem::take(&mut counts.unsure) {
            counts.recount = true;
            // Until they are counted anew, an opening does it.
            writes.remove(keys::COUNTED.into());
        } else if moves_base {
            let base = counts.behind.values().min().map_or(last, |first| first - 1);
            writes.put(keys::COUNTED.into(), base.to_be_bytes().into());
        }
    }

    /// Writes all that the file does not know yet, so that the next opening counts nothing.
    pub(crate) fn save_statistics(&mut self) -> Result<(), Fault> {
        loop {
            self.final_counts.batches = BATCHES_MAX;
            self.minutes.write_now();
            self.commit()?;
            if self.final_counts.behind.is_empty() {
                return Ok(());
            }
        }
    }

    /// Fills in how many final runs there are.
    pub(crate) fn read_final_counts(&mut self) -> Result<(), Fault> {
        let Some(base) = self.files.kv.get(keys::COUNTED)? else { return self.count_final_runs() };
        let base = base.try_into().map_err(|_| Damage::of("how far final runs are counted", "it is cut short"))?;
        let base = u64::from_be_bytes(base);
        let stray = |key: &[u8]| Damage::of(format!("the key {}", key.escape_ascii()), "it is no count of final runs");
        let (mut counted, mut fault) = (BTreeMap::<Row, u64>::new(), Ok(()));
        let counts = &mut self.index.statistics.counts;
        self.files.kv.scan(&[keys::FINAL_COUNT], &[], &mut |key, value| {
            let read = keys::final_count_of(key).zip(read_row(value)).ok_or_else(|| stray(key));
            match read {
                Ok(((state, kind, queue), (runs, to))) => {
                    counts.add(state, &kind, &queue, runs);
                    counted.insert((state, kind, queue), to);
                    ControlFlow::Continue(())
                }
                Err(damage) => {
                    fault = Err(damage);
                    ControlFlow::Break(())
                }
            }
        })?;
        fault?;
        for (position, id) in self.ends_after(base)? {
            let Some(run) = self.final_run(id)? else { continue };
            let row = row(&run);
            if counted.get(&row).is_none_or(|to| position > *to) {
                self.index.statistics.counts.add(row.0, &row.1, &row.2, 1);
                self.final_counts.behind.entry(row).or_insert(position);
            }
        }
        Ok(())
    }

    /// Counts anew if a run was removed of which nobody knows what it was. That is rare, and reads all final runs.
    pub(crate) fn recount(&mut self) -> Result<(), Fault> {
        if !std::mem::take(&mut self.final_counts.recount) {
            return Ok(());
        }
        let counts = &mut self.index.statistics.counts;
        let ended: Vec<_> = counts.rows().filter(|row| row.state.is_final()).collect();
        for row in ended {
            counts.add(row.state, &row.kind, &row.queue, -row.runs);
        }
        self.final_counts.behind.clear();
        self.count_final_runs()
    }

    fn ends_after(&self, base: u64) -> Result<Vec<(u64, RunId)>, Fault> {
        let (mut ends, mut fault) = (Vec::new(), Ok(()));
        self.files.kv.scan(&[keys::ENDS], &keys::ends(base + 1), &mut |key, value| match read_list(value) {
            Ok(list) => {
                let position = keys::ends_of(key).unwrap_or(0);
                ends.extend(list.ids.into_iter().map(|id| (position, id)));
                ControlFlow::Continue(())
            }
            Err(damage) => {
                fault = Err(damage);
                ControlFlow::Break(())
            }
        })?;
        fault?;
        Ok(ends)
    }

    /// A final run, if it is there and can be read.
    fn final_run(&self, id: RunId) -> Result<Option<Run>, Fault> {
        let Some(bytes) = self.files.kv.get(&keys::done(id))? else { return Ok(None) };
        match read_run(&*self.files.kv, id, &bytes) {
            Ok(run) => Ok(Some(run)),
            Err(Fault::Damage(_)) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Counts all final runs: once, in a store that was written before they were counted, or where a run was lost.
    fn count_final_runs(&mut self) -> Result<(), Fault> {
        self.remove_where(keys::FINAL_COUNT, |_| true)?;
        let mut from = vec![keys::FINAL];
        loop {
            let (mut ids, start) = (Vec::new(), from.clone());
            self.files.kv.scan(&[keys::FINAL], &start, &mut |key, _| {
                ids.extend(keys::id_of(key));
                from = [key, &[0]].concat();
                if ids.len() == SLICE { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?;
            for id in &ids {
                if let Some(run) = self.final_run(*id)? {
                    let row = row(&run);
                    self.index.statistics.counts.add(row.0, &row.1, &row.2, 1);
                    self.final_counts.due.insert(row);
                }
            }
            if ids.len() < SLICE {
                break;
            }
        }
        let mut due = std::mem::take(&mut self.final_counts.due).into_iter().peekable();
        while due.peek().is_some() {
            self.final_counts.due.extend(due.by_ref().take(KEYS_MAX));
            self.commit()?;
        }
        // Last: until it is there, an opening counts anew.
        self.files.batch.put(keys::COUNTED.into(), self.ends.last().to_be_bytes().into());
        self.commit()
    }

    /// Removes keys of a prefix, in batches of their own.
    pub(super) fn remove_where(&mut self, prefix: u8, is_old: impl Fn(&[u8]) -> bool) -> Result<(), Fault> {
        let mut old: Vec<Key> = Vec::new();
        self.files.kv.scan(&[prefix], &[], &mut |key, _| {
            if is_old(key) {
                old.push(key.to_vec());
            }
            ControlFlow::Continue(())
        })?;
        for keys in old.chunks(BATCH_KEYS_MAX / 2) {
            self.room(keys.len())?;
            self.files.batch.remove_all(keys);
            self.commit()?;
        }
        Ok(())
    }
}

fn read_row(value: &[u8]) -> Option<(i64, u64)> {
    let (runs, to) = value.split_first_chunk::<8>()?;
    Some((i64::from_be_bytes(*runs), u64::from_be_bytes(to.try_into().ok()?)))
}
