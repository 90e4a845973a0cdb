use std::time::Duration;

use longhaul_core::{Constraints, Key, NewRun, RunId, admit};
use longhaul_testkit::fixture::new_run;

use super::*;

const NOW: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

fn run(key: &str, id: u8) -> Run {
    let constraints = Constraints { limit_key: Some(Key::new(key).unwrap()), ..Constraints::default() };
    admit(NOW, &NewRun { constraints: Some(constraints.into()), ..new_run(NOW, "plain", id.into()) }).0
}

/// The keys of the lines that a claim is offered.
fn offered(backlogs: &Lanes) -> Vec<String> {
    let key = |line: Backlog<'_, _>| line.limit_group.key.as_ref().expect("they have one").to_string();
    backlogs.groups(false).flat_map(|group| group.backlogs).map(key).collect()
}

#[test]
fn a_line_that_rests_is_not_offered_until_it_has() {
    let mut backlogs = Lanes::default();
    let position = |id: u8| DuePosition::new(Priority(0), NOW, RunId::from_bytes([id; 16]));
    let (x, y) = (backlogs.join(&run("x", 1), None), backlogs.join(&run("y", 2), None));
    backlogs.line_up(position(1), x, false);
    backlogs.line_up(position(2), y, false);
    let later = |seconds| NOW.after(Duration::from_secs(seconds));
    backlogs.rest(x, later(5));
    assert_eq!((offered(&backlogs), backlogs.next_to_wake()), (vec!["y".to_owned()], Some(later(5))));

    // What comes and goes meanwhile changes nothing of that, and is there afterwards.
    backlogs.step_out(position(1), x, false);
    backlogs.line_up(position(3), x, false);
    assert_eq!(offered(&backlogs), ["y"]);
    backlogs.wake(later(4));
    assert_eq!(offered(&backlogs), ["y"]);
    backlogs.wake(later(5));
    assert_eq!((offered(&backlogs), backlogs.next_to_wake()), (vec!["y".to_owned(), "x".to_owned()], None));

    // To rest longer is to rest once.
    backlogs.rest(x, later(6));
    backlogs.rest(x, later(7));
    assert_eq!(backlogs.next_to_wake(), Some(later(7)));
    backlogs.unthrottle_all();
    assert_eq!((offered(&backlogs).len(), backlogs.next_to_wake()), (2, None));

    // A limit group that is gone does not wake.
    backlogs.rest(y, later(5));
    backlogs.step_out(position(2), y, false);
    backlogs.leave(y);
    assert_eq!((offered(&backlogs), backlogs.next_to_wake()), (vec!["x".to_owned()], None));
}

#[test]
fn a_key_that_had_its_turn_comes_after_those_that_had_not_and_only_in_its_priority() {
    let mut backlogs = Lanes::default();
    let position = |priority, id: u8| DuePosition::new(Priority(priority), NOW, RunId::from_bytes([id; 16]));
    let (x, y) = (backlogs.join(&run("x", 1), None), backlogs.join(&run("y", 2), None));
    for (lane, first) in [(x, 1), (y, 3)] {
        backlogs.line_up(position(0, first), lane, false);
        backlogs.line_up(position(0, first + 1), lane, false);
        backlogs.line_up(position(5, first + 10), lane, false);
    }
    assert_eq!(offered(&backlogs), ["x", "y", "x", "y"]);
    let turn = |key: &str, priority, seconds| {
        let of = ServedKey { queue: Queue::default(), priority: Priority(priority), key: Key::new(key).ok() };
        (of, NOW.after(Duration::from_secs(seconds)))
    };
    let note = |backlogs: &mut Lanes, (of, at): (ServedKey, Timestamp)| backlogs.note_turns([(&of, &at)].into_iter());
    note(&mut backlogs, turn("x", 0, 1));
    assert_eq!(offered(&backlogs), ["x", "y", "y", "x"]);
    note(&mut backlogs, turn("y", 0, 2));
    note(&mut backlogs, turn("x", 5, 2));
    backlogs.step_out(position(0, 1), x, false);
    assert_eq!(offered(&backlogs), ["y", "x", "x", "y"]);
    // Heads that rest, or are not due any more, are put back where they were.
    backlogs.rest(x, NOW.after(Duration::from_secs(9)));
    assert_eq!(offered(&backlogs), ["y", "y"]);
    backlogs.unthrottle_all();
    assert_eq!(offered(&backlogs), ["y", "x", "x", "y"]);
    backlogs.forget_turns(&Queue::default());
    assert_eq!(offered(&backlogs), ["x", "y", "x", "y"]);
    assert_eq!(backlogs.step_back(Timestamp::EPOCH).len(), 5);
    assert_eq!(offered(&backlogs), Vec::<String>::new());
}
