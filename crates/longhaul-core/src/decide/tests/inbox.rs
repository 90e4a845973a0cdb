//! Values that are sent to a run, keys of proceeds, and deadlines of suspensions.

use super::*;
use crate::{
    event::Event,
    inbox::Inbox,
    limits::{INBOX_BYTES_MAX, INBOX_MAX, PROCEED_KEYS_MAX},
};

fn sends(n: u32) -> Event {
    Event::Proceed { at: None, replaced: None, value: Some(value(n)), key: None }
}

fn with_key(key: usize) -> Event {
    let key = Some(Key::new(&format!("event {key}")).expect("a key"));
    Event::Proceed { at: None, replaced: None, value: None, key }
}

/// All up to this number.
fn takes(run: &Run, taken: u64) -> Run {
    let taken = (1..=taken).collect();
    next(run, &Event::Checkpoint { epoch: run.epoch, seq: run.seq + 1, changed: Some(2), proves: true, taken })
}

fn suspends(run: &Run) -> Run {
    next(run, &Event::Settle { epoch: run.epoch, ending: Ending::Suspended { until: None, deadline: None } })
}

fn claimed(run: &Run) -> Run {
    next(run, &Event::Claim { server: SERVER, begins: true })
}

fn sent(run: &Run) -> Vec<u32> {
    run.inbox().messages.iter().map(|message| message.value.decode().expect("a number")).collect()
}

#[test]
fn a_value_is_heard_in_every_state_that_is_not_final() {
    let heard = [
        (State::Suspended { waiting: Waiting::Proceed }, StateKind::Pending),
        (State::Suspended { waiting: Waiting::Until(NOW.after(SECOND)) }, StateKind::Pending),
        (State::Suspended { waiting: Waiting::ProceedBy(NOW.after(SECOND)) }, StateKind::Pending),
        (State::Pending { due: NOW.after(SECOND) }, StateKind::Pending),
        (State::Retrying { due: NOW.after(SECOND) }, StateKind::Retrying),
        (State::Running { server: SERVER }, StateKind::Running),
        (State::Incompatible { by: CodeMark(3) }, StateKind::Incompatible),
    ];
    for (state, after) in heard {
        let next = next(&run_in(state), &sends(7));
        assert_eq!((next.state.kind(), sent(&next)), (after, vec![7]));
    }
    for state in [State::Completed, State::Failed, State::Cancelled] {
        let refused = IllegalEvent::State { what: "cannot proceed", state: state.kind() };
        assert_eq!(decide(NOW, &run_in(state), &sends(7)), Err(refused));
    }
}

#[test]
fn a_value_of_a_newer_version_leaves_the_run_to_newer_code() {
    let newer = Envelope::encode(&7_u32, Codec::Bincode, 9, shape::fingerprint_of::<u32>()).expect("a number");
    let sent = Event::Proceed { at: None, replaced: None, value: Some(newer), key: None };
    assert_eq!(next(&running(), &sent).version, 9);
}

#[test]
fn a_value_that_came_while_the_run_was_running_lets_it_go_on_once() {
    let on = suspends(&next(&running(), &sends(7)));
    assert_eq!((on.state.clone(), sent(&on)), (State::Pending { due: NOW }, vec![7]));
    // The attempt after that was free to take it, and did not: it is still there, and the run waits.
    let rests = suspends(&claimed(&on));
    assert_eq!((rests.state.kind(), sent(&rests)), (StateKind::Suspended, vec![7]));
    assert_eq!(suspends(&takes(&claimed(&on), 1)).state.kind(), StateKind::Suspended);
}

#[test]
fn a_run_that_takes_one_of_two_values_goes_on_with_the_other() {
    let two = claimed(&next(&next(&run_in(State::Suspended { waiting: Waiting::Proceed }), &sends(7)), &sends(8)));
    assert_eq!(sent(&two), [7, 8]);
    let again = suspends(&takes(&two, 1));
    assert_eq!((again.state.clone(), sent(&again)), (State::Pending { due: NOW }, vec![8]));
    let both = suspends(&takes(&claimed(&again), 2));
    assert_eq!((both.state.kind(), sent(&both)), (StateKind::Suspended, vec![]));
}

#[test]
fn a_value_that_comes_after_all_were_taken_is_not_taken_for_one_of_them() {
    let taken = takes(&claimed(&next(&run_in(State::Suspended { waiting: Waiting::Proceed }), &sends(7))), 1);
    let later = takes(&next(&taken, &sends(8)), 1);
    assert_eq!(sent(&later), [8]);
}

#[test]
fn a_value_for_later_lets_the_run_go_on_then() {
    let at = NOW.after(SECOND);
    let later = Event::Proceed { at: Some(at), replaced: None, value: Some(value(7)), key: None };
    assert_eq!(suspends(&next(&running(), &later)).state, State::Pending { due: at });
    assert_eq!(suspends(&next(&next(&running(), &later), &sends(8))).state, State::Pending { due: NOW });
}

#[test]
fn a_value_undoes_that_its_run_is_to_be_suspended_and_does_not_wake_one_that_was() {
    let asked = Run { request: Some(StopRequest::Suspend { reason: None }), ..running() };
    assert_eq!(next(&asked, &sends(7)).request, None);
    let aside = suspends(&Run { request: asked.request, ..next(&running(), &sends(7)) });
    assert_eq!((aside.state.kind(), sent(&aside)), (StateKind::Suspended, vec![7]));
}

#[test]
fn a_run_holds_so_many_values_and_so_many_bytes_of_them() {
    let full = (0..INBOX_MAX as u32).fold(running(), |run, n| next(&run, &sends(n)));
    assert_eq!(decide(NOW, &full, &sends(99)), Err(IllegalEvent::InboxFull { messages: INBOX_MAX }));
    assert!(decide(NOW, &takes(&full, 1), &sends(99)).is_ok());

    let bytes = |length: usize| {
        let value = Envelope::encode(&vec![0_u8; length], Codec::Bincode, 1, shape::fingerprint_of::<Vec<u8>>());
        Event::Proceed { at: None, replaced: None, value: Some(value.expect("bytes")), key: None }
    };
    let heavy = next(&running(), &bytes(INBOX_BYTES_MAX - 1000));
    assert_eq!(decide(NOW, &heavy, &bytes(1000)), Err(IllegalEvent::InboxFull { messages: 1 }));
    assert!(decide(NOW, &heavy, &bytes(100)).is_ok());
}

#[test]
fn a_proceed_with_the_same_key_is_recognised_whatever_became_of_the_run() {
    let on = next(&run_in(State::Suspended { waiting: Waiting::Proceed }), &with_key(7));
    let waits = suspends(&claimed(&on));
    let done = next(&claimed(&on), &Event::Settle { epoch: Epoch(5), ending: Ending::Completed { result: value(1) } });
    for run in [on, waits.clone(), done] {
        assert_eq!(decide(NOW, &run, &with_key(7)), Err(IllegalEvent::Repeated), "{:?}", run.state);
    }
    assert_eq!(next(&waits, &with_key(8)).state.kind(), StateKind::Pending);
}

#[test]
fn a_run_remembers_the_latest_keys() {
    let suspended = run_in(State::Suspended { waiting: Waiting::Proceed });
    let again = |run: &Run| Run { state: suspended.state.clone(), ..run.clone() };
    let heard = (0..=PROCEED_KEYS_MAX).fold(suspended.clone(), |run, key| again(&next(&run, &with_key(key))));
    assert_eq!(heard.inbox().keys.len(), PROCEED_KEYS_MAX);
    assert!(decide(NOW, &heard, &with_key(1)).is_err());
    assert!(decide(NOW, &heard, &with_key(0)).is_ok());
}

#[test]
fn a_run_that_is_being_cancelled_hears_nothing() {
    let asked = next(&running(), &Event::Cancel { reason: None });
    let plain = Event::Proceed { at: None, replaced: None, value: None, key: None };
    for event in [plain, sends(7), with_key(7)] {
        assert_eq!(decide(NOW, &asked, &event), Err(IllegalEvent::BeingCancelled));
    }
}

#[test]
fn a_run_that_was_sent_nothing_or_is_final_carries_nothing() {
    let sent = claimed(&next(&run_in(State::Suspended { waiting: Waiting::Proceed }), &sends(7)));
    let done = next(&sent, &Event::Settle { epoch: sent.epoch, ending: Ending::Completed { result: value(1) } });
    assert_eq!((suspends(&running()).inbox, done.inbox), (None, None));
    let plain = Event::Proceed { at: None, replaced: None, value: None, key: None };
    assert_eq!(next(&running(), &plain).inbox(), Inbox::none());
}

#[test]
fn of_a_time_and_a_deadline_the_earlier_one_counts() {
    let (soon, later) = (Some(NOW.after(SECOND)), Some(NOW.after(2 * SECOND)));
    let waits = |until: Option<Timestamp>, deadline: Option<Timestamp>| {
        let [until, deadline] = [until, deadline].map(|time| time.map(Due::At));
        next(&running(), &settle(Ending::Suspended { until, deadline })).state
    };
    let suspended = |waiting| State::Suspended { waiting };
    assert_eq!(waits(None, soon), suspended(Waiting::ProceedBy(NOW.after(SECOND))));
    assert_eq!(waits(later, soon), suspended(Waiting::ProceedBy(NOW.after(SECOND))));
    assert_eq!(waits(soon, later), suspended(Waiting::Until(NOW.after(SECOND))));
    assert_eq!(waits(soon, soon), suspended(Waiting::Until(NOW.after(SECOND))));
}

#[test]
fn a_suspension_fails_at_its_deadline_and_not_before() {
    let waits = run_in(State::Suspended { waiting: Waiting::ProceedBy(NOW) });
    let expired = decide(NOW, &waits, &Event::Expire).expect("its deadline has come");
    assert_eq!(expired.next.state, State::Failed);
    let Some(Ended::Failed(failure)) = expired.effects.ended else { panic!("it has no failure") };
    assert_eq!((failure.cause, failure.attempt), (Cause::Deadline, 4));
    assert_eq!(expired.effects.history.map(|entry| entry.what), Some(Transition::Expired));

    let soon = NOW.after(SECOND);
    let waits = run_in(State::Suspended { waiting: Waiting::ProceedBy(soon) });
    assert_eq!(decide(NOW, &waits, &Event::Expire), Err(IllegalEvent::NotDue { due: soon }));
    assert!(decide(NOW, &running(), &Event::Expire).is_err());
}

fn name(name: &str) -> Key {
    Key::new(name).expect("a name")
}

fn signals(to: &str, n: u32) -> Event {
    Event::Signal { name: name(to), value: value(n), key: None }
}

fn awaits(run: &Run, signal: &str) -> Run {
    let ending = Ending::Awaits { signals: vec![name(signal)], runs: None, until: None, deadline: None };
    next(run, &Event::Settle { epoch: run.epoch, ending })
}

#[test]
fn a_signal_lets_a_run_go_on_only_if_it_is_suspended_for_it() {
    let waits = awaits(&claimed(&run_in(State::Pending { due: NOW })), "approved");
    assert_eq!((waits.state.kind(), &*waits.inbox().awaited), (StateKind::Suspended, &[name("approved")][..]));
    let other = next(&waits, &signals("paid", 1));
    assert_eq!(other.state.kind(), StateKind::Suspended);
    let woken = next(&other, &signals("approved", 2));
    assert_eq!((woken.state.clone(), sent(&woken)), (State::Pending { due: NOW }, vec![1, 2]));
    assert_eq!(woken.inbox().awaited, [], "it waits no more");

    let aside = next(&run_in(State::Suspended { waiting: Waiting::Proceed }), &signals("approved", 2));
    assert_eq!((aside.state.kind(), sent(&aside)), (StateKind::Suspended, vec![2]), "it waits for a proceed");
}

#[test]
fn a_signal_that_came_before_the_wait_ends_it_however_often_it_was_offered() {
    let run = next(&running(), &signals("approved", 1));
    let offered = claimed(&suspends(&run).tap_pending());
    let on = awaits(&offered, "approved");
    assert_eq!(on.state, State::Pending { due: NOW });
    let waits = awaits(&offered, "paid");
    assert_eq!((waits.state.kind(), sent(&waits)), (StateKind::Suspended, vec![1]));
}

impl Run {
    /// The same, due.
    fn tap_pending(self) -> Self {
        Self { state: State::Pending { due: NOW }, ..self }
    }
}

#[test]
fn signals_are_taken_by_their_numbers_and_the_others_stay_in_order() {
    let run = ["a", "b", "a", "b"].iter().zip(1..).fold(running(), |run, (to, n)| next(&run, &signals(to, n)));
    let run = next(&run, &sends(5));
    let saved = |taken| Event::Checkpoint { epoch: run.epoch, seq: 9, changed: None, proves: true, taken };
    assert_eq!(sent(&next(&run, &saved(vec![2, 3]))), [1, 4, 5]);
    assert_eq!(sent(&next(&run, &saved(vec![]))), [1, 2, 3, 4, 5]);
}

#[test]
fn a_signal_that_comes_twice_is_one_and_a_final_run_refuses_it() {
    let key = Some(name("evt_1"));
    let signal = Event::Signal { name: name("approved"), value: value(1), key };
    let once = next(&running(), &signal);
    assert_eq!(decide(NOW, &once, &signal), Err(IllegalEvent::Repeated));
    for state in [State::Completed, State::Failed, State::Cancelled] {
        let refused = IllegalEvent::State { what: "cannot signal", state: state.kind() };
        assert_eq!(decide(NOW, &run_in(state), &signals("approved", 1)), Err(refused));
    }
    let cancelled = next(&run_in(State::Suspended { waiting: Waiting::Proceed }), &signals("approved", 1));
    assert_eq!(next(&cancelled, &Event::Cancel { reason: None }).inbox, None);
}

#[test]
fn a_time_and_a_deadline_end_a_wait_for_a_signal() {
    let until = |until, deadline| {
        let ending = Ending::Awaits { signals: vec![name("approved")], runs: None, until, deadline };
        next(&running(), &settle(ending))
    };
    let goes_on = until(Some(Due::After(SECOND)), None);
    assert_eq!(goes_on.state, State::Suspended { waiting: Waiting::Until(NOW.after(SECOND)) });
    let claimed = decide(NOW.after(SECOND), &goes_on, &Event::Claim { server: SERVER, begins: true }).unwrap().next;
    assert_eq!(claimed.inbox, None, "what says nothing any more goes");
    let fails = until(None, Some(Due::After(SECOND)));
    assert_eq!(fails.deadline(), Some(NOW.after(SECOND)));
    assert_eq!(decide(NOW.after(SECOND), &fails, &Event::Expire).unwrap().next.state, State::Failed);
}
