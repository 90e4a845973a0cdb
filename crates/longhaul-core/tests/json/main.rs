//! The JSON that is shown of runs, compared with files. See `longhaul_core::json`.

use std::{fs, path::Path, time::Duration};

use longhaul_core::{
    Actor, Ageing, Cause, Constraints, ControlChange, Controls, Ended, Event, Explanation, FailedAttempt, History,
    HistoryEntry, Key, Kind, Label, Limits, Lineage, Log, LogLevel, LogLine, OnConflict, Paused, Priority, Progress,
    Queue, Rate, Run, RunId, Scope, ServerId, Snapshot, StateKind, StopRequest, Tag, Timestamp, Transition, Unique,
    UniqueScope, Waiting,
    admission::BlockedBy,
    admit, decide, doc,
    explain::Ahead,
    order::TurnHolder,
    run::Due,
    store::{Damaged, Page, QueueDepth},
};
use serde::{Serialize, de::DeserializeOwned};

/// What is compared is the text: a field that moves, or a number that is written otherwise, is a change too.
fn is_held(file: &str, shown: &impl Serialize) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/json").join(file);
    let shown = serde_json::to_string_pretty(shown).expect("it can be written") + "\n";
    let held = fs::read_to_string(&path).unwrap_or_else(|error| format!("no file: {error}"));
    assert!(shown == held, "{file} holds another form; what is shown now is:\n{shown}");
}

fn is_read_back<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(values: &[T]) {
    for value in values {
        let text = serde_json::to_string(value).expect("it can be written");
        assert_eq!(&serde_json::from_str::<T>(&text).expect("our own text"), value, "{text}");
    }
}

fn at(seconds: u64) -> Timestamp {
    doc::NOW.after(Duration::from_secs(seconds))
}

fn progress() -> Progress {
    Progress {
        step: "exporting".into(),
        done: 40,
        total: Some(100),
        unit: "rows".into(),
        message: "orders of 2025".into(),
        rate: Some(2.5),
    }
}

/// Every field has something in it.
fn run() -> Run {
    let mut new = doc::new_run();
    new.queue = Queue::new("exports").expect("a name");
    new.priority = Priority(5);
    new.tags = [Tag::new("order", "7").expect("a tag"), Tag::new("vip", "").expect("a tag")].into();
    new.timeout = Some(Duration::from_millis(1500));
    new.constraints = Some(
        Constraints {
            limit_key: Some(Key::new("tenant 7").expect("a key")),
            unique: Some(Unique {
                key: Key::new("order 7").expect("a key"),
                scope: UniqueScope::NotFinal,
                on_conflict: OnConflict::Refuse,
            }),
            requires: vec![Label::new("gpu").expect("a label")],
            trace: None,
            ..Constraints::default()
        }
        .into(),
    );
    let claimed = decide(doc::NOW, &admit(doc::NOW, &new).0, &Event::Claim { server: doc::SERVER, begins: true });
    let run = claimed.expect("it is due").next;
    let mut counts = run.counts;
    (counts.failures, counts.crashes, counts.interruptions) = (1, 2, 3);
    (counts.suspensions, counts.restarts_without_progress) = (4, 5);
    let request = Some(StopRequest::Cancel { reason: Some("too late".into()) });
    let lineage = Lineage {
        predecessor: Some(RunId::from_bytes([1; 16])),
        successor: Some(RunId::from_bytes([2; 16])),
        retried: Some(at(5)),
    };
    Run { progress: Some(progress()), counts, request, lineage, revision: 9, ..run }
}

fn failure() -> FailedAttempt {
    FailedAttempt::new(Cause::Panic, "no route to host", 3, at(7)).with_details("at src/main.rs:7")
}

fn history() -> History {
    let entry = |seconds, attempt, what, why| HistoryEntry::new(at(seconds), attempt, what, why);
    let mut history =
        History::starting(HistoryEntry { by: Actor::named("ann"), ..entry(0, 0, Transition::Enqueued, None) });
    history.push(entry(2, 1, Transition::Claimed(doc::SERVER), None));
    history.push(entry(7, 1, Transition::TimedOut, Some("longer than 5s")));
    history.push(HistoryEntry { at: at(8).after(Duration::from_millis(250)), ..entry(8, 1, Transition::RunNow, None) });
    history
}

#[test]
fn words_are_in_snake_case_and_are_read_back() {
    is_held("states.json", &StateKind::ALL);
    is_held("causes.json", &[Cause::Error, Cause::Panic, Cause::Timeout, Cause::Crash, Cause::Deadline]);
    is_held("levels.json", &LogLevel::ALL);
    is_read_back(&StateKind::ALL);
    is_read_back(&[Cause::Error, Cause::Panic, Cause::Timeout, Cause::Crash, Cause::Deadline]);
    is_read_back(&LogLevel::ALL);
    is_read_back(&[Queue::default()]);
    assert!(serde_json::from_str::<Kind>(r#""two words""#).is_err(), "a name is checked where it comes in");
    assert!(serde_json::from_str::<StateKind>(r#""done""#).is_err());
}

#[test]
fn progress_has_what_follows_from_it_beside_it_and_is_read_back() {
    is_held("progress.json", &[progress(), Progress::default()]);
    is_read_back(&[progress(), Progress::default()]);
}

#[test]
fn a_run_is_shown_without_the_values_of_the_user() {
    let ended = Some(Ended::Failed(failure().with_error(doc::value())));
    let snapshot = |run, ended| {
        let (metadata, history) = (doc::value(), history());
        Snapshot { run, metadata, initial: None, execution_metadata: Some(doc::value()), ended, history }
    };
    is_held("run.json", &snapshot(run(), ended));
    is_held("failure.json", &failure());

    let waits = admit(doc::NOW, &longhaul_core::NewRun { due: Some(Due::At(at(60))), ..doc::new_run() }).0;
    is_held("run_that_waits.json", &snapshot(waits.clone(), None));
    let cancelled = decide(at(3), &waits, &Event::Cancel { reason: Some("too many".into()) }).expect("it waits").next;
    let ended = Some(Ended::Cancelled { reason: Some("too many".into()), error: None });
    is_held("run_that_was_cancelled.json", &snapshot(cancelled, ended));
}

#[test]
fn lines_of_a_history_say_who_and_how_long() {
    is_held("history.json", &history());
}

#[test]
fn every_explanation_has_a_reason_a_sentence_and_what_it_is_about() {
    let kind = || Kind::new("export").expect("a name");
    let (queue, key) = (Scope::Queue(Queue::default()), Some(Key::new("tenant 7").expect("a key")));
    let rate = Rate::new(10, Duration::from_secs(1)).expect("a rate");
    let server = ServerId::from_bytes([9; 16]);
    let ahead = Ahead { of_higher_priority: 3, of_same_priority: 1, of_lower_priority: 2, of_other_keys: 5 };
    let blocked = |by| Explanation::BlockedBy { by, ahead };
    let all = [
        Explanation::Running { server, asked_to_stop: true },
        Explanation::Final(StateKind::Completed),
        Explanation::NotDue { due: at(60), after_failure: true },
        Explanation::Suspended(Waiting::Proceed),
        Explanation::Suspended(Waiting::Until(at(60))),
        Explanation::Suspended(Waiting::ProceedBy(at(60))),
        Explanation::Incompatible,
        Explanation::Behind {
            key: Key::new("account 7").expect("a key"),
            holder: Some(TurnHolder { run: doc::run().id, state: StateKind::Retrying }),
        },
        Explanation::NoServerForKind(kind()),
        Explanation::NoServerForVersion { version: 3, newest: 2 },
        Explanation::NoServerWithLabels(vec![Label::new("gpu").expect("a label")]),
        blocked(BlockedBy::Paused { scope: queue.clone(), until: None, why: None }),
        blocked(BlockedBy::Paused { scope: queue, until: Some(at(60)), why: Some("too many requests".into()) }),
        blocked(BlockedBy::Running { scope: Scope::Kind(kind()), key: key.clone(), max: 2 }),
        blocked(BlockedBy::Rate { scope: Scope::Kind(kind()), key, rate, until: at(1) }),
        blocked(BlockedBy::LastTry { run: doc::run().id, server, until: at(10) }),
        blocked(BlockedBy::Drain { server, until: at(10) }),
        blocked(BlockedBy::Suspect { run: doc::run().id, server, until: at(10) }),
        Explanation::WaitsForSlot { servers: 2, ahead: Ahead::default() },
    ];
    // The sentence may be told better in a later version.
    let without_text = all.iter().map(|explanation| {
        let mut shown = serde_json::to_value(explanation).expect("it can be written");
        let text = shown.as_object_mut().and_then(|fields| fields.remove("text"));
        assert_eq!(text, Some(explanation.to_string().into()));
        assert_eq!(shown["reason"], explanation.reason());
        // Whatever order the maps of this build keep.
        shown.sort_all_objects();
        shown
    });
    is_held("explanations.json", &without_text.collect::<Vec<_>>());
}

#[test]
fn logs_and_depths_of_queues_are_shown_too() {
    let line = LogLine::new(at(1), LogLevel::Warn, "shop::export", "late by 3 days");
    let log = Log { attempts: vec![1, 2], attempt: Some(2), first: 7, lines: vec![line.clone()] };
    is_held("log.json", &log);
    is_read_back(&[line]);
    is_held("queue_depth.json", &QueueDepth { queue: Queue::default(), due: 2, oldest: at(0) });
}

#[test]
fn pauses_and_limits_say_what_holds_and_who_said_so() {
    let declared = Limits {
        running: Some(4),
        rate: Rate::new(10, Duration::from_millis(500)).ok(),
        ageing: Ageing::new(Duration::from_millis(1500)).ok(),
        fair_by_key: true,
        ..Limits::NONE
    };
    let paused = Paused::new(at(1), "ann", Some("the disk is full"));
    let queue = Scope::Queue(Queue::new("mails").expect("a name"));
    let mut controls = Controls::default();
    controls.change(&queue, ControlChange::Declare(declared));
    controls.change(&queue, ControlChange::Set(Some(Limits { running: Some(1), ..Limits::NONE })));
    let kind = Scope::Kind(Kind::new("export").expect("a name"));
    controls.change(&kind, ControlChange::Pause(paused));
    is_held("controls.json", &controls);
}

#[test]
fn a_page_names_the_runs_that_cannot_be_read_and_where_to_go_on() {
    let (id, why) = (doc::run().id, "its checksum is another one".into());
    is_held("page.json", &Page { runs: vec![], damaged: vec![Damaged { id, why }], next: Some(id) });
}
