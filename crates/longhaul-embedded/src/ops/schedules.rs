//! Schedules: rows that are changed by whoever saw them last, with the runs that they bring.

use std::{collections::BTreeMap, ops::ControlFlow, sync::Arc};

use longhaul_core::{
    ScheduleName, StoreError,
    limits::SCHEDULE_MAX,
    record::Damage,
    store::{ScheduleChange, ScheduleChangeError, ScheduleChanged, ScheduleRow, Schedules},
};

use crate::committer::dispatch::reply_now;
use crate::{
    committer::{Committer, command::Reply},
    engine::kv::VALUE_MAX,
    error::Fault,
    format::keys,
};

/// Revision, length and checksum, before the first bytes of a schedule.
const HEADER: usize = 16;
/// Bytes of a schedule in its first value, and in each of the others.
const FIRST: usize = VALUE_MAX - HEADER;

/// All schedules, in memory too: they are few, and looked at often.
pub(crate) struct Rows {
    there: BTreeMap<ScheduleName, (u64, Arc<[u8]>)>,
    /// Removed since the store was opened, with the revision of that.
    removed: BTreeMap<ScheduleName, u64>,
    /// The revision of the last change; 1: there was none yet. 0 is what those ask with who know nothing.
    position: u64,
    waiting: Vec<(u64, Reply<Schedules>)>,
    news: bool,
}

impl Default for Rows {
    fn default() -> Self {
        Self { there: BTreeMap::new(), removed: BTreeMap::new(), position: 1, waiting: Vec::new(), news: false }
    }
}

impl Rows {
    fn revision(&self, name: &ScheduleName) -> Option<u64> {
        self.there.get(name).map(|(revision, _)| *revision)
    }

    /// What changed after `seen`; `None`: nothing.
    fn after(&self, seen: u64) -> Option<Schedules> {
        if seen >= self.position {
            return None;
        }
        let changed = self.there.iter().filter(|(_, (revision, _))| *revision > seen);
        let row = |(name, (revision, value)): (&ScheduleName, &(u64, Arc<[u8]>))| ScheduleRow {
            name: name.clone(),
            revision: *revision,
            value: value.clone(),
        };
        let removed = self.removed.iter().filter(|(_, revision)| **revision > seen).map(|(name, _)| name.clone());
        Some(Schedules { position: self.position, changed: changed.map(row).collect(), removed: removed.collect() })
    }

    /// Tells those who wait, if there is news.
    pub(crate) fn tell(&mut self) {
        if !std::mem::take(&mut self.news) {
            return;
        }
        for (seen, reply) in std::mem::take(&mut self.waiting) {
            match self.after(seen) {
                Some(schedules) => reply_now(reply, schedules),
                None => self.waiting.push((seen, reply)),
            }
        }
    }

    pub(crate) fn refuse_waiting(&mut self, error: &StoreError) {
        for (_, reply) in self.waiting.drain(..) {
            _ = reply.send(Err(error.clone()));
        }
    }
}

impl Committer {
    pub(crate) fn schedule(
        &mut self,
        change: ScheduleChange,
    ) -> Result<Result<ScheduleChanged, ScheduleChangeError>, Fault> {
        let ScheduleChange { name, seen, value, runs } = change;
        let revision = self.schedules.revision(&name);
        if revision != seen {
            return Ok(Err(ScheduleChangeError::Conflict { name, revision }));
        }
        let revision = self.schedules.position + 1;
        // Into a batch of its own, which has room for all of it: together or not at all.
        self.commit()?;
        let runs = runs.into_iter().map(|new| self.insert(new)).collect::<Result<_, Fault>>()?;
        let before = self.schedules.there.get(&name).map_or(0, |(_, value)| chunks(value.len()));
        let after = value.as_ref().map_or(0, |value| chunks(value.len()));
        self.room(before.max(after) + 1)?;
        for chunk in after..before {
            self.batch.remove(keys::schedule(&name, chunk as u32));
        }
        if let Some(value) = &value {
            for (chunk, bytes) in lay_down(revision, value).into_iter().enumerate() {
                self.batch.put(keys::schedule(&name, chunk as u32), bytes);
            }
        }
        self.batch.put(keys::SCHEDULES.into(), revision.to_be_bytes().to_vec());
        self.batch.needs_sync = true;
        self.schedules.position = revision;
        self.schedules.news = true;
        if let Some(value) = value {
            self.schedules.removed.remove(&name);
            self.schedules.there.insert(name, (revision, value));
        } else {
            self.schedules.there.remove(&name);
            self.schedules.removed.insert(name, revision);
        }
        Ok(Ok(ScheduleChanged { revision, runs }))
    }

    pub(crate) fn show_schedules(&mut self, seen: u64, reply: Reply<Schedules>) {
        match (self.schedules.after(seen), self.health.get()) {
            (Some(schedules), _) => reply_now(reply, schedules),
            (None, Some(error)) => _ = reply.send(Err(error.clone())),
            (None, None) => {
                // Callers that gave up are forgotten before others are remembered.
                self.schedules.waiting.retain(|(_, reply)| !reply.is_closed());
                self.schedules.waiting.push((seen, reply));
            }
        }
    }

    /// Reads all schedules from the file.
    pub(crate) fn read_schedules(&mut self) -> Result<(), Fault> {
        let damaged = |name: &str, reason: &str| Damage::of(format!("the schedule `{name}`"), reason);
        let mut laid = BTreeMap::<ScheduleName, Vec<u8>>::new();
        let mut fault = None;
        self.kv.scan(&[keys::SCHEDULE], &[], &mut |key, bytes| {
            let Some((name, _)) = keys::schedule_of(key) else {
                fault = Some(Damage::of("the key of a schedule", "it names none"));
                return ControlFlow::Break(());
            };
            laid.entry(name).or_default().extend_from_slice(bytes);
            ControlFlow::Continue(())
        })?;
        if let Some(damage) = fault {
            return Err(damage.into());
        }
        for (name, bytes) in laid {
            let row = pick_up(&bytes).ok_or_else(|| damaged(name.as_str(), "it is not what was written"))?;
            self.schedules.there.insert(name, row);
        }
        if let Some(bytes) = self.kv.get(keys::SCHEDULES)? {
            let position = bytes.try_into().map_err(|_| damaged("*", "their revision is cut short"))?;
            self.schedules.position = u64::from_be_bytes(position);
        }
        Ok(())
    }
}

fn chunks(length: usize) -> usize {
    debug_assert!(length <= SCHEDULE_MAX);
    1 + length.saturating_sub(FIRST).div_ceil(VALUE_MAX)
}

/// A schedule as the values of its keys.
fn lay_down(revision: u64, value: &[u8]) -> Vec<Vec<u8>> {
    let mut hash = crc32fast::Hasher::new();
    hash.update(&revision.to_be_bytes());
    hash.update(value);
    let (first, rest) = value.split_at(value.len().min(FIRST));
    let length = (value.len() as u32).to_be_bytes();
    let head = [&revision.to_be_bytes()[..], &length, &hash.finalize().to_be_bytes(), first].concat();
    std::iter::once(head).chain(rest.chunks(VALUE_MAX).map(<[u8]>::to_vec)).collect()
}

fn pick_up(bytes: &[u8]) -> Option<(u64, Arc<[u8]>)> {
    let (revision, rest) = bytes.split_first_chunk::<8>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (checksum, value) = rest.split_first_chunk::<4>()?;
    let mut hash = crc32fast::Hasher::new();
    hash.update(revision);
    hash.update(value);
    let holds = value.len() as u32 == u32::from_be_bytes(*length) && hash.finalize().to_be_bytes() == *checksum;
    holds.then(|| (u64::from_be_bytes(*revision), value.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_of_any_length_is_picked_up_as_it_was_laid_down() {
        for length in [0, 1, FIRST, FIRST + 1, FIRST + VALUE_MAX, FIRST + VALUE_MAX + 1, SCHEDULE_MAX] {
            let value: Vec<u8> = (0..length).map(|at| at as u8).collect();
            let laid = lay_down(7, &value);
            assert_eq!(laid.len(), chunks(length));
            assert!(laid.iter().all(|bytes| bytes.len() <= VALUE_MAX));
            assert_eq!(pick_up(&laid.concat()), Some((7, value.into())));
        }
        let mut laid = lay_down(7, b"nightly").concat();
        assert_eq!(pick_up(&laid[..laid.len() - 1]), None);
        laid[18] ^= 1;
        assert_eq!(pick_up(&laid), None);
    }
}
