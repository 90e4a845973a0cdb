//! Which of the due runs start, on which server: by priority and time within a queue, or by what the queue says of ageing
//! and of turns, by weight between queues, and as labels, versions, pauses, limits, rates and [suspects] let them.
//!
//! A store feeds one function, [`Admission::select`], with its due runs through a [`Source`]; nothing else chooses.
//! [`explain`](mod@explain) says out of the same rules why a run does not start.

mod ageing;
pub mod controls;
mod counts;
pub mod explain;
mod place;
pub mod rate;
mod round;
mod select;
mod served;
mod shares;
mod source;
pub mod suspects;

use std::{cmp::Reverse, collections::BTreeMap, fmt, ops::Bound};

pub use self::{
    ageing::{Ageing, AgeingError},
    counts::RunningCounts,
    select::Selection,
    served::{ServedKey, ServedKeys},
    source::{Backlog, BacklogGroup, DueRuns, LastTry, Offer, Source},
    suspects::{Executing, Isolation},
};
use self::{place::QueueOrder, rate::Starts, round::Round, shares::Shares, suspects::Drain};
use crate::{
    control::{Control, Controls, Rate, Scope},
    id::{RunId, ServerId},
    name::{Key, Kind, Queue},
    run::{Priority, Run},
    time::Timestamp,
};

/// A due run's place in its queue, where neither ageing nor turns are asked for: higher priority first, then the longest
/// due, then the older.
///
/// ```
/// use longhaul_core::{Priority, RunId, Timestamp, admission::DuePosition};
///
/// let position = |priority, micros, id| {
///     DuePosition::new(Priority(priority), Timestamp::from_micros(micros), RunId::from_bytes([id; 16]))
/// };
/// assert!(position(5, 9, 2) < position(0, 1, 1)); // higher priority first
/// assert!(position(0, 1, 2) < position(0, 9, 1)); // then the longest due
/// assert!(position(0, 1, 1) < position(0, 1, 2)); // then the older
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DuePosition {
    priority: Reverse<Priority>,
    /// Since when it is due.
    pub due: Timestamp,
    /// The run.
    pub id: RunId,
}

impl DuePosition {
    /// The position of a run.
    pub const fn new(priority: Priority, due: Timestamp, id: RunId) -> Self {
        Self { priority: Reverse(priority), due, id }
    }

    /// How far ahead of others it goes.
    pub const fn priority(self) -> Priority {
        self.priority.0
    }
}

/// What the runs of a line have in common, and what limits go by.
///
/// ```
/// use longhaul_core::{admission::LimitGroup, doc};
///
/// let limit_group = LimitGroup::of(&doc::run());
/// assert_eq!((limit_group.queue.as_str(), limit_group.kind.as_str(), limit_group.key), ("default", "demo", None));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct LimitGroup {
    /// Their queue.
    pub queue: Queue,
    /// Their kind.
    pub kind: Kind,
    /// Their limit key.
    pub key: Option<Key>,
}

impl LimitGroup {
    /// The limit group of a run.
    pub fn of(run: &Run) -> Self {
        Self { queue: run.queue.clone(), kind: run.kind.clone(), key: run.constraints().limit_key.clone() }
    }
}

/// How much a server takes of each queue.
///
/// ```
/// use longhaul_core::{Queue, admission::{Admission, Capacity, Offer}, doc};
///
/// let (kinds, capacity) = (doc::kinds(), Capacity { per_queue: vec![(Queue::default(), 2)], only_listed: true });
/// let offer = Offer { capacity: &capacity, ..Offer::new(doc::SERVER, &kinds, 9) };
/// assert_eq!(Admission::default().select(doc::NOW, &offer, &doc::due(5)).positions.len(), 2);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct Capacity {
    /// At most so many more of these queues.
    pub per_queue: Vec<(Queue, usize)>,
    /// Nothing of any other queue.
    pub only_listed: bool,
}

impl Capacity {
    fn of(&self, queue: &Queue) -> usize {
        let named = self.per_queue.iter().find(|(name, _)| name == queue);
        named.map_or(if self.only_listed { 0 } else { usize::MAX }, |(_, room)| *room)
    }
}

/// What a rate is counted for.
///
/// ```
/// use longhaul_core::{Key, Kind, Scope, admission::Bucket};
///
/// let kind = Kind::new("mail")?;
/// assert_ne!(Bucket::Scope(Scope::Kind(kind.clone())), Bucket::Key(kind, Key::new("customer 7")?));
/// # Ok::<(), longhaul_core::name::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a store or an executor that leaves a case out should not compile")]
pub enum Bucket {
    /// All of a queue or a kind.
    Scope(Scope),
    /// Those of a kind and key.
    Key(Kind, Key),
}

/// The state of a store's admission: what is controlled, how far rates are used up, and which queue is next.
///
/// ```
/// use longhaul_core::{
///     ControlChange, Limits, Queue, Scope,
///     admission::{Admission, BlockedBy, LimitGroup, Offer, RunningCounts},
///     doc,
/// };
///
/// let mut admission = Admission::default();
/// let two = Limits { running: Some(2), ..Limits::NONE };
/// admission.controls.change(&Scope::Queue(Queue::default()), ControlChange::Declare(two));
///
/// let kinds = doc::kinds();
/// let selection = admission.select(doc::NOW, &Offer::new(doc::SERVER, &kinds, 9), &doc::due(5));
/// assert_eq!(selection.positions.len(), 2);
/// admission.commit(selection);
///
/// let group = LimitGroup::of(&doc::run());
/// let running = RunningCounts::of([&group, &group].into_iter());
/// assert!(matches!(admission.blocks(doc::NOW, &running, &group), Some(BlockedBy::Running { max: 2, .. })));
/// assert!(admission.forget_full(doc::NOW, 10).is_empty()); // nothing is limited by a rate
/// admission.reopen(doc::NOW);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Admission {
    /// What is controlled.
    pub controls: Controls,
    /// What has started of late, of each rate that is in use; see [`Rate::take`].
    pub buckets: BTreeMap<Bucket, Starts>,
    /// Whose turn it is in queues whose limit keys take turns.
    pub served: ServedKeys,
    shares: Shares,
    /// The server that makes room for a run at its last try.
    drain: Option<Drain>,
    /// The bucket that was looked at last, to forget it if it is full.
    swept: Option<Bucket>,
}

/// Why a due run is not claimed.
///
/// ```
/// use longhaul_core::{Queue, Scope, admission::BlockedBy};
///
/// let held = BlockedBy::Paused { scope: Scope::Queue(Queue::default()), until: None, why: None };
/// assert_eq!(held.to_string(), "the queue `default` is paused");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a store or an executor that leaves a case out should not compile")]
pub enum BlockedBy {
    /// Its queue, its kind or its limit key is paused, or each server that could execute it is drained.
    Paused {
        /// Which of them; of the servers, the one that is drained no more first.
        scope: Scope,
        /// When the pause ends by itself.
        until: Option<Timestamp>,
        /// Why, if that was said.
        why: Option<Box<str>>,
    },
    /// As many as are allowed run already.
    Running {
        /// Of which scope.
        scope: Scope,
        /// And of which key of it.
        key: Option<Key>,
        /// So many are allowed.
        max: u32,
    },
    /// As many as are allowed have started of late.
    Rate {
        /// Of which scope.
        scope: Scope,
        /// And of which key of it.
        key: Option<Key>,
        /// So many are allowed.
        rate: Rate,
        /// The next may start then.
        until: Timestamp,
    },
    /// A run at its last try is executed alone: its server starts nothing else, and no other server begins a last try.
    LastTry {
        /// That run.
        run: RunId,
        /// The server that executes it.
        server: ServerId,
        /// Until then at the latest; before that, until it has saved something or ended.
        until: Timestamp,
    },
    /// Its server waits until what it executes has saved something, ended or lasted, because a run at its last try is next.
    Drain {
        /// Which server.
        server: ServerId,
        /// Until then at the latest.
        until: Timestamp,
    },
    /// It is a suspect, and another one is executed.
    Suspect {
        /// The other one.
        run: RunId,
        /// The server that executes it.
        server: ServerId,
        /// Until then at the latest; before that, until it has saved something or ended.
        until: Timestamp,
    },
}

impl BlockedBy {
    /// When it is over at the latest, if that is known.
    pub fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Running { .. } => None,
            Self::Paused { until, .. } => *until,
            Self::Rate { until, .. }
            | Self::LastTry { until, .. }
            | Self::Drain { until, .. }
            | Self::Suspect { until, .. } => Some(*until),
        }
    }
}

impl fmt::Display for BlockedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn of_key(key: Option<&Key>) -> String {
            key.map_or_else(String::new, |key| format!(" and the key `{key}`"))
        }
        match self {
            Self::Paused { scope, until, why } => {
                match scope {
                    Scope::Server(server) => write!(f, "each server that could execute it is drained, as is {server}")?,
                    scope => write!(f, "{scope} is paused")?,
                }
                until.map_or(Ok(()), |until| write!(f, " until {until}"))?;
                why.as_ref().map_or(Ok(()), |why| write!(f, ": {why}"))
            }
            Self::Running { scope, key, max } => {
                let (runs, are) = if *max == 1 { ("run", "is") } else { ("runs", "are") };
                write!(f, "{max} {runs} of {scope}{} {are} running, which is the limit", of_key(key.as_ref()))
            }
            Self::Rate { scope, key, rate, until } => {
                write!(f, "{scope}{} may start {rate}; the next at {until}", of_key(key.as_ref()))
            }
            Self::LastTry { run, server, until } => write!(
                f,
                "processes died with {run} again and again: {server} executes it alone, for the last time, and starts \
                 nothing else until it has saved something or ended, at the latest until {until}"
            ),
            Self::Drain { server, until } => write!(
                f,
                "processes died with a run again and again: {server} is about to execute it alone, for the last time, and \
                 starts nothing until what runs there has saved something or ended, at the latest until {until}"
            ),
            Self::Suspect { run, server, until } => write!(
                f,
                "processes died while it was executing, and such runs are executed one at a time: {server} executes \
                 {run}, which has saved nothing yet; this one is next at the latest at {until}"
            ),
        }
    }
}

impl Admission {
    /// Looks at `max` buckets, the next ones each time, and forgets those of which nothing started within a period:
    /// there is nothing to know of them. Answers which.
    pub fn forget_full(&mut self, now: Timestamp, max: usize) -> Vec<Bucket> {
        let after = |from| self.buckets.range((from, Bound::Unbounded));
        let next = self.swept.take().map_or_else(|| after(Bound::Unbounded), |swept| after(Bound::Excluded(swept)));
        let seen: Vec<_> = next.take(max).map(|(bucket, starts)| (bucket.clone(), starts.idle_at() <= now)).collect();
        // At the end it begins anew.
        self.swept = seen.last().filter(|_| seen.len() == max).map(|(bucket, _)| bucket.clone());
        let full: Vec<Bucket> = seen.into_iter().filter_map(|(bucket, is_full)| is_full.then_some(bucket)).collect();
        for bucket in &full {
            self.buckets.remove(bucket);
        }
        full
    }

    /// The store was opened anew: which queue and which key is next is forgotten, as it is by stores that keep it in memory,
    /// and so are buckets that are idle.
    pub fn reopen(&mut self, now: Timestamp) {
        self.shares = Shares::default();
        self.served = ServedKeys::default();
        self.drain = None;
        self.buckets.retain(|_, starts| starts.idle_at() > now);
    }

    /// Which pause, limit or rate keeps a due run of this limit group from starting now.
    pub fn blocks(
        &self,
        now: Timestamp,
        running_counts: &RunningCounts,
        limit_group: &LimitGroup,
    ) -> Option<BlockedBy> {
        if let Some((scope, paused)) = self.controls.paused_group(now, limit_group) {
            return Some(BlockedBy::Paused { scope, until: paused.until, why: paused.why.clone() });
        }
        Round::new(self, now, running_counts).blocks(limit_group)
    }

    /// The share of a queue, and how its runs come one after the other.
    fn weight_and_order(&self, queue: &Queue) -> (u16, QueueOrder) {
        let limits = self.controls.queue(queue).map(Control::limits);
        let weight = limits.and_then(|limits| limits.weight).unwrap_or(1).max(1);
        (weight, QueueOrder::of(limits.as_ref()))
    }
}

#[cfg(test)]
mod tests;
