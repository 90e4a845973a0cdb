//! The frozen bytes of records: what was written once is read forever, and written as it was.

use std::{sync::Arc, time::Duration};

use longhaul_core::{
    Actor, After, AfterFailure, AwaitedRuns, Backoff, Batch, CallbackWhen, Cause, Codec, Constraints, Ended, Envelope,
    Epoch, FailedAttempt, HistoryEntry, Inbox, Key, Kind, Label, LastEnd, Lineage, NewRun, OnCancel, OnConflict,
    OrderTurn, Ordered, Parent, PendingProceed, Priority, Progress, Queue, RetryPolicy, RunId, ServerId, State,
    StopRequest, StoredRun, Tag, Timestamp, Transition, Unique, UniqueScope, Waiting,
    inbox::Message,
    record::{self, Apart, Damage, Line, Part, Values},
    run::Due,
    shape,
};

const IN_THE_RECORD: [Option<Apart>; Part::COUNT] = [None; Part::COUNT];
const NOW: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

fn value(n: u64) -> Envelope {
    Envelope::encode(&n, Codec::Bincode, 1, shape::fingerprint_of::<u64>()).expect("a number can be encoded")
}

fn new_run(kind: &str, n: u8) -> NewRun {
    NewRun {
        id: RunId::new(NOW, [0, 0, 0, 0, 0, 0, 0, 0, 0, n]),
        kind: Kind::new(kind).expect("a name"),
        version: 1,
        queue: Queue::default(),
        priority: Priority(0),
        tags: [].into(),
        policy: RetryPolicy::default().attempts(3).backoff(Backoff::Fixed(Duration::from_secs(10))),
        timeout: None,
        due: None,
        constraints: None,
        metadata: value(n.into()),
        execution_metadata: None,
        by: Actor::UNKNOWN,
    }
}

/// A run that was just enqueued with nothing special.
fn plain() -> StoredRun {
    StoredRun::enqueue(NOW, new_run("plain", 7))
}

/// One with all that format 1 has.
fn full() -> StoredRun {
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
        ..Constraints::default()
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
        ..new_run("full", 8)
    };
    let mut record = StoredRun::enqueue(NOW, new);
    let server = ServerId::new(NOW, [9; 10]);
    record.set_execution_metadata(Some(value(2)));
    record.ended = Some(Ended::Failed(FailedAttempt::new(Cause::Error, "no route", 1, NOW).with_details("at line 7")));
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

fn write(stored: &StoredRun) -> Vec<u8> {
    record::write(stored, &Values::of(stored), &IN_THE_RECORD)
}

fn read(id: RunId, bytes: &[u8]) -> Result<StoredRun, Damage> {
    record::read(id, bytes)?.stored(&mut |_, _| panic!("all of it stands in the record"))
}

fn is_frozen(stored: &StoredRun, golden: &str) {
    let (golden, written) = (bytes(golden), write(stored));
    assert!(written == golden, "it is written as\n{}", hex(&written));
    assert_eq!(read(stored.run.id, &golden).as_ref(), Ok(stored));
}

#[test]
fn a_plain_run_of_format_1_is_read_and_written_byte_by_byte() {
    is_frozen(&plain(), include_str!("../golden/record/plain.hex"));
}

#[test]
fn a_run_with_all_that_format_1_has_is_read_and_written_byte_by_byte() {
    is_frozen(&full(), include_str!("../golden/record/full.hex"));
}

#[test]
fn a_proceed_that_is_kept_for_later_stands_behind_the_rest() {
    let mut record = plain();
    record.run.pending_proceed = Some(PendingProceed::At(NOW));
    is_frozen(&record, include_str!("../golden/record/kept.hex"));
}

/// One that waits for a proceed until a deadline.
fn with_deadline() -> StoredRun {
    let mut record = plain();
    record.run.state = State::Suspended { waiting: Waiting::ProceedBy(NOW.after(Duration::from_secs(60))) };
    record
}

/// One that is to begin within a minute.
fn expiring() -> StoredRun {
    let constraints = Constraints { expires: Some(Due::After(Duration::from_secs(60))), ..Constraints::default() };
    StoredRun::enqueue(NOW, NewRun { constraints: Some(Arc::new(constraints)), ..new_run("plain", 7) })
}

/// One that goes after those of its order key.
fn ordered() -> StoredRun {
    let ordered = Ordered { key: Key::new("account 7").unwrap(), after_failure: AfterFailure::Stop };
    let constraints = Constraints { ordered: Some(ordered), ..Constraints::default() };
    StoredRun::enqueue(NOW, NewRun { constraints: Some(Arc::new(constraints)), ..new_run("plain", 7) })
}

/// One that was sent two values, of which one waits, and that remembers whose proceed it heard.
fn with_inbox() -> StoredRun {
    let mut record = plain();
    let message = Message { number: 2, at: Some(NOW), signal: None, value: value(7) };
    let keys = vec![Key::new("evt_123").unwrap()];
    record.run.inbox =
        Some(Arc::new(Inbox { messages: vec![message], last: 2, offered: 1, keys, awaited: Vec::new() }));
    record
}

/// One that has a signal, and is suspended for another.
fn signalled() -> StoredRun {
    let mut record = with_inbox();
    record.run.state = State::Suspended { waiting: Waiting::Proceed };
    let inbox = Arc::make_mut(record.run.inbox.as_mut().expect("it has one"));
    let signal = Some(Key::new("paid").unwrap());
    inbox.messages.push(Message { number: 3, at: None, signal, value: value(8) });
    (inbox.last, inbox.awaited) = (3, vec![Key::new("approved").unwrap()]);
    record
}

/// A child that waits for its own children, and may be claimed then.
fn child() -> StoredRun {
    let parent =
        Parent { id: RunId::from_bytes([3; 16]), epoch: Some(Epoch(2)), name: Key::new("page 7").unwrap(), depth: 1 };
    let constraints = Constraints { parent: Some(parent), on_cancel: OnCancel::Wait, ..Constraints::default() };
    let new = NewRun { constraints: Some(Arc::new(constraints)), ..new_run("plain", 7) };
    let mut record = StoredRun::enqueue(NOW, new);
    record.run.state = State::Suspended { waiting: Waiting::Proceed };
    record.run.awaits = Some(Arc::new(AwaitedRuns::AnyChild { seen: 7 }.into()));
    record
}

/// One that may begin when two others have completed, but not within the next minute.
fn after_others() -> StoredRun {
    let runs = [5, 6].map(|n| RunId::from_bytes([n; 16])).into();
    let after = Some(After { runs, success_only: true });
    let constraints = Constraints { after, on_cancel: OnCancel::Leave, ..Constraints::default() };
    let due = Some(Due::After(Duration::from_secs(60)));
    let new = NewRun { due, constraints: Some(Arc::new(constraints)), ..new_run("plain", 7) };
    StoredRun::enqueue(NOW, new)
}

/// The callback of a batch that is open.
fn batch() -> StoredRun {
    let constraints = Constraints { batch: Some(CallbackWhen::AnyFailed.into()), ..Constraints::default() };
    let due = Some(Due::After(Duration::from_secs(60)));
    StoredRun::enqueue(NOW, NewRun { due, constraints: Some(constraints.into()), ..new_run("plain", 7) })
}

/// A run that was retried, and is a retry itself.
fn retried() -> StoredRun {
    let mut record = plain();
    let [predecessor, successor] = [3, 4].map(|n| Some(RunId::from_bytes([n; 16])));
    record.run.lineage = Lineage { predecessor, successor, retried: Some(NOW) };
    record.history.push(HistoryEntry::new(NOW, 0, Transition::Retried, Some("as another")));
    record
}

#[test]
fn a_deadline_of_a_suspension_is_section_5() {
    is_frozen(&with_deadline(), include_str!("../golden/record/deadline.hex"));
}

#[test]
fn the_time_by_which_a_run_has_to_begin_is_section_8() {
    is_frozen(&expiring(), include_str!("../golden/record/expires.hex"));
    let mut at = full();
    let constraints = Arc::make_mut(at.run.constraints.as_mut().expect("it has some"));
    constraints.expires = Some(Due::At(NOW));
    assert_eq!(read(at.run.id, &write(&at)), Ok(at), "beside the constraints of format 1");
}

#[test]
fn the_order_of_a_run_and_its_place_in_it_are_section_11() {
    is_frozen(&ordered(), include_str!("../golden/record/ordered.hex"));
    let mut other = ordered();
    other.run.turn = Some(OrderTurn { position: u64::MAX, behind: true, dismissed: true });
    let constraints = Arc::make_mut(other.run.constraints.as_mut().expect("it has some"));
    constraints.ordered.as_mut().expect("it is ordered").after_failure = AfterFailure::Skip;
    constraints.limit_key = Some(Key::new("tenant 3").unwrap());
    assert_eq!(read(other.run.id, &write(&other)), Ok(other), "beside other constraints");
}

#[test]
fn what_was_sent_to_a_run_is_section_6() {
    is_frozen(&with_inbox(), include_str!("../golden/record/inbox.hex"));
}

#[test]
fn a_batch_and_what_it_waits_for_are_section_14() {
    is_frozen(&batch(), include_str!("../golden/record/batch.hex"));
    let mut retried = batch();
    (retried.run.state, retried.run.awaits) = (State::Pending { due: NOW }, None);
    let constraints = Arc::make_mut(retried.run.constraints.as_mut().expect("it has some"));
    constraints.batch = Some(Batch { callback: CallbackWhen::AllCompleted, of: Some(RunId::from_bytes([3; 16])) });
    assert_eq!(read(retried.run.id, &write(&retried)), Ok(retried), "a retry of one");
}

#[test]
fn an_inbox_with_signals_is_of_version_2() {
    is_frozen(&signalled(), include_str!("../golden/record/signals.hex"));
}

#[test]
fn any_value_can_stand_apart_from_its_record() {
    for stored in [full(), with_inbox(), signalled()] {
        let values = Values::of(&stored);
        let whole = write(&stored).len();
        for part in Part::ALL {
            let Some(value) = values.to_write(part) else { continue };
            let mut apart = IN_THE_RECORD;
            apart[part as usize] = Some(Apart { generation: 1, others: 2, ..Apart::of(value) });
            let bytes = record::write(&stored, &values, &apart);
            assert_ne!(bytes.len(), whole, "{part:?} is not in it");
            let recorded = record::read(stored.run.id, &bytes).expect("our own bytes");
            assert_eq!(recorded.apart(), apart);
            let read = recorded.stored::<Damage>(&mut |asked, place| {
                assert!(asked == part && place.matches(value), "{asked:?}");
                Ok(value.to_vec())
            });
            assert_eq!(read.as_ref(), Ok(&stored));
        }
    }
}

#[test]
fn execution_metadata_that_is_as_it_was_enqueued_is_written_once() {
    let new = NewRun { execution_metadata: Some(value(1)), ..new_run("plain", 7) };
    let stored = StoredRun::enqueue(NOW, new);
    let values = Values::of(&stored);
    assert_eq!(values.to_write(Part::ExecutionMetadata), None);
    assert_eq!(values.get(Part::ExecutionMetadata), values.to_write(Part::Initial));
    let mut apart = IN_THE_RECORD;
    apart[Part::ExecutionMetadata as usize] = Some(Apart::of(b"not written"));
    let bytes = record::write(&stored, &values, &apart);
    assert_eq!(bytes, write(&stored), "and never stands apart");
    assert_eq!(read(stored.run.id, &bytes), Ok(stored));
}

#[test]
fn bytes_that_were_not_written_for_this_run_are_damage() {
    let stored = full();
    let bytes = write(&stored);
    assert!(read(RunId::from_bytes([1; 16]), &bytes).is_err(), "it is another run");
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x10;
        assert!(read(stored.run.id, &changed).is_err(), "byte {at}");
        assert!(read(stored.run.id, &bytes[..at]).is_err(), "cut at {at}");
    }
}

#[test]
fn a_section_of_a_later_release_is_refused_and_never_skipped() {
    let stored = with_deadline();
    let mut bytes = write(&stored);
    bytes.truncate(bytes.len() - 4);
    bytes.extend_from_slice(&[200, 1, 0, 0, 0, 7]);
    let mut hash = crc32fast::Hasher::new();
    hash.update(stored.run.id.as_bytes());
    hash.update(&bytes);
    bytes.extend_from_slice(&hash.finalize().to_le_bytes());
    let refused = read(stored.run.id, &bytes).expect_err("what it says is not known");
    assert_eq!(&*refused.reason, "its section 200 is of a later release (1 bytes)");
}

#[test]
fn a_retry_stands_in_a_section_of_its_own() {
    is_frozen(&retried(), include_str!("../golden/record/lineage.hex"));
}

#[test]
fn whose_child_a_run_is_and_which_runs_it_waits_for_are_sections_of_their_own() {
    is_frozen(&child(), include_str!("../golden/record/child.hex"));
    is_frozen(&after_others(), include_str!("../golden/record/after.hex"));
}

#[test]
fn a_line_comes_back_with_all_that_the_run_had() {
    for stored in
        [plain(), full(), with_deadline(), expiring(), with_inbox(), signalled(), retried(), child(), after_others()]
    {
        let read = record::read_line(&record::run_line(&stored)).expect("our own line");
        assert_eq!(read, Line::Run(Box::new(stored)));
    }
}

#[test]
fn executions_that_began_are_counted_apart_from_claims_only_if_they_differ() {
    let claimed = |attempts, begun| {
        let mut stored = plain();
        stored.run.state = State::Running { server: ServerId::new(NOW, [9; 10]) };
        (stored.run.epoch, stored.run.attempts, stored.run.begun) = (Epoch(3), attempts, begun);
        stored
    };
    for (stored, format) in [(claimed(3, true), 1), (claimed(2, false), 2), (claimed(1, true), 2)] {
        let bytes = write(&stored);
        assert_eq!(bytes[0], format, "what format 1 says needs no section");
        assert_eq!(read(stored.run.id, &bytes), Ok(stored));
    }
}
