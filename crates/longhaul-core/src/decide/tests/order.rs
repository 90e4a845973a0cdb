//! The turns of runs that go one after the other.

use super::*;
use crate::{
    constraints::Constraints,
    history::Transition,
    order::{AfterFailure, OrderTurn, Ordered},
};

fn ordered(after_failure: AfterFailure, behind: bool, state: State) -> Run {
    let ordered = Ordered { key: Key::new("account 7").expect("a key"), after_failure };
    let constraints = Constraints { ordered: Some(ordered), ..Constraints::default() };
    let turn = OrderTurn { position: 7, behind, dismissed: false };
    Run { constraints: Some(constraints.into()), turn: Some(turn), ..run_in(state) }
}

fn decided(run: &Run, event: &Event) -> Result<Run, IllegalEvent> {
    decide(NOW, run, event).map(|decision| decision.next)
}

#[test]
fn a_run_behind_another_is_not_due_and_cannot_be_claimed_before_its_turn() {
    let waits = ordered(AfterFailure::Stop, true, State::Pending { due: NOW });
    assert_eq!((waits.due(), waits.is_behind(), waits.has_turn()), (None, true, false));
    let claim = Event::Claim { server: SERVER, begins: true };
    assert!(matches!(decided(&waits, &claim), Err(IllegalEvent::State { .. })));
    let next = decided(&waits, &Event::TakeTurn).expect("it waits for its turn");
    assert_eq!((next.due(), next.is_behind(), next.has_turn()), (Some(NOW), false, true));
    assert!(decided(&next, &claim).is_ok());
    assert!(matches!(decided(&next, &Event::TakeTurn), Err(IllegalEvent::State { .. })), "it has the turn");
}

#[test]
fn what_is_asked_of_a_run_does_not_bring_it_ahead_of_others() {
    let waits = ordered(AfterFailure::Stop, true, State::Pending { due: NOW.after(SECOND) });
    let aside = decided(&waits, &Event::Suspend { reason: None }).expect("it waits");
    for (run, event) in [
        (&waits, Event::RunNow),
        (&waits, Event::Reschedule { at: NOW }),
        (&waits, Event::Prioritise { priority: Priority(9) }),
        (&aside, Event::Proceed { at: None, replaced: None, value: None, key: None }),
    ] {
        let next = decided(run, &event).expect("it is asked of a run that waits");
        assert_eq!((next.due(), next.is_behind()), (None, true), "{event:?}");
    }
}

#[test]
fn a_run_has_the_turn_until_it_is_final() {
    let soon = NOW.after(SECOND);
    for state in [
        State::Pending { due: soon },
        State::Running { server: SERVER },
        State::Retrying { due: soon },
        State::Suspended { waiting: Waiting::Proceed },
        State::Incompatible { by: CodeMark(1) },
    ] {
        assert!(ordered(AfterFailure::Skip, false, state.clone()).has_turn(), "{state:?}");
    }
    for state in [State::Completed, State::Cancelled] {
        assert!(!ordered(AfterFailure::Stop, false, state.clone()).has_turn(), "{state:?}");
    }
    assert!(!ordered(AfterFailure::Skip, false, State::Failed).has_turn());
    assert!(!run_in(State::Failed).has_turn(), "it has no order key");
}

#[test]
fn a_run_that_is_cancelled_or_expires_is_the_same_whether_it_had_the_turn_or_waited_for_it() {
    for event in [Event::Cancel { reason: None }, Event::Expire] {
        let [first, behind] = [false, true].map(|behind| {
            let mut run = ordered(AfterFailure::Skip, behind, State::Pending { due: NOW });
            let constraints = Constraints { expires: Some(Due::At(NOW)), ..run.constraints().clone() };
            (run.attempts, run.constraints) = (0, Some(constraints.into()));
            decided(&run, &event).expect("it waits")
        });
        assert_eq!(first, behind, "{event:?}");
    }
}

#[test]
fn a_failed_run_stops_its_key_until_it_is_dismissed_or_retried() {
    let failed = ordered(AfterFailure::Stop, false, State::Failed);
    assert!(failed.has_turn() && failed.stops_key());
    let dismissed = decide(NOW, &failed, &Event::Dismiss).expect("it stops its key");
    assert_eq!(dismissed.effects.history.map(|entry| entry.what), Some(Transition::Dismissed));
    let next = dismissed.next;
    assert_eq!((next.state.kind(), next.has_turn(), next.stops_key()), (StateKind::Failed, false, false));
    assert!(decided(&next, &Event::Dismiss).is_err(), "once");
    let retried = decided(&failed, &Event::Retry { successor: RunId::from_bytes([8; 16]) }).expect("it is final");
    assert!(!retried.has_turn() && !retried.stops_key());
    for other in [
        ordered(AfterFailure::Skip, false, State::Failed),
        ordered(AfterFailure::Stop, false, State::Cancelled),
        ordered(AfterFailure::Stop, true, State::Failed),
        ordered(AfterFailure::Stop, false, State::Pending { due: NOW }),
    ] {
        assert!(decided(&other, &Event::Dismiss).is_err(), "{other:?}");
    }
}
