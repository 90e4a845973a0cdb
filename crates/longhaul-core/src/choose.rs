//! Which of the due runs are claimed: by priority and time within a queue, by weight between queues, and as pauses,
//! limits and rates let them.
//!
//! Stores keep due runs in [`Line`]s of those that stand or fall together, and hand them to [`Gate::choose`] in
//! [`Group`]s; nothing else chooses.

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

    /// How far ahead of others it goes.
    pub const fn priority(self) -> Priority {
        self.priority.0
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

/// Lines of one queue and kind, which differ in their key. A group is held back as a whole where its queue or kind is,
/// and its lines are looked at one after the other, so that a claim does not cost more where there are many keys.
///
/// ```
/// use longhaul_core::{choose::groups, doc};
///
/// let groups = groups(doc::lines(3));
/// assert_eq!((groups.len(), groups[0].kind.as_str()), (1, "demo"));
/// ```
#[derive(Debug)]
pub struct Group<'a, L> {
    /// The queue of all of them.
    pub queue: &'a Queue,
    /// Their kind.
    pub kind: &'a Kind,
    /// In the order of their first turns.
    pub lines: L,
}

/// Puts lines into groups: for stores that keep them in no order.
///
/// ```
/// use longhaul_core::{choose::groups, doc};
///
/// let mut first = groups(doc::lines(3)).remove(0);
/// assert_eq!(first.lines.next().map(|line| line.turns.count()), Some(3));
/// ```
pub fn groups<'a, I: Iterator<Item = Turn> + Clone>(
    lines: impl Iterator<Item = Line<'a, I>>,
) -> Vec<Group<'a, std::vec::IntoIter<Line<'a, I>>>> {
    let mut groups = BTreeMap::<(&Queue, &Kind), Vec<(Turn, Line<'a, I>)>>::new();
    for line in lines {
        if let Some(first) = line.turns.clone().next() {
            groups.entry((&line.lane.queue, &line.lane.kind)).or_default().push((first, line));
        }
    }
    let in_order = |((queue, kind), mut lines): (_, Vec<(Turn, _)>)| {
        lines.sort_unstable_by_key(|(first, _)| *first);
        let lines: Vec<_> = lines.into_iter().map(|(_, line)| line).collect();
        Group { queue, kind, lines: lines.into_iter() }
    };
    groups.into_iter().map(in_order).collect()
}

/// How much a server takes of each queue.
///
/// ```
/// use longhaul_core::{Queue, choose::{Gate, Rooms, Tally, groups}, doc};
///
/// let rooms = Rooms { queues: vec![(Queue::default(), 2)], only: true };
/// let (gate, now) = (Gate::default(), doc::NOW);
/// assert_eq!(gate.choose(now, &Tally::default(), &rooms, groups(doc::lines(5)), 9).turns.len(), 2);
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
    kinds: HashMap<Kind, OfKind>,
}

/// How many of a kind run.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
struct OfKind {
    all: u32,
    by_key: HashMap<Key, u32>,
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
        one_more(&mut self.queues, &lane.queue);
        if !self.kinds.contains_key(&lane.kind) {
            self.kinds.insert(lane.kind.clone(), OfKind::default());
        }
        let of_kind = self.kinds.get_mut(&lane.kind).expect("it was just put there");
        of_kind.all += 1;
        if let Some(key) = &lane.key {
            one_more(&mut of_kind.by_key, key);
        }
    }

    /// One that ran does not any more.
    pub fn leave(&mut self, lane: &Lane) {
        const ENTERED: &str = "who leaves has entered";
        *self.queues.get_mut(&lane.queue).expect(ENTERED) -= 1;
        let of_kind = self.kinds.get_mut(&lane.kind).expect(ENTERED);
        of_kind.all -= 1;
        if let Some(key) = &lane.key {
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
///     choose::{Gate, Held, Lane, Rooms, Tally, groups},
///     doc,
/// };
///
/// let mut gate = Gate::default();
/// let two = Limits { running: Some(2), ..Limits::NONE };
/// gate.controls.change(&Scope::Queue(Queue::default()), ControlChange::Declare(two));
///
/// let (now, lane) = (doc::NOW, Lane::of(&doc::run()));
/// let running = Tally::of([&lane].into_iter());
/// let choice = gate.choose(now, &running, &Rooms::default(), groups(doc::lines(5)), 9);
/// assert_eq!(choice.turns.len(), 1); // one runs already
/// gate.commit(choice);
///
/// let running = Tally::of([&lane, &lane].into_iter());
/// assert!(matches!(gate.holds(now, &running, &lane), Some(Held::Running { max: 2, .. })));
/// assert!(gate.forget_full(now, 10).is_empty()); // nothing is limited by a rate
/// gate.reopen(now);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Gate {
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
/// use longhaul_core::{choose::{Gate, Rooms, Tally, groups}, doc};
///
/// let choice = Gate::default().choose(doc::NOW, &Tally::default(), &Rooms::default(), groups(doc::lines(5)), 3);
/// assert_eq!((choice.turns.len(), choice.look_again), (3, None));
/// assert!(choice.spent.is_empty() && choice.resting.is_empty());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// In the order in which they are to be claimed.
    pub turns: Vec<Turn>,
    /// If a rate holds runs back: when the first of them may start.
    pub look_again: Option<Timestamp>,
    /// The first runs of lines that the rate of their key holds back, and until when. Before that, a store need not offer
    /// such a line again, unless controls are changed or its clock goes back.
    pub resting: Vec<(RunId, Timestamp)>,
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
    /// The first `max` runs that may start now, of those in `groups`. It looks at no more lines than it takes from, and
    /// those that their key holds back.
    pub fn choose<'a, I: Iterator<Item = Turn>>(
        &self,
        now: Timestamp,
        tally: &Tally,
        rooms: &Rooms,
        groups: impl IntoIterator<Item = Group<'a, impl Iterator<Item = Line<'a, I>>>>,
        max: usize,
    ) -> Choice {
        let mut round = Round::new(self, now, tally);
        let mut queues = Vec::<Waiting<'_>>::new();
        let (mut all, mut opened) = (Vec::new(), Vec::new());
        for Group { queue, kind, mut lines } in groups {
            if self.pause(queue, kind).is_some() {
                continue;
            }
            let Some((head, first)) = open(&mut lines, all.len()) else { continue };
            let at = queues.iter().position(|waiting| waiting.queue == queue).unwrap_or_else(|| {
                let (room, weight) = (rooms.of(queue), self.weight(queue));
                queues.push(Waiting { queue, room, weight, heads: BinaryHeap::new() });
                queues.len() - 1
            });
            queues[at].heads.push(Reverse((head, opened.len())));
            opened.push(first);
            // `None`: its queue or its kind is held back, until something changes.
            all.push(Some(lines));
        }
        let mut shares = self.shares.clone();
        let (mut chosen, mut resting) = (Vec::new(), Vec::new());
        while chosen.len() < max {
            let Some(next) = shares.next(&mut queues) else { break };
            let Waiting { queue, room, weight, heads } = &mut queues[next];
            let Some(Reverse((turn, from))) = heads.pop() else { unreachable!("only a queue with due runs is next") };
            let group = opened[from].group;
            let Some(lines) = &mut all[group] else { continue };
            // The lines after the last one that was opened come later than its head: now it is their turn to be seen.
            if std::mem::take(&mut opened[from].is_last)
                && let Some((head, line)) = open(lines, group)
            {
                heads.push(Reverse((head, opened.len())));
                opened.push(line);
            }
            let line = &mut opened[from];
            let meters = *line.meters.get_or_insert_with(|| round.meters(line.lane));
            match round.takes(meters) {
                Ok(()) => {
                    chosen.push(turn);
                    *room -= 1;
                    shares.charge(queue, *weight);
                    heads.extend(line.turns.next().map(|head| Reverse((head, from))));
                }
                // The line is held back as a whole, until something changes.
                Err(Stop { of: Of::Key(..), until }) => resting.extend(until.map(|until| (turn.id, until))),
                Err(Stop { of: Of::Queue(_) | Of::Kind(_), .. }) => all[group] = None,
            }
        }
        Choice { turns: chosen, look_again: round.look_again, resting, spent: round.spent(), shares: Some(shares) }
    }

    /// The runs of a choice are claimed.
    pub fn commit(&mut self, choice: Choice) {
        if let Some(shares) = choice.shares {
            self.shares = shares;
        }
        self.buckets.extend(choice.spent);
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

    /// The store was opened anew: whose turn it was among queues is forgotten, as it is by stores that keep it in memory,
    /// and so are buckets that are full.
    pub fn reopen(&mut self, now: Timestamp) {
        self.shares = Shares::default();
        self.buckets.retain(|_, full_at| *full_at > now);
    }

    /// Why a due run of this lane would not be claimed now.
    pub fn holds(&self, now: Timestamp, tally: &Tally, lane: &Lane) -> Option<Held> {
        if let Some(scope) = self.pause(&lane.queue, &lane.kind) {
            return Some(Held::Paused(scope));
        }
        Round::new(self, now, tally).holds(lane)
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
    lane: &'a Lane,
    turns: I,
    meters: Option<Meters>,
    group: usize,
    /// The lines of its group after it were not looked at yet.
    is_last: bool,
}

/// The next line of a group that has runs, and the first of them.
fn open<'a, I: Iterator<Item = Turn>>(
    lines: &mut impl Iterator<Item = Line<'a, I>>,
    group: usize,
) -> Option<(Turn, Opened<'a, I>)> {
    lines.find_map(|Line { lane, mut turns }| {
        let head = turns.next()?;
        Some((head, Opened { lane, turns, meters: None, group, is_last: true }))
    })
}

/// A queue with due runs.
struct Waiting<'a> {
    queue: &'a Queue,
    room: usize,
    weight: u16,
    /// The first turn of each of its lines that was looked at, and which line that is.
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
        match self.passes.get_mut(queue) {
            Some(kept) => *kept = pass,
            None => _ = self.passes.insert(queue.clone(), pass),
        }
    }
}

#[cfg(test)]
mod tests;
