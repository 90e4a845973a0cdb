use std::time::Duration;

use super::*;
use crate::{
    admission::DueRuns,
    code::{CodeMark, KindSupport},
    constraints::Constraints,
    control::{ControlChange, Limits, Paused, Scope},
    decide::{admit, decide},
    doc,
    envelope::{Codec, Envelope},
    event::Event,
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

fn said(run: &Run, admission: &Admission, others: &[Run], servers: &[(&str, u16, &[&str])]) -> String {
    let servers: Vec<(Vec<KindSupport>, Vec<Label>)> = servers
        .iter()
        .map(|(kind, version, labels)| {
            let support = KindSupport { kind: Kind::new(kind).unwrap(), version: *version, mark: CodeMark(1) };
            (vec![support], labels.iter().map(|label| Label::new(label).unwrap()).collect())
        })
        .collect();
    let offer = |(kinds, labels)| Offer { labels, ..Offer::new(doc::SERVER, kinds, 1) };
    let servers: Vec<_> = servers.iter().map(|(kinds, labels)| offer((kinds, labels))).collect();
    let all = others.iter().chain([run]);
    explain(NOW, run, admission, &servers, &DueRuns::of(NOW, all)).to_string()
}

fn executing(run: &Run) -> Run {
    let begun = Event::Claim { server: doc::SERVER, begins: true };
    Run { id: RunId::from_bytes([9; 16]), ..decide(NOW, run, &begun).unwrap().next }
}

#[test]
fn each_reason_is_told_in_a_sentence() {
    let open = Admission::default();
    let reader: &[(&str, u16, &[&str])] = &[("demo", 2, &["gpu"])];
    let plain = run(&[]);
    assert_eq!(said(&plain, &open, &[], reader), "it waits for a free slot; one server could take it");
    assert_eq!(said(&plain, &open, &[], &[("other", 9, &[])]), "no server that lives executes the kind `demo`");
    assert!(said(&plain, &open, &[], &[("demo", 1, &[])]).contains("version 2"));
    assert_eq!(
        said(&run(&["gpu", "eu"]), &open, &[], reader),
        "no server that lives has all labels that it requires: gpu, eu"
    );

    let scope = Scope::Queue(Queue::default());
    let mut admission = Admission::default();
    admission.controls.change(&scope, ControlChange::Declare(Limits { running: Some(1), ..Limits::NONE }));
    let runs = executing(&plain);
    let limited = "1 run of the queue `default` is running, which is the limit";
    assert_eq!(said(&plain, &admission, std::slice::from_ref(&runs), reader), limited);
    admission.controls.change(&scope, ControlChange::Pause(Paused::new(NOW, "ann", None)));
    assert_eq!(said(&plain, &admission, &[], reader), "the queue `default` is paused");

    let until = NOW.after(Duration::from_secs(10));
    let suspect = |suspicion| Run { suspicion, ..plain.clone() };
    let last = executing(&suspect(3));
    assert!(said(&plain, &open, &[last], reader).contains("executes it alone, for the last time"));
    assert!(said(&suspect(2), &open, &[executing(&suspect(2))], reader).contains("executed one at a time"));

    let later = Run { state: State::Retrying { due: until }, ..plain.clone() };
    assert!(said(&later, &open, &[], &[]).starts_with("an attempt failed; the next is due at"));
    let aside = Run { state: State::Suspended { waiting: Waiting::Proceed }, ..plain.clone() };
    assert_eq!(said(&aside, &open, &[], &[]), "it is suspended, and waits for a proceed");
    let done = Run { state: State::Completed, ..plain };
    assert_eq!(said(&done, &open, &[], &[]), "it is completed, which is final");
}

#[test]
fn what_is_ahead_of_it_is_told_and_grammar_is_right_for_one() {
    let own = run(&[]);
    let reader: &[(&str, u16, &[&str])] = &[("demo", 2, &["gpu"])];
    let other = |n: u8, priority| Run { id: RunId::from_bytes([n; 16]), priority: Priority(priority), ..own.clone() };
    let open = Admission::default();
    let why = |others: &[Run]| said(&own, &open, others, reader);
    let free = "it waits for a free slot; one server could take it";
    assert_eq!(why(&[other(2, 0), other(3, -1)]), free, "they come after it");
    assert_eq!(why(&[other(2, 1)]), format!("{free}; 1 run of a higher priority is ahead of it"));
    assert_eq!(why(&[other(0, 0)]), format!("{free}; 1 run that was due before is ahead of it"));
    let many = [other(2, 1), other(3, 5), other(4, 9), other(0, 0)];
    let both = "3 runs of a higher priority are ahead of it, and 1 of the same that was due before";
    assert_eq!(why(&many), format!("{free}; {both}"));
    let elsewhere = Run { queue: Queue::new("other").unwrap(), ..other(2, 9) };
    assert_eq!(why(&[elsewhere]), free);
    // What no server that lives would take is not in its way.
    let of_newer_code = Run { version: 3, ..other(2, 9) };
    let of_another_kind = Run { kind: Kind::new("else").unwrap(), ..other(3, 9) };
    assert_eq!(why(&[of_newer_code, of_another_kind]), free);

    let mut limited = Admission::default();
    let limits = Limits { running: Some(1), ..Limits::NONE };
    limited.controls.change(&Scope::Queue(Queue::default()), ControlChange::Declare(limits));
    assert_eq!(
        said(&own, &limited, &[executing(&own), other(2, 1), other(3, 1)], reader),
        "1 run of the queue `default` is running, which is the limit; 2 runs of a higher priority are ahead of it"
    );
}
