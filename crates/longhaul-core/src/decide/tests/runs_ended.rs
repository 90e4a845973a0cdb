//! A run that waits for others.

use std::sync::Arc;

use super::*;
use crate::{
    family::{After, AwaitedEnd, AwaitedRuns, ChildCounts, OnCancel},
    run::Due,
};

const ONE: RunId = RunId::from_bytes([11; 16]);
const TWO: RunId = RunId::from_bytes([12; 16]);

fn counts(total: u64, completed: u64, failed: u64) -> ChildCounts {
    ChildCounts { total, completed, failed, cancelled: 0, ends: completed + failed }
}

fn waits_for(runs: AwaitedRuns) -> Run {
    let run = decide(NOW, &admit(NOW, &new_run()).0, &Event::Claim { server: SERVER, begins: true }).unwrap().next;
    let ending = Ending::Awaits { signals: Vec::new(), runs: Some(runs), until: None, deadline: None };
    decide(NOW, &run, &Event::Settle { epoch: run.epoch, ending }).unwrap().next
}

fn told(run: &Run, children: ChildCounts, ended: &[(RunId, Option<StateKind>)]) -> Result<Decision, IllegalEvent> {
    let ended = ended.iter().map(|(id, state)| AwaitedEnd { id: *id, state: *state }).collect();
    decide(NOW, run, &Event::RunsEnded { children, ended })
}

fn after(runs: &[RunId], success_only: bool) -> Run {
    let after = Some(After { runs: runs.into(), success_only });
    let constraints = Some(Arc::new(crate::Constraints { after, ..crate::Constraints::default() }));
    admit(NOW, &NewRun { constraints, due: Some(Due::After(SECOND)), ..new_run() }).0
}

#[test]
fn a_run_goes_on_once_all_of_its_children_are_final_and_not_before() {
    let run = waits_for(AwaitedRuns::AllChildren);
    assert_eq!((run.state.kind(), run.state.due()), (StateKind::Suspended, None));
    assert!(told(&run, counts(3, 1, 1), &[]).is_err(), "one is open");
    let Decision { next, effects } = told(&run, counts(3, 2, 1), &[]).unwrap();
    assert_eq!((next.state.due(), next.awaits), (Some(NOW), None));
    let why = effects.history.unwrap().why.unwrap();
    assert_eq!(&*why, "all of its children are final: 3 of 3, 1 failed");
}

#[test]
fn a_run_that_has_no_children_does_not_wait_for_them_for_ever() {
    for runs in [AwaitedRuns::AllChildren, AwaitedRuns::AnyChild { seen: 0 }] {
        assert!(told(&waits_for(runs), ChildCounts::default(), &[]).is_ok());
    }
}

#[test]
fn any_child_is_one_that_the_task_has_not_seen_end() {
    let run = waits_for(AwaitedRuns::AnyChild { seen: 1 });
    assert!(told(&run, counts(3, 1, 0), &[]).is_err(), "it has seen this one");
    assert!(told(&run, counts(3, 1, 1), &[]).is_ok());
}

#[test]
fn named_runs_are_struck_off_one_by_one() {
    let run = waits_for(AwaitedRuns::Runs { open: vec![ONE, TWO], any: false });
    assert!(told(&run, counts(0, 0, 0), &[]).is_err());
    let run = told(&run, counts(0, 0, 0), &[(ONE, Some(StateKind::Failed))]).unwrap().next;
    assert_eq!(run.awaits.as_ref().unwrap().named(), [TWO]);
    assert_eq!(run.state.kind(), StateKind::Suspended);
    let run = told(&run, counts(0, 0, 0), &[(TWO, None)]).unwrap().next;
    assert_eq!(run.state.due(), Some(NOW), "one that is not there is not waited for");
    let any = waits_for(AwaitedRuns::Runs { open: vec![ONE, TWO], any: true });
    assert!(told(&any, counts(0, 0, 0), &[(TWO, Some(StateKind::Completed))]).unwrap().next.state.due().is_some());
}

#[test]
fn a_run_after_others_begins_when_they_are_final_but_not_before_its_own_time() {
    let run = after(&[ONE, TWO], false);
    assert_eq!((run.state.kind(), run.state.due(), run.attempts), (StateKind::Suspended, None, 0));
    let ended = [(ONE, Some(StateKind::Failed)), (TWO, Some(StateKind::Completed))];
    let next = told(&run, counts(0, 0, 0), &ended).unwrap().next;
    assert_eq!(next.state, State::Pending { due: NOW.after(SECOND) });
}

#[test]
fn a_run_after_the_success_of_others_is_cancelled_when_one_of_them_does_not_complete() {
    for (state, word) in [(Some(StateKind::Failed), "is failed"), (None, "is not there")] {
        let Decision { next, effects } = told(&after(&[ONE, TWO], true), counts(0, 0, 0), &[(TWO, state)]).unwrap();
        assert_eq!((next.state, next.awaits), (State::Cancelled, None));
        let Some(Ended::Cancelled { reason: Some(reason), error: None }) = effects.ended else { panic!("no reason") };
        assert_eq!(&*reason, format!("{TWO}, which it was to come after, {word}"));
    }
}

#[test]
fn a_run_that_is_cancelled_once_its_children_are_final_waits_for_them() {
    let constraints = Some(Arc::new(crate::Constraints { on_cancel: OnCancel::Wait, ..crate::Constraints::default() }));
    let pending = admit(NOW, &NewRun { constraints, ..new_run() }).0;
    let running = decide(NOW, &pending, &Event::Claim { server: SERVER, begins: true }).unwrap().next;
    let asked = decide(NOW, &running, &Event::Cancel { reason: Some("too dear".into()) }).unwrap().next;
    let ending = Ending::Interrupted { why: "cancelled".into() };
    let stopped = decide(NOW, &asked, &Event::Settle { epoch: asked.epoch, ending }).unwrap().next;
    let asked_at_rest = decide(NOW, &pending, &Event::Cancel { reason: Some("too dear".into()) }).unwrap().next;
    for waits in [stopped, asked_at_rest] {
        assert_eq!((waits.state.kind(), waits.request.is_some()), (StateKind::Suspended, true));
        let again = decide(NOW, &waits, &Event::Cancel { reason: None }).unwrap().next;
        assert_eq!(again.state.kind(), StateKind::Suspended, "asking twice changes nothing");
        let proceed = Event::Proceed { at: None, replaced: None, value: None, key: None };
        assert_eq!(decide(NOW, &waits, &proceed), Err(IllegalEvent::BeingCancelled));
        assert!(told(&waits, counts(2, 1, 0), &[]).is_err());
        let Decision { next, effects } = told(&waits, counts(2, 1, 1), &[]).unwrap();
        assert_eq!((next.state, next.request), (State::Cancelled, None));
        assert!(matches!(effects.ended, Some(Ended::Cancelled { reason: Some(why), .. }) if &*why == "too dear"));
    }
}
