//! What `decide` says, arrow by arrow; in `properties`, what holds for every run and event.

mod inbox;
mod order;
mod properties;
mod runs_ended;

use std::time::Duration;

use super::*;
use crate::{
    admission::suspects::Blame,
    code::CodeMark,
    envelope::{Codec, Envelope},
    event::Ending,
    failure::{Cause, FailedAttempt},
    history::Actor,
    id::{RunId, ServerId},
    name::{Key, Kind, Queue},
    retry::{Backoff, RetryPolicy},
    run::{Due, Priority},
    shape,
};

const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);
const SERVER: ServerId = ServerId::from_bytes([9; 16]);
const SECOND: Duration = Duration::from_secs(1);

fn value(n: u32) -> Envelope {
    Envelope::encode(&n, Codec::Bincode, 1, shape::fingerprint_of::<u32>()).expect("a number can be encoded")
}

fn new_run() -> NewRun {
    NewRun {
        id: RunId::from_bytes([1; 16]),
        kind: Kind::new("demo").expect("a name"),
        version: 2,
        queue: Queue::default(),
        priority: Priority(3),
        tags: [].into(),
        policy: RetryPolicy::default().attempts(3).crashes(2).backoff(Backoff::Fixed(SECOND * 10)),
        timeout: Some(SECOND * 60),
        due: None,
        constraints: None,
        metadata: value(1),
        execution_metadata: None,
        by: Actor::UNKNOWN,
    }
}

/// At attempt 4, with nothing counted yet.
fn run_in(state: State) -> Run {
    let (run, _) = admit(NOW, &new_run());
    let begun = state.kind() == StateKind::Running;
    Run { state, epoch: Epoch(4), attempts: 4, begun, ..run }
}

fn running() -> Run {
    run_in(State::Running { server: SERVER })
}

fn settle(ending: Ending) -> Event {
    Event::Settle { epoch: Epoch(4), ending }
}

fn failed(cause: Cause) -> Event {
    let failure = FailedAttempt::new(cause, "no route", 4, NOW);
    settle(Ending::Failed { failure, retry_after: None, permanent: false })
}

fn panicked() -> Event {
    settle(Ending::Panicked { failure: FailedAttempt::new(Cause::Panic, "index", 4, NOW) })
}

fn crash(blame: Blame) -> Event {
    Event::Crash { evidence: "killed".into(), blame }
}

fn next(run: &Run, event: &Event) -> Run {
    decide(NOW, run, event).expect("the event is legal here").next
}

fn said(run: &Run, event: &Event) -> Transition {
    let decision = decide(NOW, run, event).expect("the event is legal here");
    decision.effects.history.expect("it is worth telling").what
}

#[test]
fn a_new_run_waits_until_it_is_due() {
    let at = Timestamp::from_micros(5);
    for (due, expected) in [(None, NOW), (Some(Due::At(at)), at), (Some(Due::After(SECOND)), NOW.after(SECOND))] {
        let (run, first) = admit(NOW, &NewRun { due, ..new_run() });
        assert_eq!(run.state, State::Pending { due: expected });
        assert_eq!((run.created, run.since, run.epoch, run.revision), (NOW, NOW, Epoch(0), 1));
        assert_eq!(
            first,
            HistoryEntry { at: NOW, attempt: 0, what: Transition::Enqueued, why: None, by: Actor::UNKNOWN }
        );
    }
}

#[test]
fn a_claim_begins_a_new_attempt() {
    let mut run = run_in(State::Pending { due: NOW });
    (run.seq, run.progressed) = (17, true);
    let next = next(&run, &Event::Claim { server: SERVER, begins: true });
    assert_eq!(next.state, State::Running { server: SERVER });
    assert_eq!((next.epoch, next.seq, next.progressed, next.since), (Epoch(5), 0, false, NOW));
    assert_eq!(said(&run, &Event::Claim { server: SERVER, begins: true }), Transition::Claimed(SERVER));
}

#[test]
fn what_is_not_due_is_not_claimed() {
    let due = NOW.after(Duration::from_micros(1));
    for state in [State::Pending { due }, State::Retrying { due }, State::Suspended { waiting: Waiting::Until(due) }] {
        let refused = decide(NOW, &run_in(state.clone()), &Event::Claim { server: SERVER, begins: true });
        assert_eq!(refused, Err(IllegalEvent::NotDue { due }), "{state:?}");
        assert!(decide(due, &run_in(state), &Event::Claim { server: SERVER, begins: true }).is_ok());
    }
}

#[test]
fn a_checkpoint_with_a_new_value_clears_a_run_of_its_crashes() {
    let mut run = running();
    (run.suspicion, run.counts.crashes, run.counts.restarts_without_progress) = (3, 1, 7);
    let same =
        next(&run, &Event::Checkpoint { epoch: Epoch(4), seq: 1, changed: None, proves: true, taken: Vec::new() });
    assert_eq!((same.seq, same.progressed, same.suspicion, same.counts), (1, false, 3, run.counts));

    let other =
        next(&run, &Event::Checkpoint { epoch: Epoch(4), seq: 2, changed: Some(5), proves: true, taken: Vec::new() });
    assert_eq!((other.seq, other.progressed, other.suspicion, other.version), (2, true, 0, 5));
    assert_eq!((other.counts.crashes, other.counts.restarts_without_progress), (0, 0));
    let older =
        next(&run, &Event::Checkpoint { epoch: Epoch(4), seq: 2, changed: Some(1), proves: true, taken: Vec::new() });
    assert_eq!(older.version, 2, "the metadata is still of version 2");
}

#[test]
fn a_checkpoint_that_comes_late_is_told_apart_from_one_that_lost_its_claim() {
    let run = Run { seq: 3, ..running() };
    let late = |epoch, seq| {
        decide(
            NOW,
            &run,
            &Event::Checkpoint { epoch: Epoch(epoch), seq, changed: None, proves: true, taken: Vec::new() },
        )
    };
    assert_eq!(late(4, 3), Err(IllegalEvent::Superseded { found: 3, current: 3 }));
    let lost = IllegalEvent::EpochLost { found: Epoch(3), current: Epoch(4), state: StateKind::Running };
    assert_eq!(late(3, 9), Err(lost));
}

#[test]
fn each_ending_leads_to_its_state() {
    let until = NOW.after(SECOND * 60);
    let arrows = [
        (settle(Ending::Completed { result: value(7) }), State::Completed, Transition::Completed),
        (
            settle(Ending::Suspended { until: None, deadline: None }),
            State::Suspended { waiting: Waiting::Proceed },
            Transition::Suspended,
        ),
        (
            settle(Ending::Suspended { until: Some(Due::At(until)), deadline: None }),
            State::Suspended { waiting: Waiting::Until(until) },
            Transition::Suspended,
        ),
        (failed(Cause::Error), State::Retrying { due: NOW.after(SECOND * 10) }, Transition::Failed),
        (failed(Cause::Timeout), State::Retrying { due: NOW.after(SECOND * 10) }, Transition::TimedOut),
        (panicked(), State::Retrying { due: NOW.after(SECOND * 10) }, Transition::Panicked),
        (settle(Ending::Interrupted { why: "deploy".into() }), State::Pending { due: NOW }, Transition::Interrupted),
        (settle(Ending::Cancelled { reason: None, error: None }), State::Cancelled, Transition::Cancelled),
        (
            settle(Ending::Incompatible { why: "bytes".into(), by: CodeMark(3) }),
            State::Incompatible { by: CodeMark(3) },
            Transition::Parked,
        ),
        (settle(Ending::Returned), State::Pending { due: NOW }, Transition::Returned),
        (crash(Blame::Shared), State::Pending { due: NOW }, Transition::Crashed),
    ];
    for (event, state, transition) in arrows {
        assert_eq!(next(&running(), &event).state, state, "{event:?}");
        assert_eq!(said(&running(), &event), transition);
    }
}

#[test]
fn a_failure_may_say_when_or_that_never() {
    let failure = FailedAttempt::new(Cause::Error, "busy", 4, NOW);
    let later = Ending::Failed { failure: failure.clone(), retry_after: Some(SECOND * 99), permanent: false };
    assert_eq!(next(&running(), &settle(later)).state, State::Retrying { due: NOW.after(SECOND * 99) });
    let never = settle(Ending::Failed { failure: failure.clone(), retry_after: Some(SECOND), permanent: true });
    let decision = decide(NOW, &running(), &never).expect("the attempt holds the run");
    assert_eq!(decision.next.state, State::Failed);
    assert_eq!(decision.effects.ended, Some(Ended::Failed(failure)));
}

#[test]
fn the_last_attempt_that_the_policy_allows_is_the_last() {
    let mut run = running();
    for failures in 1..=2 {
        run.counts.failures = failures - 1;
        assert_eq!(next(&run, &failed(Cause::Error)).state.kind(), StateKind::Retrying);
    }
    run.counts.failures = 2;
    let last = next(&run, &failed(Cause::Error));
    assert_eq!((last.state.clone(), last.counts.failures), (State::Failed, 3));
    assert_eq!(said(&run, &failed(Cause::Error)), Transition::GaveUp);
}

#[test]
fn only_a_failure_or_a_panic_under_such_a_policy_goes_back_to_the_start() {
    let mut run = running();
    run.policy = run.policy.from_the_start();
    let reset = |run: &Run, event: &Event| decide(NOW, run, event).expect("legal").effects.reset;
    assert!(reset(&run, &failed(Cause::Error)) && reset(&run, &panicked()));
    for event in [
        settle(Ending::Interrupted { why: "deploy".into() }),
        settle(Ending::Suspended { until: None, deadline: None }),
        crash(Blame::Alone),
    ] {
        assert!(!reset(&run, &event), "{event:?}");
    }
    assert!(!reset(&running(), &failed(Cause::Error)));
}

#[test]
fn a_death_counts_against_a_run_that_had_begun_and_saved_nothing() {
    let counted = |begun, progressed| {
        let run = Run { begun, progressed, ..running() };
        let next = next(&run, &crash(Blame::Shared));
        (next.suspicion, next.counts, next.last_end)
    };
    let restarted = Counts { restarts_without_progress: 1, ..Counts::default() };
    assert_eq!(counted(true, false), (1, restarted, LastEnd::Crashed));
    assert_eq!(counted(true, true), (0, Counts::default(), LastEnd::Crashed));
    assert_eq!(counted(false, false), (0, Counts::default(), LastEnd::Never));
    assert_eq!(said(&Run { begun: false, ..running() }, &crash(Blame::Shared)), Transition::Returned);
}

#[test]
fn of_suspects_that_die_together_the_likeliest_comes_nearer_to_its_last_try() {
    let after = |suspicion, blame| {
        let mut run = running();
        (run.suspicion, run.policy.crashes_max) = (suspicion, 3);
        next(&run, &crash(blame)).suspicion
    };
    assert_eq!([0, 1].map(|suspicion| after(suspicion, Blame::Shared)), [1, 2]);
    assert_eq!(after(2, Blame::Shared), 2);
    assert_eq!(after(2, Blame::Latest { above: 2 }), 3);
    assert_eq!(after(2, Blame::Latest { above: 4 }), 5);
    assert_eq!(after(3, Blame::Latest { above: 3 }), 4);
    assert_eq!(after(3, Blame::Shared), 3);
}

#[test]
fn only_a_death_at_its_last_try_while_it_was_alone_quarantines_a_run() {
    let mut run = running();
    run.suspicion = 2;
    assert_eq!(next(&run, &crash(Blame::Shared)).state.kind(), StateKind::Pending);
    assert_eq!(next(&run, &crash(Blame::Latest { above: 9 })).state.kind(), StateKind::Pending);
    let decision = decide(NOW, &run, &crash(Blame::Alone)).expect("it runs");
    assert_eq!((decision.next.state, decision.next.suspicion), (State::Failed, 0));
    let Some(Ended::Failed(failure)) = decision.effects.ended else { panic!("no failure was kept") };
    assert_eq!((failure.cause, failure.attempt), (Cause::Crash, 4));
    assert!(failure.message.starts_with("killed; it is one of several crashes in a row"), "{}", failure.message);

    run.suspicion = 1;
    assert_eq!(next(&run, &crash(Blame::Alone)).state.kind(), StateKind::Pending, "it was not at its last try");
    run.counts.crashes = 1;
    let panicked = decide(NOW, &run, &panicked()).expect("the attempt holds the run");
    assert_eq!(panicked.next.state, State::Failed);
    assert!(matches!(panicked.effects.ended, Some(Ended::Failed(failure)) if &*failure.message == "index"));
}

#[test]
fn an_attempt_is_an_execution_that_began() {
    let waiting = run_in(State::Pending { due: NOW });
    let counts = |run: &Run| (run.epoch.0, run.attempts, run.begun, run.attempt());
    let ahead = next(&waiting, &Event::Claim { server: SERVER, begins: false });
    assert_eq!(counts(&ahead), (5, 4, false, 5));
    let epoch = ahead.epoch;
    for given_back in [Ending::Returned, Ending::Incompatible { why: "bytes".into(), by: CodeMark(3) }] {
        let back = next(&ahead, &Event::Settle { epoch, ending: given_back.clone() });
        assert_eq!(counts(&back), (5, 4, false, 4));
        let begun = next(&waiting, &Event::Claim { server: SERVER, begins: true });
        assert_eq!(counts(&begun), (5, 5, true, 5));
        let back = next(&begun, &Event::Settle { epoch, ending: given_back });
        assert_eq!(counts(&back), (5, 4, false, 4));
    }
    let begun = next(&ahead, &Event::Begin { epoch });
    assert_eq!(counts(&begun), (5, 5, true, 5));
    assert!(decide(NOW, &begun, &Event::Begin { epoch }).is_err());
    assert!(matches!(decide(NOW, &ahead, &Event::Begin { epoch: Epoch(4) }), Err(IllegalEvent::EpochLost { .. })));
    // What saves something has begun, whether that was told or not.
    let saved = next(&ahead, &Event::Checkpoint { epoch, seq: 1, changed: None, proves: true, taken: Vec::new() });
    assert_eq!(counts(&saved), (5, 5, true, 5));
    let ended = next(&ahead, &Event::Settle { epoch, ending: Ending::Interrupted { why: "deploy".into() } });
    assert_eq!(counts(&ended), (5, 5, false, 5));
}

#[test]
fn a_panic_after_a_new_checkpoint_is_not_counted() {
    let next = next(&Run { progressed: true, ..running() }, &panicked());
    assert_eq!((next.state.kind(), next.counts), (StateKind::Retrying, Counts::default()));
    assert_eq!(next.last_end, LastEnd::Crashed);
}

#[test]
fn a_proceed_lets_a_suspended_run_go_on_now_or_later() {
    let suspended = run_in(State::Suspended { waiting: Waiting::Proceed });
    let at = NOW.after(SECOND);
    let proceed = |at, replaced| next(&suspended, &Event::Proceed { at, replaced, value: None, key: None });
    assert_eq!(proceed(None, None).state, State::Pending { due: NOW });
    assert_eq!(proceed(Some(at), None).state, State::Pending { due: at });
    assert_eq!(
        (proceed(None, None).version, proceed(None, Some(1)).version, proceed(None, Some(9)).version),
        (2, 2, 9)
    );
}

#[test]
fn a_proceed_of_a_running_run_is_used_up_by_its_next_suspension() {
    let kept = next(&running(), &Event::Proceed { at: None, replaced: None, value: None, key: None });
    assert_eq!(kept.pending_proceed, Some(PendingProceed::AtOnce));
    let on = next(&kept, &settle(Ending::Suspended { until: None, deadline: None }));
    assert_eq!((on.state, on.pending_proceed, on.counts.suspensions), (State::Pending { due: NOW }, None, 1));

    // With a time it is kept for then; of several, the earliest counts.
    let (soon, later) = (NOW.after(SECOND), NOW.after(2 * SECOND));
    let suspends = |run: &Run, at| {
        let kept = next(run, &Event::Proceed { at, replaced: None, value: None, key: None });
        next(&kept, &settle(Ending::Suspended { until: None, deadline: None })).state
    };
    assert_eq!(suspends(&running(), Some(later)), State::Pending { due: later });
    let for_later = next(&running(), &Event::Proceed { at: Some(later), replaced: None, value: None, key: None });
    for (at, due) in [(None, NOW), (Some(soon), soon), (Some(later.after(SECOND)), later)] {
        assert_eq!(suspends(&for_later, at), State::Pending { due });
    }
    assert_eq!(suspends(&kept, Some(soon)), State::Pending { due: NOW });

    let other = decide(NOW, &running(), &Event::Proceed { at: None, replaced: Some(1), value: None, key: None });
    assert_eq!(other, Err(IllegalEvent::State { what: "cannot proceed", state: StateKind::Running }));
}

#[test]
fn a_cancellation_wins_over_every_ending_but_a_result() {
    let reason = Some("too dear".into());
    let asked = decide(NOW, &running(), &Event::Cancel { reason }).expect("it is not final");
    assert!(asked.effects.order);
    let asked = asked.next;
    assert_eq!(asked.state.kind(), StateKind::Running);
    let endings = [
        settle(Ending::Suspended { until: None, deadline: None }),
        failed(Cause::Error),
        panicked(),
        settle(Ending::Interrupted { why: "deploy".into() }),
        settle(Ending::Incompatible { why: "bytes".into(), by: CodeMark(3) }),
        settle(Ending::Returned),
        settle(Ending::Cancelled { reason: None, error: None }),
        crash(Blame::Alone),
    ];
    for event in endings {
        let decision = decide(NOW, &asked, &event).expect("it runs");
        assert_eq!((decision.next.state, decision.next.request), (State::Cancelled, None), "{event:?}");
        let reason = Some("too dear".into());
        assert_eq!(decision.effects.ended, Some(Ended::Cancelled { reason, error: None }), "{event:?}");
    }
    assert_eq!(next(&asked, &settle(Ending::Completed { result: value(7) })).state, State::Completed);
}

#[test]
fn a_cancellation_that_is_asked_for_again_keeps_the_reason_that_was_given() {
    let cancel = |reason: Option<&str>| Event::Cancel { reason: reason.map(Into::into) };
    let asked = next(&running(), &cancel(Some("too dear")));
    let reason = |run: &Run| run.request.as_ref().and_then(|asked| asked.reason().map(str::to_owned));
    assert_eq!(reason(&next(&asked, &cancel(None))).as_deref(), Some("too dear"));
    assert_eq!(reason(&next(&asked, &cancel(Some("by the customer")))).as_deref(), Some("by the customer"));
    // The reason of a suspension is none of a cancellation.
    let suspended = next(&running(), &Event::Suspend { reason: Some("maintenance".into()) });
    assert_eq!(reason(&next(&suspended, &cancel(None))), None);
}

#[test]
fn a_run_that_is_being_cancelled_is_not_put_aside() {
    let asked = next(&running(), &Event::Cancel { reason: None });
    let refused = decide(NOW, &asked, &Event::Suspend { reason: None });
    assert_eq!(refused, Err(IllegalEvent::BeingCancelled));
}

#[test]
fn hasten_brings_forward_what_waits_for_a_time() {
    let due = NOW.after(SECOND);
    assert_eq!(next(&run_in(State::Pending { due }), &Event::RunNow).state, State::Pending { due: NOW });
    assert_eq!(next(&run_in(State::Retrying { due }), &Event::RunNow).state, State::Retrying { due: NOW });
    assert_eq!(
        next(&run_in(State::Incompatible { by: CodeMark(1) }), &Event::RunNow).state,
        State::Pending { due: NOW }
    );
    let refused = decide(NOW, &run_in(State::Pending { due: NOW }), &Event::RunNow).unwrap_err();
    assert_eq!(refused.to_string(), "cannot run now a run that is pending");
}

#[test]
fn what_waits_for_a_claim_can_be_given_another_time_and_what_is_not_final_another_priority() {
    let (soon, later) = (NOW.after(SECOND), NOW.after(SECOND * 9));
    let reschedule = Event::Reschedule { at: later };
    assert_eq!(next(&run_in(State::Pending { due: soon }), &reschedule).state, State::Pending { due: later });
    assert_eq!(next(&run_in(State::Retrying { due: soon }), &reschedule).state, State::Retrying { due: later });
    let refused = decide(NOW, &running(), &reschedule).unwrap_err();
    assert_eq!(refused.to_string(), "cannot reschedule a run that is running");

    let forward = Event::Prioritise { priority: Priority(9) };
    for state in [State::Pending { due: soon }, running().state, State::Suspended { waiting: Waiting::Proceed }] {
        let moved = next(&run_in(state.clone()), &forward);
        assert_eq!((moved.priority, moved.state), (Priority(9), state));
    }
    assert!(decide(NOW, &run_in(State::Failed), &forward).is_err());
}

#[test]
fn a_run_that_is_put_aside_waits_for_a_proceed_however_its_attempt_ends() {
    let suspend = Event::Suspend { reason: Some("maintenance".into()) };
    let aside = State::Suspended { waiting: Waiting::Proceed };
    for state in [State::Pending { due: NOW }, State::Retrying { due: NOW }] {
        assert_eq!(next(&run_in(state), &suspend).state, aside);
    }
    let asked = decide(NOW, &running(), &suspend).expect("it runs");
    assert!(asked.effects.order);
    let asked = asked.next;
    let endings = [
        settle(Ending::Interrupted { why: "told to stop".into() }),
        settle(Ending::Suspended { until: Some(Due::At(NOW)), deadline: None }),
        settle(Ending::Returned),
        failed(Cause::Error),
        panicked(),
        crash(Blame::Alone),
    ];
    for event in endings {
        let after = next(&asked, &event);
        assert_eq!((after.state, after.request), (aside.clone(), None), "{event:?}");
    }
    let interrupted = next(&asked, &settle(Ending::Interrupted { why: "told to stop".into() }));
    assert_eq!((interrupted.counts.interruptions, interrupted.last_end), (0, LastEnd::Suspended));
    assert_eq!(next(&asked, &settle(Ending::Completed { result: value(7) })).state, State::Completed);
    assert!(decide(NOW, &asked, &suspend).is_err() && decide(NOW, &run_in(aside), &suspend).is_err());

    // A cancellation overrules it, and a proceed undoes it.
    let cancelled = next(&next(&asked, &Event::Cancel { reason: None }), &crash(Blame::Alone));
    assert_eq!(cancelled.state, State::Cancelled);
    let proceeded = next(&asked, &Event::Proceed { at: None, replaced: None, value: None, key: None });
    for event in [failed(Cause::Error), settle(Ending::Interrupted { why: "told to stop".into() })] {
        assert!(next(&proceeded, &event).state.due().is_some(), "{event:?}");
    }
    let suspends = next(&proceeded, &settle(Ending::Suspended { until: None, deadline: None }));
    assert_eq!(suspends.state.kind(), StateKind::Suspended, "the proceed was used up");
    let later =
        decide(NOW, &asked, &Event::Proceed { at: Some(NOW.after(SECOND)), replaced: None, value: None, key: None });
    let refused = IllegalEvent::State { what: "cannot proceed at a later time", state: StateKind::Running };
    assert_eq!(later, Err(refused));

    // A proceed from before waits for the task's own suspension.
    let kept = next(&next(&running(), &Event::Proceed { at: None, replaced: None, value: None, key: None }), &suspend);
    let kept = next(&kept, &settle(Ending::Interrupted { why: "told to stop".into() }));
    assert_eq!((kept.state.kind(), kept.pending_proceed), (StateKind::Suspended, Some(PendingProceed::AtOnce)));
}

#[test]
fn only_what_was_asked_of_a_run_that_has_not_begun_can_be_replaced() {
    let later = NOW.after(SECOND);
    let (waits, _) = admit(NOW, &new_run());
    let replace = |due| Event::Replace { version: 7, priority: Priority(1), due, expires: None };
    let replaced = next(&waits, &replace(Some(later)));
    assert_eq!((replaced.version, replaced.priority, replaced.state), (7, Priority(1), State::Pending { due: later }));
    assert_eq!(next(&waits, &replace(None)).state, waits.state);
    assert!(decide(NOW, &run_in(State::Pending { due: NOW }), &replace(None)).is_err(), "it has begun");
    let aside = Run { state: State::Suspended { waiting: Waiting::Proceed }, ..waits.clone() };
    assert_eq!(next(&aside, &replace(Some(later))).state, aside.state, "whoever put it aside lets it go on");
    assert_eq!(next(&aside, &replace(Some(later))).version, 7);
    assert!(decide(NOW, &running(), &replace(None)).is_err());
}

/// One that is to begin within a second.
fn expiring() -> Run {
    let constraints = crate::Constraints { expires: Some(Due::After(SECOND)), ..crate::Constraints::default() };
    admit(NOW, &NewRun { constraints: Some(constraints.into()), ..new_run() }).0
}

#[test]
fn a_run_that_has_not_begun_when_it_expires_is_cancelled_and_one_that_has_is_not() {
    let (then, waits) = (NOW.after(SECOND), expiring());
    assert_eq!((waits.expires(), waits.deadline()), (Some(then), Some(then)));
    assert!(matches!(decide(NOW, &waits, &Event::Expire), Err(IllegalEvent::NotDue { due }) if due == then));
    let expired = decide(then, &waits, &Event::Expire).expect("its time has passed");
    assert_eq!(expired.next.state, State::Cancelled);
    assert_eq!(expired.effects.ended, Some(Ended::Cancelled { reason: Some("expired".into()), error: None }));
    assert_eq!(expired.effects.history.map(|entry| entry.what), Some(Transition::Expired));

    let claim = Event::Claim { server: SERVER, begins: false };
    assert!(decide(then, &waits, &claim).is_err(), "it is too late to begin");
    let claimed = next(&waits, &claim);
    assert_eq!(claimed.deadline(), None, "its server is about to begin");
    let ends = |run: &Run, ending| Event::Settle { epoch: run.epoch, ending };
    let returned = next(&claimed, &ends(&claimed, Ending::Returned));
    assert_eq!(returned.expires(), Some(then), "it was not begun after all");
    let begun = next(&claimed, &Event::Begin { epoch: claimed.epoch });
    let interrupted = next(&begun, &ends(&begun, Ending::Interrupted { why: "shutdown".into() }));
    assert_eq!((interrupted.state.kind(), interrupted.deadline()), (StateKind::Pending, None));
}

#[test]
fn what_takes_the_place_of_a_request_says_when_it_expires() {
    let replace = |expires| Event::Replace { version: 1, priority: Priority(0), due: None, expires };
    let later = NOW.after(9 * SECOND);
    assert_eq!(next(&expiring(), &replace(Some(later))).expires(), Some(later));
    let lasting = next(&expiring(), &replace(None));
    assert_eq!((lasting.expires(), lasting.constraints), (None, None));
}

#[test]
fn a_parked_run_gets_a_new_chance_and_no_other_does() {
    let parked = run_in(State::Incompatible { by: CodeMark(1) });
    assert_eq!(next(&parked, &Event::ReleaseIncompatible).state, State::Pending { due: NOW });
    for state in [State::Pending { due: NOW }, State::Failed, State::Suspended { waiting: Waiting::Proceed }] {
        assert!(decide(NOW, &run_in(state), &Event::ReleaseIncompatible).is_err());
    }
}

#[test]
fn a_final_run_is_retried_as_one_run_and_a_live_one_as_none() {
    let [one, other] = [1, 2].map(|n| RunId::from_bytes([n; 16]));
    for state in [State::Completed, State::Failed, State::Cancelled] {
        let retried = next(&run_in(state.clone()), &Event::Retry { successor: one });
        assert_eq!(
            (retried.state.clone(), retried.lineage.successor, retried.lineage.retried),
            (state, Some(one), Some(NOW))
        );
        for again in [one, other] {
            let refused = decide(NOW, &retried, &Event::Retry { successor: again });
            assert_eq!(refused, Err(IllegalEvent::Retried { successor: one }));
        }
    }
    for run in [running(), run_in(State::Pending { due: NOW }), run_in(State::Incompatible { by: CodeMark(1) })] {
        assert!(matches!(decide(NOW, &run, &Event::Retry { successor: one }), Err(IllegalEvent::State { .. })));
    }
}

#[test]
fn only_a_run_that_runs_cannot_be_deleted() {
    let refused = IllegalEvent::State { what: "cannot delete", state: StateKind::Running };
    assert_eq!(decide(NOW, &running(), &Event::Delete), Err(refused));
    let waiting = Waiting::Proceed;
    for state in [
        State::Pending { due: NOW },
        State::Retrying { due: NOW },
        State::Suspended { waiting },
        State::Incompatible { by: CodeMark(1) },
        State::Completed,
        State::Failed,
        State::Cancelled,
    ] {
        assert!(decide(NOW, &run_in(state), &Event::Delete).expect("it does not run").effects.remove);
    }
}

#[test]
fn reasons_are_cut_where_they_enter() {
    let reason: Box<str> = "ß".repeat(1000).into();
    let decision = decide(NOW, &running(), &Event::Cancel { reason: Some(reason) }).expect("it is not final");
    let Some(StopRequest::Cancel { reason: Some(kept) }) = decision.next.request else { panic!("no request") };
    assert_eq!(kept.len(), REASON_MAX);
    assert_eq!(decision.effects.history.and_then(|entry| entry.why).map(|why| why.len()), Some(REASON_MAX));
}
