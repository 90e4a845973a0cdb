//! Everything that needs a look, also what takes reading to find.

use std::time::Duration;

use longhaul::{
    Clock, StateKind, SystemClock, Timestamp,
    run::Snapshot,
    store_api::store::{Filter, ListOrder, PageRequest},
};
use serde::Serialize;

use super::{ScheduleView, Warning};
use crate::{InspectError, Inspector, serial, words};

/// So many running runs are read, the oldest first: they had most time to go wrong.
const READ_MAX: usize = 200;
/// The runs of so many schedules are looked at.
const SCHEDULES_MAX: usize = 200;
/// An attempt that has made no checkpoint for longer would repeat all of it after a crash.
const NO_CHECKPOINT: Duration = Duration::from_secs(3600);
/// Execution metadata is written with each checkpoint: from here on that costs more than most work between two of them.
const LARGE: usize = 256 << 10;
/// A run that was there so often may take its server with it. Once more than the default policy allows, and it is tried
/// alone.
const CRASHES: u32 = 2;
/// Clocks that are kept by NTP differ by far less.
const SKEW: Duration = Duration::from_secs(5);

/// Everything that needs a look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Doctor {
    /// The time of the store.
    #[serde(serialize_with = "serial::time")]
    pub now: Timestamp,
    /// How many running runs were read, of at most 200.
    pub runs_read: usize,
    /// The warnings of the [overview](crate::Overview), and `no_checkpoint`, `crashes_often`,
    /// `large_execution_metadata`, `schedule_never_runs`, `schedule_held_back`, `clock_skew`.
    pub warnings: Vec<Warning>,
}

impl Inspector {
    /// Everything that needs a look. It reads up to 200 running runs with their values, and the runs of up to 200 schedules,
    /// so it costs more than an overview.
    ///
    /// ```
    /// # use longhaul::{Client, testing};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
    /// let inspector = longhaul_inspect::Inspector::new(client);
    /// for warning in inspector.doctor().await?.warnings {
    ///     println!("{}: {}", warning.code, warning.text);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the store fails.
    pub async fn doctor(&self) -> Result<Doctor, InspectError> {
        let mut warnings = self.overview().await?.warnings;
        let (running, now) = (self.oldest_running().await?, self.now());
        for snapshot in &running {
            of_a_run(now, snapshot, &mut warnings);
        }
        warnings.extend(self.schedules().await?.iter().filter_map(never_runs));
        for (name, held) in self.client().schedules().all_held_back(SCHEDULES_MAX).await? {
            let text = format!("The schedule {name} is held back: its run {held}.");
            warnings.push(Warning { code: "schedule_held_back", about: Some(name.to_string()), text });
        }
        warnings.extend(skew(now, SystemClock.now()));
        Ok(Doctor { now, runs_read: running.len(), warnings })
    }

    async fn oldest_running(&self) -> Result<Vec<Snapshot>, InspectError> {
        let filter = Filter { states: vec![StateKind::Running], ..Filter::default() };
        let request = PageRequest { filter, order: ListOrder::OldestFirst, after: None, limit: READ_MAX };
        let page = self.client().store().list_headers(request).await?;
        let mut running = Vec::new();
        for header in page.runs {
            match self.client().snapshot(header.id).await {
                Ok(snapshot) => running.push(snapshot),
                // It was removed meanwhile.
                Err(longhaul::GetError::NotFound(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(running)
    }
}

fn never_runs(schedule: &ScheduleView) -> Option<Warning> {
    let (name, info) = (schedule.info.name(), &schedule.info);
    if info.paused().is_some() || info.counts().enqueued > 0 {
        return None;
    }
    let why = match &schedule.next {
        Err(why) => why.as_str(),
        Ok(next) if next.is_empty() => "it has no instant ahead",
        Ok(_) => return None,
    };
    let text = format!("The schedule {name} never ran, and never will: {why}. Change or delete it.");
    Some(Warning { code: "schedule_never_runs", about: Some(name.to_string()), text })
}

fn of_a_run(now: Timestamp, snapshot: &Snapshot, warnings: &mut Vec<Warning>) {
    let (run, about) = (&snapshot.run, Some(snapshot.run.id.to_string()));
    let (id, kind, lasted) = (run.id, &run.kind, now.since(run.since));
    let mut warn = |code, text| warnings.push(Warning { code, about: about.clone(), text });
    if run.seq == 0 && lasted > NO_CHECKPOINT {
        let lasted = words::duration(lasted);
        let text = format!(
            "{id} ({kind}) runs for {lasted} without a checkpoint: a crash would repeat all of it. If it hangs, cancel \
             it; if not, call `ctx.checkpoint()` more often."
        );
        warn("no_checkpoint", text);
    }
    // Those of which it was the cause for sure, or others that it may have caused.
    let crashes = run.counts.crashes.max(run.suspicion.into());
    if crashes >= CRASHES {
        let text = format!(
            "{id} ({kind}) was running when its process died, {crashes} times in a row without a new checkpoint: it may be \
             the cause. Cancel it, and look into its log."
        );
        warn("crashes_often", text);
    }
    let bytes = snapshot.execution_metadata.as_ref().map_or(0, |value| value.body().len());
    if bytes > LARGE {
        let text = format!(
            "{id} ({kind}) keeps {} KiB of execution metadata, which each checkpoint writes: keep where it is, and put \
             the data elsewhere.",
            bytes >> 10
        );
        warn("large_execution_metadata", text);
    }
}

fn skew(store: Timestamp, here: Timestamp) -> Option<Warning> {
    let apart = store.since(here).max(here.since(store));
    let text = || {
        let apart = words::duration(apart);
        format!("The clock of the store and the clock of this machine differ by {apart}: keep both by NTP.")
    };
    (apart > SKEW).then(|| Warning { code: "clock_skew", about: None, text: text() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_that_differ_are_told_and_others_are_not() {
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
        assert_eq!(skew(at(100), at(104)), None);
        for (store, here) in [(100, 200), (200, 100)] {
            let warning = skew(at(store), at(here)).unwrap();
            assert_eq!(warning.code, "clock_skew");
            assert!(warning.text.contains("1 min 40 s"), "{}", warning.text);
        }
    }
}
