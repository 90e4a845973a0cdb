//! From the file to a store that works: the index, and what the process before left undone.

use std::{collections::BTreeMap, ops::ControlFlow};

use longhaul_core::{
    Controls, Event, Run, RunId, ServerId, State, StateKind,
    admission::suspects::{Blame, blame},
    decide,
    record::{Damage, read_bucket, read_control},
};

use super::{
    damaged::Spot,
    load::{read_layout, read_run},
};
use crate::committer::Committer;
use crate::{
    engine::kv::{BATCH_KEYS_MAX, Key},
    error::Fault,
    format::{keys, page, pieces::Layout},
    ops::servers::{crash_of, warn_of},
    state::{
        claim_pages::{self, ClaimEntry},
        index::{Place, UniqueKeyEntry},
        record::Record,
    },
};

/// The format of the keys and values of a store. A store of a newer one is not touched.
///
/// 2: records may have sections; see `longhaul_core::record`.
pub(crate) const FORMAT_VERSION: u32 = 2;
/// See [`write_blamed`].
const DIED_VERSION: u8 = 2;
/// Keys that are removed in one batch.
const REMOVED_TOGETHER: usize = BATCH_KEYS_MAX / 2;

impl Committer {
    /// Makes a working store of what is in the file. Answers the format, if it is a newer one.
    pub(crate) fn recover(&mut self) -> Result<Option<u32>, Fault> {
        match self.kv.get(keys::FORMAT)? {
            None => self.found()?,
            Some(bytes) => {
                let version = bytes.first_chunk::<4>().map(|version| u32::from_be_bytes(*version));
                let version = version.ok_or_else(|| Damage::of("the store's format", "it is cut short"))?;
                if version > FORMAT_VERSION {
                    return Ok(Some(version));
                }
                if version < FORMAT_VERSION {
                    // From now on older code, which does not know what is written here, refuses this store.
                    self.batch.put(keys::FORMAT.into(), format_value());
                }
            }
        }
        self.look_at_the_clock();
        let running = self.read_runs()?;
        self.read_admission()?;
        self.read_schedules()?;
        self.read_ends()?;
        self.finish_pieces()?;
        self.divide_lists()?;
        self.recover_claims(&running)?;
        self.flush()?;
        self.kv.sync()?;
        self.needs_sync = false;
        self.touched.clear();
        Ok(None)
    }

    /// A new store says so. It has no runs, or one that lost this key would pass for it.
    fn found(&mut self) -> Result<(), Fault> {
        let mut stray = None;
        self.kv.scan(&[], &[], &mut |key, _| {
            stray =
                Some(Damage::of("the store's format", format!("it is missing, but {} is there", key.escape_ascii())));
            ControlFlow::Break(())
        })?;
        stray.map_or(Ok(()), Err)?;
        self.batch.put(keys::FORMAT.into(), format_value());
        self.commit()
    }

    /// Fills the index from pages and live records; answers the runs whose record says that they execute.
    fn read_runs(&mut self) -> Result<Vec<RunId>, Fault> {
        let Self { kv, index, now, pages_made, sets_aside, .. } = self;
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

    /// Reads what holds runs back, how far rates are used up, and which unique keys final runs have.
    fn read_admission(&mut self) -> Result<(), Fault> {
        let stray = |key: &[u8]| Damage::of(format!("the key {}", key.escape_ascii()), "it is none of ours");
        let mut controls = Vec::new();
        self.each_of(keys::CONTROL, |_, key, bytes| {
            controls.push((keys::control_of(key).ok_or_else(|| stray(key))?, read_control(key, bytes)?));
            Ok(true)
        })?;
        self.admission.controls = Controls::new(controls);
        let now = self.now;
        self.each_of(keys::BUCKET, |committer, key, bytes| {
            let bucket = keys::bucket_of(key).ok_or_else(|| stray(key))?;
            let starts = read_bucket(bytes, now).ok_or_else(|| stray(key))?;
            let is_in_use = starts.idle_at() > now;
            committer.admission.buckets.insert(bucket, starts);
            Ok(is_in_use)
        })?;
        self.admission.reopen(now);
        self.each_of(keys::UNIQUE, |committer, key, bytes| {
            let (kind, name) = keys::unique_of(key).ok_or_else(|| stray(key))?;
            let kept = UniqueKeyEntry::from_bytes(kind, name, bytes).ok_or_else(|| stray(key))?;
            let holds = kept.until > now;
            if holds {
                committer.index.uniques.keep(kept);
            }
            Ok(holds)
        })
    }

    /// Reads all keys of a prefix, and removes those that are not to stay.
    fn each_of(
        &mut self,
        prefix: u8,
        mut each: impl FnMut(&mut Self, &[u8], &[u8]) -> Result<bool, Damage>,
    ) -> Result<(), Fault> {
        let mut found = Vec::new();
        self.kv.scan(&[prefix], &[], &mut |key, value| {
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

    /// Positions go on above all that there ever were. They are times, so only a clock that went back leaves any to be
    /// looked at.
    fn read_ends(&mut self) -> Result<(), Fault> {
        let damaged = || Damage::of("the position of the latest removed end", "it is cut short");
        let removed = self.kv.get(keys::REMOVED_ENDS)?.map(|bytes| bytes.try_into().map_err(|_| damaged()));
        let removed = removed.transpose()?.map_or(0, u64::from_be_bytes);
        let (from, mut last) = (self.now.as_micros().unsigned_abs(), 0);
        self.kv.scan(&[keys::ENDS], &keys::ends(from), &mut |key, _| {
            last = keys::ends_of(key).unwrap_or(last);
            ControlFlow::Continue(())
        })?;
        self.ends.found(self.now, last, removed);
        Ok(())
    }

    /// Removes pieces that a write in several batches left behind when it was cut off.
    fn finish_pieces(&mut self) -> Result<(), Fault> {
        for mark in self.keys_of(keys::MARK)? {
            let id = keys::id_of(&mark).ok_or_else(|| Damage::of("a mark", "it has no id"))?;
            let layout = self.layout(id)?;
            let prefix = keys::chunks(id);
            let mut obsolete: Vec<Key> = Vec::new();
            self.kv.scan(&prefix, &prefix, &mut |key, _| {
                let held = keys::chunk_of(key).is_some_and(|(_, part, generation, number)| {
                    layout.is_some_and(|layout| layout.refers_to(part, generation, number))
                });
                if !held {
                    obsolete.push(key.to_vec());
                }
                ControlFlow::Continue(())
            })?;
            if layout.is_none() {
                obsolete.extend(self.log_keys(id)?);
            }
            obsolete.push(mark);
            self.remove_all(&obsolete)?;
        }
        Ok(())
    }

    fn layout(&mut self, id: RunId) -> Result<Option<Layout>, Fault> {
        self.with_bytes(id, |_, bytes| read_layout(id, bytes))
    }

    /// Takes back what the process before had claimed: its claims are dead, and its runs go on at once.
    fn recover_claims(&mut self, running: &[RunId]) -> Result<(), Fault> {
        let mut died = Vec::new();
        for id in running {
            match self.load(*id) {
                Err(Fault::Damage(damage)) if self.sets_aside => self.pass_over(*id, damage),
                record => died.push(record?.expect("it was just read")),
            }
        }
        let pages = self.keys_of(keys::SLOTS)?;
        for page in &pages {
            let bytes = self.kv.get(page)?.ok_or_else(|| Damage::of("a page of claims", "it is missing"))?;
            for slot in claim_pages::read(&bytes)? {
                match self.claimed(&slot) {
                    Err(Fault::Damage(damage)) if self.sets_aside => self.pass_over(slot.id, damage),
                    record => died.extend(record?),
                }
            }
        }
        // Told by the process before us, if it died while it took these back: some are back already.
        let told = self.kv.get(keys::DIED)?;
        if died.is_empty() && pages.is_empty() && told.is_none() {
            return Ok(());
        }
        let blamed = told.map_or_else(|| Ok(blamed(&died)), |told| read_blamed(&told))?;
        self.batch.put(keys::DIED.into(), write_blamed(&blamed));
        for mut record in died {
            let blamed = blamed.iter().copied().find(|(id, _)| *id == record.run.id);
            let event = crash_of(record.run.id, blamed, "the process ended without a word");
            let before = record.run.clone();
            let decision = decide(self.now, &record.run, &event);
            record.apply_decision(decision).expect("a run that executes can crash");
            warn_of(&before, &record.run);
            self.keep(record)?;
        }
        // Last, so that a claim is never forgotten before its run was taken back.
        self.commit()?;
        self.remove_all(&pages)?;
        self.remove_all(&[keys::DIED.into()])
    }

    /// The run as its claim left it, if the slot still holds.
    fn claimed(&mut self, slot: &ClaimEntry) -> Result<Option<Box<Record>>, Fault> {
        if self.index.get(slot.id).is_none() {
            return Ok(None);
        }
        let mut record = self.load(slot.id)?.expect("what is in the index is in the file");
        if record.run.epoch.next() != slot.epoch {
            return Ok(None);
        }
        let decision = decide(slot.claimed, &record.run, &Event::Claim { server: slot.server, begins: slot.begun });
        match record.apply_decision(decision) {
            Ok(_) => Ok(Some(record)),
            Err(illegal) => Err(Damage::of_run(slot.id, format!("its claim does not fit to it: {illegal}")).into()),
        }
    }

    pub(crate) fn keys_of(&self, prefix: u8) -> Result<Vec<Key>, Fault> {
        let mut keys = Vec::new();
        self.kv.scan(&[prefix], &[], &mut |key, _| {
            keys.push(key.to_vec());
            ControlFlow::Continue(())
        })?;
        Ok(keys)
    }

    fn remove_all(&mut self, keys: &[Key]) -> Result<(), Fault> {
        for keys in keys.chunks(REMOVED_TOGETHER) {
            self.room(keys.len())?;
            self.batch.remove_all(keys);
            self.commit()?;
        }
        Ok(())
    }
}

/// Which of the runs that died are to blame, of each server one at most.
fn blamed(died: &[Box<Record>]) -> Vec<(RunId, Blame)> {
    let mut servers = BTreeMap::<ServerId, Vec<&Run>>::new();
    for record in died {
        if let State::Running { server } = record.run.state {
            servers.entry(server).or_default().push(&record.run);
        }
    }
    servers.into_values().filter_map(blame).collect()
}

/// Version 2 of what stands under [`keys::DIED`]: a 02, and for each run that is to blame its id, a 0, or a 1 if it was
/// alone, and the highest suspicion among those that died. Version 1 was a byte, and blamed nobody by name.
fn write_blamed(blamed: &[(RunId, Blame)]) -> Vec<u8> {
    let mut bytes = vec![DIED_VERSION];
    for (id, blame) in blamed {
        bytes.extend_from_slice(id.as_bytes());
        bytes.extend_from_slice(&match blame {
            Blame::Shared => continue,
            Blame::Latest { above } => [0, *above],
            Blame::Alone => [1, 0],
        });
    }
    bytes
}

fn read_blamed(bytes: &[u8]) -> Result<Vec<(RunId, Blame)>, Damage> {
    let damaged = || Damage::of("what is known of the runs that died", "it is cut short, or no such value");
    let rest = match bytes {
        [0 | 1] => return Ok(Vec::new()),
        [DIED_VERSION, rest @ ..] => rest,
        _ => return Err(damaged()),
    };
    let one = |bytes: &[u8]| {
        let (id, rest) = bytes.split_first_chunk::<16>()?;
        let blame = match *rest {
            [0, above] => Blame::Latest { above },
            [1, 0] => Blame::Alone,
            _ => return None,
        };
        Some((RunId::from_bytes(*id), blame))
    };
    rest.chunks(18).map(|bytes| one(bytes).ok_or_else(damaged)).collect()
}

/// The format, and who wrote it.
fn format_value() -> Vec<u8> {
    [&FORMAT_VERSION.to_be_bytes()[..], b"longhaul ", env!("CARGO_PKG_VERSION").as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_to_blame_is_read_back() {
        let id = |n| RunId::from_bytes([n; 16]);
        let blamed = vec![(id(1), Blame::Latest { above: 7 }), (id(2), Blame::Alone)];
        let bytes = write_blamed(&blamed);
        assert_eq!(read_blamed(&bytes), Ok(blamed));
        for cut in 2..bytes.len() {
            assert_eq!(read_blamed(&bytes[..cut]).is_ok(), cut == 19, "{cut}");
        }
        // As it was written before.
        assert_eq!((read_blamed(&[0]), read_blamed(&[1])), (Ok(vec![]), Ok(vec![])));
    }
}
