//! One run, broken off once and resumed.

use longhaul_core::store::prelude::*;
use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use longhaul_core::{
    Clock, Ended, Envelope, RunId, ServerId, Snapshot, State, Timestamp, Waiting,
    code::KindSupport,
    limits::PAGE_MAX,
    store::{ClaimRequest, Claimed, Filter, PageRequest},
};
use longhaul_testkit::{MemoryStore, TestClock};
use tokio::sync::Notify;

use super::{
    super::plain_run,
    Interruption,
    outside::{Outside, Standstill},
    yielding::Yielding,
};
use crate::{
    StopReason,
    attempt::Attempt,
    definition::Common,
    end::AttemptEnd,
    logs::Logs,
    panics::{CatchPanic, Caught},
    registry::Registered,
    runtime::conclude,
};

/// A run that takes more attempts than this is not coming to an end.
const ATTEMPTS_MAX: usize = 10_000;
const WHY: &str = "the memory store answers";

/// How a run ended, and what it passed on the way.
pub(super) struct Finished {
    pub(super) ended: Option<Ended>,
    pub(super) execution_metadata: Option<Envelope>,
    pub(super) checkpoints: usize,
    pub(super) awaits: usize,
}

/// What is played.
pub(super) struct Scenario {
    pub(super) metadata: Envelope,
    pub(super) outside: Outside,
    pub(super) interruption: Option<Interruption>,
    pub(super) children: Vec<Child>,
}

/// A task that executes children of the run, undisturbed.
#[derive(Clone)]
pub(super) struct Child {
    pub(super) task: Arc<dyn Registered>,
    pub(super) kinds: Vec<KindSupport>,
}

pub(super) struct Round<'a> {
    task: Arc<dyn Registered>,
    common: &'a Common,
    metadata: Envelope,
    outside: Outside,
    standstill: Standstill,
    /// Taken when it has happened.
    interruption: Option<Interruption>,
    children: Vec<Child>,
    store: Arc<Yielding>,
    clock: TestClock,
    kept: Arc<AtomicUsize>,
    awaits: usize,
    id: RunId,
}

impl<'a> Round<'a> {
    pub(super) fn new(task: Arc<dyn Registered>, common: &'a Common, scenario: Scenario) -> Self {
        let Scenario { metadata, outside, interruption, children } = scenario;
        let standstill = Standstill::default();
        let clock = TestClock::starting_at(Timestamp::from_micros(1_767_225_600_000_000));
        let kept = Arc::new(AtomicUsize::new(0));
        let inner = Arc::new(MemoryStore::new(Arc::new(clock.clone())));
        let store = Arc::new(Yielding { inner, kept: kept.clone() });
        let id = RunId::new(clock.now(), [0; 10]);
        Self { task, common, metadata, outside, standstill, interruption, children, store, clock, kept, awaits: 0, id }
    }

    pub(super) async fn run(mut self) -> Finished {
        let mut new = plain_run(self.id, self.common.kind().clone(), self.metadata.clone());
        new.version = self.common.version;
        new.policy = self.common.options.retry.clone();
        // The kill is ours, and must not end the run of a task that allows none.
        new.policy.crashes_max = new.policy.crashes_max.saturating_add(1);
        self.store.insert(vec![new]).await.expect(WHY)[0].clone().expect("it is new");
        for _ in 0..ATTEMPTS_MAX {
            if let Some(claimed) = self.claim().await {
                self.attempt(claimed).await;
                continue;
            }
            if self.child().await {
                continue;
            }
            let snapshot = self.store.get(self.id).await.expect(WHY);
            if self.pass_the_wait(&snapshot).await {
                let checkpoints = self.kept.load(Ordering::Acquire);
                let Snapshot { ended, execution_metadata, .. } = snapshot;
                return Finished { ended, execution_metadata, checkpoints, awaits: self.awaits };
            }
        }
        panic!("`{}` has not ended after {ATTEMPTS_MAX} attempts", self.common.kind());
    }

    /// Executes a child that is due. Answers whether there was one.
    async fn child(&self) -> bool {
        let server = ServerId::new(self.clock.now(), [1; 10]);
        for Child { task, kinds } in &self.children {
            let request = ClaimRequest::new(server, kinds.clone().into(), 1);
            let Some(claimed) = self.store.inner.claim(request).await.expect(WHY).pop() else { continue };
            let store: Arc<dyn Store> = self.store.inner.clone();
            let attempt =
                Attempt::new(&claimed, store, Arc::new(self.clock.clone()), Arc::new(Notify::new()), &Logs::default());
            let prepared = task.prepare(&claimed, &attempt, false).unwrap_or_else(|why| panic!("{why}"));
            let end = CatchPanic(prepared.future).await.unwrap_or_else(|caught| AttemptEnd::panicked(&caught));
            let done = conclude::conclude(attempt, &*prepared.values, end, None).await;
            let settlement = done.settlement.expect("nobody took the claim away");
            self.store.inner.settle(vec![settlement]).await.expect(WHY)[0].clone().expect("the claim is held");
            return true;
        }
        false
    }

    /// When the first of the children that wait for a time is due.
    async fn next_child(&self) -> Option<Timestamp> {
        let kinds = self.children.iter().flat_map(|child| &child.kinds).map(|support| support.kind.clone()).collect();
        let request =
            PageRequest { filter: Filter { kinds, ..Filter::default() }, limit: PAGE_MAX, ..PageRequest::default() };
        let page = self.store.inner.list_headers(request).await.expect(WHY);
        page.runs.iter().filter_map(|run| run.due).min()
    }

    async fn claim(&self) -> Option<Claimed> {
        let kinds = self.common.support().collect();
        let server = ServerId::new(self.clock.now(), [1; 10]);
        self.store.claim(ClaimRequest::new(server, kinds, 1)).await.expect(WHY).pop()
    }

    /// Whether there is nothing to wait for any more.
    async fn pass_the_wait(&mut self, snapshot: &Snapshot) -> bool {
        let (kind, state) = (self.common.kind(), &snapshot.run.state);
        if snapshot.run.awaits.is_some()
            && !self.children.is_empty()
            && let Some(due) = self.next_child().await
        {
            self.clock.set(due.max(self.clock.now()));
            return false;
        }
        if let (Some(awaits), true) = (&snapshot.run.awaits, self.children.is_empty()) {
            panic!(
                "`{kind}` waits until {awaits}, and nobody executes them: hand the tasks of its children to \
                 `Interruptions::child`"
            );
        }
        if let State::Suspended { waiting } = state {
            let for_a_time = matches!(waiting, Waiting::Until(_));
            if let Some(how) = self.standstill.note(snapshot, for_a_time) {
                panic!(
                    "`{kind}` does not get ahead: {how}. If it waits for something from outside, play that with \
                     `Interruptions::on_suspend` or `on_suspend_send`"
                );
            }
        }
        match state {
            State::Suspended { waiting: Waiting::Proceed | Waiting::ProceedBy(_) } => {
                self.store.proceed((self.outside)(snapshot)).await.expect(WHY);
                false
            }
            state => match state.due() {
                Some(due) => {
                    self.clock.set(due.max(self.clock.now()));
                    false
                }
                None => true,
            },
        }
    }

    async fn attempt(&mut self, claimed: Claimed) {
        let store: Arc<dyn Store> = self.store.clone();
        let attempt =
            Attempt::new(&claimed, store, Arc::new(self.clock.clone()), Arc::new(Notify::new()), &Logs::default());
        let prepared = self.task.prepare(&claimed, &attempt, false).unwrap_or_else(|why| panic!("{why}"));
        let end = {
            let mut user = CatchPanic(prepared.future);
            Watched { user: &mut user, round: self, attempt: &attempt }.await
        };
        let end = match end {
            End::Killed => {
                attempt.close(None).await;
                return self.store.inner.crash_and_reopen();
            }
            End::Dropped => {
                attempt.stop(StopReason::Shutdown);
                AttemptEnd::dropped()
            }
            End::Returned(out) => out.unwrap_or_else(|caught| AttemptEnd::panicked(&caught)),
        };
        let done = conclude::conclude(attempt, &*prepared.values, end, None).await;
        let settlement = done.settlement.expect("nobody took the claim away");
        self.store.settle(vec![settlement]).await.expect(WHY)[0].clone().expect("the claim is held");
    }
}

enum End {
    Returned(Result<AttemptEnd, Caught>),
    Dropped,
    Killed,
}

/// Polls the task, counts its awaits, and breaks it off when its time has come.
struct Watched<'a, 'b, 'c, F: ?Sized> {
    user: &'a mut CatchPanic<F>,
    round: &'a mut Round<'b>,
    attempt: &'c Attempt,
}

impl<F: Future<Output = AttemptEnd> + ?Sized> Future for Watched<'_, '_, '_, F> {
    type Output = End;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<End> {
        let polled = Pin::new(&mut *self.user).poll(cx);
        let kept = self.round.kept.load(Ordering::Acquire);
        match self.round.interruption {
            Some(Interruption::StopAtCheckpoint(nth)) if kept >= nth => {
                self.round.interruption = None;
                self.attempt.stop(StopReason::Shutdown);
            }
            Some(Interruption::KillAtCheckpoint(nth)) if kept >= nth => {
                self.round.interruption = None;
                return Poll::Ready(End::Killed);
            }
            _ => {}
        }
        if let Poll::Ready(out) = polled {
            return Poll::Ready(End::Returned(out));
        }
        self.round.awaits += 1;
        match self.round.interruption {
            Some(Interruption::DropAtAwait(nth)) if self.round.awaits >= nth => {
                self.round.interruption = None;
                Poll::Ready(End::Dropped)
            }
            Some(Interruption::KillAtAwait(nth)) if self.round.awaits >= nth => {
                self.round.interruption = None;
                Poll::Ready(End::Killed)
            }
            _ => Poll::Pending,
        }
    }
}
