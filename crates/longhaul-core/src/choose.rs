//! Which of the due runs are claimed: by priority and time within a queue, by weight between queues, and as pauses,
//! limits and rates let them.
//!
//! Stores keep due runs in [`Line`]s of those that stand or fall together, and hand them to [`Gate::choose`]; nothing
//! else chooses.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, HashMap},
};

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
/// use longhaul_core::{Priority, RunId, Timestamp, choose::Turn};
///
/// let turn = |priority, micros, id| {
///     Turn::new(Priority(priority), Timestamp::from_micros(micros), RunId::from_bytes([id; 16]))
/// };
/// assert!(turn(5, 9, 2) < turn(0, 1, 1)); // higher priority first
/// assert!(turn(0, 1, 2) < turn(0, 9, 1)); // then the longest due
/// assert!(turn(0, 1, 1) < turn(0, 1, 2)); // then the older
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Turn {
    priority: Reverse<Priority>,
    /// Since when it is due.
    pub due: Timestamp,
    /// The run.
    pub id: RunId,
}

impl Turn {
    /// The turn of a run.
    pub const fn new(priority: Priority, due: Timestamp, id: RunId) -> Self {
        Self { priority: Reverse(priority), due, id }
    }
}

/// What the runs of a line have in common, and what limits go by.
///
/// ```
/// use longhaul_core::{choose::Lane, doc};
///
/// let lane = Lane::of(&doc::run());
/// assert_eq!((lane.queue.as_str(), lane.kind.as_str(), lane.key), ("default", "demo", None));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane {
    /// Their queue.
    pub queue: Queue,
    /// Their kind.
    pub kind: Kind,
    /// Their limit key.
    pub key: Option<Key>,
}

impl Lane {
    /// The lane of a run.
    pub fn of(run: &Run) -> Self {
        Self { queue: run.queue.clone(), kind: run.kind.clone(), key: run.terms().limit_key.clone() }
    }
}

/// Due runs of one lane, in the order of their turns.
///
/// ```
/// use longhaul_core::{choose::{Lane, Line}, doc};
///
/// let lane = Lane::of(&doc::run());
/// let line = Line { lane: &lane, turns: doc::turns(3).into_iter() };
/// assert_eq!(line.turns.count(), 3);
/// ```
#[derive(Debug)]
pub struct Line<'a, I> {
    /// What they have in common.
    pub lane: &'a Lane,
    /// The runs.
    pub turns: I,
}

/// How much a server takes of each queue.
///
/// ```
/// use longhaul_core::{Queue, choose::{Gate, Rooms, Tally}, doc};
///
/// let rooms = Rooms { queues: vec![(Queue::default(), 2)], only: true };
/// let (gate, now) = (Gate::default(), doc::NOW);
/// assert_eq!(gate.choose(now, &Tally::default(), &rooms, doc::lines(5), 9).turns.len(), 2);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Rooms {
    /// At most so many more of these queues.
    pub queues: Vec<(Queue, usize)>,
    /// Nothing of any other queue.
    pub only: bool,
}

impl Rooms {
    fn of(&self, queue: &Queue) -> usize {
        let named = self.queues.iter().find(|(name, _)| name == queue);
        named.map_or(if self.only { 0 } else { usize::MAX }, |(_, room)| *room)
    }
}

/// How many run.
///
/// ```
/// use longhaul_core::{choose::{Lane, Tally}, doc};
///
/// let lane = Lane::of(&doc::run());
/// let mut tally = Tally::default();
/// tally.enter(&lane);
/// tally.enter(&lane);
/// tally.leave(&lane);
/// assert_eq!(tally, Tally::of([&lane].into_iter()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Tally {
    queues: HashMap<Queue, u32>,
    kinds: HashMap<Kind, u32>,
    keys: HashMap<(Kind, Key), u32>,
}

impl Tally {
    /// Counts these.
    pub fn of<'a>(running: impl Iterator<Item = &'a Lane>) -> Self {
        let mut tally = Self::default();
        running.for_each(|lane| tally.enter(lane));
        tally
    }

    /// One more runs.
    pub fn enter(&mut self, lane: &Lane) {
        *count(&mut self.queues, &lane.queue) += 1;
        *count(&mut self.kinds, &lane.kind) += 1;
        if let Some(key) = &lane.key {
            *self.keys.entry((lane.kind.clone(), key.clone())).or_default() += 1;
        }
    }

    /// One that ran does not any more.
    pub fn leave(&mut self, lane: &Lane) {
        *count(&mut self.queues, &lane.queue) -= 1;
        *count(&mut self.kinds, &lane.kind) -= 1;
        if let Some(key) = &lane.key {
            let entry = (lane.kind.clone(), key.clone());
            let left = self.keys.entry(entry.clone()).or_default();
            *left -= 1;
            // Keys come and go; queues and kinds are few.
            if *left == 0 {
                self.keys.remove(&entry);
            }
        }
    }
}

fn count<'a, K: Clone + Eq + std::hash::Hash>(counts: &'a mut HashMap<K, u32>, of: &K) -> &'a mut u32 {
    if !counts.contains_key(of) {
        counts.insert(of.clone(), 0);
    }
    counts.get_mut(of).expect("it was just put there")
}

/// What a rate is counted for.
///
/// ```
/// use longhaul_core::{Key, Kind, Scope, choose::Bucket};
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

/// The state of a store's gate: what is controlled, how far rates are used up, and whose turn it is among queues.
///
/// ```
/// use longhaul_core::{
///     ControlChange, Limits, Queue, Scope,
///     choose::{Gate, Held, Lane, Rooms, Tally},
///     doc,
/// };
///
/// let mut gate = Gate::default();
/// let two = Limits { running: Some(2), ..Limits::NONE };
/// gate.controls.change(&Scope::Queue(Queue::default()), ControlChange::Declare(two));
///
/// let (now, lane) = (doc::NOW, Lane::of(&doc::run()));
/// let running = Tally::of([&lane].into_iter());
/// let choice = gate.choose(now, &running, &Rooms::default(), doc::lines(5), 9);
/// assert_eq!(choice.turns.len(), 1); // one runs already
/// gate.commit(choice);
///
/// let running = Tally::of([&lane, &lane].into_iter());
/// assert!(matches!(gate.holds(now, &running, &lane), Some(Held::Running { max: 2, .. })));
/// assert!(gate.forget_full(now, 10).is_empty()); // nothing is limited by a rate
/// gate.reopen();
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Gate {
    /// What is controlled.
    pub controls: Controls,
    /// When each bucket that is in use is full again; see [`Rate::take`].
    pub buckets: BTreeMap<Bucket, Timestamp>,
    shares: Shares,
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
/// use longhaul_core::{choose::{Gate, Rooms, Tally}, doc};
///
/// let choice = Gate::default().choose(doc::NOW, &Tally::default(), &Rooms::default(), doc::lines(5), 3);
/// assert_eq!((choice.turns.len(), choice.look_again), (3, None));
/// assert!(choice.spent.is_empty());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// In the order in which they are to be claimed.
    pub turns: Vec<Turn>,
    /// If a rate holds runs back: when the first of them may start.
    pub look_again: Option<Timestamp>,
    /// The buckets that were drawn from, as they are when the runs are claimed.
    pub spent: BTreeMap<Bucket, Timestamp>,
    shares: Option<Shares>,
}

/// Why a due run is not claimed.
///
/// ```
/// use longhaul_core::{Queue, Scope, choose::Held};
///
/// let held = Held::Paused(Scope::Queue(Queue::default()));
/// assert_eq!(held.to_string(), "the queue `default` is paused");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
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

impl Gate {
    /// The first `max` runs that may start now, of those in `lines`.
    pub fn choose<'a, I: Iterator<Item = Turn>>(
        &self,
        now: Timestamp,
        tally: &Tally,
        rooms: &Rooms,
        lines: impl Iterator<Item = Line<'a, I>>,
        max: usize,
    ) -> Choice {
        let mut round = Round::new(self, now, tally);
        let mut queues = Vec::<Waiting<'_>>::new();
        let mut taken_from = Vec::new();
        for Line { lane, turns } in lines {
            let mut turns = turns.peekable();
            let Some(head) = turns.peek().copied() else { continue };
            if self.pause(lane).is_some() {
                continue;
            }
            let at = queues.iter().position(|waiting| *waiting.queue == lane.queue).unwrap_or_else(|| {
                let heads = BinaryHeap::new();
                queues.push(Waiting { queue: &lane.queue, room: rooms.of(&lane.queue), heads });
                queues.len() - 1
            });
            queues[at].heads.push(Reverse((head, taken_from.len())));
            taken_from.push((lane, turns));
        }
        let mut shares = self.shares.clone();
        while round.choice.turns.len() < max {
            let Some(next) = shares.next(&mut queues) else { break };
            let Waiting { queue, room, heads } = &mut queues[next];
            let Some(Reverse((turn, from))) = heads.pop() else { unreachable!("only a queue with due runs is next") };
            let (lane, turns) = &mut taken_from[from];
            // A line that is held back is held back as a whole, until something changes.
            if round.takes(lane) {
                round.choice.turns.push(turn);
                *room -= 1;
                shares.charge(queue, self.weight(queue));
                turns.next();
                if let Some(head) = turns.peek() {
                    heads.push(Reverse((*head, from)));
                }
            }
        }
        round.choice.shares = Some(shares);
        round.choice
    }

    /// The runs of a choice are claimed.
    pub fn commit(&mut self, choice: Choice) {
        if let Some(shares) = choice.shares {
            self.shares = shares;
        }
        self.buckets.extend(choice.spent);
    }

    /// Forgets up to `max` buckets that are full again, and answers which: there is nothing to know of them.
    pub fn forget_full(&mut self, now: Timestamp, max: usize) -> Vec<Bucket> {
        let full = self.buckets.iter().filter(|(_, full_at)| **full_at <= now);
        let full: Vec<Bucket> = full.map(|(bucket, _)| bucket.clone()).take(max).collect();
        for bucket in &full {
            self.buckets.remove(bucket);
        }
        full
    }

    /// The store was opened anew: whose turn it was among queues is forgotten, as it is by stores that keep it in memory.
    pub fn reopen(&mut self) {
        self.shares = Shares::default();
    }

    /// Why a due run of this lane would not be claimed now.
    pub fn holds(&self, now: Timestamp, tally: &Tally, lane: &Lane) -> Option<Held> {
        if let Some(scope) = self.pause(lane) {
            return Some(Held::Paused(scope));
        }
        Round::new(self, now, tally).check(lane).err()
    }

    fn pause(&self, lane: &Lane) -> Option<Scope> {
        let paused = |control: Option<&Control>| control.is_some_and(|control| control.paused.is_some());
        if paused(self.controls.queue(&lane.queue)) {
            return Some(Scope::Queue(lane.queue.clone()));
        }
        paused(self.controls.kind(&lane.kind)).then(|| Scope::Kind(lane.kind.clone()))
    }

    fn weight(&self, queue: &Queue) -> u16 {
        self.controls.queue(queue).and_then(|control| control.limits().weight).unwrap_or(1).max(1)
    }
}

/// A queue with due runs.
struct Waiting<'a> {
    queue: &'a Queue,
    room: usize,
    /// The first turn of each of its lines, and which line that is.
    heads: BinaryHeap<Reverse<(Turn, usize)>>,
}

impl Shares {
    /// The queue whose turn it is.
    fn next(&self, queues: &mut Vec<Waiting<'_>>) -> Option<usize> {
        queues.retain(|waiting| waiting.room > 0 && !waiting.heads.is_empty());
        if queues.len() < 2 {
            return queues.len().checked_sub(1);
        }
        let pass = |waiting: &Waiting<'_>| self.pass(waiting.queue);
        let head = |waiting: &Waiting<'_>| waiting.heads.peek().map(|Reverse((turn, _))| *turn);
        (0..queues.len()).min_by_key(|at| (pass(&queues[*at]), head(&queues[*at])))
    }

    fn pass(&self, queue: &Queue) -> u64 {
        self.passes.get(queue).copied().unwrap_or(0).max(self.now)
    }

    fn charge(&mut self, queue: &Queue, weight: u16) {
        self.now = self.pass(queue);
        let pass = self.now + STRIDE / u64::from(weight);
        self.passes.insert(queue.clone(), pass);
    }
}

/// One claim in the making.
struct Round<'a> {
    gate: &'a Gate,
    now: Timestamp,
    tally: &'a Tally,
    /// What this claim adds to the tally.
    chosen: Tally,
    choice: Choice,
}

type Spent = Vec<(Bucket, Timestamp)>;

impl<'a> Round<'a> {
    fn new(gate: &'a Gate, now: Timestamp, tally: &'a Tally) -> Self {
        Self { gate, now, tally, chosen: Tally::default(), choice: Choice::default() }
    }

    /// Takes one run of this lane, if it may start.
    fn takes(&mut self, lane: &Lane) -> bool {
        if self.gate.controls.is_empty() {
            return true;
        }
        match self.check(lane) {
            Ok(spent) => {
                self.choice.spent.extend(spent);
                self.chosen.enter(lane);
                true
            }
            Err(held) => {
                if let Held::Rate { until, .. } = held {
                    let first = self.choice.look_again.map_or(until, |first| first.min(until));
                    self.choice.look_again = Some(first);
                }
                false
            }
        }
    }

    /// Whether one more of this lane may start, and what that draws.
    fn check(&self, lane: &Lane) -> Result<Spent, Held> {
        let controls = &self.gate.controls;
        let mut spent = Vec::new();
        if let Some(limits) = controls.queue(&lane.queue).map(Control::limits) {
            let running = sum(&self.tally.queues, &self.chosen.queues, &lane.queue);
            self.check_one(
                &Scope::Queue(lane.queue.clone()),
                None,
                (limits.running, running),
                limits.rate,
                &mut spent,
            )?;
        }
        if let Some(limits) = controls.kind(&lane.kind).map(Control::limits) {
            let scope = Scope::Kind(lane.kind.clone());
            let running = sum(&self.tally.kinds, &self.chosen.kinds, &lane.kind);
            self.check_one(&scope, None, (limits.running, running), limits.rate, &mut spent)?;
            if let Some(key) = &lane.key {
                let running = sum(&self.tally.keys, &self.chosen.keys, &(lane.kind.clone(), key.clone()));
                self.check_one(&scope, Some(key), (limits.per_key, running), limits.rate_per_key, &mut spent)?;
            }
        }
        Ok(spent)
    }

    fn check_one(
        &self,
        scope: &Scope,
        key: Option<&Key>,
        (max, running): (Option<u32>, u32),
        rate: Option<Rate>,
        spent: &mut Spent,
    ) -> Result<(), Held> {
        if let Some(max) = max.filter(|max| running >= *max) {
            return Err(Held::Running { scope: scope.clone(), key: key.cloned(), max });
        }
        let Some(rate) = rate else { return Ok(()) };
        let bucket = match (scope, key) {
            (Scope::Kind(kind), Some(key)) => Bucket::Key(kind.clone(), key.clone()),
            _ => Bucket::Scope(scope.clone()),
        };
        let full_at = self.choice.spent.get(&bucket).or_else(|| self.gate.buckets.get(&bucket)).copied();
        match rate.take(self.now, full_at) {
            Ok(full_at) => {
                spent.push((bucket, full_at));
                Ok(())
            }
            Err(until) => Err(Held::Rate { scope: scope.clone(), key: key.cloned(), rate, until }),
        }
    }
}

fn sum<K: Eq + std::hash::Hash>(before: &HashMap<K, u32>, more: &HashMap<K, u32>, of: &K) -> u32 {
    before.get(of).copied().unwrap_or(0) + more.get(of).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests;
