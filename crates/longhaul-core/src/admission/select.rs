//! The one function that says which due runs start.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

use super::{
    Admission, Backlog, BacklogGroup, Bucket, DuePosition, LimitGroup, Offer, Source,
    rate::Starts,
    round::{Meters, Of, Round, Stop},
    served::{ServedKey, Turns},
    shares::{Shares, Waiting},
    suspects::{Drain, DrainChange, Isolation, Standing, unproven_until},
};
use crate::{id::RunId, time::Timestamp};

/// What was chosen.
///
/// ```
/// use longhaul_core::{admission::{Admission, Offer}, doc};
///
/// let kinds = doc::kinds();
/// let selection = Admission::default().select(doc::NOW, &Offer::new(doc::SERVER, &kinds, 3), &doc::due(5));
/// assert_eq!((selection.positions.len(), selection.look_again, selection.more_of), (3, None, None));
/// assert!(selection.spent.is_empty() && selection.served.is_empty() && selection.throttled.is_empty());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// In the order in which they are to be claimed.
    pub positions: Vec<DuePosition>,
    /// If a rate, a pause or a suspect holds runs back: when the first of them may start.
    pub look_again: Option<Timestamp>,
    /// The first runs of backlogs that the rate or a pause of their key holds back, and until when. Before that, a store need not
    /// offer such a backlog again, unless controls are changed or its clock goes back.
    pub throttled: Vec<(RunId, Timestamp)>,
    /// The buckets that were drawn from, as they are when the runs are claimed.
    pub spent: BTreeMap<Bucket, Starts>,
    /// The keys that have their turn with it, where keys take turns, and when.
    pub served: BTreeMap<ServedKey, Timestamp>,
    /// The selection cannot be told: more runs of this group have to be loaded first. Nothing was chosen.
    pub more_of: Option<LimitGroup>,
    shares: Option<Shares>,
    drain: DrainChange,
}

impl Selection {
    fn nothing_until(look_again: Timestamp) -> Self {
        Self { look_again: Some(look_again), ..Self::default() }
    }
}

impl Admission {
    /// Which of the due runs of `source` start on the server of `offer`: the first that may, as labels and versions,
    /// suspects, pauses, limits, rates, weights, priorities, ageing, turns and the server's capacity let them. It looks at no more
    /// backlogs than it takes from, and those that their key holds back. Nothing changes before
    /// [`commit`](Self::commit), which is to be called for an empty selection too.
    pub fn select(&self, now: Timestamp, offer: &Offer<'_>, source: &impl Source) -> Selection {
        if let Some(paused) = self.controls.draining(now, offer.server) {
            return paused.until.map_or_else(Selection::default, Selection::nothing_until);
        }
        let standing = Standing::of(now, offer.server, &source.isolated());
        if let Some(held) = standing.blocks(offer.server, Isolation::None) {
            return held.until().map_or_else(Selection::default, Selection::nothing_until);
        }
        let mut looks = Vec::new();
        if let Some(selection) = self.last_try(now, offer, source, &standing, &mut looks) {
            return selection;
        }
        let blocked = standing.blocks(offer.server, Isolation::Suspect);
        looks.extend(blocked.as_ref().and_then(super::BlockedBy::until));
        let mut choice = Choice::new(self, now, offer, source);
        choice.add(source.groups(false), false);
        if blocked.is_none() {
            choice.add(source.groups(true), true);
        }
        let mut selection = choice.choose();
        selection.look_again = selection.look_again.into_iter().chain(looks).min();
        selection
    }

    /// The runs of a selection are claimed, or there were none.
    pub fn commit(&mut self, selection: Selection) {
        if let Some(shares) = selection.shares {
            self.shares = shares;
        }
        match selection.drain {
            DrainChange::None => {}
            DrainChange::Begins(drain) => self.drain = Some(drain),
            DrainChange::Ends => self.drain = None,
        }
        self.buckets.extend(selection.spent);
        for (key, at) in selection.served {
            self.served.note(key, at);
        }
    }

    /// What is selected because a run at its last try is due; `None`: nothing in place of others.
    fn last_try(
        &self,
        now: Timestamp,
        offer: &Offer<'_>,
        source: &impl Source,
        standing: &Standing,
        looks: &mut Vec<Timestamp>,
    ) -> Option<Selection> {
        let mut due = source.last_tries();
        if due.is_empty() {
            return None;
        }
        due.sort_unstable_by_key(|last| (Reverse(last.suspicion), last.position));
        let mut round = Round::new(self, now, source.running());
        let mut may_start = None;
        for last in &due {
            let group = &last.limit_group;
            if let Some((_, paused)) = self.controls.paused_group(now, group) {
                round.look_at(paused.until);
                continue;
            }
            let is_taken =
                offer.reads(&group.kind, last.version, &last.requires) && offer.capacity.of(&group.queue) > 0;
            let meters = if is_taken { Some(round.meters(group)) } else { None };
            if meters.is_some_and(|meters| round.takes(meters).is_ok()) {
                may_start = Some(last.position);
                break;
            }
        }
        let Some(position) = may_start else {
            looks.extend(round.look_again);
            return None;
        };
        if let Some(elsewhere) = standing.blocks(offer.server, Isolation::LastTry) {
            looks.extend(elsewhere.until());
            return None;
        }
        let Some(until) = unproven_until(now, &source.executing_on(offer.server)) else {
            let positions = vec![position];
            return Some(Selection {
                positions,
                spent: round.spent(),
                drain: DrainChange::Ends,
                ..Selection::default()
            });
        };
        match self.drain.filter(|drain| drain.is_on(now)) {
            Some(drain) if drain.server != offer.server => {
                looks.push(drain.until);
                None
            }
            _ => {
                let drain = DrainChange::Begins(Drain { server: offer.server, until });
                Some(Selection { drain, ..Selection::nothing_until(until) })
            }
        }
    }
}

/// One selection in the making.
struct Choice<'a, B, P> {
    admission: &'a Admission,
    offer: &'a Offer<'a>,
    round: Round<'a>,
    queues: Vec<Waiting<'a>>,
    groups: Vec<Group<B>>,
    opened: Vec<Opened<'a, P>>,
    turns: Turns<'a>,
}

struct Group<B> {
    /// `None`: its queue or its kind is held back, until something changes.
    backlogs: Option<B>,
    suspects: bool,
}

/// A backlog that was looked at.
struct Opened<'a, P> {
    limit_group: &'a LimitGroup,
    positions: P,
    complete: bool,
    meters: Option<Meters>,
    group: usize,
    /// The backlogs of its group after it were not looked at yet.
    is_last: bool,
    /// Of what it has turns, if keys take turns in its queue.
    turn_of: Option<ServedKey>,
}

/// Looks at the next backlog of a group that has runs, and at more of them as long as the key of the last one had a turn
/// that the source did not know of: then the next may come before it.
fn open<'a, P: Iterator<Item = DuePosition>>(
    backlogs: &mut impl Iterator<Item = Backlog<'a, P>>,
    group: usize,
    waiting: &mut Waiting<'a>,
    turns: &Turns<'_>,
    opened: &mut Vec<Opened<'a, P>>,
) {
    for Backlog { limit_group, since: known, mut positions, complete } in backlogs {
        let Some(head) = positions.next() else { continue };
        let turn_of = waiting.order.fair.then(|| ServedKey::of(limit_group, head.priority()));
        let since = turns.since(turn_of.as_ref(), head);
        let is_last = since <= known.max(head.due);
        waiting.heads.push(Reverse((waiting.order.place(head, since), opened.len())));
        opened.push(Opened { limit_group, positions, complete, meters: None, group, is_last, turn_of });
        if is_last {
            return;
        }
    }
}

impl<'a, B, P> Choice<'a, B, P>
where
    B: Iterator<Item = Backlog<'a, P>>,
    P: Iterator<Item = DuePosition>,
{
    fn new(admission: &'a Admission, now: Timestamp, offer: &'a Offer<'_>, source: &'a impl Source) -> Self {
        let round = Round::new(admission, now, source.running());
        let turns = Turns::new(now, &admission.served);
        Self { admission, offer, round, queues: Vec::new(), groups: Vec::new(), opened: Vec::new(), turns }
    }

    /// Adds the groups that may start as a whole.
    fn add(&mut self, groups: impl Iterator<Item = BacklogGroup<'a, B>>, suspects: bool) {
        for BacklogGroup { queue, kind, version, requires, mut backlogs, .. } in groups {
            if !self.offer.reads(kind, version, requires) {
                continue;
            }
            if let Some((_, paused)) = self.admission.controls.paused(self.round.now, queue, kind) {
                self.round.look_at(paused.until);
                continue;
            }
            let at = self.queues.iter().position(|waiting| waiting.queue == queue).unwrap_or_else(|| {
                let (weight, order) = self.admission.weight_and_order(queue);
                let room = self.offer.capacity.of(queue);
                self.queues.push(Waiting { queue, room, weight, order, heads: BinaryHeap::new() });
                self.queues.len() - 1
            });
            open(&mut backlogs, self.groups.len(), &mut self.queues[at], &self.turns, &mut self.opened);
            self.groups.push(Group { backlogs: Some(backlogs), suspects });
        }
    }

    fn choose(mut self) -> Selection {
        let mut shares = self.admission.shares.clone();
        let (mut chosen, mut throttled) = (Vec::new(), Vec::new());
        while chosen.len() < self.offer.max {
            let Some(next) = shares.next(&mut self.queues) else { break };
            let waiting = &mut self.queues[next];
            let Some(Reverse((place, from))) = waiting.heads.pop() else {
                unreachable!("only a queue with due runs is next")
            };
            let position = place.position;
            let group = self.opened[from].group;
            let Some(backlogs) = &mut self.groups[group].backlogs else { continue };
            // Those after the last one that was opened come later than its head: now it is their position to be seen.
            if std::mem::take(&mut self.opened[from].is_last) {
                open(backlogs, group, waiting, &self.turns, &mut self.opened);
            }
            let backlog = &mut self.opened[from];
            if let Some(key) = &backlog.turn_of {
                // Another backlog of its key may have had the turn meanwhile.
                let now_at = waiting.order.place(position, self.turns.since(Some(key), position));
                if now_at > place {
                    waiting.heads.push(Reverse((now_at, from)));
                    continue;
                }
            }
            if backlog.meters.is_none()
                && let Some(paused) = self.admission.controls.paused_key(self.round.now, backlog.limit_group)
            {
                self.round.look_at(paused.until);
                throttled.extend(paused.until.map(|until| (position.id, until)));
                continue;
            }
            let meters = *backlog.meters.get_or_insert_with(|| self.round.meters(backlog.limit_group));
            match self.round.takes(meters) {
                Ok(()) => {
                    chosen.push(position);
                    waiting.room -= 1;
                    shares.charge(waiting.queue, waiting.weight);
                    if let Some(key) = &backlog.turn_of {
                        self.turns.give(key);
                    }
                    match backlog.positions.next() {
                        Some(head) => {
                            let since = self.turns.since(backlog.turn_of.as_ref(), head);
                            waiting.heads.push(Reverse((waiting.order.place(head, since), from)));
                        }
                        None if !backlog.complete && chosen.len() < self.offer.max => {
                            let more_of = Some(backlog.limit_group.clone());
                            return Selection { more_of, ..Selection::default() };
                        }
                        None => {}
                    }
                    if self.groups[group].suspects {
                        // One at a time.
                        self.groups.iter_mut().filter(|group| group.suspects).for_each(|group| group.backlogs = None);
                    }
                }
                // The backlog is held back as a whole, until something changes.
                Err(Stop { of: Of::Key(..), until }) => throttled.extend(until.map(|until| (position.id, until))),
                Err(Stop { of: Of::Queue(_) | Of::Kind(_), .. }) => self.groups[group].backlogs = None,
            }
        }
        Selection {
            positions: chosen,
            look_again: self.round.look_again,
            throttled,
            spent: self.round.spent(),
            served: self.turns.given,
            shares: Some(shares),
            ..Selection::default()
        }
    }
}
