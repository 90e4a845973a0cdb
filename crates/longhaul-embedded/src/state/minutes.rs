//! What happened in each minute, in the file.
//!
//! It can be counted from nothing else. It is written at most once a second, with a batch or, if none comes, by itself: a
//! key in each batch would cost a single caller a quarter of the enqueues.

use std::{collections::BTreeSet, ops::ControlFlow, time::Duration};

use longhaul_core::{Timestamp, counts::MinuteCounts};

use super::State;
use crate::{
    engine::kv::{BATCH_KEYS_MAX, Writes},
    error::Fault,
    format::keys,
};

/// Keys of minutes in a batch, which begins in one and ends in the next at most.
pub(super) const MINUTES: usize = 2;
/// So long after the last time they are written again: a kill costs what happened meanwhile.
const WRITTEN_EVERY: Duration = Duration::from_secs(1);

/// What the file knows of the latest minutes.
#[derive(Default)]
pub(crate) struct Minutes {
    /// `None`: the file was not read yet, and what an opening puts into the index is nothing that happened.
    written: Option<Vec<MinuteCounts>>,
    written_at: Option<Timestamp>,
}

impl Minutes {
    /// Whatever the file does not know goes with the next batch, however short a time ago the last was written.
    pub(crate) fn write_now(&mut self) {
        self.written_at = None;
    }
}

impl State {
    /// When minutes have to be written, if the file does not know what happened.
    pub(crate) fn minutes_due(&self) -> Option<Timestamp> {
        let written = self.minutes.written.as_ref()?;
        let due = self.minutes.written_at.map_or(self.now, |since| since.min(self.now).after(WRITTEN_EVERY));
        self.latest_minutes().any(|minute| !written.contains(minute)).then_some(due)
    }

    /// Adds the minutes that changed, when it is time. Those before the present one change no more.
    pub(crate) fn write_minutes(&mut self, writes: &mut Writes) {
        // A batch that is as full as can be leaves it to the next.
        if writes.len() + MINUTES > BATCH_KEYS_MAX || self.minutes_due().is_none_or(|due| due > self.now) {
            return;
        }
        let latest: Vec<MinuteCounts> = self.latest_minutes().cloned().collect();
        let written = self.minutes.written.replace(latest.clone()).unwrap_or_default();
        for minute in latest.iter().filter(|minute| !written.contains(minute)) {
            writes.put(keys::minute(minute.minute), minute_value(minute));
        }
        self.minutes.written_at = Some(self.now);
    }

    fn latest_minutes(&self) -> impl Iterator<Item = &MinuteCounts> {
        self.index.statistics.throughput.minutes(self.now).rev().take(MINUTES)
    }

    /// The minutes of the last day, and none of what this opening has done so far.
    pub(crate) fn read_minutes(&mut self) -> Result<(), Fault> {
        self.index.statistics.throughput = longhaul_core::counts::Throughput::default();
        let throughput = &mut self.index.statistics.throughput;
        self.files.kv.scan(&[keys::MINUTE], &[], &mut |key, value| {
            if let Some(minute) = keys::minute_of(key).and_then(|minute| read_minute(minute, value)) {
                throughput.add(&minute);
            }
            ControlFlow::Continue(())
        })?;
        self.minutes.written = Some(self.latest_minutes().cloned().collect());
        let kept: BTreeSet<i64> = self.index.statistics.throughput.all().map(|minute| minute.minute).collect();
        self.remove_where(keys::MINUTE, |key| keys::minute_of(key).is_none_or(|minute| !kept.contains(&minute)))
    }
}

/// Six numbers, in the order of their fields.
fn minute_value(minute: &MinuteCounts) -> Vec<u8> {
    let MinuteCounts { minute: _, enqueued, started, retried, completed, failed, cancelled } = minute;
    [enqueued, started, retried, completed, failed, cancelled]
        .into_iter()
        .flat_map(|count| count.to_be_bytes())
        .collect()
}

fn read_minute(minute: i64, value: &[u8]) -> Option<MinuteCounts> {
    let numbers: Vec<u64> =
        value.chunks(8).map(|bytes| bytes.try_into().ok().map(u64::from_be_bytes)).collect::<Option<_>>()?;
    let [enqueued, started, retried, completed, failed, cancelled] = numbers.try_into().ok()?;
    Some(MinuteCounts { minute, enqueued, started, retried, completed, failed, cancelled })
}
