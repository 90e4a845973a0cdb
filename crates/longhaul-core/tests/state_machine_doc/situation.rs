//! Every situation that a run can be in, and everything that can happen to it.

use std::time::Duration;

use longhaul_core::{
    Actor, AfterFailure, AwaitedRuns, Awaits, CallbackWhen, Cause, ChildCounts, Codec, Constraints, Ending, Envelope,
    Epoch, Event, FailedAttempt, Inbox, Key, Kind, NewRun, OrderTurn, Ordered, PendingProceed, Priority, Queue,
    RetryPolicy, Run, RunId, ServerId, State, StopRequest, Timestamp, Waiting, admission::suspects::Blame, admit,
    code::CodeMark, inbox::Message, run::Due, shape,
};

pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);
const SERVER: ServerId = ServerId::from_bytes([9; 16]);
const PARKED_BY: CodeMark = CodeMark(1);

fn value() -> Envelope {
    Envelope::encode(&7_u32, Codec::Bincode, 1, shape::fingerprint_of::<u32>()).expect("a number can be encoded")
}

fn key() -> Key {
    Key::new("event 7").expect("a key")
}

fn proceed_with(key: Option<Key>) -> Event {
    Event::Proceed { at: None, replaced: None, value: Some(value()), key }
}

fn run(state: State) -> Run {
    let new = NewRun {
        id: RunId::from_bytes([1; 16]),
        kind: Kind::new("demo").expect("a name"),
        version: 1,
        queue: Queue::default(),
        priority: Priority(0),
        tags: [].into(),
        policy: RetryPolicy::default().attempts(2).crashes(2),
        timeout: None,
        due: None,
        constraints: None,
        metadata: value(),
        execution_metadata: None,
        by: Actor::UNKNOWN,
    };
    let (admitted, _) = admit(NOW, &new);
    let begun = state.kind() == longhaul_core::StateKind::Running;
    Run { state, epoch: Epoch(3), attempts: 3, begun, ..admitted }
}

/// A run in each situation, with what the page calls it: the columns.
pub(crate) fn situations() -> Vec<(&'static str, Run)> {
    let soon = NOW.after(Duration::from_secs(5));
    let running = run(State::Running { server: SERVER });
    let asked = Run { request: Some(StopRequest::Cancel { reason: None }), ..running.clone() };
    let aside = Run { request: Some(StopRequest::Suspend { reason: None }), ..running.clone() };
    let kept = Run { pending_proceed: Some(PendingProceed::AtOnce), ..running.clone() };
    let messages = vec![Message { number: 1, at: None, signal: None, value: value() }];
    let inbox = Inbox { messages, last: 1, offered: 0, keys: vec![key()], awaited: Vec::new() };
    let sent = Run { inbox: Some(inbox.into()), ..running.clone() };
    let ordered = Ordered { key: key(), after_failure: AfterFailure::Stop };
    let constraints = Some(Constraints { ordered: Some(ordered), ..Constraints::default() }.into());
    let turn = |behind| Some(OrderTurn { position: 1, behind, dismissed: false });
    let pending = run(State::Pending { due: NOW });
    let behind = Run { constraints: constraints.clone(), turn: turn(true), ..pending.clone() };
    let stopped = Run { constraints, turn: turn(false), ..run(State::Failed) };
    let awaits = Some(Awaits::from(AwaitedRuns::AllChildren).into());
    let for_children = Run { awaits, ..run(State::Suspended { waiting: Waiting::Proceed }) };
    let open = AwaitedRuns::Members { added: false, callback: CallbackWhen::AllFinal };
    let open = Run { awaits: Some(Awaits::from(open).into()), ..for_children.clone() };
    vec![
        ("Pending, due", pending),
        ("Pending, due later", run(State::Pending { due: soon })),
        ("Pending, behind another", behind),
        ("Running, claimed ahead", Run { begun: false, attempts: 2, ..running.clone() }),
        ("Running", running),
        ("Running, asked to stop", asked),
        ("Running, asked to suspend", aside),
        ("Running, proceed kept", kept),
        ("Running, value kept", sent),
        ("Retrying, due", run(State::Retrying { due: NOW })),
        ("Retrying, due later", run(State::Retrying { due: soon })),
        ("Suspended", run(State::Suspended { waiting: Waiting::Proceed })),
        ("Suspended until now", run(State::Suspended { waiting: Waiting::Until(NOW) })),
        ("Suspended, deadline now", run(State::Suspended { waiting: Waiting::ProceedBy(NOW) })),
        ("Suspended, for its children", for_children),
        ("Suspended, its batch open", open),
        ("Incompatible", run(State::Incompatible { by: PARKED_BY })),
        ("Completed", run(State::Completed)),
        ("Failed", run(State::Failed)),
        ("Failed, its key stopped", stopped),
        ("Cancelled", run(State::Cancelled)),
    ]
}

/// The situation in which one more failure, or crash, is the last.
pub(crate) fn at_the_end_of_its_chances(run: &Run) -> Run {
    let mut run = run.clone();
    run.counts.failures = run.policy.attempts_max - 1;
    run.counts.crashes = run.policy.crashes_max - 1;
    run.suspicion = 2;
    run
}

/// What can happen: what the page calls it, the short word for the diagram, and the event. The rows.
pub(crate) fn events() -> Vec<(&'static str, &'static str, Event)> {
    let epoch = Epoch(3);
    let settle = |ending| Event::Settle { epoch, ending };
    let failure = |cause| FailedAttempt::new(cause, "no route", epoch.0, NOW);
    let failed = |cause, permanent| settle(Ending::Failed { failure: failure(cause), retry_after: None, permanent });
    let until = Some(NOW.after(Duration::from_secs(60)));
    let crash = |blame| Event::Crash { evidence: "gone".into(), blame };
    vec![
        ("claim", "claim", Event::Claim { server: SERVER, begins: true }),
        ("begin", "", Event::Begin { epoch }),
        (
            "checkpoint, new value",
            "checkpoint",
            Event::Checkpoint { epoch, seq: 1, changed: Some(1), proves: true, taken: Vec::new() },
        ),
        (
            "checkpoint, old epoch",
            "",
            Event::Checkpoint { epoch: Epoch(2), seq: 1, changed: Some(1), proves: true, taken: Vec::new() },
        ),
        ("completed", "completed", settle(Ending::Completed { result: value() })),
        ("completed, old epoch", "", Event::Settle { epoch: Epoch(2), ending: Ending::Completed { result: value() } }),
        ("suspended", "suspended", settle(Ending::Suspended { until: None, deadline: None })),
        ("suspended until", "suspended", settle(Ending::Suspended { until: until.map(Due::At), deadline: None })),
        (
            "suspended for its children",
            "suspended",
            settle(Ending::Awaits {
                signals: Vec::new(),
                runs: Some(AwaitedRuns::AllChildren),
                until: None,
                deadline: None,
            }),
        ),
        (
            "suspended, with a deadline",
            "suspended",
            settle(Ending::Suspended { until: None, deadline: until.map(Due::At) }),
        ),
        ("failed", "failed", failed(Cause::Error, false)),
        ("timed out", "timed out", failed(Cause::Timeout, false)),
        ("failed permanently", "gave up", failed(Cause::Error, true)),
        ("panicked", "panicked", settle(Ending::Panicked { failure: failure(Cause::Panic) })),
        ("interrupted", "interrupted", settle(Ending::Interrupted { why: "shutdown".into() })),
        ("cancelled by the task", "cancelled", settle(Ending::Cancelled { reason: None, error: None })),
        ("not readable", "not readable", settle(Ending::Incompatible { why: "bytes".into(), by: PARKED_BY })),
        ("returned unstarted", "returned", settle(Ending::Returned)),
        ("crash, among others", "crash", crash(Blame::Shared)),
        ("crash, alone at its last try", "crash", crash(Blame::Alone)),
        ("proceed", "proceed", Event::Proceed { at: None, replaced: None, value: None, key: None }),
        ("proceed at a time", "proceed", Event::Proceed { at: until, replaced: None, value: None, key: None }),
        ("proceed, other metadata", "proceed", Event::Proceed { at: None, replaced: Some(1), value: None, key: None }),
        ("proceed, with a value", "proceed", proceed_with(None)),
        ("proceed, with the key of one before", "proceed", proceed_with(Some(key()))),
        (
            "all children are final",
            "its children",
            Event::RunsEnded { children: ChildCounts::default(), ended: Vec::new() },
        ),
        ("its batch is closed", "", Event::CloseBatch),
        ("the deadline has passed", "deadline", Event::Expire),
        ("cancel", "cancel", Event::Cancel { reason: None }),
        ("run now", "run now", Event::RunNow),
        ("reschedule", "", Event::Reschedule { at: NOW.after(Duration::from_secs(60)) }),
        ("prioritise", "", Event::Prioritise { priority: Priority(9) }),
        ("suspend", "suspend", Event::Suspend { reason: None }),
        ("replace", "", Event::Replace { version: 1, priority: Priority(0), due: None, expires: None }),
        ("code that reads it came up", "code that reads it", Event::ReleaseIncompatible),
        ("retry by hand", "", Event::Retry { successor: RunId::from_bytes([8; 16]) }),
        ("its turn comes", "", Event::TakeTurn),
        ("dismiss", "", Event::Dismiss),
        ("delete", "delete", Event::Delete),
    ]
}
