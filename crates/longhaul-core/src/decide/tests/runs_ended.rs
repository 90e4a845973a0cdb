//! A run that waits for others.

use std::sync::Arc;

use super::*;
use crate::{
    family::{After, AwaitedEnd, AwaitedRuns, CallbackWhen, ChildCounts, ChildRefused, OnCancel, Parent, admit_child},
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

fn batch(callback: CallbackWhen) -> Run {
    let constraints = crate::Constraints { batch: Some(callback.into()), ..crate::Constraints::default() };
    admit(NOW, &NewRun { constraints: Some(constraints.into()), ..new_run() }).0
}

#[test]
fn a_batch_that_is_open_begins_with_a_proceed_only_and_is_closed_once() {
    let open = batch(CallbackWhen::AllFinal);
    assert_eq!(open.state, State::Suspended { waiting: Waiting::Proceed });
    assert!(told(&open, counts(2, 2, 0), &[]).is_err(), "more may be added");
    let closed = decide(NOW, &open, &Event::CloseBatch).unwrap().next;
    assert_eq!(closed.state.kind(), StateKind::Suspended);
    assert!(decide(NOW, &closed, &Event::CloseBatch).is_err(), "once");
    assert!(told(&closed, counts(2, 1, 0), &[]).is_err(), "one is open");
    let Decision { next, effects } = told(&closed, counts(2, 1, 1), &[]).unwrap();
    assert_eq!((next.state.due(), next.awaits), (Some(NOW), None));
    assert_eq!(&*effects.history.unwrap().why.unwrap(), "all runs of its batch are final: 2 of 2, 1 failed");
    let proceed = Event::Proceed { at: None, replaced: None, value: None, key: None };
    assert_eq!(decide(NOW, &open, &proceed).unwrap().next.state.due(), Some(NOW));
}

#[test]
fn a_batch_begins_when_its_callback_says() {
    let begins = |callback, children| {
        let closed = decide(NOW, &batch(callback), &Event::CloseBatch).unwrap().next;
        told(&closed, children, &[]).is_ok()
    };
    for callback in [CallbackWhen::AllFinal, CallbackWhen::AllCompleted, CallbackWhen::AnyFailed] {
        assert!(begins(callback, counts(2, 2, 0)), "{callback:?}");
        assert!(begins(callback, ChildCounts::default()), "{callback:?}, without a member");
        assert!(!begins(callback, counts(2, 1, 0)), "{callback:?}");
        assert_eq!(begins(callback, counts(2, 1, 1)), callback != CallbackWhen::AllCompleted);
        assert_eq!(begins(callback, counts(2, 0, 1)), callback == CallbackWhen::AnyFailed);
    }
}

#[test]
fn only_what_a_task_enqueues_itself_comes_to_a_batch_that_is_closed() {
    let parent = |epoch| Parent { id: new_run().id, epoch, name: Key::new("a").unwrap(), depth: 1 };
    let admitted = |of: &Run, epoch| admit_child(&parent(epoch), Some(of), ChildCounts::default());
    let open = batch(CallbackWhen::AllFinal);
    assert_eq!(admitted(&open, None), Ok(()));
    let closed = decide(NOW, &open, &Event::CloseBatch).unwrap().next;
    let refused = Err(ChildRefused::Closed { parent: open.id });
    assert_eq!(admitted(&closed, None), refused);
    let begun = decide(NOW, &closed, &Event::RunsEnded { children: ChildCounts::default(), ended: Vec::new() });
    let running = decide(NOW, &begun.unwrap().next, &Event::Claim { server: SERVER, begins: true }).unwrap().next;
    assert_eq!(admitted(&running, None), refused);
    assert_eq!(admitted(&running, Some(running.epoch)), Ok(()));
    assert_eq!(admitted(&admit(NOW, &new_run()).0, None), Ok(()), "a run that is no batch");
}
