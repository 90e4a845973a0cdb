//! How many runs this server takes: its slots, and the room it leaves each queue.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use longhaul_core::{Queue, admission, store::Claimed};
use tokio::sync::Notify;

use crate::queues::QueueSetting;

pub(super) struct Capacity {
    slots: usize,
    queues: Vec<QueueSetting>,
    only_listed: bool,
    /// Claims whose attempt has not ended yet, started or not.
    outstanding: AtomicUsize,
    /// The same by queue, for queues with a limit on this server.
    by_queue: Mutex<HashMap<Queue, usize>>,
    /// Notified when a queue that was full has room again.
    queue_has_room: Notify,
    /// Attempts that ended, ever.
    ended: AtomicU64,
    attempt_ended: Notify,
}

impl Capacity {
    pub(super) fn new(slots: usize, queues: Vec<QueueSetting>, only_listed: bool) -> Self {
        Self {
            slots,
            queues,
            only_listed,
            outstanding: AtomicUsize::new(0),
            by_queue: Mutex::default(),
            queue_has_room: Notify::new(),
            ended: AtomicU64::new(0),
            attempt_ended: Notify::new(),
        }
    }

    fn by_queue(&self) -> MutexGuard<'_, HashMap<Queue, usize>> {
        self.by_queue.lock().expect("nothing panics while it is held")
    }

    /// How many attempts may execute at once.
    pub(super) fn slots(&self) -> usize {
        self.slots
    }

    /// Claims whose attempt has not ended yet, started or not.
    pub(super) fn outstanding(&self) -> usize {
        self.outstanding.load(Ordering::Acquire)
    }

    /// Attempts that ended, ever.
    pub(super) fn ended(&self) -> u64 {
        self.ended.load(Ordering::Relaxed)
    }

    /// What a claim asks for: how many more of which queues.
    pub(super) fn of_claim(&self) -> admission::Capacity {
        let by_queue = self.by_queue();
        let room = |queue: &QueueSetting| {
            let taken = by_queue.get(&queue.name).copied().unwrap_or(0);
            (queue.name.clone(), queue.here.map_or(usize::MAX, |max| max.saturating_sub(taken)))
        };
        let named = |queue: &&QueueSetting| self.only_listed || queue.here.is_some();
        let per_queue = self.queues.iter().filter(named).map(room).collect();
        admission::Capacity { per_queue, only_listed: self.only_listed }
    }

    pub(super) fn claimed(&self, runs: &[Claimed]) {
        self.outstanding.fetch_add(runs.len(), Ordering::AcqRel);
        if self.queues.iter().any(|queue| queue.here.is_some()) {
            let mut by_queue = self.by_queue();
            for claimed in runs {
                *by_queue.entry(claimed.run.queue.clone()).or_default() += 1;
            }
        }
    }

    /// An attempt of this queue ended, or its claim was given back.
    pub(super) fn release(&self, queue: &Queue) {
        if let Some(max) = self.queues.iter().find(|one| one.name == *queue).and_then(|one| one.here) {
            let mut by_queue = self.by_queue();
            let taken = by_queue.get_mut(queue).expect("it was counted when it was claimed");
            *taken -= 1;
            if *taken + 1 == max {
                self.queue_has_room.notify_one();
            }
        }
        self.outstanding.fetch_sub(1, Ordering::AcqRel);
        self.ended.fetch_add(1, Ordering::Relaxed);
        self.attempt_ended.notify_one();
    }

    /// Until an attempt ends. Cancel safe.
    pub(super) async fn attempt_ended(&self) {
        self.attempt_ended.notified().await;
    }

    /// Until a queue that was full has room again. Cancel safe.
    pub(super) async fn queue_has_room(&self) {
        self.queue_has_room.notified().await;
    }
}
