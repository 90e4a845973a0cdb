//! Which of the due runs are claimed: by priority and time within a queue, by weight between queues, and as pauses,
//! limits and rates let them.
//!
//! Stores keep due runs in [`Backlog`]s of those that stand or fall together, and hand them to [`Admission::select`] in
//! [`BacklogGroup`]s; nothing else chooses.

mod round;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, HashMap},
    hash::Hash,
    ops::Bound,
};

use self::round::{Meters, Of, Round, Stop};
use crate::{
    control::{Control, Controls, Rate, Scope},
    id::RunId,
    name::{Key, Kind, Queue},
    run::{Priority, Run},
    time::Timestamp,
};

/// A due run's place in its queue: higher priority first, then the longest due, then the older.
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

/// Due runs of one limit group, in the order of their positions.
///
/// ```
/// use longhaul_core::{admission::{LimitGroup, Backlog}, doc};
///
/// let limit_group = LimitGroup::of(&doc::run());
/// let line = Backlog { limit_group: &limit_group, positions: doc::positions(3).into_iter() };
/// assert_eq!(line.positions.count(), 3);
/// ```
#[derive(Debug)]
pub struct Backlog<'a, I> {
    /// What they have in common.
    pub limit_group: &'a LimitGroup,
    /// The runs.
    pub positions: I,
}

/// Lines of one queue and kind, which differ in their key. A group is held back as a whole where its queue or kind is,
/// and its lines are looked at one after the other, so that a claim does not cost more where there are many keys.
///
/// ```
/// use longhaul_core::{admission::groups, doc};
///
/// let groups = groups(doc::lines(3));
/// assert_eq!((groups.len(), groups[0].kind.as_str()), (1, "demo"));
/// ```
#[derive(Debug)]
pub struct BacklogGroup<'a, L> {
    /// The queue of all of them.
    pub queue: &'a Queue,
    /// Their kind.
    pub kind: &'a Kind,
    /// In the order of their first positions.
    pub lines: L,
}

/// Puts lines into groups: for stores that keep them in no order.
///
/// ```
/// use longhaul_core::{admission::groups, doc};
///
/// let mut first = groups(doc::lines(3)).remove(0);
/// assert_eq!(first.lines.next().map(|line| line.positions.count()), Some(3));
/// ```
pub fn groups<'a, I: Iterator<Item = DuePosition> + Clone>(
    lines: impl Iterator<Item = Backlog<'a, I>>,
) -> Vec<BacklogGroup<'a, std::vec::IntoIter<Backlog<'a, I>>>> {
    let mut groups = BTreeMap::<(&Queue, &Kind), Vec<(DuePosition, Backlog<'a, I>)>>::new();
    for line in lines {
        if let Some(first) = line.positions.clone().next() {
            groups.entry((&line.limit_group.queue, &line.limit_group.kind)).or_default().push((first, line));
        }
    }
    let in_order = |((queue, kind), mut lines): (_, Vec<(DuePosition, _)>)| {
        lines.sort_unstable_by_key(|(first, _)| *first);
        let lines: Vec<_> = lines.into_iter().map(|(_, line)| line).collect();
        BacklogGroup { queue, kind, lines: lines.into_iter() }
    };
    groups.into_iter().map(in_order).collect()
}

/// How much a server takes of each queue.
///
/// ```
/// use longhaul_core::{Queue, admission::{Admission, Capacity, RunningCounts, groups}, doc};
///
/// let capacity = Capacity { per_queue: vec![(Queue::default(), 2)], only_listed: true };
/// let (admission, now) = (Admission::default(), doc::NOW);
/// assert_eq!(admission.select(now, &RunningCounts::default(), &capacity, groups(doc::lines(5)), 9).positions.len(), 2);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
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

/// How many run.
///
/// ```
/// use longhaul_core::{admission::{LimitGroup, RunningCounts}, doc};
///
/// let limit_group = LimitGroup::of(&doc::run());
/// let mut running_counts = RunningCounts::default();
/// running_counts.enter(&limit_group);
/// running_counts.enter(&limit_group);
/// running_counts.leave(&limit_group);
/// assert_eq!(running_counts, RunningCounts::of([&limit_group].into_iter()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct RunningCounts {
    queues: HashMap<Queue, u32>,
    kinds: HashMap<Kind, OfKind>,
}

/// How many of a kind run.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
struct OfKind {
    all: u32,
    by_key: HashMap<Key, u32>,
}

impl RunningCounts {
    /// Counts these.
    pub fn of<'a>(running: impl Iterator<Item = &'a LimitGroup>) -> Self {
        let mut running_counts = Self::default();
        running.for_each(|limit_group| running_counts.enter(limit_group));
        running_counts
    }

    /// One more runs.
    pub fn enter(&mut self, limit_group: &LimitGroup) {
        one_more(&mut self.queues, &limit_group.queue);
        if !self.kinds.contains_key(&limit_group.kind) {
            self.kinds.insert(limit_group.kind.clone(), OfKind::default());
        }
        let of_kind = self.kinds.get_mut(&limit_group.kind).expect("it was just put there");
        of_kind.all += 1;
        if let Some(key) = &limit_group.key {
            one_more(&mut of_kind.by_key, key);
        }
    }

    /// One that ran does not any more.
    pub fn leave(&mut self, limit_group: &LimitGroup) {
        const ENTERED: &str = "who leaves has entered";
        *self.queues.get_mut(&limit_group.queue).expect(ENTERED) -= 1;
        let of_kind = self.kinds.get_mut(&limit_group.kind).expect(ENTERED);
        of_kind.all -= 1;
        if let Some(key) = &limit_group.key {
            let left = of_kind.by_key.get_mut(key).expect(ENTERED);
            *left -= 1;
            // Keys come and go; queues and kinds are few.
            if *left == 0 {
                of_kind.by_key.remove(key);
            }
        }
    }

    fn queue(&self, queue: &Queue) -> u32 {
        self.queues.get(queue).copied().unwrap_or(0)
    }

    fn kind(&self, kind: &Kind) -> u32 {
        self.kinds.get(kind).map_or(0, |of_kind| of_kind.all)
    }

    fn key(&self, kind: &Kind, key: &Key) -> u32 {
        self.kinds.get(kind).and_then(|of_kind| of_kind.by_key.get(key)).copied().unwrap_or(0)
    }
}

fn one_more<K: Clone + Eq + Hash>(counts: &mut HashMap<K, u32>, of: &K) {
    match counts.get_mut(of) {
        Some(count) => *count += 1,
        None => _ = counts.insert(of.clone(), 1),
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
///     admission::{Admission, BlockedBy, LimitGroup, Capacity, RunningCounts, groups},
///     doc,
/// };
///
/// let mut admission = Admission::default();
/// let two = Limits { running: Some(2), ..Limits::NONE };
/// admission.controls.change(&Scope::Queue(Queue::default()), ControlChange::Declare(two));
///
/// let (now, limit_group) = (doc::NOW, LimitGroup::of(&doc::run()));
/// let running = RunningCounts::of([&limit_group].into_iter());
/// let selection = admission.select(now, &running, &Capacity::default(), groups(doc::lines(5)), 9);
/// assert_eq!(selection.positions.len(), 1); // one runs already
/// admission.commit(selection);
///
/// let running = RunningCounts::of([&limit_group, &limit_group].into_iter());
/// assert!(matches!(admission.holds(now, &running, &limit_group), Some(BlockedBy::Running { max: 2, .. })));
/// assert!(admission.forget_full(now, 10).is_empty()); // nothing is limited by a rate
/// admission.reopen(now);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Admission {
    /// What is controlled.
    pub controls: Controls,
    /// When each bucket that is in use is full again; see [`Rate::take`].
    pub buckets: BTreeMap<Bucket, Timestamp>,
    shares: Shares,
    /// The bucket that was looked at last, to forget it if it is full.
    swept: Option<Bucket>,
}

/// Stride scheduling: each queue has a pass, which grows with each of its claims by a stride that is the smaller the
/// larger its weight is; the lowest pass is next. (Waldspurger and Weihl, 1995.)
#[derive(Clone, Debug, PartialEq, Eq, Default)]
struct Shares {
    /// The pass of the queue that was served last: one that was empty for a while starts here, and has saved nothing up.
    now: u64,
    passes: BTreeMap<Queue, u64>,
}

/// Divisible by all small weights; 2^64 / it is more claims than there will be.
const STRIDE: u64 = 720_720;

/// What was chosen.
///
/// ```
/// use longhaul_core::{admission::{Admission, Capacity, RunningCounts, groups}, doc};
///
/// let selection = Admission::default().select(doc::NOW, &RunningCounts::default(), &Capacity::default(), groups(doc::lines(5)), 3);
/// assert_eq!((selection.positions.len(), selection.look_again), (3, None));
/// assert!(selection.spent.is_empty() && selection.throttled.is_empty());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// In the order in which they are to be claimed.
    pub positions: Vec<DuePosition>,
    /// If a rate holds runs back: when the first of them may start.
    pub look_again: Option<Timestamp>,
    /// The first runs of lines that the rate of their key holds back, and until when. Before that, a store need not offer
    /// such a line again, unless controls are changed or its clock goes back.
    pub throttled: Vec<(RunId, Timestamp)>,
    /// The buckets that were drawn from, as they are when the runs are claimed.
    pub spent: BTreeMap<Bucket, Timestamp>,
    shares: Option<Shares>,
}

/// Why a due run is not claimed.
///
/// ```
/// use longhaul_core::{Queue, Scope, admission::BlockedBy};
///
/// let held = BlockedBy::Paused(Scope::Queue(Queue::default()));
/// assert_eq!(held.to_string(), "the queue `default` is paused");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlockedBy {
    /// Its queue or kind is paused.
    Paused(Scope),
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
}

impl Admission {
    /// The first `max` runs that may start now, of those in `groups`. It looks at no more lines than it takes from, and
    /// those that their key holds back.
    pub fn select<'a, I: Iterator<Item = DuePosition>>(
        &self,
        now: Timestamp,
        running_counts: &RunningCounts,
        capacity: &Capacity,
        groups: impl IntoIterator<Item = BacklogGroup<'a, impl Iterator<Item = Backlog<'a, I>>>>,
        max: usize,
    ) -> Selection {
        let mut round = Round::new(self, now, running_counts);
        let mut queues = Vec::<Waiting<'_>>::new();
        let (mut all, mut opened) = (Vec::new(), Vec::new());
        for BacklogGroup { queue, kind, mut lines } in groups {
            if self.pause(queue, kind).is_some() {
                continue;
            }
            let Some((head, first)) = open(&mut lines, all.len()) else { continue };
            let at = queues.iter().position(|waiting| waiting.queue == queue).unwrap_or_else(|| {
                let (room, weight) = (capacity.of(queue), self.weight(queue));
                queues.push(Waiting { queue, room, weight, heads: BinaryHeap::new() });
                queues.len() - 1
            });
            queues[at].heads.push(Reverse((head, opened.len())));
            opened.push(first);
            // `None`: its queue or its kind is held back, until something changes.
            all.push(Some(lines));
        }
        let mut shares = self.shares.clone();
        let (mut chosen, mut throttled) = (Vec::new(), Vec::new());
        while chosen.len() < max {
            let Some(next) = shares.next(&mut queues) else { break };
            let Waiting { queue, room, weight, heads } = &mut queues[next];
            let Some(Reverse((position, from))) = heads.pop() else {
                unreachable!("only a queue with due runs is next")
            };
            let group = opened[from].group;
            let Some(lines) = &mut all[group] else { continue };
            // The lines after the last one that was opened come later than its head: now it is their position to be seen.
            if std::mem::take(&mut opened[from].is_last)
                && let Some((head, line)) = open(lines, group)
            {
                heads.push(Reverse((head, opened.len())));
                opened.push(line);
            }
            let line = &mut opened[from];
            let meters = *line.meters.get_or_insert_with(|| round.meters(line.limit_group));
            match round.takes(meters) {
                Ok(()) => {
                    chosen.push(position);
                    *room -= 1;
                    shares.charge(queue, *weight);
                    heads.extend(line.positions.next().map(|head| Reverse((head, from))));
                }
                // The line is held back as a whole, until something changes.
                Err(Stop { of: Of::Key(..), until }) => throttled.extend(until.map(|until| (position.id, until))),
                Err(Stop { of: Of::Queue(_) | Of::Kind(_), .. }) => all[group] = None,
            }
        }
        Selection {
            positions: chosen,
            look_again: round.look_again,
            throttled,
            spent: round.spent(),
            shares: Some(shares),
        }
    }

    /// The runs of a selection are claimed.
    pub fn commit(&mut self, selection: Selection) {
        if let Some(shares) = selection.shares {
            self.shares = shares;
        }
        self.buckets.extend(selection.spent);
    }

    /// Looks at `max` buckets, the next ones each time, and forgets those that are full again: there is nothing to know of
    /// them. Answers which.
    pub fn forget_full(&mut self, now: Timestamp, max: usize) -> Vec<Bucket> {
        let after = |from| self.buckets.range((from, Bound::Unbounded));
        let next = self.swept.take().map_or_else(|| after(Bound::Unbounded), |swept| after(Bound::Excluded(swept)));
        let seen: Vec<_> = next.take(max).map(|(bucket, full_at)| (bucket.clone(), *full_at <= now)).collect();
        // At the end it begins anew.
        self.swept = seen.last().filter(|_| seen.len() == max).map(|(bucket, _)| bucket.clone());
        let full: Vec<Bucket> = seen.into_iter().filter_map(|(bucket, is_full)| is_full.then_some(bucket)).collect();
        for bucket in &full {
            self.buckets.remove(bucket);
        }
        full
    }

    /// The store was opened anew: whose position it was among queues is forgotten, as it is by stores that keep it in memory,
    /// and so are buckets that are full.
    pub fn reopen(&mut self, now: Timestamp) {
        self.shares = Shares::default();
        self.buckets.retain(|_, full_at| *full_at > now);
    }

    /// Why a due run of this limit group would not be claimed now.
    pub fn holds(&self, now: Timestamp, running_counts: &RunningCounts, limit_group: &LimitGroup) -> Option<BlockedBy> {
        if let Some(scope) = self.pause(&limit_group.queue, &limit_group.kind) {
            return Some(BlockedBy::Paused(scope));
        }
        Round::new(self, now, running_counts).holds(limit_group)
    }

    fn pause(&self, queue: &Queue, kind: &Kind) -> Option<Scope> {
        let paused = |control: Option<&Control>| control.is_some_and(|control| control.paused.is_some());
        if paused(self.controls.queue(queue)) {
            return Some(Scope::Queue(queue.clone()));
        }
        paused(self.controls.kind(kind)).then(|| Scope::Kind(kind.clone()))
    }

    fn weight(&self, queue: &Queue) -> u16 {
        self.controls.queue(queue).and_then(|control| control.limits().weight).unwrap_or(1).max(1)
    }
}

/// A line that was looked at.
struct Opened<'a, I> {
    limit_group: &'a LimitGroup,
    positions: I,
    meters: Option<Meters>,
    group: usize,
    /// The lines of its group after it were not looked at yet.
    is_last: bool,
}

/// The next line of a group that has runs, and the first of them.
fn open<'a, I: Iterator<Item = DuePosition>>(
    lines: &mut impl Iterator<Item = Backlog<'a, I>>,
    group: usize,
) -> Option<(DuePosition, Opened<'a, I>)> {
    lines.find_map(|Backlog { limit_group, mut positions }| {
        let head = positions.next()?;
        Some((head, Opened { limit_group, positions, meters: None, group, is_last: true }))
    })
}

/// A queue with due runs.
struct Waiting<'a> {
    queue: &'a Queue,
    room: usize,
    weight: u16,
    /// The first position of each of its lines that was looked at, and which line that is.
    heads: BinaryHeap<Reverse<(DuePosition, usize)>>,
}

impl Shares {
    /// The queue that is next.
    fn next(&self, queues: &mut Vec<Waiting<'_>>) -> Option<usize> {
        queues.retain(|waiting| waiting.room > 0 && !waiting.heads.is_empty());
        if queues.len() < 2 {
            return queues.len().checked_sub(1);
        }
        let pass = |waiting: &Waiting<'_>| self.pass(waiting.queue);
        let head = |waiting: &Waiting<'_>| waiting.heads.peek().map(|Reverse((position, _))| *position);
        (0..queues.len()).min_by_key(|at| (pass(&queues[*at]), head(&queues[*at])))
    }

    fn pass(&self, queue: &Queue) -> u64 {
        self.passes.get(queue).copied().unwrap_or(0).max(self.now)
    }

    fn charge(&mut self, queue: &Queue, weight: u16) {
        self.now = self.pass(queue);
        let pass = self.now + STRIDE / u64::from(weight);
        match self.passes.get_mut(queue) {
            Some(kept) => *kept = pass,
            None => _ = self.passes.insert(queue.clone(), pass),
        }
    }
}

#[cfg(test)]
mod tests;
