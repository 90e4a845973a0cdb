use std::time::Duration;

use super::*;
use crate::control::{ControlChange, Limits, Paused};

const NOW: Timestamp = Timestamp::from_micros(1_000_000_000);

fn queue(name: &str) -> Queue {
    Queue::new(name).unwrap()
}

fn lane(queue_name: &str, kind: &str, key: Option<&str>) -> Lane {
    Lane { queue: queue(queue_name), kind: Kind::new(kind).unwrap(), key: key.map(|key| Key::new(key).unwrap()) }
}

/// Turns `ids`, due since then.
fn turns(ids: std::ops::Range<u8>) -> Vec<Turn> {
    ids.map(|id| Turn::new(Priority(0), NOW, RunId::from_bytes([id; 16]))).collect()
}

struct Play {
    gate: Gate,
    running: Vec<Lane>,
    lines: Vec<(Lane, Vec<Turn>)>,
    rooms: Rooms,
}

impl Play {
    fn of(lines: impl IntoIterator<Item = (Lane, Vec<Turn>)>) -> Self {
        Self { gate: Gate::default(), running: Vec::new(), lines: lines.into_iter().collect(), rooms: Rooms::default() }
    }

    fn limit(mut self, scope: &Scope, limits: Limits) -> Self {
        self.gate.controls.change(scope, ControlChange::Declare(limits));
        self
    }

    fn choose(&self, now: Timestamp, max: usize) -> Choice {
        let lines = self.lines.iter().map(|(lane, turns)| Line { lane, turns: turns.iter().copied() });
        self.gate.choose(now, &Tally::of(self.running.iter()), &self.rooms, groups(lines), max)
    }

    /// Claims, as a store does; answers the first bytes of the ids.
    fn claim(&mut self, now: Timestamp, max: usize) -> Vec<u8> {
        let choice = self.choose(now, max);
        let ids: Vec<RunId> = choice.turns.iter().map(|turn| turn.id).collect();
        for (lane, turns) in &mut self.lines {
            let before = turns.len();
            turns.retain(|turn| !ids.contains(&turn.id));
            self.running.extend(std::iter::repeat_n(lane.clone(), before - turns.len()));
        }
        self.gate.commit(choice);
        ids.iter().map(|id| id.as_bytes()[0]).collect()
    }
}

fn running(max: u32) -> Limits {
    Limits { running: Some(max), ..Limits::NONE }
}

#[test]
fn within_a_queue_priority_goes_first_then_time_then_id_whatever_the_kind() {
    let turn = |priority, micros, id| {
        Turn::new(Priority(priority), Timestamp::from_micros(micros), RunId::from_bytes([id; 16]))
    };
    let mut play = Play::of([
        (lane("default", "a", None), vec![turn(5, 9, 1), turn(0, 3, 4), turn(0, 3, 6)]),
        (lane("default", "b", Some("k")), vec![turn(9, 50, 0), turn(0, 2, 3), turn(0, 3, 5), turn(-1, 1, 7)]),
    ]);
    assert_eq!(play.claim(NOW, 3), [0, 1, 3]);
    assert_eq!(play.claim(NOW, 9), [4, 5, 6, 7]);
}

#[test]
fn queues_get_claims_by_their_weights_and_an_idle_one_saves_nothing_up() {
    let heavy = Limits { weight: Some(3), ..Limits::NONE };
    let mut play = Play::of([
        (lane("slow", "a", None), turns(0..100)),
        (lane("fast", "a", None), turns(100..200)),
        (lane("late", "a", None), vec![]),
    ])
    .limit(&Scope::Queue(queue("fast")), heavy);
    let claimed: Vec<u8> = (0..40).flat_map(|_| play.claim(NOW, 1)).collect();
    let fast = claimed.iter().filter(|id| **id >= 100).count();
    assert_eq!(fast, 30);
    // Claimed together, they are shared out in the same way.
    let fast = play.claim(NOW, 40).iter().filter(|id| **id >= 100).count();
    assert_eq!(fast, 30);

    play.lines[2].1 = turns(200..250);
    let late = play.claim(NOW, 10).iter().filter(|id| **id >= 200).count();
    assert_eq!(late, 2, "one of five shares, not all that it had left out");
}

#[test]
fn a_paused_queue_or_kind_gets_nothing_and_the_others_go_on() {
    let mut play = Play::of([
        (lane("default", "a", None), turns(0..2)),
        (lane("default", "b", None), turns(2..4)),
        (lane("other", "a", None), turns(4..6)),
    ]);
    let scope = Scope::Kind(Kind::new("a").unwrap());
    play.gate.controls.change(&scope, ControlChange::Pause(Paused::new(NOW, "ann", None)));
    assert_eq!(play.claim(NOW, 9), [2, 3]);
    let held = play.gate.holds(NOW, &Tally::default(), &lane("other", "a", None));
    assert_eq!(held, Some(Held::Paused(scope.clone())));
    play.gate.controls.change(&scope, ControlChange::Resume);
    assert_eq!(play.claim(NOW, 9).len(), 4);
}

#[test]
fn no_more_run_than_the_limits_of_queue_kind_and_key_allow() {
    let per_key = Limits { per_key: Some(1), running: Some(3), ..Limits::NONE };
    let mut play = Play::of([
        (lane("default", "a", Some("x")), turns(0..3)),
        (lane("default", "a", Some("y")), turns(3..6)),
        (lane("default", "a", None), turns(6..9)),
        (lane("small", "b", None), turns(9..12)),
    ])
    .limit(&Scope::Kind(Kind::new("a").unwrap()), per_key)
    .limit(&Scope::Queue(queue("small")), running(2));
    let mut claimed = play.claim(NOW, 99);
    claimed.sort_unstable();
    assert_eq!(claimed, [0, 3, 6, 9, 10]);
    assert!(play.claim(NOW, 99).is_empty());

    // One with the key `x` ends: its key has room, and so has its kind.
    let ended = play.running.iter().position(|one| *one == lane("default", "a", Some("x"))).unwrap();
    play.running.remove(ended);
    assert_eq!(play.claim(NOW, 99), [1]);
    let held = play.gate.holds(NOW, &Tally::of(play.running.iter()), &lane("small", "b", None));
    assert_eq!(held, Some(Held::Running { scope: Scope::Queue(queue("small")), key: None, max: 2 }));
}

#[test]
fn lines_of_several_queues_share_what_their_kind_and_key_allow() {
    let rate = Rate::new(5, Duration::from_secs(10)).unwrap();
    let limits = Limits { per_key: Some(2), rate: Some(rate), ..Limits::NONE };
    let mut play = Play::of([
        (lane("default", "a", Some("x")), turns(0..3)),
        (lane("other", "a", Some("x")), turns(3..6)),
        (lane("other", "a", None), turns(6..12)),
        (lane("other", "b", Some("x")), turns(12..14)),
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
        (lane("default", "a", Some("x")), turns(0..3)),
        (lane("default", "a", Some("y")), turns(3..6)),
        (lane("default", "a", None), turns(6..9)),
    ])
    .limit(&Scope::Kind(Kind::new("a").unwrap()), limits);
    let mut claimed = play.claim(NOW, 99);
    claimed.sort_unstable();
    assert_eq!(claimed, [0, 3, 6]);
    let choice = play.choose(NOW, 99);
    let later = |millis| NOW.after(Duration::from_millis(millis));
    assert_eq!((choice.turns.len(), choice.look_again), (0, Some(NOW.after(Duration::from_micros(3_333_332)))));
    // A third of the period later there is one more, but not of a key that had its own.
    assert_eq!(play.claim(later(3334), 99), [7]);
    assert_eq!(play.claim(later(10_001), 99).len(), 2);
}

#[test]
fn what_was_chosen_and_not_claimed_draws_nothing() {
    let limits = Limits { rate: Some(Rate::new(1, Duration::from_secs(10)).unwrap()), ..Limits::NONE };
    let play =
        Play::of([(lane("default", "a", None), turns(0..3))]).limit(&Scope::Kind(Kind::new("a").unwrap()), limits);
    assert_eq!(play.choose(NOW, 1).turns, play.choose(NOW, 1).turns);
}

#[test]
fn a_server_takes_no_more_of_a_queue_than_it_has_room_for() {
    let mut play = Play::of([
        (lane("default", "a", None), turns(0..5)),
        (lane("imports", "a", None), turns(5..9)),
        (lane("mail", "a", None), turns(9..12)),
    ]);
    play.rooms = Rooms { queues: vec![(queue("imports"), 1), (queue("default"), 0)], only: false };
    assert_eq!(play.claim(NOW, 99).len(), 4);
    play.rooms.only = true;
    assert_eq!(play.claim(NOW, 99), [6]);
    assert!(Play { rooms: Rooms { queues: vec![], only: true }, ..play }.claim(NOW, 99).is_empty());
}

#[test]
fn a_tally_forgets_keys_of_which_nothing_runs() {
    let one = lane("default", "a", Some("x"));
    let mut tally = Tally::of([one.clone(), one.clone()].iter());
    tally.leave(&one);
    assert_eq!(tally, Tally::of([one.clone()].iter()));
    tally.leave(&one);
    assert!(tally.kinds.values().all(|of_kind| of_kind.by_key.is_empty()));
}

#[test]
fn lines_whose_key_has_used_up_its_rate_may_rest_until_it_has_not() {
    let of_kind = Scope::Kind(Kind::new("a").unwrap());
    let rate_per_key = Some(Rate::new(1, Duration::from_secs(10)).unwrap());
    let line = |key, ids| (lane("default", "a", Some(key)), turns(ids));
    let limits = Limits { rate_per_key, per_key: Some(2), ..Limits::NONE };
    let mut play = Play::of([line("x", 0..3), line("y", 3..4)]).limit(&of_kind, limits);
    let choice = play.choose(NOW, 9);
    let until = NOW.after(Duration::from_secs(10));
    assert_eq!(choice.resting, [(RunId::from_bytes([1; 16]), until)]);
    play.claim(NOW, 9);
    assert_eq!(play.choose(NOW.after(Duration::from_secs(9)), 9).resting, [(RunId::from_bytes([1; 16]), until)]);
    assert_eq!(play.claim(until, 9), [1]);
    // That as many run as may of a key is over as soon as one ends: nobody knows when.
    assert!(play.choose(until, 9).resting.is_empty());
}

#[test]
fn buckets_that_are_full_are_found_a_few_at_a_time() {
    let bucket = |number| Bucket::Key(Kind::new("a").unwrap(), Key::new(&format!("{number}")).unwrap());
    let later = NOW.after(Duration::from_secs(1));
    let full_at = |number| if number % 2 == 0 { NOW } else { later };
    let mut gate =
        Gate { buckets: (0..7).map(|number| (bucket(number), full_at(number))).collect(), ..Gate::default() };
    let mut forget = |now| gate.forget_full(now, 3);
    assert_eq!(forget(NOW), [bucket(0), bucket(2)]);
    assert_eq!(forget(NOW), [bucket(4)]);
    assert_eq!(forget(NOW), [bucket(6)]);
    // And begins anew.
    assert_eq!(forget(later), [bucket(1), bucket(3), bucket(5)]);
    assert!(gate.buckets.is_empty());
}

#[test]
fn a_store_that_is_opened_anew_keeps_the_buckets_that_are_not_full() {
    let bucket = |name| Bucket::Scope(Scope::Kind(Kind::new(name).unwrap()));
    let later = NOW.after(Duration::from_secs(1));
    let mut gate = Gate { buckets: [(bucket("a"), NOW), (bucket("b"), later)].into(), ..Gate::default() };
    gate.reopen(NOW);
    assert_eq!(gate.buckets, [(bucket("b"), later)].into());
}

/// Claims up to `max` of `keys` lines that differ in their key, a run each; answers how many it took, and how many lines
/// it looked at.
fn looked_at(gate: &Gate, running: &[Lane], keys: u16, max: usize) -> (usize, usize) {
    let all: Vec<Lane> = (0..keys).map(|key| lane("default", "a", Some(&format!("{key:04}")))).collect();
    let looks = std::cell::Cell::new(0);
    let lines = all.iter().enumerate().map(|(at, lane)| {
        looks.set(looks.get() + 1);
        let id = RunId::from_bytes((at as u128).to_be_bytes());
        Line { lane, turns: std::iter::once(Turn::new(Priority(0), NOW, id)) }
    });
    let group = Group { queue: &all[0].queue, kind: &all[0].kind, lines };
    let tally = Tally::of(running.iter());
    let taken = gate.choose(NOW, &tally, &Rooms::default(), [group], max).turns.len();
    (taken, looks.get())
}

#[test]
fn a_claim_looks_at_the_lines_that_it_takes_from_however_many_there_are() {
    let mut play = Play::of([]);
    assert_eq!(looked_at(&play.gate, &[], 5000, 3), (3, 4));
    // Of a kind that has as many as it may, one look is enough.
    play = play.limit(&Scope::Kind(Kind::new("a").unwrap()), running(2));
    assert_eq!(looked_at(&play.gate, &[], 5000, 9), (2, 4));
    let both = [lane("default", "a", None), lane("default", "a", None)];
    assert_eq!(looked_at(&play.gate, &both, 5000, 9), (0, 2));
    // Keys that hold back their own line only are passed over.
    let per_key = Limits { per_key: Some(1), ..Limits::NONE };
    let play = Play::of([]).limit(&Scope::Kind(Kind::new("a").unwrap()), per_key);
    let first = [lane("default", "a", Some("0000")), lane("default", "a", Some("0001"))];
    assert_eq!(looked_at(&play.gate, &first, 5000, 3), (3, 6));
}
