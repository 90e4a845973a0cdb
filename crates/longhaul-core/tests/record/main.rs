//! The bytes of format 1: what was written once is read for ever, and written as it was.

use std::{sync::Arc, time::Duration};

use longhaul_core::{
    Actor, Backoff, Cause, Constraints, Ended, Epoch, Failure, HistoryEntry, Inbox, Key, Label, LastEnd, Lineage,
    NewRun, OnConflict, PendingProceed, Priority, Progress, RetryPolicy, RunId, ServerId, State, StopRequest, Tag,
    Timestamp, Transition, Unique, UniqueScope, Waiting, inbox::Message,
};
use longhaul_testkit::fixture::{large_value, new_run, value};

use super::{Damage, Encoded, Record, encode, read};
use crate::kv::VALUE_MAX;

const NOW: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

/// A run that was just enqueued with nothing special.
fn plain() -> Record {
    Record::enqueue(NOW, new_run(NOW, "plain", 7))
}

/// One with all that format 1 has.
fn full() -> Record {
    let unique = Unique {
        key: Key::new("order 7").unwrap(),
        scope: UniqueScope::For(Duration::from_secs(60)),
        on_conflict: OnConflict::Replace { reschedule: true },
    };
    let constraints = Constraints {
        limit_key: Some(Key::new("tenant 3").unwrap()),
        unique: Some(unique),
        requires: [Label::new("edit-server").unwrap()].into(),
        trace: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
    };
    let new = NewRun {
        priority: Priority(-3),
        tags: [Tag { key: "order".into(), value: "7".into() }].into(),
        policy: RetryPolicy {
            backoff: Backoff::Delays([Duration::from_millis(1500)].into()),
            ..RetryPolicy::default()
        },
        timeout: Some(Duration::from_secs(90)),
        constraints: Some(Arc::new(constraints)),
        execution_metadata: Some(value(1)),
        by: Actor::named("ann"),
        ..new_run(NOW, "full", 8)
    };
    let mut record = Record::enqueue(NOW, new);
    let server = ServerId::new(NOW, [9; 10]);
    record.set_execution_metadata(Some(value(2)));
    record.ended = Some(Ended::Failed(Failure::new(Cause::Error, "no route", 1, NOW).with_details("at line 7")));
    let asked = HistoryEntry::new(NOW, 2, Transition::CancelRequested, Some("too dear"));
    for entry in [
        HistoryEntry::new(NOW, 1, Transition::Claimed(server), None),
        HistoryEntry::new(NOW, 1, Transition::Failed, Some("no route")),
        HistoryEntry::new(NOW, 2, Transition::Claimed(server), None),
        HistoryEntry { by: Actor::named("bob"), ..asked },
    ] {
        record.history.push(entry);
    }
    let run = &mut record.run;
    run.state = State::Running { server };
    run.since = NOW.after(Duration::from_secs(5));
    (run.epoch, run.attempts, run.begun, run.seq, run.progressed) = (Epoch(2), 2, true, 4, true);
    run.last_end = LastEnd::Failed;
    run.counts.failures = 1;
    run.suspicion = 1;
    run.request = Some(StopRequest::Cancel { reason: Some("too dear".into()) });
    run.pending_proceed = Some(PendingProceed::AtOnce);
    run.progress = Some(Progress {
        step: "reading".into(),
        done: 20,
        total: Some(100),
        unit: "pages".into(),
        message: "of 2025".into(),
        rate: Some(2.5),
    });
    run.revision = 12;
    record
}

fn bytes(hex: &str) -> Vec<u8> {
    let hex: String = hex.split_whitespace().collect();
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal")).collect()
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).expect("a nibble is a digit");
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn holds(record: &Record, golden: &str) {
    let golden = bytes(golden);
    let Encoded { bytes: written, layout, pieces, .. } = encode(record, VALUE_MAX);
    assert!(pieces.is_empty() && written == golden, "it is written as\n{}", hex(&written));
    let read = read(record.run.id, &golden).and_then(|frozen| {
        frozen.record::<Damage>(record.run.id, &mut |_, _| panic!("all of it stands in the record"))
    });
    assert_eq!(read, Ok(Record { layout, ..record.clone() }));
}

#[test]
fn a_plain_run_of_format_1_is_read_and_written_byte_by_byte() {
    holds(&plain(), include_str!("golden/plain.hex"));
}

#[test]
fn a_run_with_all_that_format_1_has_is_read_and_written_byte_by_byte() {
    holds(&full(), include_str!("golden/full.hex"));
}

#[test]
fn a_proceed_that_is_kept_for_later_stands_behind_the_rest() {
    let mut record = plain();
    record.run.pending_proceed = Some(PendingProceed::At(NOW));
    holds(&record, include_str!("golden/kept.hex"));
}

/// One that waits for a proceed until a deadline.
fn with_deadline() -> Record {
    let mut record = plain();
    record.run.state = State::Suspended { waiting: Waiting::ProceedBy(NOW.after(Duration::from_secs(60))) };
    record
}

/// One that was sent two values, of which one waits, and that remembers whose proceed it heard.
fn with_inbox() -> Record {
    let mut record = plain();
    let message = Message { number: 2, at: Some(NOW), value: value(7) };
    let keys = vec![Key::new("evt_123").unwrap()];
    record.run.inbox = Some(Arc::new(Inbox { messages: vec![message], last: 2, offered: 1, keys }));
    record
}

/// A run that was retried, and is a retry itself.
fn retried() -> Record {
    let mut record = plain();
    let [predecessor, successor] = [3, 4].map(|n| Some(RunId::from_bytes([n; 16])));
    record.run.lineage = Lineage { predecessor, successor, retried: Some(NOW) };
    record.history.push(HistoryEntry::new(NOW, 0, Transition::Retried, Some("as another")));
    record
}

#[test]
fn a_deadline_of_a_suspension_is_section_5() {
    holds(&with_deadline(), include_str!("golden/deadline.hex"));
}

#[test]
fn what_was_sent_to_a_run_is_section_6() {
    holds(&with_inbox(), include_str!("golden/inbox.hex"));
}

#[test]
fn what_was_sent_to_a_run_stands_apart_if_it_is_large() {
    let mut record = with_inbox();
    Arc::make_mut(record.run.inbox.as_mut().unwrap()).messages[0].value = large_value(60_000);
    let Encoded { bytes, layout, pieces, .. } = encode(&record, VALUE_MAX);
    assert!(bytes.len() < 1024 && pieces.len() == 15, "{} bytes, {} pieces", bytes.len(), pieces.len());
    let inbox = pieces.into_iter().flat_map(|(_, bytes)| bytes).collect::<Vec<_>>();
    let read = read(record.run.id, &bytes).and_then(|frozen| {
        assert_eq!(frozen.layout(), layout);
        frozen.record::<Damage>(record.run.id, &mut |_, _| Ok(inbox.clone()))
    });
    assert_eq!(read, Ok(Record { layout, ..record }));
}

#[test]
fn a_retry_stands_in_a_section_of_its_own() {
    holds(&retried(), include_str!("golden/lineage.hex"));
}

#[test]
fn an_exported_run_comes_back_with_all_that_it_had() {
    for record in [plain(), full(), with_deadline(), with_inbox(), retried()] {
        let line = crate::export::line(&record);
        let back = crate::export::read_run_line(&line).expect("it was just written");
        assert_eq!(back, Record { layout: back.layout, ..record });
    }
}

#[test]
fn executions_that_began_are_kept_apart_from_claims_where_they_differ() {
    let claimed = |attempts, begun| {
        let mut record = plain();
        record.run.state = State::Running { server: ServerId::new(NOW, [9; 10]) };
        (record.run.epoch, record.run.attempts, record.run.begun) = (Epoch(3), attempts, begun);
        record
    };
    for (record, format) in [(claimed(3, true), 1), (claimed(2, false), 2), (claimed(1, true), 2)] {
        let Encoded { bytes, layout, .. } = encode(&record, VALUE_MAX);
        assert_eq!(bytes[0], format, "what format 1 says needs no section");
        let back = read(record.run.id, &bytes).and_then(|frozen| {
            frozen.record::<Damage>(record.run.id, &mut |_, _| panic!("all of it stands in the record"))
        });
        assert_eq!(back, Ok(Record { layout, ..record }));
    }
}
