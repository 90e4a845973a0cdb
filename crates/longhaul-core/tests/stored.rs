//! What the operations on a run answer, and what they ask of a store.

use std::time::Duration;

use longhaul_core::{
    Actor, Codec, Constraints, Controls, Ending, Envelope, Epoch, Inbox, Key, LogPage, NewRun, OnConflict, Priority,
    Progress, Rate, RunId, Scope, StateKind, StopRequest, StoredRun, Unique, UniqueScope,
    admission::Bucket,
    doc,
    lineage::succeed,
    shape,
    store::{
        Cancelled, Checkpoint, CheckpointError, Checkpointed, EndedCursor, Ends, Proceed, Proceeded, Retried, Retry,
        RetryError, RetryFrom, Servers, SettleError, Settled, Settlement,
        copy::{CopiedRun, CopyPage},
    },
    stored::{ChangedValues, Followup},
};

const FIRST: Epoch = Epoch(1);

fn value(n: u32) -> Envelope {
    Envelope::encode(&n, Codec::Bincode, 1, shape::fingerprint_of::<u32>()).expect("a number can be encoded")
}

fn running() -> StoredRun {
    let mut stored = StoredRun::enqueue(doc::NOW, doc::new_run());
    stored.claim(doc::NOW, doc::SERVER, true).expect("it is due");
    stored
}

fn checkpoint(seq: u32, execution_metadata: Option<Envelope>, progress: Option<Progress>) -> Checkpoint {
    Checkpoint { id: doc::run().id, epoch: FIRST, seq, execution_metadata, taken: Vec::new(), progress }
}

fn settlement(last: Option<(u32, Envelope)>) -> Settlement {
    let ending = Ending::Completed { result: doc::value() };
    Settlement { id: doc::run().id, epoch: FIRST, ending, execution_metadata: last, taken: Vec::new(), progress: None }
}

#[test]
fn a_checkpoint_says_what_it_changed_and_a_repeat_changes_nothing() {
    let mut stored = running();
    let saved = ChangedValues { execution_metadata: true, ..ChangedValues::default() };
    let kept = Followup { keep: true, changed: saved, ..Followup::default() };
    assert_eq!(stored.checkpoint(doc::NOW, checkpoint(1, Some(value(1)), None)), Ok((Checkpointed::default(), kept)));
    let same = Followup { keep: true, ..Followup::default() };
    assert_eq!(stored.checkpoint(doc::NOW, checkpoint(2, Some(value(1)), None)), Ok((Checkpointed::default(), same)));
    let before = stored.clone();
    let repeat = stored.checkpoint(doc::NOW, checkpoint(2, Some(value(9)), None));
    assert_eq!(repeat, Ok((Checkpointed::default(), Followup::default())));
    assert_eq!(stored, before);
}

#[test]
fn progress_alone_is_seen_but_changes_no_value() {
    let mut stored = running();
    let revision = stored.run.revision;
    let progress = Some(Progress { done: 3, ..Progress::default() });
    let (_, told) = stored.checkpoint(doc::NOW, checkpoint(0, None, progress.clone())).expect("it executes");
    assert!(told.keep && !told.changed.any());
    assert_eq!((stored.run.revision, &stored.run.progress), (revision + 1, &progress));
    let (_, nothing) = stored.checkpoint(doc::NOW, checkpoint(0, None, None)).expect("it executes");
    assert_eq!(nothing, Followup::default());
}

#[test]
fn a_checkpoint_brings_back_what_was_asked_meanwhile() {
    let mut stored = running();
    let (answer, asked) = stored.cancel(doc::NOW, Some("too dear".into()), Actor::UNKNOWN).expect("it executes");
    assert!(answer == Cancelled::Requested && asked.order);
    let (brought, _) = stored.checkpoint(doc::NOW, checkpoint(1, Some(value(1)), None)).expect("it executes");
    assert_eq!(brought.request, Some(StopRequest::Cancel { reason: Some("too dear".into()) }));
}

#[test]
fn a_settlement_asks_for_what_it_saved_and_for_what_ended() {
    let mut stored = running();
    let (answer, followup) = stored.settle(doc::NOW, settlement(Some((1, value(1))))).expect("it executes");
    assert_eq!(answer, Settled::Now(StateKind::Completed));
    let changed = ChangedValues { execution_metadata: true, ended: true, history: true, ..ChangedValues::default() };
    assert_eq!(followup, Followup { keep: true, changed, ..Followup::default() });
    assert_eq!(stored.execution_metadata, Some(value(1)));
    let before = stored.clone();
    assert_eq!(stored.settle(doc::NOW, settlement(None)), Ok((Settled::Already, Followup::default())));
    assert_eq!(stored, before);
}

#[test]
fn an_attempt_that_has_lost_its_claim_changes_nothing() {
    let mut stored = running();
    let other = Settlement { epoch: Epoch(7), ..settlement(None) };
    let before = stored.clone();
    let (id, epoch) = (stored.run.id, Epoch(7));
    assert_eq!(stored.settle(doc::NOW, other), Err(SettleError::EpochLost { id, epoch }));
    let late = Checkpoint { epoch, ..checkpoint(1, Some(value(1)), None) };
    assert_eq!(stored.checkpoint(doc::NOW, late), Err(CheckpointError::EpochLost { id, epoch }));
    assert_eq!(stored.begin(doc::NOW, epoch), Err(CheckpointError::EpochLost { id, epoch }));
    assert_eq!(stored.logging_attempt(epoch), Err(CheckpointError::EpochLost { id, epoch }));
    assert_eq!(stored, before);
}

#[test]
fn what_is_sent_to_a_run_changes_its_inbox_and_a_repeat_does_not() {
    let mut stored = running();
    let sent = Proceed { value: Some(value(1)), key: Some(Key::new("k").unwrap()), ..Proceed::new(stored.run.id) };
    let (answer, followup) = stored.proceed(doc::NOW, sent.clone()).expect("it takes values");
    assert!(answer == Proceeded::Kept && followup.changed.inbox);
    assert_eq!(stored.run.inbox().messages.len(), 1);
    assert_eq!(stored.proceed(doc::NOW, sent), Ok((Proceeded::Repeated, Followup::default())));
    let taken = Checkpoint { taken: vec![1], ..checkpoint(1, Some(value(1)), None) };
    let (_, followup) = stored.checkpoint(doc::NOW, taken).expect("it executes");
    assert!(followup.changed.inbox);
    assert_eq!(stored.run.inbox().messages, Inbox::none().messages);
}

#[test]
fn a_run_that_is_replaced_begins_with_what_came() {
    let mut stored = StoredRun::enqueue(doc::NOW, doc::new_run());
    let new = NewRun {
        priority: Priority(7),
        metadata: value(1),
        execution_metadata: Some(value(2)),
        by: Actor::named("ann"),
        ..doc::new_run()
    };
    let followup = stored.replace(doc::NOW, new);
    assert!(followup.keep && followup.changed.asked && followup.changed.execution_metadata);
    assert_eq!((&stored.metadata, stored.run.priority), (&value(1), Priority(7)));
    assert_eq!((&stored.initial, &stored.execution_metadata), (&Some(value(2)), &Some(value(2))));
    assert_eq!(stored.history.entries.last().map(|entry| &entry.by), Some(&Actor::named("ann")));
}

#[test]
fn a_retry_is_refused_where_another_run_has_the_key() {
    let unique = Unique { key: Key::new("k").unwrap(), scope: UniqueScope::NotFinal, on_conflict: OnConflict::Refuse };
    let constraints = Constraints { unique: Some(unique.clone()), ..Constraints::default() };
    let mut before = StoredRun::enqueue(doc::NOW, NewRun { constraints: Some(constraints.into()), ..doc::new_run() });
    before.cancel(doc::NOW, None, Actor::UNKNOWN).expect("it waits");
    let [successor, other] = [7, 8].map(|id| RunId::from_bytes([id; 16]));
    let retry = Retry { id: before.run.id, successor, from: RetryFrom::Checkpoint, by: Actor::UNKNOWN };
    let succession = succeed(doc::NOW, &before, &retry).expect("it is final");
    let taken = RetryError::Taken { key: unique.key, id: other, state: StateKind::Running };
    assert_eq!(succession.check_key(Some((other, StateKind::Running))), Err(taken));
    assert_eq!(succession.check_key(Some((before.run.id, StateKind::Cancelled))), Ok(()));
    assert_eq!(succession.check_key(None), Ok(()));
    before.apply(succession.before);
    assert_eq!(succeed(doc::NOW, &before, &retry).err(), Some(Ok(Retried::Existing(successor))));
}

#[test]
fn positions_grow_though_the_clock_goes_back_and_a_reader_who_was_overtaken_hears_of_it() {
    let mut ends = Ends::default();
    let first = ends.next(doc::NOW);
    assert_eq!(first, doc::NOW.as_micros().unsigned_abs());
    assert_eq!(ends.next(longhaul_core::Timestamp::EPOCH), first + 1);
    assert!(ends.remove(first) && !ends.remove(first));
    let before = EndedCursor { position: first - 1, ..EndedCursor::START };
    let resume = EndedCursor { known_removed: first, ..before };
    assert_eq!(ends.page(before), Err(longhaul_core::store::EndedError::Overtaken { resume }));
    let page = ends.page(resume).expect("it knows");
    assert_eq!((page.next.position, page.next.known_removed), (first + 1, first));
}

#[test]
fn the_log_of_a_copied_run_is_in_order() {
    let page = |number| LogPage { number, ..LogPage::default() };
    let copied = CopiedRun::new(running(), None, vec![(2, page(0)), (1, page(1)), (1, page(0))]);
    assert_eq!(copied.log, [(1, page(0)), (1, page(1)), (2, page(0))]);
}

#[test]
fn what_an_attempt_was_asked_is_told_to_its_server_until_it_ends() {
    let (mut servers, mut stored) = (Servers::default(), running());
    stored.cancel(doc::NOW, None, Actor::UNKNOWN).expect("it executes");
    servers.ask_to_stop(&stored.run);
    let told = servers.stop_requests(doc::SERVER, 0, |_| Some(&stored.run)).expect("it executes");
    assert_eq!((told.position, told.stop_requests[0].epoch), (1, FIRST));
    assert_eq!(servers.stop_requests(doc::SERVER, 1, |_| Some(&stored.run)), None);
    stored.settle(doc::NOW, settlement(None)).expect("it executes");
    assert_eq!(servers.stop_requests(doc::SERVER, 0, |_| Some(&stored.run)), None);
}

#[test]
fn starts_that_limit_nothing_any_more_are_not_copied() {
    let rate = Rate::new(1, Duration::from_secs(10)).unwrap();
    let bucket = Bucket::Scope(Scope::Kind(doc::run().kind));
    let starts = [(bucket, rate.take(doc::NOW, None).expect("it is the first"))].into();
    let copied = |now| CopyPage::of_settings(now, &Controls::default(), [], [], &starts, 0).items.len();
    assert_eq!([copied(doc::NOW), copied(doc::NOW.after(rate.per()))], [1, 0]);
}
