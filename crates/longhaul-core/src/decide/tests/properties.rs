//! What holds for every run and every event.

use proptest::prelude::*;

use super::*;
use crate::{
    family::{AwaitedEnd, AwaitedRuns, ChildCounts, Struck},
    limits::INBOX_MAX,
};

/// What happens, with epochs and times relative to the run that it happens to.
#[derive(Clone, Debug)]
struct Happening {
    event: Event,
    /// How many attempts ago the writer began; 0: it is the latest.
    behind: u32,
    /// The clock moved so far before.
    later: Duration,
}

impl Happening {
    /// The event as it comes to `run`.
    fn on(&self, run: &Run) -> Event {
        let writer = Epoch(run.epoch.0.saturating_sub(self.behind));
        match self.event.clone() {
            Event::Checkpoint { seq, changed, proves, taken, .. } => {
                let last = run.inbox().last;
                let taken = taken.iter().map(|back| last.saturating_sub(*back)).collect();
                Event::Checkpoint { epoch: writer, seq: run.seq + seq, changed, proves, taken }
            }
            Event::Settle { ending, .. } => Event::Settle { epoch: writer, ending },
            Event::Begin { .. } => Event::Begin { epoch: writer },
            event => event,
        }
    }
}

fn signal() -> impl Strategy<Value = Key> {
    (0..3_u8).prop_map(|n| Key::new(&format!("signal {n}")).expect("a name"))
}

fn awaited_runs() -> impl Strategy<Value = AwaitedRuns> {
    let open = proptest::collection::vec((0..4_u8).prop_map(|n| RunId::from_bytes([n; 16])), 1..4);
    prop_oneof![
        Just(AwaitedRuns::AllChildren),
        (0..3_u64).prop_map(|seen| AwaitedRuns::AnyChild { seen }),
        (open, any::<bool>()).prop_map(|(open, any)| AwaitedRuns::Runs { open, any }),
    ]
}

fn awaited_end() -> impl Strategy<Value = AwaitedEnd> {
    let state = prop_oneof![Just(None), Just(Some(StateKind::Completed)), Just(Some(StateKind::Failed)),];
    ((0..4_u8), state).prop_map(|(n, state)| AwaitedEnd { id: RunId::from_bytes([n; 16]), state })
}

fn ending() -> impl Strategy<Value = Ending> {
    let failure = |cause| FailedAttempt::new(cause, "no route", 0, NOW);
    let wait = || proptest::option::of((0..100_u64).prop_map(Duration::from_secs));
    prop_oneof![
        Just(Ending::Completed { result: value(7) }),
        (wait(), wait()).prop_map(|(wait, deadline)| Ending::Suspended {
            until: wait.map(|wait| Due::At(NOW.after(wait))),
            deadline: deadline.map(Due::After),
        }),
        (proptest::collection::vec(signal(), 0..2), proptest::option::of(awaited_runs()), wait(), wait()).prop_map(
            |(signals, runs, wait, deadline)| Ending::Awaits {
                signals,
                runs,
                until: wait.map(Due::After),
                deadline: deadline.map(Due::After),
            }
        ),
        (any::<bool>(), wait(), proptest::bool::weighted(0.1)).prop_map(move |(error, retry_after, permanent)| {
            let cause = if error { Cause::Error } else { Cause::Timeout };
            Ending::Failed { failure: failure(cause), retry_after, permanent }
        }),
        Just(Ending::Cancelled { reason: None, error: None }),
        Just(Ending::Panicked { failure: failure(Cause::Panic) }),
        Just(Ending::Interrupted { why: "deploy".into() }),
        (0..3_u32).prop_map(|by| Ending::Incompatible { why: "bytes".into(), by: CodeMark(by) }),
        Just(Ending::Returned),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let version = || proptest::option::of(1..4_u16);
    prop_oneof![
        6 => any::<bool>().prop_map(|begins| Event::Claim { server: SERVER, begins }),
        2 => Just(Event::Begin { epoch: Epoch(0) }),
        3 => (0..3_u32, version(), any::<bool>(), proptest::collection::vec(0..9_u64, 0..4)).prop_map(|(seq, changed, proves, taken)| {
            Event::Checkpoint { epoch: Epoch(0), seq, changed, proves, taken }
        }),
        4 => ending().prop_map(|ending| Event::Settle { epoch: Epoch(0), ending }),
        2 => prop_oneof![Just(Blame::Shared), Just(Blame::Latest { above: 2 }), Just(Blame::Alone)].prop_map(crash),
        2 => version().prop_map(|replaced| Event::Proceed { at: None, replaced, value: None, key: None }),
        3 => (proptest::option::of(0..100_u64), proptest::option::of(0..3_u8)).prop_map(|(wait, key)| Event::Proceed {
            at: wait.map(|wait| NOW.after(Duration::from_secs(wait))),
            replaced: None,
            value: Some(value(7)),
            key: key.map(|key| Key::new(&format!("event {key}")).expect("a key")),
        }),
        2 => (signal(), proptest::option::of(0..3_u8)).prop_map(|(name, key)| Event::Signal {
            name,
            value: value(8),
            key: key.map(|key| Key::new(&format!("event {key}")).expect("a key")),
        }),
        3 => (0..3_u64, 0..3_u64, proptest::collection::vec(awaited_end(), 0..3)).prop_map(|(total, completed, ended)| {
            let completed = completed.min(total);
            Event::RunsEnded { children: ChildCounts { total, completed, ends: completed, ..ChildCounts::default() }, ended }
        }),
        1 => Just(Event::Expire),
        1 => Just(Event::Cancel { reason: None }),
        1 => Just(Event::RunNow),
        1 => (0..9_u64).prop_map(|wait| Event::Reschedule { at: NOW.after(Duration::from_secs(wait)) }),
        1 => any::<i8>().prop_map(|priority| Event::Prioritise { priority: Priority(priority) }),
        2 => Just(Event::Suspend { reason: None }),
        1 => version().prop_map(|version| Event::Replace {
            version: version.unwrap_or(1),
            priority: Priority(0),
            due: version.map(|_| NOW),
            expires: version.map(|_| NOW.after(Duration::from_secs(20))),
        }),
        1 => Just(Event::ReleaseIncompatible),
        1 => Just(Event::TakeTurn),
        1 => Just(Event::Dismiss),
        1 => Just(Event::CloseBatch),
        1 => any::<[u8; 16]>().prop_map(|id| Event::Retry { successor: RunId::from_bytes(id) }),
    ]
}

fn happening() -> impl Strategy<Value = Happening> {
    let behind = prop_oneof![9 => Just(0_u32), 1 => 1..4_u32];
    (event(), behind, 0..30_u64).prop_map(|(event, behind, later)| Happening {
        event,
        behind,
        later: Duration::from_secs(later),
    })
}

/// A life: what was decided at each step that was legal, and when.
fn live(happenings: &[Happening]) -> Vec<(Run, Event, Timestamp, Decision)> {
    let (mut run, _) = admit(NOW, &new_run());
    let mut now = NOW;
    let mut life = Vec::new();
    for happening in happenings {
        now = now.after(happening.later);
        let event = happening.on(&run);
        if let Ok(decision) = decide(now, &run, &event) {
            let before = std::mem::replace(&mut run, decision.next.clone());
            life.push((before, event, now, decision));
        }
    }
    life
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    proptest::collection::vec(happening(), 1..60)
}

proptest! {
    #[test]
    fn a_final_run_stays_as_it_is_but_that_it_may_be_retried_once_and_deleted(lived in happenings(), event in event()) {
        for state in [State::Completed, State::Failed, State::Cancelled] {
            let before = live(&lived).pop().map_or_else(running, |(_, _, _, decision)| decision.next);
            // A run that is final waits for none.
            let run = Run { state, awaits: None, ..before };
            match (decide(NOW, &run, &event), &event) {
                (Err(_), _) => {}
                (Ok(Decision { next, effects }), Event::Retry { successor }) => {
                    prop_assert_eq!(run.lineage.successor, None);
                    prop_assert_eq!(next.lineage.successor, Some(*successor));
                    let unchanged = Run { lineage: run.lineage, revision: run.revision, ..next };
                    prop_assert_eq!((unchanged, effects.ended, effects.remove), (run.clone(), None, false));
                }
                (Ok(decision), _) => prop_assert!(false, "{:?}", decision),
            }
            let epoch = run.epoch;
            for late in [
                Event::Checkpoint { epoch, seq: 99, changed: Some(1), proves: true, taken: Vec::new() },
                Event::Settle { epoch, ending: Ending::Completed { result: value(8) } },
            ] {
                let lost = matches!(decide(NOW, &run, &late), Err(IllegalEvent::EpochLost { .. }));
                prop_assert!(lost, "{:?}", late);
            }
            prop_assert!(decide(NOW, &run, &Event::Delete).expect("it is final").effects.remove);
        }
    }

    #[test]
    fn an_attempt_that_is_not_the_latest_changes_nothing(lived in happenings(), ending in ending(), behind in 1..5_u32) {
        let run = live(&lived).pop().map_or_else(running, |(_, _, _, decision)| decision.next);
        for epoch in [Epoch(run.epoch.0.saturating_sub(behind)), Epoch(run.epoch.0 + behind)] {
            prop_assume!(epoch != run.epoch);
            let settled = decide(NOW, &run, &Event::Settle { epoch, ending: ending.clone() });
            let saved = decide(NOW, &run, &Event::Checkpoint { epoch, seq: 99, changed: Some(1), proves: true, taken: Vec::new() });
            for refused in [settled, saved] {
                let lost = matches!(refused, Err(IllegalEvent::EpochLost { .. }));
                prop_assert!(lost, "{:?}", refused);
            }
        }
    }

    #[test]
    fn the_epoch_grows_with_each_claim_and_with_nothing_else(lived in happenings()) {
        for (before, event, _, Decision { next, .. }) in live(&lived) {
            let claimed = u32::from(matches!(event, Event::Claim { .. }));
            prop_assert_eq!(next.epoch, Epoch(before.epoch.0 + claimed));
        }
    }

    #[test]
    fn the_revision_grows_with_each_decision(lived in happenings()) {
        for (before, _, _, Decision { next, .. }) in live(&lived) {
            prop_assert!(next.revision > before.revision);
        }
    }

    #[test]
    fn what_was_asked_for_never_changes(lived in happenings()) {
        let (first, _) = admit(NOW, &new_run());
        for (before, event, _, Decision { next, .. }) in live(&lived) {
            let asked = |run: &Run| (run.id, run.kind.clone(), run.queue.clone(), run.policy.clone(), run.timeout, run.created);
            prop_assert_eq!(asked(&next), asked(&first));
            let replaced = matches!(event, Event::Replace { .. });
            prop_assert!(next.version >= before.version || replaced);
            let moved = replaced || matches!(event, Event::Prioritise { .. });
            prop_assert!(next.priority == before.priority || moved);
        }
    }

    #[test]
    fn interruptions_and_suspensions_are_never_counted_as_failures_or_crashes(lived in happenings()) {
        for (before, event, _, Decision { next, .. }) in live(&lived) {
            let Event::Settle { ending: Ending::Interrupted { .. } | Ending::Suspended { .. } | Ending::Returned, .. } = event
            else { continue };
            prop_assert_eq!(next.counts.failures, before.counts.failures);
            prop_assert_eq!(next.counts.crashes, before.counts.crashes);
            prop_assert_ne!(next.state, State::Failed);
        }
    }

    #[test]
    fn a_run_fails_only_for_a_deadline_and_for_failures_and_crashes_that_its_policy_no_longer_allows(lived in happenings()) {
        for (before, event, _, Decision { next, effects }) in live(&lived) {
            if next.state != State::Failed || before.state == State::Failed {
                continue;
            }
            let permanent = matches!(event, Event::Settle { ending: Ending::Failed { permanent: true, .. }, .. });
            let used_up = next.counts.failures >= next.policy.attempts_max || next.counts.crashes >= next.policy.crashes_max
                || matches!(event, Event::Crash { blame: Blame::Alone, .. });
            let expired = matches!(event, Event::Expire);
            prop_assert!(permanent || used_up || expired, "{:?}", next.counts);
            prop_assert!(matches!(effects.ended, Some(Ended::Failed(_))));
        }
    }

    #[test]
    fn a_result_wins_over_a_cancellation_and_a_cancellation_over_all_else(lived in happenings()) {
        for (before, event, _, Decision { next, .. }) in live(&lived) {
            match event {
                Event::Settle { ending: Ending::Completed { .. }, .. } => prop_assert_eq!(next.state, State::Completed),
                Event::Settle { .. } | Event::Crash { .. }
                    if matches!(before.request, Some(StopRequest::Cancel { .. })) =>
                {
                    prop_assert_eq!(next.state, State::Cancelled);
                }
                _ if matches!(before.request, Some(StopRequest::Cancel { .. })) => {
                    prop_assert_eq!(next.request, before.request, "a cancellation is not forgotten");
                }
                _ => {}
            }
        }
    }

    #[test]
    fn a_request_belongs_to_an_attempt_that_runs(lived in happenings()) {
        for (_, _, _, Decision { next, .. }) in live(&lived) {
            prop_assert!(next.request.is_none() || next.state.kind() == StateKind::Running);
        }
    }

    /// A proceed that came while the run was running is there until the run suspends, which it then does not, or ends.
    #[test]
    fn a_proceed_that_is_kept_is_never_lost(lived in happenings()) {
        for (before, event, now, Decision { next, .. }) in live(&lived) {
            let aside = matches!(before.request, Some(StopRequest::Suspend { .. }));
            if matches!(event, Event::Proceed { value: None, .. }) && before.state.kind() == StateKind::Running {
                let heard = if aside { next.request.is_none() } else { next.pending_proceed.is_some() };
                prop_assert!(heard);
            }
            if let (Some(kept), None, false) = (before.pending_proceed, next.pending_proceed, next.state.is_final()) {
                let suspends = matches!(event, Event::Settle { ending: Ending::Suspended { .. } | Ending::Awaits { .. }, .. });
                prop_assert!(suspends && !aside, "{:?}", event);
                let due = if let PendingProceed::At(at) = kept { at.max(now) } else { now };
                // A value that came besides may let it go on before.
                prop_assert_eq!(next.state.kind(), StateKind::Pending);
                prop_assert!(next.state.due().is_some_and(|next| next == due || before.inbox().wakes_at(now) == Some(next)));
            }
            if matches!(event, Event::Settle { ending: Ending::Suspended { .. } | Ending::Awaits { .. }, .. }) && !aside {
                prop_assert!(next.pending_proceed.is_none());
            }
        }
    }

    /// In order, and for as long as no attempt that holds the run has acknowledged it.
    #[test]
    fn a_value_that_was_sent_is_there_until_it_is_acknowledged_or_the_run_is_final(lived in happenings()) {
        for (before, event, _, Decision { next, .. }) in live(&lived) {
            let numbers = |run: &Run| run.inbox().messages.iter().map(|message| message.number).collect::<Vec<_>>();
            let mut expected = numbers(&before);
            match event {
                Event::Checkpoint { taken, .. } => expected.retain(|number| !taken.contains(number)),
                Event::Proceed { value: Some(_), .. } | Event::Signal { .. } => expected.push(before.inbox().last + 1),
                _ => {}
            }
            if next.state.is_final() {
                expected.clear();
            }
            prop_assert!(expected.len() <= INBOX_MAX);
            prop_assert_eq!(numbers(&next), expected);
        }
    }

    #[test]
    fn a_run_never_rests_on_a_value_that_no_attempt_was_offered(lived in happenings()) {
        for (before, event, now, Decision { next, .. }) in live(&lived) {
            let aside = matches!(before.request, Some(StopRequest::Suspend { .. }));
            if matches!(event, Event::Settle { ending: Ending::Suspended { .. } | Ending::Awaits { .. }, .. }) && !aside {
                prop_assert!(next.state.kind() != StateKind::Suspended || next.inbox().wakes_at(now).is_none());
            }
            if matches!(event, Event::Proceed { value: Some(_), .. }) {
                prop_assert_ne!(next.state.kind(), StateKind::Suspended);
            }
        }
    }

    #[test]
    fn a_run_never_rests_on_a_signal_that_it_waits_for(lived in happenings()) {
        for (_, event, _, Decision { next, .. }) in live(&lived) {
            let awaited = &next.inbox().awaited;
            prop_assert!(awaited.is_empty() || next.state.kind() == StateKind::Suspended);
            prop_assert!(!next.inbox().has_any(awaited), "{:?}", event);
        }
    }

    #[test]
    fn a_run_waits_for_others_only_while_it_is_suspended_and_for_no_run_that_it_was_told_of(lived in happenings()) {
        for (before, event, _, Decision { next, .. }) in live(&lived) {
            prop_assert!(next.awaits.is_none() || next.state.kind() == StateKind::Suspended);
            if let Event::RunsEnded { children, ended } = event {
                prop_assert_eq!(before.state.kind(), StateKind::Suspended);
                let again = next.awaits.as_ref().map(|awaits| awaits.strike(children, &ended));
                prop_assert!(again.is_none_or(|again| matches!(again, Struck::Unchanged)));
            }
        }
    }

    #[test]
    fn a_suspension_has_one_end_and_only_its_own_deadline_expires(lived in happenings()) {
        for (before, event, now, Decision { next, .. }) in live(&lived) {
            prop_assert!(next.state.due().is_none() || next.state.deadline().is_none());
            if matches!(event, Event::Claim { .. }) {
                prop_assert!(before.deadline().is_none_or(|deadline| deadline > now));
            }
            if matches!(event, Event::Expire) {
                prop_assert!(before.deadline().is_some_and(|deadline| deadline <= now));
                let expired = if before.expires().is_some() { State::Cancelled } else { State::Failed };
                prop_assert_eq!((next.state, before.attempts == 0), (expired.clone(), expired == State::Cancelled));
            }
        }
    }

    /// A task may ask to be suspended until a time that has passed; nothing else becomes due in the past.
    #[test]
    fn nothing_becomes_due_before_now(lived in happenings()) {
        for (before, event, now, Decision { next, .. }) in live(&lived) {
            let said_when = matches!(event, Event::Settle { ending: Ending::Suspended { until: Some(_), .. } | Ending::Awaits { until: Some(_), .. }, .. });
            if let Some(due) = next.state.due()
                && next.state != before.state
                && !said_when
            {
                prop_assert!(due >= now);
            }
        }
    }

    #[test]
    fn an_ending_is_kept_whenever_a_run_becomes_final_and_a_reason_when_it_is_parked(lived in happenings()) {
        for (before, _, _, Decision { next, effects }) in live(&lived) {
            let expected = match next.state {
                _ if before.state == next.state => true,
                State::Completed => matches!(effects.ended, Some(Ended::Completed(_))),
                State::Failed => matches!(effects.ended, Some(Ended::Failed(_))),
                State::Cancelled => matches!(effects.ended, Some(Ended::Cancelled { .. })),
                State::Incompatible { .. } => matches!(effects.ended, Some(Ended::Incompatible(_))),
                _ => true,
            };
            prop_assert!(expected, "{:?}: {:?}", next.state, effects.ended);
        }
    }

    #[test]
    fn every_change_of_state_is_told_in_the_history(lived in happenings()) {
        for (before, _, now, Decision { next, effects }) in live(&lived) {
            if before.state != next.state {
                let entry = effects.history.expect("a change of state is told");
                prop_assert_eq!((entry.at, next.since), (now, now));
                prop_assert!(entry.attempt == before.attempt() || entry.attempt == next.attempt());
            }
        }
    }

    #[test]
    fn the_same_question_has_the_same_answer(lived in happenings()) {
        for (before, event, now, decision) in live(&lived) {
            prop_assert_eq!(decide(now, &before, &event), Ok(decision));
        }
    }
}
