//! Where due runs come from: what a store hands to a selection.

use std::{cmp::Reverse, collections::BTreeMap};

use super::{DuePosition, Executing, Isolation, LimitGroup, RunningCounts};
use crate::{
    admission::Capacity,
    code::KindSupport,
    id::ServerId,
    name::{Key, Kind, Label, Queue},
    order::TurnHolder,
    run::{Priority, Run},
    time::Timestamp,
};

/// Who asks for runs, and what it takes.
///
/// ```
/// use longhaul_core::{admission::Offer, doc};
///
/// let kinds = doc::kinds();
/// let offer = Offer::new(doc::SERVER, &kinds, 8);
/// assert!(offer.reads(&kinds[0].kind, 1, &[]) && !offer.reads(&kinds[0].kind, 2, &[]));
/// ```
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct Offer<'a> {
    /// Which server.
    pub server: ServerId,
    /// What it can execute.
    pub kinds: &'a [KindSupport],
    /// What it has.
    pub labels: &'a [Label],
    /// How much it takes of which queues.
    pub capacity: &'a Capacity,
    /// At most so many runs.
    pub max: usize,
}

/// As much as there is, of all queues.
static ANYTHING: Capacity = Capacity { per_queue: Vec::new(), only_listed: false };

impl<'a> Offer<'a> {
    /// At most `max` runs of these kinds, of all queues, for a server without labels.
    pub fn new(server: ServerId, kinds: &'a [KindSupport], max: usize) -> Self {
        Self { server, kinds, labels: &[], capacity: &ANYTHING, max }
    }

    /// Whether it can execute runs of this kind and version that require these labels.
    pub fn reads(&self, kind: &Kind, version: u16, requires: &[Label]) -> bool {
        self.kinds.iter().any(|support| support.kind == *kind && version <= support.version)
            && requires.iter().all(|label| self.labels.contains(label))
    }
}

/// Due runs of one limit group and priority, in the order of their positions.
///
/// ```
/// use longhaul_core::{admission::{LimitGroup, Backlog}, doc};
///
/// let limit_group = LimitGroup::of(&doc::run());
/// let positions = doc::positions(3).into_iter();
/// let line = Backlog { limit_group: &limit_group, since: doc::NOW, positions, complete: true };
/// assert_eq!(line.positions.count(), 3);
/// ```
#[derive(Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct Backlog<'a, I> {
    /// What they have in common.
    pub limit_group: &'a LimitGroup,
    /// Since when the first of them waits for its turn, as far as the source knows, and not later than it is: no backlog
    /// after this one has an earlier one. A source that keeps nothing of turns says when the first of them was due.
    pub since: Timestamp,
    /// The runs, as far as they are at hand.
    pub positions: I,
    /// These are all of them. If not, and a selection takes them all and could take more, it ends with
    /// [`Selection::more_of`].
    ///
    /// [`Selection::more_of`]: super::Selection::more_of
    pub complete: bool,
}

/// Backlogs of one queue, kind, version, set of labels and priority, which differ in their key. A group is left out as a whole where
/// the server does not read it, or its queue or kind is held back; and its backlogs are looked at one after the other,
/// so that a claim does not cost more where there are many keys.
///
/// ```
/// use longhaul_core::{admission::Source, doc};
///
/// let source = doc::due(3);
/// let group = source.groups(false).next().expect("three are due");
/// assert_eq!((group.kind.as_str(), group.backlogs.count()), ("demo", 1));
/// ```
#[derive(Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct BacklogGroup<'a, L> {
    /// The queue of all of them.
    pub queue: &'a Queue,
    /// Their kind.
    pub kind: &'a Kind,
    /// The newest version of their values.
    pub version: u16,
    /// What they require.
    pub requires: &'a [Label],
    /// Their priority.
    pub priority: Priority,
    /// In the order of their [`since`](Backlog::since), and of their first positions where that is the same.
    pub backlogs: L,
}

/// A due run at its last try.
///
/// ```
/// use longhaul_core::{Run, admission::LastTry, doc};
///
/// let run = Run { suspicion: 3, ..doc::run() };
/// assert_eq!(LastTry::of(&run).map(|last| last.suspicion), Some(3));
/// assert!(LastTry::of(&doc::run()).is_none());
/// ```
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct LastTry {
    /// Which run, and its place in its queue.
    pub position: DuePosition,
    /// Its [`Run::suspicion`]: the highest goes first.
    pub suspicion: u8,
    /// The newest version of its values.
    pub version: u16,
    /// What it requires.
    pub requires: Vec<Label>,
    /// What limits go by.
    pub limit_group: LimitGroup,
}

impl LastTry {
    /// `None`: it does not wait for a time, or is not at its last try.
    pub fn of(run: &Run) -> Option<Self> {
        let position = DuePosition::new(run.priority, run.due()?, run.id);
        (Isolation::of(run) == Isolation::LastTry).then(|| Self {
            position,
            suspicion: run.suspicion,
            version: run.version,
            requires: run.constraints().requires.clone(),
            limit_group: LimitGroup::of(run),
        })
    }
}

/// What a store knows of its runs, as far as a selection asks for it.
///
/// A selection takes from the iterators no more than it needs, so a store may fetch as it goes. One that cannot (its runs
/// are behind a connection) hands over what it has, marks it as not [`complete`](Backlog::complete), and selects again
/// with more when the selection asks for it: selecting changes nothing.
///
/// A run that is [behind](Run::is_behind) another of its order key is not due. Where keys take turns, a source that lines
/// its backlogs up by what [`Selection::served`](super::Selection::served) told it lets a selection look at few of them;
/// one that does not gets the same answer, and pays with a look at each.
///
/// ```
/// use longhaul_core::{admission::{DueRuns, Source}, doc};
///
/// let due = doc::run();
/// let source = DueRuns::of(doc::NOW, [&due]); // the plainest source: it has read all runs
/// let group = source.groups(false).next().expect("one run is due");
/// assert_eq!(group.kind, &due.kind);
/// assert!(source.last_tries().is_empty() && source.isolated().is_empty());
/// ```
pub trait Source {
    /// The groups of which runs are due: suspects, or those that are neither suspects nor at their last try. Each has at
    /// least one backlog with at least one run.
    fn groups(
        &self,
        suspects: bool,
    ) -> impl Iterator<Item = BacklogGroup<'_, impl Iterator<Item = Backlog<'_, impl Iterator<Item = DuePosition>>>>>;

    /// All due runs at their last try, in any order. There are few.
    fn last_tries(&self) -> Vec<LastTry>;

    /// The run of this order key that others wait for. Only `explain` asks for it.
    fn turn_holder(&self, key: &Key) -> Option<TurnHolder>;

    /// How many run.
    fn running(&self) -> &RunningCounts;

    /// All runs that execute, in any order. A source may leave out those that neither of the next two answers has.
    fn executing(&self) -> impl Iterator<Item = Executing>;

    /// The runs that execute as suspects or at their last try, on all servers. There are few, so a source that has them
    /// apart gives them without a look at all others.
    fn isolated(&self) -> Vec<Executing> {
        self.executing().filter(|one| one.isolation > Isolation::None).collect()
    }

    /// All runs that execute on this server. It is asked for only before a last try.
    fn executing_on(&self, server: ServerId) -> Vec<Executing> {
        self.executing().filter(|one| one.server == server).collect()
    }
}

/// The due runs of a store that keeps them in no order.
///
/// ```
/// use longhaul_core::{admission::{DueRuns, Source}, doc};
///
/// let (waiting, running) = (doc::run(), doc::running());
/// let source = DueRuns::of(doc::NOW, [&waiting, &running]);
/// assert_eq!((source.groups(false).count(), source.executing_on(doc::SERVER).len()), (1, 1));
/// ```
#[derive(Clone, Debug, Default)]
pub struct DueRuns {
    /// By queue, kind, version, labels and priority: the backlogs, in the order of their first positions.
    groups: [BTreeMap<GroupKey, Backlogs>; 2],
    last_tries: Vec<LastTry>,
    running: RunningCounts,
    executing: Vec<Executing>,
    turn_holders: BTreeMap<Key, TurnHolder>,
}

type GroupKey = (Queue, Kind, u16, Vec<Label>, Reverse<Priority>);
type Backlogs = Vec<(LimitGroup, Vec<DuePosition>)>;

impl DueRuns {
    /// Those of `runs` that are due or execute.
    pub fn of<'a>(now: Timestamp, runs: impl IntoIterator<Item = &'a Run>) -> Self {
        let mut all = Self::default();
        for run in runs {
            if let Some(key) = run.order_key().filter(|_| run.has_turn()) {
                all.turn_holders.insert(key.clone(), TurnHolder { run: run.id, state: run.state.kind() });
            }
            if let Some(executing) = Executing::of(run) {
                all.executing.push(executing);
                all.running.enter(&LimitGroup::of(run));
            }
            let Some(due) = run.due().filter(|due| *due <= now) else { continue };
            match Isolation::of(run) {
                Isolation::LastTry => all.last_tries.extend(LastTry::of(run)),
                isolation => all.put(isolation, run, due),
            }
        }
        for backlogs in all.groups.iter_mut().flat_map(BTreeMap::values_mut) {
            for (_, positions) in backlogs.iter_mut() {
                positions.sort_unstable();
            }
            backlogs.sort_unstable_by_key(|(_, positions)| positions[0]);
        }
        all
    }

    fn put(&mut self, isolation: Isolation, run: &Run, due: Timestamp) {
        let requires = run.constraints().requires.clone();
        let group = (run.queue.clone(), run.kind.clone(), run.version, requires, Reverse(run.priority));
        let backlogs = self.groups[usize::from(isolation == Isolation::Suspect)].entry(group).or_default();
        let (limit_group, position) = (LimitGroup::of(run), DuePosition::new(run.priority, due, run.id));
        match backlogs.iter_mut().find(|(there, _)| *there == limit_group) {
            Some((_, positions)) => positions.push(position),
            None => backlogs.push((limit_group, vec![position])),
        }
    }
}

impl Source for DueRuns {
    fn groups(
        &self,
        suspects: bool,
    ) -> impl Iterator<Item = BacklogGroup<'_, impl Iterator<Item = Backlog<'_, impl Iterator<Item = DuePosition>>>>>
    {
        self.groups[usize::from(suspects)].iter().map(|((queue, kind, version, requires, priority), backlogs)| {
            let backlogs = backlogs.iter().map(|(limit_group, positions)| Backlog {
                limit_group,
                since: positions[0].due,
                positions: positions.iter().copied(),
                complete: true,
            });
            BacklogGroup { queue, kind, version: *version, requires, priority: priority.0, backlogs }
        })
    }

    fn last_tries(&self) -> Vec<LastTry> {
        self.last_tries.clone()
    }

    fn turn_holder(&self, key: &Key) -> Option<TurnHolder> {
        self.turn_holders.get(key).copied()
    }

    fn running(&self) -> &RunningCounts {
        &self.running
    }

    fn executing(&self) -> impl Iterator<Item = Executing> {
        self.executing.iter().copied()
    }
}
