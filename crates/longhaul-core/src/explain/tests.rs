use std::time::Duration;

use super::*;
use crate::{
    admission::Admission,
    code::CodeMark,
    constraints::Constraints,
    control::{ControlChange, Limits, Paused, Scope},
    decide::admit,
    envelope::{Codec, Envelope},
    history::Actor,
    id::RunId,
    name::Queue,
    retry::RetryPolicy,
    run::{Due, NewRun, Priority},
    shape,
};

const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

fn run(requires: &[&str]) -> Run {
    let requires = requires.iter().map(|label| Label::new(label).unwrap()).collect();
    let new = NewRun {
        id: RunId::from_bytes([1; 16]),
        kind: Kind::new("demo").unwrap(),
        version: 2,
        queue: Queue::default(),
        priority: Priority(0),
        tags: [].into(),
        policy: RetryPolicy::default(),
        timeout: None,
        due: Some(Due::At(NOW)),
        constraints: Some(Constraints { requires, ..Constraints::default() }.into()),
        metadata: Envelope::encode(&7_u32, Codec::Bincode, 1, shape::fingerprint_of::<u32>()).unwrap(),
        execution_metadata: None,
        by: Actor::UNKNOWN,
    };
    admit(NOW, &new).0
}

fn said(run: &Run, admission: &Admission, floor: Floor, servers: &[(&str, u16, &[&str])]) -> String {
    let servers: Vec<(Vec<KindSupport>, Vec<Label>)> = servers
        .iter()
        .map(|(kind, version, labels)| {
            let support = KindSupport { kind: Kind::new(kind).unwrap(), version: *version, mark: CodeMark(1) };
            (vec![support], labels.iter().map(|label| Label::new(label).unwrap()).collect())
        })
        .collect();
    let servers = servers.iter().map(|(kinds, labels)| Offer { kinds, labels }).collect();
    let backlogs: Vec<LimitGroup> = vec![LimitGroup::of(run)];
    let running_counts = RunningCounts::of(backlogs.iter());
    explain(NOW, run, &Situation { admission, running_counts: &running_counts, floor, servers }).to_string()
}

#[test]
fn each_reason_is_told_in_a_sentence() {
    let open = Admission::default();
    let reader: &[(&str, u16, &[&str])] = &[("demo", 2, &["gpu"])];
    let plain = run(&[]);
    assert_eq!(said(&plain, &open, Floor::Open, reader), "it waits for a free slot; one server could take it");
    assert_eq!(said(&plain, &open, Floor::Open, &[("other", 9, &[])]), "no server that lives executes the kind `demo`");
    assert!(said(&plain, &open, Floor::Open, &[("demo", 1, &[])]).contains("version 2"));
    assert_eq!(
        said(&run(&["gpu", "eu"]), &open, Floor::Open, reader),
        "no server that lives has all labels that it requires: gpu, eu"
    );

    let scope = Scope::Queue(Queue::default());
    let mut admission = Admission::default();
    admission.controls.change(&scope, ControlChange::Declare(Limits { running: Some(1), ..Limits::NONE }));
    assert_eq!(
        said(&plain, &admission, Floor::Open, reader),
        "1 runs of the queue `default` are running, which is the limit"
    );
    admission.controls.change(&scope, ControlChange::Pause(Paused::new(NOW, "ann", None)));
    assert_eq!(said(&plain, &admission, Floor::Open, reader), "the queue `default` is paused");

    let until = NOW.after(Duration::from_secs(10));
    assert!(said(&plain, &open, Floor::Taken { until }, reader).contains("goes on alone"));
    let suspect = Run { suspicion: 1, ..plain.clone() };
    assert!(said(&suspect, &open, Floor::OneSuspect, reader).contains("one at a time"));

    let later = Run { state: State::Retrying { due: until }, ..plain.clone() };
    assert!(said(&later, &open, Floor::Open, &[]).starts_with("an attempt failed; the next is due at"));
    let aside = Run { state: State::Suspended { waiting: Waiting::Proceed }, ..plain.clone() };
    assert_eq!(said(&aside, &open, Floor::Open, &[]), "it is suspended, and waits for a proceed");
    let done = Run { state: State::Completed, ..plain };
    assert_eq!(said(&done, &open, Floor::Open, &[]), "it is completed, which is final");
}
