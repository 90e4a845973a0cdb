use std::{cell::Cell, time::Duration};

use super::*;
use crate::{
    code::{CodeMark, KindSupport},
    control::{ControlChange, Limits, Paused},
    doc,
};

const NOW: Timestamp = Timestamp::from_micros(1_000_000_000);

fn queue(name: &str) -> Queue {
    Queue::new(name).unwrap()
}

fn limit_group(queue_name: &str, kind: &str, key: Option<&str>) -> LimitGroup {
    LimitGroup { queue: queue(queue_name), kind: Kind::new(kind).unwrap(), key: key.map(|key| Key::new(key).unwrap()) }
}

/// Turns `ids`, due since then.
fn positions(ids: std::ops::Range<u8>) -> Vec<DuePosition> {
    ids.map(|id| DuePosition::new(Priority(0), NOW, RunId::from_bytes([id; 16]))).collect()
}

/// Due runs as a store has them, which counts how many backlogs were looked at.
#[derive(Default)]
struct Lines {
    backlogs: Vec<(LimitGroup, Vec<DuePosition>)>,
    /// There may be more than these.
    cut: bool,
    running: RunningCounts,
    looks: Cell<usize>,
    /// The turns that were given, and whether the backlogs are lined up by them.
    served: ServedKeys,
    knows_turns: bool,
}

impl Source for Lines {
    fn groups(
        &self,
        suspects: bool,
    ) -> impl Iterator<Item = BacklogGroup<'_, impl Iterator<Item = Backlog<'_, impl Iterator<Item = DuePosition>>>>>
    {
        let mut groups = BTreeMap::<_, Vec<_>>::new();
        for (limit_group, positions) in self.backlogs.iter().filter(|(_, positions)| !positions.is_empty() && !suspects)
        {
            for positions in positions.chunk_by(|one, next| one.priority() == next.priority()) {
                let group = (&limit_group.queue, &limit_group.kind, positions[0].priority());
                groups.entry(group).or_default().push((limit_group, positions));
            }
        }
        groups.into_iter().map(move |((queue, kind, priority), mut backlogs)| {
            let since = move |(limit_group, positions): &(&LimitGroup, &[DuePosition])| {
                let of = ServedKey { queue: queue.clone(), priority, key: limit_group.key.clone() };
                let known = self.served.get(&of).filter(|_| self.knows_turns);
                (known.map_or(positions[0].due, |served| served.max(positions[0].due)), positions[0])
            };
            backlogs.sort_unstable_by_key(since);
            let backlogs = backlogs.into_iter().map(move |backlog| {
                self.looks.set(self.looks.get() + 1);
                let ((since, _), (limit_group, positions)) = (since(&backlog), backlog);
                Backlog { limit_group, since, positions: positions.iter().copied(), complete: !self.cut }
            });
            BacklogGroup { queue, kind, version: 1, requires: &[], priority, backlogs }
        })
    }

    fn last_tries(&self) -> Vec<LastTry> {
        vec![]
    }

    fn turn_holder(&self, _: &Key) -> Option<crate::order::TurnHolder> {
        None
    }

    fn running(&self) -> &RunningCounts {
        &self.running
    }

    fn executing(&self) -> impl Iterator<Item = Executing> {
        std::iter::empty()
    }
}

fn kinds() -> Vec<KindSupport> {
    let support = |kind| KindSupport { kind: Kind::new(kind).unwrap(), version: 1, mark: CodeMark(0) };
    ["a", "b"].map(support).into()
}

struct Play {
    admission: Admission,
    running: Vec<LimitGroup>,
    lines: Vec<(LimitGroup, Vec<DuePosition>)>,
    capacity: Capacity,
}

impl Play {
    fn of(lines: impl IntoIterator<Item = (LimitGroup, Vec<DuePosition>)>) -> Self {
        Self {
            admission: Admission::default(),
            running: Vec::new(),
            lines: lines.into_iter().collect(),
            capacity: Capacity::default(),
        }
    }

    fn limit(mut self, scope: &Scope, limits: Limits) -> Self {
        self.admission.controls.change(scope, ControlChange::Declare(limits));
        self
    }

    fn source(&self) -> Lines {
        let running = RunningCounts::of(self.running.iter());
        let served = self.admission.served.clone();
        Lines { backlogs: self.lines.clone(), running, served, ..Lines::default() }
    }

    fn select(&self, now: Timestamp, max: usize) -> Selection {
        let kinds = kinds();
        let offer = Offer { capacity: &self.capacity, ..Offer::new(doc::SERVER, &kinds, max) };
        self.admission.select(now, &offer, &self.source())
    }

    /// Claims, as a store does; answers the first bytes of the ids.
    fn claim(&mut self, now: Timestamp, max: usize) -> Vec<u8> {
        let selection = self.select(now, max);
        let ids: Vec<RunId> = selection.positions.iter().map(|position| position.id).collect();
        for (limit_group, positions) in &mut self.lines {
            let before = positions.len();
            positions.retain(|position| !ids.contains(&position.id));
            self.running.extend(std::iter::repeat_n(limit_group.clone(), before - positions.len()));
        }
        self.admission.commit(selection);
        ids.iter().map(|id| id.as_bytes()[0]).collect()
    }
}

fn running(max: u32) -> Limits {
    Limits { running: Some(max), ..Limits::NONE }
}

#[test]
fn within_a_queue_priority_goes_first_then_time_then_id_whatever_the_kind() {
    let position = |priority, micros, id| {
        DuePosition::new(Priority(priority), Timestamp::from_micros(micros), RunId::from_bytes([id; 16]))
    };
    let mut play = Play::of([
        (limit_group("default", "a", None), vec![position(5, 9, 1), position(0, 3, 4), position(0, 3, 6)]),
        (
            limit_group("default", "b", Some("k")),
            vec![position(9, 50, 0), position(0, 2, 3), position(0, 3, 5), position(-1, 1, 7)],
        ),
    ]);
    assert_eq!(play.claim(NOW, 3), [0, 1, 3]);
    assert_eq!(play.claim(NOW, 9), [4, 5, 6, 7]);
}

#[test]
fn queues_get_claims_by_their_weights_and_an_idle_one_saves_nothing_up() {
    let heavy = Limits { weight: Some(3), ..Limits::NONE };
    let mut play = Play::of([
        (limit_group("slow", "a", None), positions(0..100)),
        (limit_group("fast", "a", None), positions(100..200)),
        (limit_group("late", "a", None), vec![]),
    ])
    .limit(&Scope::Queue(queue("fast")), heavy);
    let claimed: Vec<u8> = (0..40).flat_map(|_| play.claim(NOW, 1)).collect();
    let fast = claimed.iter().filter(|id| **id >= 100).count();
    assert_eq!(fast, 30);
    // Claimed together, they are shared out in the same way.
    let fast = play.claim(NOW, 40).iter().filter(|id| **id >= 100).count();
    assert_eq!(fast, 30);

    play.lines[2].1 = positions(200..250);
    let late = play.claim(NOW, 10).iter().filter(|id| **id >= 200).count();
    assert_eq!(late, 2, "one of five shares, not all that it had left out");
}

#[test]
fn a_paused_queue_or_kind_gets_nothing_and_the_others_go_on() {
    let mut play = Play::of([
        (limit_group("default", "a", None), positions(0..2)),
        (limit_group("default", "b", None), positions(2..4)),
        (limit_group("other", "a", None), positions(4..6)),
    ]);
    let scope = Scope::Kind(Kind::new("a").unwrap());
    play.admission.controls.change(&scope, ControlChange::Pause(Paused::new(NOW, "ann", None)));
    assert_eq!(play.claim(NOW, 9), [2, 3]);
    let held = play.admission.blocks(NOW, &RunningCounts::default(), &limit_group("other", "a", None));
    assert_eq!(held, Some(BlockedBy::Paused { scope: scope.clone(), until: None, why: None }));
    play.admission.controls.change(&scope, ControlChange::Resume);
    assert_eq!(play.claim(NOW, 9).len(), 4);
}

#[test]
fn a_pause_that_ends_by_itself_says_when_to_look_again_and_of_two_the_longer_one_is_told() {
    let mut play = Play::of([(limit_group("default", "a", None), positions(0..2))]);
    let (queue, kind) = (Scope::Queue(Queue::default()), Scope::Kind(Kind::new("a").unwrap()));
    let later = |seconds| NOW.after(Duration::from_secs(seconds));
    for (scope, seconds) in [(&queue, 5), (&kind, 9)] {
        let paused = Paused { until: Some(later(seconds)), ..Paused::new(NOW, "ann", Some("busy")) };
        play.admission.controls.change(scope, ControlChange::Pause(paused));
    }
    let held = play.admission.blocks(NOW, &RunningCounts::default(), &limit_group("default", "a", None));
    assert_eq!(held.as_ref().and_then(BlockedBy::until), Some(later(9)));
    assert_eq!(held.map(|held| held.to_string()), Some(format!("the kind `a` is paused until {}: busy", later(9))));
    assert_eq!(play.admission.controls.next_end_of_pause(NOW), Some(later(5)));
    let selection = play.select(later(5), 9);
    assert_eq!((selection.positions.len(), selection.look_again), (0, Some(later(9))));
    assert_eq!(play.claim(later(9), 9), [0, 1]);
}

#[test]
fn no_more_run_than_the_limits_of_queue_kind_and_key_allow() {
    let per_key = Limits { per_key: Some(1), running: Some(3), ..Limits::NONE };
    let mut play = Play::of([
        (limit_group("default", "a", Some("x")), positions(0..3)),
        (limit_group("default", "a", Some("y")), positions(3..6)),
        (limit_group("default", "a", None), positions(6..9)),
        (limit_group("small", "b", None), positions(9..12)),
    ])
    .limit(&Scope::Kind(Kind::new("a").unwrap()), per_key)
    .limit(&Scope::Queue(queue("small")), running(2));
    let mut claimed = play.claim(NOW, 99);
    claimed.sort_unstable();
    assert_eq!(claimed, [0, 3, 6, 9, 10]);
    assert!(play.claim(NOW, 99).is_empty());

    // One with the key `x` ends: its key has room, and so has its kind.
    let ended = play.running.iter().position(|one| *one == limit_group("default", "a", Some("x"))).unwrap();
    play.running.remove(ended);
    assert_eq!(play.claim(NOW, 99), [1]);
    let held = play.admission.blocks(NOW, &RunningCounts::of(play.running.iter()), &limit_group("small", "b", None));
    assert_eq!(held, Some(BlockedBy::Running { scope: Scope::Queue(queue("small")), key: None, max: 2 }));
}

#[test]
fn lines_of_several_queues_share_what_their_kind_and_key_allow() {
    let rate = Rate::new(5, Duration::from_secs(10)).unwrap();
    let limits = Limits { per_key: Some(2), rate: Some(rate), ..Limits::NONE };
    let mut play = Play::of([
        (limit_group("default", "a", Some("x")), positions(0..3)),
        (limit_group("other", "a", Some("x")), positions(3..6)),
        (limit_group("other", "a", None), positions(6..12)),
        (limit_group("other", "b", Some("x")), positions(12..14)),
    ])
    .limit(&Scope::Kind(Kind::new("a").unwrap()), limits);
    let claimed = play.claim(NOW, 99);
    let of = |ids: std::ops::Range<u8>| claimed.iter().filter(|id| ids.contains(id)).count();
    assert_eq!([of(0..6), of(6..12), of(12..14)], [2, 3, 2]);
}

#[test]
fn no_more_start_in_a_period_than_the_rates_allow_and_it_says_when_the_next_may() {
    let rate = |max| Some(Rate::new(max, Duration::from_secs(10)).unwrap());
    let limits = Limits { rate: rate(3), rate_per_key: rate(1), ..Limits::NONE };
    let mut play = Play::of([
        (limit_group("default", "a", Some("x")), positions(0..3)),
        (limit_group("default", "a", Some("y")), positions(3..6)),
        (limit_group("default", "a", None), positions(6..9)),
    ])
    .limit(&Scope::Kind(Kind::new("a").unwrap()), limits);
    let mut claimed = play.claim(NOW, 99);
    claimed.sort_unstable();
    assert_eq!(claimed, [0, 3, 6]);
    let selection = play.select(NOW, 99);
    let later = |millis| NOW.after(Duration::from_millis(millis));
    assert_eq!((selection.positions.len(), selection.look_again), (0, Some(later(10_000))));
    assert!(play.claim(later(9_999), 99).is_empty());
    // Of the two keys one each, and one without a key.
    assert_eq!(play.claim(later(10_000), 99).len(), 3);
}

#[test]
fn what_was_chosen_and_not_claimed_draws_nothing() {
    let limits = Limits { rate: Some(Rate::new(1, Duration::from_secs(10)).unwrap()), ..Limits::NONE };
    let play = Play::of([(limit_group("default", "a", None), positions(0..3))])
        .limit(&Scope::Kind(Kind::new("a").unwrap()), limits);
    assert_eq!(play.select(NOW, 1).positions, play.select(NOW, 1).positions);
}

#[test]
fn a_server_takes_no_more_of_a_queue_than_it_has_room_for() {
    let mut play = Play::of([
        (limit_group("default", "a", None), positions(0..5)),
        (limit_group("imports", "a", None), positions(5..9)),
        (limit_group("mail", "a", None), positions(9..12)),
    ]);
    play.capacity = Capacity { per_queue: vec![(queue("imports"), 1), (queue("default"), 0)], only_listed: false };
    assert_eq!(play.claim(NOW, 99).len(), 4);
    play.capacity.only_listed = true;
    assert_eq!(play.claim(NOW, 99), [6]);
    assert!(Play { capacity: Capacity { per_queue: vec![], only_listed: true }, ..play }.claim(NOW, 99).is_empty());
}

#[test]
fn lines_whose_key_has_used_up_its_rate_may_rest_until_it_has_not() {
    let of_kind = Scope::Kind(Kind::new("a").unwrap());
    let rate_per_key = Some(Rate::new(1, Duration::from_secs(10)).unwrap());
    let line = |key, ids| (limit_group("default", "a", Some(key)), positions(ids));
    let limits = Limits { rate_per_key, per_key: Some(2), ..Limits::NONE };
    let mut play = Play::of([line("x", 0..3), line("y", 3..4)]).limit(&of_kind, limits);
    let selection = play.select(NOW, 9);
    let until = NOW.after(Duration::from_secs(10));
    assert_eq!(selection.throttled, [(RunId::from_bytes([1; 16]), until)]);
    play.claim(NOW, 9);
    assert_eq!(play.select(NOW.after(Duration::from_secs(9)), 9).throttled, [(RunId::from_bytes([1; 16]), until)]);
    assert_eq!(play.claim(until, 9), [1]);
    // That as many run as may of a key is over as soon as one ends: nobody knows when.
    assert!(play.select(until, 9).throttled.is_empty());
}

#[test]
fn buckets_that_are_full_are_found_a_few_at_a_time() {
    let bucket = |number| Bucket::Key(Kind::new("a").unwrap(), Key::new(&format!("{number}")).unwrap());
    let later = NOW.after(Duration::from_secs(1));
    let full_at = |number| Starts::new(vec![], if number % 2 == 0 { NOW } else { later });
    let mut admission =
        Admission { buckets: (0..7).map(|number| (bucket(number), full_at(number))).collect(), ..Admission::default() };
    let mut forget = |now| admission.forget_full(now, 3);
    assert_eq!(forget(NOW), [bucket(0), bucket(2)]);
    assert_eq!(forget(NOW), [bucket(4)]);
    assert_eq!(forget(NOW), [bucket(6)]);
    // And begins anew.
    assert_eq!(forget(later), [bucket(1), bucket(3), bucket(5)]);
    assert!(admission.buckets.is_empty());
}

#[test]
fn a_store_that_is_opened_anew_keeps_the_buckets_that_are_not_full() {
    let bucket = |name| Bucket::Scope(Scope::Kind(Kind::new(name).unwrap()));
    let starts = |idle_at| Starts::new(vec![], idle_at);
    let later = NOW.after(Duration::from_secs(1));
    let mut admission = Admission {
        buckets: [(bucket("a"), starts(NOW)), (bucket("b"), starts(later))].into(),
        ..Admission::default()
    };
    admission.reopen(NOW);
    assert_eq!(admission.buckets, [(bucket("b"), starts(later))].into());
}

/// Claims up to `max` of `keys` backlogs that differ in their key, a run each; answers how many it took, and how many
/// backlogs it looked at.
fn looked_at(admission: &Admission, running: &[LimitGroup], keys: u16, max: usize) -> (usize, usize) {
    let backlog = |key: u16| {
        let position = DuePosition::new(Priority(0), NOW, RunId::from_bytes(u128::from(key).to_be_bytes()));
        (limit_group("default", "a", Some(&format!("{key:04}"))), vec![position])
    };
    let running = RunningCounts::of(running.iter());
    let source = Lines { backlogs: (0..keys).map(backlog).collect(), running, ..Lines::default() };
    let kinds = kinds();
    let taken = admission.select(NOW, &Offer::new(doc::SERVER, &kinds, max), &source).positions.len();
    (taken, source.looks.get())
}

#[test]
fn a_source_that_has_not_all_at_hand_is_asked_for_more_before_anything_is_chosen() {
    let group = limit_group("default", "a", None);
    let kinds = kinds();
    let select = |at_hand: u8, cut| {
        let source = Lines { backlogs: vec![(group.clone(), positions(0..at_hand))], cut, ..Lines::default() };
        let selection = Admission::default().select(NOW, &Offer::new(doc::SERVER, &kinds, 3), &source);
        (selection.positions.len(), selection.more_of)
    };
    assert_eq!(select(2, true), (0, Some(group.clone())));
    assert_eq!(select(2, false), (2, None));
    assert_eq!(select(3, true), (3, None), "what is at hand is just enough");
    assert_eq!(select(4, true), (3, None), "what is at hand is enough");
}

#[test]
fn what_a_server_does_not_read_or_has_no_labels_for_is_left_to_others() {
    let run = |n: u8, version, requires: &[&str]| {
        let requires = requires.iter().map(|label| crate::Label::new(label).unwrap()).collect();
        let constraints = Some(crate::Constraints { requires, ..crate::Constraints::default() }.into());
        Run { id: RunId::from_bytes([n; 16]), version, constraints, ..doc::run() }
    };
    let runs = [run(1, 1, &[]), run(2, 2, &[]), run(3, 1, &["gpu"]), run(4, 1, &["gpu", "eu"])];
    let source = DueRuns::of(doc::NOW, &runs);
    let ids = |kinds: &[KindSupport], labels: &[&str]| {
        let labels: Vec<_> = labels.iter().map(|label| crate::Label::new(label).unwrap()).collect();
        let offer = Offer { labels: &labels, ..Offer::new(doc::SERVER, kinds, 9) };
        let selection = Admission::default().select(doc::NOW, &offer, &source);
        selection.positions.iter().map(|position| position.id.as_bytes()[0]).collect::<Vec<_>>()
    };
    assert_eq!(ids(&doc::kinds(), &[]), [1]);
    assert_eq!(ids(&doc::kinds(), &["gpu"]), [1, 3]);
    assert!(ids(&kinds(), &["gpu"]).is_empty(), "another kind");
}

#[test]
fn a_claim_looks_at_the_lines_that_it_takes_from_however_many_there_are() {
    let mut play = Play::of([]);
    assert_eq!(looked_at(&play.admission, &[], 5000, 3), (3, 4));
    // Of a kind that has as many as it may, one look is enough.
    play = play.limit(&Scope::Kind(Kind::new("a").unwrap()), running(2));
    assert_eq!(looked_at(&play.admission, &[], 5000, 9), (2, 4));
    let both = [limit_group("default", "a", None), limit_group("default", "a", None)];
    assert_eq!(looked_at(&play.admission, &both, 5000, 9), (0, 2));
    // Keys that hold back their own line only are passed over.
    let per_key = Limits { per_key: Some(1), ..Limits::NONE };
    let play = Play::of([]).limit(&Scope::Kind(Kind::new("a").unwrap()), per_key);
    let first = [limit_group("default", "a", Some("0000")), limit_group("default", "a", Some("0001"))];
    assert_eq!(looked_at(&play.admission, &first, 5000, 3), (3, 6));
}

mod isolation;
mod order;
