//! A store and the model, side by side.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use longhaul_core::{
    Actor, AfterFailure, Ageing, Cause, Clock, Constraints, Control, ControlChange, Ending, Envelope, Epoch,
    FailedAttempt, Inserted, Key, Label, Limits, NewRun, Ordered, Paused, Priority, Queue, Rate, Retention, RunId,
    ScheduleName, Scope, ServerId, Snapshot, StateKind, Timestamp, Unique, UniqueScope,
    admission::LimitGroup,
    code::CodeMark,
    counts::RunCounts,
    limits::PAGE_MAX,
    run::Due,
    store::{
        Checkpoint, ClaimRequest, Claimed, Filter, ListOrder, PageRequest, Proceed, Replacement, Retried, Retry,
        RetryFrom, RunUpdate, ScheduleChange, ScheduleChanges, ServerBeat, Settlement, prelude::*,
    },
};

use super::{
    compare::{all, ids, plain, plain_run, plain_settled, same, sweep_all},
    op::{self, Controlling, End, Op, Size, UpdateOp, seconds},
};
use crate::{
    MemoryStore,
    conformance::Subject,
    fixture::{new_run, server_id, support, value},
};

const LEASE: Duration = Duration::from_secs(60);
const SERVERS: usize = 2;
/// How many of the latest attempts go on writing, most of them without a claim.
const RECENT: usize = 6;

pub(super) struct World<'a> {
    pub(super) subject: &'a mut dyn Subject,
    pub(super) model: MemoryStore,
    pub(super) made: u64,
    pub(super) inserted: Vec<NewRun>,
    pub(super) attempts: Vec<Attempt>,
    servers: Vec<ServerId>,
    /// The clock went back once.
    turned_back: bool,
}

pub(super) struct Attempt {
    pub(super) id: RunId,
    pub(super) epoch: Epoch,
    seq: u32,
}

/// Makes the same call to both, and compares what they answer.
macro_rules! both {
    ($world:ident, $store:ident => $call:expr) => {{
        let found = {
            let $store: std::sync::Arc<dyn longhaul_core::Store> = $world.subject.store();
            $call.await
        };
        let expected = {
            let $store: &dyn longhaul_core::Store = &$world.model;
            $call.await
        };
        same(stringify!($call), &found, &expected);
        expected
    }};
}

pub(super) use both;

impl<'a> World<'a> {
    pub(super) async fn new(subject: &'a mut dyn Subject) -> Self {
        let model = MemoryStore::new(Arc::new(subject.clock()));
        let mut world = Self {
            subject,
            model,
            made: 0,
            inserted: Vec::new(),
            attempts: Vec::new(),
            servers: Vec::new(),
            turned_back: false,
        };
        for _ in 0..SERVERS {
            let server = world.new_server().await;
            world.servers.push(server);
        }
        world
    }

    /// Of no order key more than one run executes, none of which is behind another; and no claim has gone beyond a limit
    /// or a pause.
    async fn nothing_is_exceeded(&self, now: Timestamp, claimed: &[RunId]) {
        let filter = Filter { states: vec![StateKind::Running], ..Filter::default() };
        let request = PageRequest { filter, order: ListOrder::OldestFirst, after: None, limit: PAGE_MAX };
        let running = self.subject.store().list(request).await.expect("the store works").runs;
        let controls = self.model.controls().await.expect("the model works");
        let mut ordered = BTreeSet::new();
        for run in running.iter().map(|snapshot| &snapshot.run) {
            assert!(!run.is_behind(), "{} is running before its turn", run.id);
            let alone = run.order_key().is_none_or(|key| ordered.insert(key.clone()));
            assert!(alone, "{} is running beside another of its order key", run.id);
            // What ran already when a limit or a pause came runs on.
            if !claimed.contains(&run.id) {
                continue;
            }
            assert_eq!(
                controls.paused_group(now, &LimitGroup::of(run)),
                None,
                "{} was claimed though it is paused",
                run.id
            );
            let same = |other: &&Snapshot| other.run.kind == run.kind;
            let of_kind = running.iter().filter(same).count();
            let key = &run.constraints().limit_key;
            let of_key = running.iter().filter(same).filter(|other| other.run.constraints().limit_key == *key).count();
            let of_queue = running.iter().filter(|other| other.run.queue == run.queue).count();
            let limits = |control: Option<&Control>| control.map(Control::limits).unwrap_or_default();
            let (queue, kind) = (limits(controls.queue(&run.queue)), limits(controls.kind(&run.kind)));
            let per_key = kind.per_key.filter(|_| key.is_some());
            for (max, found) in [(queue.running, of_queue), (kind.running, of_kind), (per_key, of_key)] {
                assert!(max.is_none_or(|max| found <= max as usize), "{found} are running, of at most {max:?}");
            }
        }
    }

    #[expect(clippy::too_many_lines, reason = "one arm an operation")]
    pub(super) async fn step(&mut self, step: usize, op: &Op) {
        let now = self.subject.clock().now();
        match op.clone() {
            Op::Insert { other_kind, priority, wait, initial, from_the_start, constraints } => {
                self.made += 1;
                let mut new = new_run(now, if other_kind { "other" } else { "plain" }, self.made);
                new.priority = Priority(priority);
                new.due = wait.map(|wait| Due::After(seconds(wait)));
                new.execution_metadata = initial.map(|size| size.value(self.made));
                new.version = new.execution_metadata.as_ref().map_or(1, Envelope::schema_version);
                if from_the_start {
                    new.policy = new.policy.from_the_start();
                }
                put(constraints, self.turned_back, &mut new);
                let answer = both!(self, store => store.insert(vec![new.clone()])).expect("the model works");
                if answer == [Ok(Inserted::New)] {
                    self.inserted.push(new);
                }
            }
            Op::InsertAgain { run } => {
                if let Some(new) = pick(&self.inserted, run).cloned() {
                    let answer = both!(self, store => store.insert(vec![new.clone()]));
                    // One that was deleted begins anew: its old attempts must not write to it.
                    if answer == Ok(vec![Ok(Inserted::New)]) {
                        self.attempts.retain(|attempt| attempt.id != new.id);
                    }
                }
            }
            Op::Child { attempt, name, on_cancel } => self.child(now, attempt, name, on_cancel).await,
            Op::Member { run, of_batch, name } => self.member(now, run, of_batch, name).await,
            Op::CloseBatch { batch } => self.close_batch(batch).await,
            Op::InsertAfter { prerequisite, wait, on_cancel } => {
                self.insert_after(now, prerequisite, wait, on_cancel).await;
            }
            Op::Drain { server, wait } => self.drain(now, server, wait).await,
            Op::Undrain { server } => self.control_server(server, ControlChange::Resume).await,
            Op::Claim { server, max, begin } => {
                let claimed = self.claim(server, max, begin).await;
                self.nothing_is_exceeded(now, &claimed).await;
            }
            Op::Begin { attempt } => self.begin(attempt).await,
            Op::Checkpoint { attempt, value, size, repeat, taken } => {
                if let Some(attempt) = self.attempt(attempt) {
                    attempt.seq += u32::from(!repeat);
                    let execution_metadata = Some(size.value(value.into()));
                    let (id, epoch, seq) = (attempt.id, attempt.epoch, attempt.seq);
                    let taken = (1..=taken.into()).collect();
                    let one = Checkpoint { id, epoch, seq, execution_metadata, taken, progress: None };
                    drop(both!(self, store => store.checkpoint(vec![one.clone()])));
                }
            }
            Op::Settle { attempt, end, last, taken } => self.settle(now, attempt, end, last, taken).await,
            Op::Proceed { run, wait, replacement, value, key } => {
                self.proceed(now, run, wait, replacement, value, key).await;
            }
            Op::Signal { run, name, key } => self.signal(run, name, key).await,
            Op::FindByKey { other_kind, key } => self.find_by_key(other_kind, key).await,
            Op::Cancel { run } => {
                if let Some(id) = self.run(run) {
                    drop(both!(self, store => store.cancel(id, Some("called off".into()), Actor::UNKNOWN)));
                }
            }
            Op::RunUpdate { run, update } => self.update(now, run, update).await,
            Op::Control { scope, change } => {
                let (scope, change) = (self::scope(scope), control(now, change));
                drop(both!(self, store => store.control(scope.clone(), change.clone())));
            }
            Op::Schedule { name, size, stale, runs } => self.schedule(now, name, size, stale, runs).await,
            Op::Delete { run } => {
                if let Some(id) = self.run(run) {
                    drop(both!(self, store => store.delete(id)));
                }
            }
            Op::ReleaseIncompatible { run } => {
                let runs: Vec<_> = [run, run.wrapping_add(1)].into_iter().filter_map(|run| self.run(run)).collect();
                drop(both!(self, store => store.release_incompatible(runs.clone())));
            }
            Op::Retry { run, from_the_start, again } => self.retry(now, run, from_the_start, again).await,
            Op::Heartbeat { server } => {
                let slot = usize::from(server) % SERVERS;
                let beat = beat(self.servers[slot]);
                if both!(self, store => store.heartbeat(beat.clone())).is_err() {
                    self.servers[slot] = self.new_server().await;
                }
            }
            Op::Leave { server } => {
                let server = self.server(server);
                drop(both!(self, store => store.leave(server)));
            }
            Op::Expire => drop(both!(self, store => store.expire())),
            Op::Sweep { keep } => {
                let keep = Retention::all(seconds(keep));
                let (found, expected) =
                    (sweep_all(&*self.subject.store(), now, keep).await, sweep_all(&self.model, now, keep).await);
                same("what a sweep removes", &found.0, &expected.0);
                // A store need not know that a run is held up before its time has come, so it may look once too often.
                let next = |(_, next): (usize, Option<Timestamp>)| next.unwrap_or(Timestamp::MAX);
                assert!(next(found) <= next(expected), "the next sweep: found {found:?}, expected {expected:?}");
            }
            Op::Advance { seconds: by } => self.advance(by).await,
            // A key that was free may be taken again or not.
            Op::TurnBack { .. } if self.inserted.iter().any(has_period) => {}
            Op::TurnBack { seconds: by } => {
                self.turned_back = true;
                let back = Timestamp::EPOCH.after(now.since(Timestamp::EPOCH).saturating_sub(seconds(by)));
                self.subject.clock().set(back);
            }
            Op::Crash => {
                self.subject.crash_and_reopen().await;
                self.model.crash_and_reopen();
                for slot in 0..SERVERS {
                    self.servers[slot] = self.new_server().await;
                }
                self.compare_all("after a crash").await;
            }
        }
        self.compare_touched(step, op).await;
    }

    async fn find_by_key(&mut self, other_kind: bool, key: u8) {
        let (kind, key) = (support(if other_kind { "other" } else { "plain" }, 1).kind, self::key(key));
        drop(both!(self, store => store.find_by_key(kind.clone(), key.clone())));
    }

    async fn advance(&mut self, by: u16) {
        self.subject.clock().advance(seconds(by));
        // Suspensions end at their deadline also when nobody looks; the plain model looks now.
        drop(both!(self, store => store.count(Filter::default())));
    }

    /// Answers which runs were claimed.
    async fn claim(&mut self, server: u8, max: u8, begin: u8) -> Vec<RunId> {
        let server = self.server(server);
        let mut request = ClaimRequest::new(server, [support("plain", 1), support("other", 1)].into(), max.into());
        request.begin = begin.into();
        // One of the two servers has what some runs require, and takes little of a queue.
        if server == self.servers[0] {
            request.labels = [label()].into();
            request.capacity.per_queue = vec![(queue(true), 1)];
        }
        let found = self.subject.store().claim(request.clone()).await.expect("the store works");
        let expected = self.model.claim(request).await.expect("the model works");
        let plain = |claimed: Vec<Claimed>| -> Vec<Claimed> {
            claimed.into_iter().map(|one| Claimed { run: plain_run(one.run), ..one }).collect()
        };
        let (found, expected) = (plain(found), plain(expected));
        same("a claim", &found, &expected);
        let drained = self
            .model
            .controls()
            .await
            .expect("the model works")
            .draining(self.subject.clock().now(), server)
            .is_some();
        assert!(!drained || expected.is_empty(), "a server claims that is drained: {expected:?}");
        let attempts = expected.iter().map(|one| Attempt { id: one.run.id, epoch: one.run.epoch, seq: 0 });
        self.attempts.extend(attempts);
        expected.iter().map(|one| one.run.id).collect()
    }

    async fn begin(&mut self, attempt: u8) {
        if let Some(attempt) = self.attempt(attempt) {
            let one = (attempt.id, attempt.epoch);
            drop(both!(self, store => store.begin(vec![one])));
        }
    }

    async fn settle(&mut self, now: Timestamp, attempt: u8, end: End, last: Option<u8>, taken: u8) {
        let Some(attempt) = self.attempt(attempt) else { return };
        let execution_metadata = last.map(|n| {
            attempt.seq += 1;
            (attempt.seq, value(n.into()))
        });
        let (id, epoch) = (attempt.id, attempt.epoch);
        let ending = match end {
            End::AwaitsRuns { runs, wait, deadline } => self.awaits_runs(runs, wait, deadline),
            end => ending(end, epoch, now),
        };
        let taken = (1..=taken.into()).collect();
        let one = Settlement { id, epoch, ending, execution_metadata, taken, progress: None };
        let found = self.subject.store().settle(vec![one.clone()]).await.expect("the store works");
        let expected = self.model.settle(vec![one]).await.expect("the model works");
        same("a settlement", &plain_settled(found), &plain_settled(expected));
    }

    async fn proceed(
        &mut self,
        now: Timestamp,
        run: u8,
        wait: Option<u16>,
        replacement: Option<(u8, bool)>,
        value: Option<Size>,
        key: Option<u8>,
    ) {
        let Some(id) = self.run(run) else { return };
        self.made += 1;
        let (value, key) = (value.map(|size| size.value(self.made)), key.map(self::key));
        let at = wait.map(|wait| now.after(seconds(wait)));
        let proceed = async |store: &dyn Store| {
            let revision = store.get(id).await.map_or(0, |snapshot| snapshot.run.revision);
            let replacement = replacement.map(|(n, stale)| Replacement {
                execution_metadata: Size::Small.value(n.into()),
                revision: if stale { revision.saturating_sub(1) } else { revision },
            });
            let (value, key) = (value.clone(), key.clone());
            store.proceed(Proceed { at, replacement, value, key, ..Proceed::new(id) }).await
        };
        let found = proceed(&*self.subject.store()).await;
        let expected = proceed(&self.model).await;
        same("a proceed", &found, &expected);
    }

    async fn signal(&mut self, run: u8, name: u8, key: Option<u8>) {
        let Some(id) = self.run(run) else { return };
        self.made += 1;
        let signal = Proceed::signal(id, self::key(name), value(self.made));
        let signal = Proceed { key: key.map(self::key), ..signal };
        drop(both!(self, store => store.proceed(signal.clone())));
    }

    async fn update(&mut self, now: Timestamp, run: u8, update: UpdateOp) {
        let Some(id) = self.run(run) else { return };
        let update = match update {
            UpdateOp::RunNow => RunUpdate::RunNow,
            UpdateOp::Reschedule { wait } => RunUpdate::Reschedule(now.after(seconds(wait))),
            UpdateOp::Prioritise { priority } => RunUpdate::Prioritise(Priority(priority)),
            UpdateOp::Dismiss => RunUpdate::Dismiss,
            UpdateOp::CloseBatch => RunUpdate::CloseBatch,
            UpdateOp::Suspend => RunUpdate::Suspend { reason: None },
        };
        drop(both!(self, store => store.update(id, update.clone(), Actor::UNKNOWN)));
    }

    async fn retry(&mut self, now: Timestamp, run: u8, from_the_start: bool, again: bool) {
        let Some(before) = pick(&self.inserted, run).cloned() else { return };
        self.made += u64::from(!again);
        let new = NewRun { constraints: before.constraints.clone(), ..new_run(now, before.kind.as_str(), self.made) };
        let from = if from_the_start { RetryFrom::TheStart } else { RetryFrom::Checkpoint };
        let retry = Retry { id: before.id, successor: new.id, from, by: Actor::named("model") };
        if both!(self, store => store.retry(retry.clone())) == Ok(Retried::New) {
            self.inserted.push(new);
        }
    }

    async fn schedule(&mut self, now: Timestamp, name: u8, size: Option<u16>, stale: bool, runs: u8) {
        let name = ScheduleName::new(&format!("schedule-{name}")).expect("a name that can be used");
        let known = self.model.schedules(0).await.expect("the model works").changed;
        let revision = known.into_iter().find(|row| row.name == name).map(|row| row.revision);
        let seen = if stale { revision.map(|revision| revision - 1) } else { revision };
        let value = size.map(|size| (0..size).map(|at| at as u8).collect());
        let mut new = Vec::new();
        for _ in 0..runs {
            self.made += 1;
            new.push(new_run(now, "plain", self.made));
        }
        let change = ScheduleChange { name, seen, value, runs: new };
        if both!(self, store => store.schedule(change.clone())).is_ok() {
            self.inserted.extend(change.runs);
        }
    }

    async fn new_server(&mut self) -> ServerId {
        self.made += 1;
        let beat = beat(server_id(self.subject.clock().now(), self.made));
        both!(self, store => store.heartbeat(beat.clone())).expect("a new server may live");
        beat.server
    }

    pub(super) fn server(&self, server: u8) -> ServerId {
        self.servers[usize::from(server) % SERVERS]
    }

    pub(super) fn run(&self, run: u8) -> Option<RunId> {
        pick(&self.inserted, run).map(|new| new.id)
    }

    pub(super) fn attempt(&mut self, attempt: u8) -> Option<&mut Attempt> {
        let recent = self.attempts.len().min(RECENT);
        self.attempts.iter_mut().rev().nth(usize::from(attempt).checked_rem(recent)?)
    }

    /// The runs that the operation may have touched are the same in both.
    async fn compare_touched(&self, step: usize, op: &Op) {
        let id = match *op {
            Op::Insert { .. } | Op::Child { .. } | Op::Member { .. } | Op::InsertAfter { .. } => {
                self.inserted.last().map(|new| new.id)
            }
            Op::Begin { attempt } | Op::Checkpoint { attempt, .. } | Op::Settle { attempt, .. } => {
                let recent = self.attempts.len().min(RECENT);
                let back = usize::from(attempt).checked_rem(recent);
                back.and_then(|back| self.attempts.iter().rev().nth(back)).map(|attempt| attempt.id)
            }
            Op::Retry { run, .. }
            | Op::Proceed { run, .. }
            | Op::Signal { run, .. }
            | Op::Cancel { run }
            | Op::RunUpdate { run, .. }
            | Op::Delete { run } => self.run(run),
            _ => None,
        };
        if let Some(id) = id {
            let found = self.subject.store().get(id).await.map(plain);
            same(format_args!("the run after step {step}, {op:?}"), &found, &self.model.get(id).await.map(plain));
        }
    }

    /// Everything is the same in both.
    pub(super) async fn compare_all(&self, when: &str) -> Vec<Snapshot> {
        let store = self.subject.store();
        let (found, expected) = (all(&*store).await, all(&self.model).await);
        same(format_args!("the ids {when}"), &ids(&found), &ids(&expected));
        for (found, expected) in found.into_iter().zip(&expected) {
            let got = store.get(found.run.id).await.map(plain);
            same(format_args!("a run {when}"), &plain(found), &plain(expected.clone()));
            same(format_args!("a run read alone {when}"), &got, &Ok(plain(expected.clone())));
        }
        self.compare_children(when, &ids(&expected)).await;
        let count = store.count(Filter::default()).await;
        same(format_args!("the count {when}"), &count, &Ok(expected.len() as u64));
        let (kept, model) = (store.statistics().await, self.model.statistics().await);
        let (kept, model) = (kept.map(|kept| kept.counts), model.map(|kept| kept.counts));
        same(format_args!("the counts {when}"), &kept, &model);
        same(
            format_args!("the counts of a scan {when}"),
            &kept,
            &Ok(RunCounts::of(expected.iter().map(|one| &one.run))),
        );
        same(format_args!("the controls {when}"), &store.controls().await, &self.model.controls().await);
        let rows = |schedules: Result<ScheduleChanges, _>| schedules.map(|schedules| schedules.changed);
        let (found, expected_rows) = (rows(store.schedules(0).await), rows(self.model.schedules(0).await));
        same(format_args!("the schedules {when}"), &found, &expected_rows);
        expected
    }
}

fn queue(other: bool) -> Queue {
    if other { Queue::new("other").expect("a queue that can be used") } else { Queue::default() }
}

fn label() -> Label {
    Label::new("gpu").expect("a label that can be used")
}

fn has_period(new: &NewRun) -> bool {
    new.constraints().unique.as_ref().is_some_and(|unique| matches!(unique.scope, UniqueScope::For(_)))
}

pub(super) fn key(n: u8) -> Key {
    Key::new(&format!("key {n}")).expect("a key that can be used")
}

fn put(constraints: op::Constraints, turned_back: bool, new: &mut NewRun) {
    let op::Constraints { other_queue, limit_key, unique, labelled, expires, ordered } = constraints;
    new.queue = queue(other_queue);
    let unique = unique.map(|(n, scope, on_conflict)| {
        let scope = if turned_back && matches!(scope, UniqueScope::For(_)) { UniqueScope::NotFinal } else { scope };
        Unique { key: key(n), scope, on_conflict }
    });
    let expires = expires.map(|wait| Due::After(seconds(wait)));
    let ordered = ordered.map(|(n, skip)| {
        let after_failure = if skip { AfterFailure::Skip } else { AfterFailure::Stop };
        Ordered { key: key(n), after_failure }
    });
    let requires = labelled.then(label).into_iter().collect();
    let constraints =
        Constraints { limit_key: limit_key.map(key), unique, requires, expires, ordered, ..Constraints::default() };
    new.constraints = (!constraints.is_empty()).then(|| constraints.into());
}

fn scope(scope: u8) -> Scope {
    match scope % 5 {
        0 => Scope::Queue(queue(false)),
        1 => Scope::Queue(queue(true)),
        2 => Scope::Kind(support("plain", 1).kind),
        3 => Scope::LimitKey(support("plain", 1).kind, key(0)),
        _ => Scope::Kind(support("other", 1).kind),
    }
}

fn control(now: Timestamp, change: Controlling) -> ControlChange {
    let until = |wait| Paused { until: Some(now.after(seconds(wait))), ..Paused::new(now, "model", None) };
    match change {
        Controlling::PauseUntil { wait } => ControlChange::Pause(until(wait)),
        Controlling::PauseAtLeast { wait } => ControlChange::PauseAtLeast(until(wait)),
        Controlling::Pause => ControlChange::Pause(Paused::new(now, "model", None)),
        Controlling::Resume => ControlChange::Resume,
        Controlling::Declare { running, per_key, rate, rate_per_key, weight, ageing, fair_by_key } => {
            let per_20_seconds = |max: u8| Rate::new(max.into(), seconds(20)).expect("a rate that can be kept");
            ControlChange::Declare(Limits {
                running: running.map(Into::into),
                per_key: per_key.map(Into::into),
                rate: rate.map(per_20_seconds),
                rate_per_key: rate_per_key.map(per_20_seconds),
                weight: weight.map(Into::into),
                ageing: ageing.map(|steps| Ageing::new(seconds(5 * u16::from(steps))).expect("a step of seconds")),
                fair_by_key,
            })
        }
        Controlling::Set { running } => {
            ControlChange::Set(running.map(|running| Limits { running: Some(running.into()), ..Limits::NONE }))
        }
    }
}

fn ending(end: End, epoch: Epoch, now: Timestamp) -> Ending {
    let failure = |cause| FailedAttempt::new(cause, "no route", epoch.0, now);
    match end {
        End::Completed(size) => Ending::Completed { result: size.value(epoch.0.into()) },
        End::Suspended { wait, deadline } => {
            let at = |wait: Option<u16>| wait.map(|wait| Due::At(now.after(seconds(wait))));
            Ending::Suspended { until: at(wait), deadline: at(deadline) }
        }
        End::AwaitsRuns { .. } => unreachable!("which runs these are, the world knows"),
        End::Awaits { name, wait, deadline } => {
            let after = |wait: Option<u16>| wait.map(|wait| Due::After(seconds(wait)));
            Ending::Awaits { signals: vec![key(name)], runs: None, until: after(wait), deadline: after(deadline) }
        }
        End::Failed { timeout, wait, permanent } => Ending::Failed {
            failure: failure(if timeout { Cause::Timeout } else { Cause::Error }).with_error(value(500)),
            retry_after: wait.map(seconds),
            permanent,
        },
        End::Cancelled => Ending::Cancelled { reason: None, error: Some(value(501)) },
        End::Panicked => Ending::Panicked { failure: failure(Cause::Panic).with_details("at src/lib.rs:1") },
        End::Interrupted => Ending::Interrupted { why: "shutdown".into() },
        End::Incompatible { mark } => Ending::Incompatible { why: "bytes".into(), by: CodeMark(mark.into()) },
        End::Returned => Ending::Returned,
    }
}

fn beat(server: ServerId) -> ServerBeat {
    ServerBeat::new(server, "model", LEASE)
}

pub(super) fn pick<T>(all: &[T], number: u8) -> Option<&T> {
    all.get(usize::from(number).checked_rem(all.len())?)
}
