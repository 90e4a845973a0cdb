//! From the file to a state that works: the index, and what the process before left undone.

mod claims;

use std::{collections::BTreeMap, fmt, ops::ControlFlow, sync::Arc};

use longhaul_core::{
    Controls, RunId, StateKind, Timestamp,
    record::{Damage, read_bucket, read_control, read_kind},
    store::{Ends, ListOrder, ScheduleRow, ScheduleRows},
};

use super::{
    State,
    files::Files,
    index::Place,
    load::{read_layout, read_run},
    set_aside::SetAside,
};
use crate::{
    engine::kv::{BATCH_KEYS_MAX, Key, Kv},
    error::Fault,
    format::{
        chunked,
        family::Family,
        keys, list, page,
        pieces::Layout,
        unique::UniqueKeyEntry,
        version::{FORMAT_VERSION, format_value},
    },
};

/// A value in chunks, with the revision of its last change.
type Revised = (u64, Arc<[u8]>);

/// Keys that are removed in one batch.
const REMOVED_TOGETHER: usize = BATCH_KEYS_MAX / 2;

/// Where something stands that cannot be read.
enum Spot {
    /// All that is under a key.
    Key(Key, Vec<u8>),
    /// One record of a page.
    OnPage(u64, RunId, Vec<u8>),
}

/// An opening: a state that is being filled, and what only this opening has to know.
pub(crate) struct Recovery {
    state: State,
    /// Whether what cannot be read is set aside. If not, it ends the opening.
    sets_aside: bool,
    /// What was.
    aside: Vec<SetAside>,
}

impl Recovery {
    pub(crate) fn new(kv: Box<dyn Kv>, now: Timestamp, sets_aside: bool) -> Self {
        Self { state: State::new(kv, now), sets_aside, aside: Vec::new() }
    }

    /// The state, once it is recovered, and what was set aside.
    pub(crate) fn finish(self) -> (State, Vec<SetAside>) {
        (self.state, self.aside)
    }

    /// Makes a working state of what is in the file. Returns the format, if it is a newer one.
    pub(crate) fn recover(&mut self, now: Timestamp) -> Result<Option<u32>, Fault> {
        match self.state.files.kv.get(keys::FORMAT)? {
            None => self.found()?,
            Some(bytes) => {
                let version = bytes.first_chunk::<4>().map(|version| u32::from_be_bytes(*version));
                let version = version.ok_or_else(|| Damage::of("the store's format", "it is cut short"))?;
                if version > FORMAT_VERSION {
                    return Ok(Some(version));
                }
                if version < FORMAT_VERSION {
                    // From now on older code, which does not know what is written here, refuses this store.
                    self.state.files.batch.put(keys::FORMAT.into(), format_value());
                }
            }
        }
        self.state.begin_cycle(now);
        let running = self.read_runs()?;
        self.read_newest()?;
        self.read_admission()?;
        self.read_stopped()?;
        self.read_schedules()?;
        self.read_kinds()?;
        self.read_ends()?;
        self.state.read_final_counts()?;
        self.state.read_minutes()?;
        self.finish_pieces()?;
        self.divide_lists()?;
        self.recover_claims(&running)?;
        self.recover_turns()?;
        self.read_families()?;
        self.state.files.make_durable()?;
        self.state.touched.clear();
        Ok(None)
    }

    /// A new store gets its format. It must be empty: otherwise a store that lost this key would pass for a new one.
    fn found(&mut self) -> Result<(), Fault> {
        let mut stray = None;
        self.state.files.kv.scan(&[], &[], &mut |key, _| {
            stray =
                Some(Damage::of("the store's format", format!("it is missing, but {} is there", key.escape_ascii())));
            ControlFlow::Break(())
        })?;
        stray.map_or(Ok(()), Err)?;
        self.state.files.batch.put(keys::FORMAT.into(), format_value());
        self.state.commit()
    }

    /// Fills the index from pages and live records. Returns the runs whose record says that they execute.
    fn read_runs(&mut self) -> Result<Vec<RunId>, Fault> {
        let Self { state: State { files: Files { kv, pages_made, .. }, index, now, .. }, sets_aside, .. } = self;
        let (mut running, mut damaged, mut fault) = (Vec::new(), Vec::new(), None);
        let mut known = |id, bytes: &[u8], place| {
            let run = read_run(&**kv, id, bytes)?;
            if index.get(id).is_some() {
                return Err(Damage::of_run(id, "it is twice in the file").into());
            }
            if run.state.is_final() {
                return Err(Damage::of_run(id, "it is final, and stands among the live").into());
            }
            index.put(*now, &run, place);
            if run.state.kind() == StateKind::Running {
                running.push(id);
            }
            Ok::<(), Fault>(())
        };
        let mut note = |read: Result<(), Fault>, spot: &dyn Fn() -> Spot| match read {
            Ok(()) => ControlFlow::Continue(()),
            Err(Fault::Damage(damage)) if *sets_aside => {
                damaged.push((spot(), damage));
                ControlFlow::Continue(())
            }
            Err(found) => {
                fault = Some(found);
                ControlFlow::Break(())
            }
        };
        kv.scan(&[keys::PAGE], &[], &mut |key, bytes| {
            let number = keys::page_of(key).ok_or_else(|| Damage::of("the key of a page", "it has no number"));
            let runs = number.and_then(|number| {
                *pages_made = (page::count(number) + 1).max(*pages_made);
                Ok((number, page::records(number, bytes)?))
            });
            let (number, runs) = match runs {
                Ok(runs) => runs,
                Err(damage) => return note(Err(damage.into()), &|| Spot::Key(key.to_vec(), bytes.to_vec())),
            };
            for (id, bytes) in runs {
                note(known(id, bytes, Place::Page(number)), &|| Spot::OnPage(number, id, bytes.to_vec()))?;
            }
            ControlFlow::Continue(())
        })?;
        kv.scan(&[keys::LIVE], &[], &mut |key, bytes| {
            let id = keys::id_of(key).ok_or_else(|| Damage::of("the key of a run", "it has no id").into());
            let read = id.and_then(|id| known(id, bytes, Place::Own));
            note(read, &|| Spot::Key(key.to_vec(), bytes.to_vec()))
        })?;
        fault.map_or(Ok(()), Err)?;
        for (spot, damage) in damaged {
            self.put_aside(spot, damage)?;
        }
        Ok(running)
    }

    /// Which run has the highest id.
    fn read_newest(&mut self) -> Result<(), Fault> {
        let State { index, files, newest, .. } = &mut self.state;
        let live = index.listed(ListOrder::NewestFirst, None).next().map(|(id, _)| id);
        let mut ended = None;
        files.kv.scan_back(&[keys::FINAL], &[keys::FINAL + 1], &mut |key, _| {
            // A key that names no run says nothing of those before it.
            ended = Some(keys::id_of(key).unwrap_or(RunId::from_bytes([255; 16])));
            ControlFlow::Break(())
        })?;
        *newest = live.max(ended).unwrap_or(*newest);
        Ok(())
    }

    /// Reads what holds runs back, how far rates are used up, and which unique keys final runs have.
    fn read_admission(&mut self) -> Result<(), Fault> {
        let stray = |key: &[u8]| Damage::of(format!("the key {}", key.escape_ascii()), "it is none of ours");
        let mut controls = Vec::new();
        self.each_of(keys::CONTROL, |_, key, bytes| {
            controls.push((keys::control_of(key).ok_or_else(|| stray(key))?, read_control(key, bytes)?));
            Ok(true)
        })?;
        self.state.admission.controls = Controls::new(controls);
        let now = self.state.now;
        self.each_of(keys::BUCKET, |recovery, key, bytes| {
            let bucket = keys::bucket_of(key).ok_or_else(|| stray(key))?;
            let starts = read_bucket(bytes, now).ok_or_else(|| stray(key))?;
            let is_in_use = starts.idle_at() > now;
            recovery.state.admission.buckets.insert(bucket, starts);
            Ok(is_in_use)
        })?;
        self.state.admission.reopen(now);
        self.each_of(keys::UNIQUE, |recovery, key, bytes| {
            let (kind, name) = keys::unique_of(key).ok_or_else(|| stray(key))?;
            let kept = UniqueKeyEntry::from_bytes(kind, name, bytes).ok_or_else(|| stray(key))?;
            let holds = kept.until > now;
            if holds {
                recovery.state.index.uniques.keep(kept);
            }
            Ok(holds)
        })
    }

    /// Reads which final runs stop their order keys.
    fn read_stopped(&mut self) -> Result<(), Fault> {
        self.each_of(keys::STOPPED, |recovery, key, id| {
            let stray = || Damage::of(format!("the key {}", key.escape_ascii()), "it is none of ours");
            let id = RunId::from_bytes(id.try_into().map_err(|_| stray())?);
            keys::stopped_of(key).ok_or_else(stray)?;
            let kv = &*recovery.state.files.kv;
            let Ok(Some(bytes)) = kv.get(&keys::done(id)) else { return Ok(false) };
            match read_run(kv, id, &bytes) {
                Ok(run) => {
                    recovery.state.index.turns.note(&run);
                    Ok(run.stops_key())
                }
                Err(_) => Ok(false),
            }
        })
    }

    /// Gives the turns that were lost between two batches, or with a run that was set aside.
    fn recover_turns(&mut self) -> Result<(), Fault> {
        for key in self.state.index.turns.without_holder() {
            self.state.pass_turn(&key)?;
        }
        self.state.commit()
    }

    /// Reads all keys of a prefix, and removes those that are not to stay.
    fn each_of(
        &mut self,
        prefix: u8,
        mut each: impl FnMut(&mut Self, &[u8], &[u8]) -> Result<bool, Damage>,
    ) -> Result<(), Fault> {
        let mut found = Vec::new();
        self.state.files.kv.scan(&[prefix], &[], &mut |key, value| {
            found.push((key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        })?;
        let mut gone = Vec::new();
        for (key, value) in found {
            if !each(self, &key, &value)? {
                gone.push(key);
            }
        }
        self.remove_all(&gone)
    }

    /// Reads all schedules.
    fn read_schedules(&mut self) -> Result<(), Fault> {
        let rows = self.read_chunked("schedule", keys::SCHEDULE, |key| keys::schedule_of(key).map(|(name, _)| name))?;
        let position = match self.state.files.kv.get(keys::SCHEDULES)? {
            Some(bytes) => {
                let cut_short = |_| Damage::of("the revision of the schedules", "it is cut short");
                u64::from_be_bytes(bytes.try_into().map_err(cut_short)?)
            }
            None => ScheduleRows::NONE_CHANGED,
        };
        let rows = rows.into_iter().map(|(name, (revision, value))| ScheduleRow { name, revision, value });
        self.state.schedules = ScheduleRows::of(rows, position);
        Ok(())
    }

    /// Reads what is known of kinds.
    fn read_kinds(&mut self) -> Result<(), Fault> {
        let rows = self.read_chunked("kind", keys::KIND, |key| keys::described_of(key).map(|(kind, _)| kind))?;
        for (kind, (_, bytes)) in rows {
            let described = read_kind(&kind, &bytes)?;
            self.state.kinds.insert(kind, described);
        }
        Ok(())
    }

    /// Reads all values under a prefix that are laid down in chunks.
    fn read_chunked<N: Ord + fmt::Display>(
        &self,
        what: &str,
        prefix: u8,
        name_of: impl Fn(&[u8]) -> Option<N>,
    ) -> Result<BTreeMap<N, Revised>, Fault> {
        let mut found = BTreeMap::<N, Vec<u8>>::new();
        let mut fault = None;
        self.state.files.kv.scan(&[prefix], &[], &mut |key, bytes| {
            let Some(name) = name_of(key) else {
                fault = Some(Damage::of(format!("the key of a {what}"), "it has no name"));
                return ControlFlow::Break(());
            };
            found.entry(name).or_default().extend_from_slice(bytes);
            ControlFlow::Continue(())
        })?;
        if let Some(damage) = fault {
            return Err(damage.into());
        }
        let read = |(name, bytes): (N, Vec<u8>)| match chunked::read(&bytes) {
            Some(value) => Ok((name, value)),
            None => Err(Damage::of(format!("the {what} `{name}`"), "it is not what was written").into()),
        };
        found.into_iter().map(read).collect()
    }

    /// Runs that were cancelled, and whose children were not all told when the process before us died.
    fn read_families(&mut self) -> Result<(), Fault> {
        let mut cancels = Vec::new();
        self.each_of(keys::FAMILY, |_, key, bytes| {
            if Family::read(bytes)?.cancels {
                cancels.extend(keys::id_of(key));
            }
            Ok(true)
        })?;
        self.state.index.waits.cancels.extend(cancels);
        Ok(())
    }

    /// Positions go on above all earlier ones. They are times, so there is something to read only if the clock went back.
    fn read_ends(&mut self) -> Result<(), Fault> {
        let damaged = || Damage::of("the position of the latest removed end", "it is cut short");
        let removed = self.state.files.kv.get(keys::REMOVED_ENDS)?.map(|bytes| bytes.try_into().map_err(|_| damaged()));
        let removed = removed.transpose()?.map_or(0, u64::from_be_bytes);
        let (from, mut last) = (self.state.now.as_micros().unsigned_abs(), 0);
        self.state.files.kv.scan(&[keys::ENDS], &keys::ends(from), &mut |key, _| {
            last = keys::ends_of(key).unwrap_or(last);
            ControlFlow::Continue(())
        })?;
        self.state.ends = Ends::found(self.state.now, last, removed);
        Ok(())
    }

    /// Removes pieces that were left behind by a write in several batches that did not finish.
    fn finish_pieces(&mut self) -> Result<(), Fault> {
        for mark in self.keys_of(keys::MARK)? {
            let id = keys::id_of(&mark).ok_or_else(|| Damage::of("a mark", "it has no id"))?;
            let layout = self.layout(id)?;
            let prefix = keys::chunks(id);
            let mut obsolete: Vec<Key> = Vec::new();
            self.state.files.kv.scan(&prefix, &prefix, &mut |key, _| {
                let held = keys::chunk_of(key).is_some_and(|(_, part, generation, number)| {
                    layout.is_some_and(|layout| layout.refers_to(part, generation, number))
                });
                if !held {
                    obsolete.push(key.to_vec());
                }
                ControlFlow::Continue(())
            })?;
            if layout.is_none() {
                obsolete.extend(self.state.log_keys(id)?);
            }
            obsolete.push(mark);
            self.remove_all(&obsolete)?;
        }
        Ok(())
    }

    fn layout(&mut self, id: RunId) -> Result<Option<Layout>, Fault> {
        self.state.with_bytes(id, |_, bytes| read_layout(id, bytes))
    }

    /// Lists of earlier versions hold runs of all kinds; they are divided, each in one batch.
    fn divide_lists(&mut self) -> Result<(), Fault> {
        for key in self.keys_of(keys::ENDED_OF_ALL_KINDS)? {
            let Some(value) = self.state.files.kv.get(&key)? else { continue };
            self.state.room(BATCH_KEYS_MAX)?;
            for id in list::read_list(&value)?.ids {
                if let Some(bytes) = self.state.files.kv.get(&keys::done(id))? {
                    self.state.files.batch.list_final(&read_run(&*self.state.files.kv, id, &bytes)?);
                }
            }
            self.state.files.batch.remove(key);
            self.state.commit()?;
        }
        Ok(())
    }

    /// Moves bytes that cannot be read to a key that nothing looks at, and reports it.
    fn put_aside(&mut self, spot: Spot, damage: Damage) -> Result<(), Fault> {
        tracing::error!(%damage, "set aside, as the options of this opening say");
        self.state.room(2)?;
        match spot {
            Spot::Key(key, bytes) => {
                self.state.files.batch.put(keys::aside(&key), bytes);
                self.state.files.batch.remove(key);
            }
            Spot::OnPage(page, id, bytes) => {
                self.state.files.batch.put(keys::aside(&keys::live(id)), bytes);
                self.state.files.batch.leave(page, id);
            }
        }
        self.state.commit()?;
        self.aside.push(damage.into());
        Ok(())
    }

    /// A run whose record can be read, and its values not: it stays where it is, and is not executed.
    fn pass_over(&mut self, id: RunId, damage: Damage) {
        tracing::error!(run.id = %id, %damage, "left alone, as the options of this opening say");
        self.state.index.set_aside(id);
        self.aside.push(damage.into());
    }

    pub(crate) fn keys_of(&self, prefix: u8) -> Result<Vec<Key>, Fault> {
        let mut keys = Vec::new();
        self.state.files.kv.scan(&[prefix], &[], &mut |key, _| {
            keys.push(key.to_vec());
            ControlFlow::Continue(())
        })?;
        Ok(keys)
    }

    fn remove_all(&mut self, keys: &[Key]) -> Result<(), Fault> {
        for keys in keys.chunks(REMOVED_TOGETHER) {
            self.state.room(keys.len())?;
            self.state.files.batch.remove_all(keys);
            self.state.commit()?;
        }
        Ok(())
    }
}
