//! Ageing, and turns of keys.

use super::*;
use crate::control::Ageing;

const STEP: Duration = Duration::from_secs(60);

fn ageing() -> Limits {
    Limits { ageing: Some(Ageing::new(STEP).unwrap()), ..Limits::NONE }
}

fn fair() -> Limits {
    Limits { fair_by_key: true, ..Limits::NONE }
}

fn default_queue() -> Scope {
    Scope::Queue(Queue::default())
}

fn position(priority: i8, seconds: i64, id: u8) -> DuePosition {
    let due = Timestamp::from_micros(seconds * 1_000_000);
    DuePosition::new(Priority(priority), due, RunId::from_bytes([id; 16]))
}

fn of_key(key: &str, positions: Vec<DuePosition>) -> (LimitGroup, Vec<DuePosition>) {
    (limit_group("default", "a", Some(key)), positions)
}

#[test]
fn a_run_that_has_waited_a_step_longer_is_as_good_as_one_a_level_higher() {
    let lines = || {
        [
            (limit_group("default", "a", None), vec![position(1, 61, 1), position(0, 0, 2), position(0, 2, 3)]),
            (
                limit_group("default", "b", Some("x")),
                vec![position(3, 180, 4), position(-1, 1, 5), position(-128, 0, 6)],
            ),
        ]
    };
    let mut play = Play::of(lines()).limit(&default_queue(), ageing());
    assert_eq!(play.claim(NOW, 9), [4, 2, 1, 3, 5, 6]);
    // One by one as together, and the same at any other time.
    let mut play = Play::of(lines()).limit(&default_queue(), ageing());
    let later = |n| NOW.after(STEP * n);
    let one_by_one: Vec<u8> = (0..6).flat_map(|n| play.claim(later(n * 1000), 1)).collect();
    assert_eq!(one_by_one, [4, 2, 1, 3, 5, 6]);
    let mut play = Play::of(lines());
    assert_eq!(play.claim(NOW, 9), [4, 1, 2, 3, 5, 6], "off unless it is asked for");
}

#[test]
fn priority_ages_in_its_queue_only() {
    let lines = |queue| (limit_group(queue, "a", None), vec![position(1, 500, 1), position(0, 0, 2)]);
    let mut play = Play::of([lines("default"), lines("other")]).limit(&default_queue(), ageing());
    let mut offer = |queue_name| {
        play.capacity = Capacity { per_queue: vec![(queue(queue_name), 9)], only_listed: true };
        play.claim(NOW, 1)
    };
    assert_eq!((offer("default"), offer("other")), (vec![2], vec![1]));
}

#[test]
fn keys_take_turns_within_a_claim_and_from_claim_to_claim() {
    let many = |first: u8| (first..first + 6).map(|id| position(0, i64::from(first), id)).collect();
    let lines = || [of_key("x", many(10)), of_key("y", many(20)), (limit_group("default", "a", None), many(30))];
    let expected = [10, 20, 30, 11, 21, 31, 12, 22, 32, 13];
    let mut play = Play::of(lines()).limit(&default_queue(), fair());
    assert_eq!(play.claim(NOW, 10), expected);
    for max in [1, 2, 4] {
        let mut play = Play::of(lines()).limit(&default_queue(), fair());
        let mut claimed: Vec<u8> = (0..=10 / max).flat_map(|_| play.claim(NOW, max)).collect();
        claimed.truncate(10);
        assert_eq!(claimed, expected, "{max} at a time");
    }
    assert_eq!(Play::of(lines()).claim(NOW, 7), [10, 11, 12, 13, 14, 15, 20], "not unless it is asked for");
}

#[test]
fn a_key_has_one_turn_whatever_kinds_its_runs_are_of() {
    let mut play = Play::of([
        of_key("x", vec![position(0, 1, 1), position(0, 1, 2)]),
        (limit_group("default", "b", Some("x")), vec![position(0, 2, 3), position(0, 2, 4)]),
        of_key("y", vec![position(0, 3, 5), position(0, 3, 6), position(0, 3, 7)]),
    ])
    .limit(&default_queue(), fair());
    assert_eq!(play.claim(NOW, 9), [1, 5, 2, 6, 3, 7, 4]);
}

#[test]
fn a_new_key_neither_jumps_over_those_that_wait_nor_waits_behind_all_that_they_have() {
    let many = |first: u8, seconds| (first..first + 6).map(|id| position(0, seconds, id)).collect();
    let now = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
    let mut play = Play::of([of_key("x", many(10, 1)), of_key("y", many(20, 2))]).limit(&default_queue(), fair());
    assert_eq!(play.claim(now(100), 3), [10, 20, 11]);
    // Since 20 was claimed, `y` waits for its turn: so it does before one that comes now.
    play.lines.push(of_key("z", many(30, 200)));
    assert_eq!(play.claim(now(200), 5), [21, 12, 30, 22, 13]);
    // A key that had nothing for a while has saved nothing up, and has lost nothing.
    play.lines[2].1.clear();
    assert_eq!(play.claim(now(300), 2), [23, 14]);
    play.lines[2].1 = many(40, 400);
    assert_eq!(play.claim(now(400), 3), [24, 15, 40]);
}

#[test]
fn priorities_come_before_turns_and_each_has_turns_of_its_own() {
    let mut play = Play::of([
        of_key(
            "x",
            vec![position(5, 1, 1), position(5, 1, 2), position(5, 1, 3), position(0, 1, 4), position(0, 1, 5)],
        ),
        of_key("y", vec![position(5, 2, 6), position(0, 2, 7), position(0, 2, 8)]),
    ])
    .limit(&default_queue(), fair());
    assert_eq!(play.claim(NOW, 9), [1, 6, 2, 3, 4, 7, 5, 8]);
}

#[test]
fn with_both_a_run_ages_since_it_is_due_or_since_the_last_turn_of_its_key() {
    let both = Limits { fair_by_key: true, ..ageing() };
    let mut play = Play::of([
        of_key("x", (1..9).map(|id| position(1, 0, id)).collect()),
        of_key("y", vec![position(0, 0, 20), position(0, 0, 21)]),
    ])
    .limit(&default_queue(), both);
    let now = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
    assert_eq!(play.claim(now(59), 2), [1, 2], "the last turn of `x` was just now, which is worth less than a level");
    assert_eq!(play.claim(now(61), 3), [3, 20, 4]);
    assert_eq!(play.claim(now(120), 2), [5, 6]);
    assert_eq!(play.claim(now(122), 3), [7, 21, 8]);
}

#[test]
fn limits_hold_back_a_key_and_not_its_turn() {
    let limits = Limits { per_key: Some(1), ..Limits::NONE };
    let many = |first: u8| (first..first + 3).map(|id| position(0, i64::from(first), id)).collect();
    let mut play = Play::of([of_key("x", many(10)), of_key("y", many(20)), of_key("z", many(30))])
        .limit(&default_queue(), fair())
        .limit(&Scope::Kind(Kind::new("a").unwrap()), limits);
    assert_eq!(play.claim(NOW, 2), [10, 20]);
    play.running.clear();
    assert_eq!(play.claim(NOW, 9), [30, 11, 21]);
    assert!(play.claim(NOW, 9).is_empty());
}

/// How many backlogs a claim of three looks at, of 5000 keys with two runs each of which 2000 had a turn.
fn looks(knows_turns: bool) -> usize {
    let backlog = |key: u16| {
        let position =
            |n: u128| DuePosition::new(Priority(0), NOW, RunId::from_bytes((2 * u128::from(key) + n).to_be_bytes()));
        (limit_group("default", "a", Some(&format!("{key:04}"))), vec![position(0), position(1)])
    };
    let play = Play::of([]).limit(&default_queue(), fair());
    let served = |n: u16| {
        let of = ServedKey::of(&limit_group("default", "a", Some(&format!("{n:04}"))), Priority(0));
        (of, NOW.after(Duration::from_micros(n.into())))
    };
    let served = ServedKeys::new((0..2000).map(served));
    let admission = Admission { served: served.clone(), ..play.admission };
    let source = Lines { backlogs: (0..5000).map(backlog).collect(), served, knows_turns, ..Lines::default() };
    let kinds = kinds();
    let selection = admission.select(NOW, &Offer::new(doc::SERVER, &kinds, 3), &source);
    let ids: Vec<u128> = selection.positions.iter().map(|one| u128::from_be_bytes(*one.id.as_bytes())).collect();
    assert_eq!(
        ids,
        [0, 4000, 4002],
        "the first had its turn before anything else was due, the others have not had one"
    );
    source.looks.get()
}

#[test]
fn a_source_that_lines_its_backlogs_up_by_turns_is_asked_for_few_and_gets_the_same_answer() {
    assert_eq!(looks(true), 4);
    assert_eq!(looks(false), 2003);
}
