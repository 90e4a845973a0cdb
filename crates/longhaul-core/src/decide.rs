//! The one place that says what happens to a run.

mod decision;
mod ending;
mod proceed;
mod request;
mod runs_ended;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use self::decision::{Decision, Effects, IllegalEvent};
use crate::{
    admission::suspects::{Blame, Isolation},
    constraints::{EXPIRED, has_not_begun},
    envelope::Envelope,
    event::{Event, StopRequest},
    failure::{Cause, FailedAttempt},
    family::{AwaitedRuns, Awaits, OnCancel},
    history::{HistoryEntry, Transition},
    id::Epoch,
    inbox,
    limits::{REASON_MAX, cut},
    lineage::Lineage,
    name::Key,
    order::OrderTurn,
    run::{Counts, Ended, LastEnd, NewRun, PendingProceed, Run},
    state::{State, StateKind, Waiting},
    time::Timestamp,
};

/// The life of a run begins: what the store keeps for `new`, with the first entry of its history. An ordered run has the
/// turn; a store that has others of its key sets [`Run::turn`] before it keeps the run.
///
/// ```
/// use longhaul_core::{State, Transition, admit, doc};
///
/// let (run, first) = admit(doc::NOW, &doc::new_run());
/// assert_eq!(run.state, State::Pending { due: doc::NOW });
/// assert_eq!(first.what, Transition::Enqueued);
/// ```
pub fn admit(now: Timestamp, new: &NewRun) -> (Run, HistoryEntry) {
    let due = new.due(now);
    let turn = new.constraints().ordered.is_some().then(|| OrderTurn::new(now, None, false));
    let after = new.constraints().after.as_ref().map(|after| after.awaits(now, due));
    let held = new.constraints().batch.and_then(|batch| batch.awaits(now, due)).or(after);
    let run = Run {
        id: new.id,
        kind: new.kind.clone(),
        version: new.version,
        queue: new.queue.clone(),
        priority: new.priority,
        tags: new.tags.clone(),
        policy: new.policy.clone(),
        timeout: new.timeout,
        constraints: new.constraints.clone(),
        created: now,
        state: match held {
            Some(_) => State::Suspended { waiting: Waiting::Proceed },
            None => State::Pending { due },
        },
        since: now,
        epoch: Epoch(0),
        attempts: 0,
        begun: false,
        seq: 0,
        progressed: false,
        last_end: LastEnd::Never,
        counts: Counts::default(),
        suspicion: 0,
        request: None,
        pending_proceed: None,
        inbox: None,
        awaits: held.map(Arc::new),
        progress: None,
        lineage: Lineage::default(),
        turn,
        revision: 1,
    };
    let first = HistoryEntry::new(now, 0, Transition::Enqueued, None);
    (run, HistoryEntry { by: new.by.clone(), ..first })
}

/// What follows when `event` happens to `run` at `now`. Pure: the same in, the same out, and nothing else decides.
///
/// ```
/// use longhaul_core::{decide, Event, IllegalEvent, RunId, State, StateKind, Timestamp};
/// # use longhaul_core::{admit, Codec, Envelope, Kind, NewRun, Queue, Priority, RetryPolicy, shape};
/// # let now = Timestamp::from_micros(1);
/// # let metadata = Envelope::encode(&7_u32, Codec::Bincode, 1, shape::fingerprint_of::<u32>())?;
/// # let (run, _) = admit(now, &NewRun {
/// #     id: RunId::new(now, [0; 10]), kind: Kind::new("demo")?, version: 1, queue: Queue::default(),
/// #     priority: Priority(0), tags: [].into(), policy: RetryPolicy::default(), timeout: None, due: None, constraints: None,
/// #     metadata, execution_metadata: None, by: Default::default(),
/// # });
/// // `run` waits to be claimed, so it can be cancelled at once, and has no attempt that could make a checkpoint.
/// let cancelled = decide(now, &run, &Event::Cancel { reason: None })?;
/// assert_eq!(cancelled.next.state, State::Cancelled);
///
/// let checkpoint = Event::Checkpoint { epoch: run.epoch, seq: 1, changed: None, proves: true, taken: Vec::new() };
/// assert!(matches!(decide(now, &run, &checkpoint), Err(IllegalEvent::EpochLost { state: StateKind::Pending, .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn decide(now: Timestamp, run: &Run, event: &Event) -> Result<Decision, IllegalEvent> {
    let step = Step::new(now, run);
    match event {
        Event::Claim { server, begins } => {
            let due = run.due().ok_or_else(|| step.cannot("cannot claim"))?;
            if due > now {
                return Err(IllegalEvent::NotDue { due });
            }
            if run.expires().is_some_and(|expires| expires <= now) {
                return Err(step.cannot("it has expired: cannot claim"));
            }
            Ok(step.claimed(*server, *begins))
        }
        Event::Begin { epoch } => {
            step.holds(*epoch)?;
            if run.begun { Err(step.cannot("cannot begin again")) } else { Ok(step.began().stay()) }
        }
        Event::Checkpoint { epoch, seq, changed, proves, taken } => {
            step.holds(*epoch)?;
            if *seq <= run.seq {
                return Err(IllegalEvent::Superseded { found: *seq, current: run.seq });
            }
            Ok(step.checkpointed(*seq, *changed, *proves, taken))
        }
        Event::Settle { epoch, ending } => {
            step.holds(*epoch)?;
            Ok(step.settled(ending))
        }
        Event::Crash { evidence, blame } => match run.state {
            State::Running { .. } => Ok(step.crashed(evidence, *blame)),
            _ => Err(step.cannot("cannot take away the claim of")),
        },
        Event::Proceed { at, replaced, value, key } => step.heard(*at, *replaced, value.as_ref(), key.as_ref()),
        Event::Signal { name, value, key } => step.signalled(name, value, key.as_ref()),
        Event::RunsEnded { children, ended } => step.runs_ended(*children, ended),
        Event::CloseBatch => step.batch_closed(),
        Event::Expire => match run.deadline() {
            Some(deadline) if deadline <= now => Ok(step.expired(deadline)),
            Some(due) => Err(IllegalEvent::NotDue { due }),
            None => Err(step.cannot("no deadline ends")),
        },
        Event::Cancel { reason } => match run.state {
            State::Running { .. } => Ok(step.cancel_requested(reason.as_deref())),
            _ if run.state.is_final() => Err(step.cannot("cannot cancel")),
            _ => Ok(step.called_off(reason.as_deref())),
        },
        Event::RunNow => match run.state {
            State::Pending { due } | State::Retrying { due } if due > now => Ok(step.run_now()),
            State::Incompatible { .. } => Ok(step.released("a client asked for it")),
            _ => Err(step.cannot("cannot run now")),
        },
        Event::Reschedule { at } => match run.state {
            State::Pending { .. } | State::Retrying { .. } => Ok(step.rescheduled(*at)),
            _ => Err(step.cannot("cannot reschedule")),
        },
        Event::Prioritise { priority } => match run.state {
            _ if run.state.is_final() => Err(step.cannot("cannot prioritise")),
            _ => Ok(step.prioritised(*priority)),
        },
        Event::Suspend { reason } => match (&run.state, &run.request) {
            (State::Pending { .. } | State::Retrying { .. }, _) => Ok(step.put_aside(reason.as_deref())),
            (State::Running { .. }, None) => Ok(step.suspend_requested(reason.as_deref())),
            (State::Running { .. }, Some(StopRequest::Cancel { .. })) => Err(IllegalEvent::BeingCancelled),
            _ => Err(step.cannot("cannot suspend")),
        },
        Event::Replace { version, priority, due, expires } => match run.state {
            _ if has_not_begun(run) => Ok(step.replaced(*version, *priority, *due, *expires)),
            _ => Err(step.cannot("cannot replace what was asked of")),
        },
        Event::ReleaseIncompatible => match run.state {
            State::Incompatible { .. } => Ok(step.released("code that reads its values came up")),
            _ => Err(step.cannot("cannot release")),
        },
        Event::Retry { successor } => match (run.state.is_final(), run.lineage.successor) {
            (true, None) => Ok(step.retried(*successor)),
            (true, Some(successor)) => Err(IllegalEvent::Retried { successor }),
            (false, _) => Err(step.cannot("cannot enqueue a successor of")),
        },
        Event::TakeTurn if run.is_behind() => Ok(step.turn_taken()),
        Event::TakeTurn => Err(step.cannot("no other run is ahead of")),
        Event::Dismiss if run.stops_key() => Ok(step.dismissed()),
        Event::Dismiss => Err(step.cannot("no order key is stopped by")),
        Event::Delete => match run.state {
            State::Running { .. } => Err(step.cannot("cannot delete")),
            _ => Ok(step.removed()),
        },
    }
}

/// A decision in the making.
struct Step<'a> {
    now: Timestamp,
    before: &'a Run,
    next: Run,
    effects: Effects,
}

impl<'a> Step<'a> {
    fn new(now: Timestamp, before: &'a Run) -> Self {
        let mut next = before.clone();
        next.revision += 1;
        Self { now, before, next, effects: Effects::default() }
    }

    fn cannot(&self, what: &'static str) -> IllegalEvent {
        IllegalEvent::State { what, state: self.before.state.kind() }
    }

    /// The fence: only the attempt that holds the run may write.
    fn holds(&self, epoch: Epoch) -> Result<(), IllegalEvent> {
        let state = self.before.state.kind();
        if state == StateKind::Running && epoch == self.before.epoch {
            return Ok(());
        }
        Err(IllegalEvent::EpochLost { found: epoch, current: self.before.epoch, state })
    }

    fn record(&mut self, what: Transition, why: Option<&str>) {
        self.effects.history = Some(HistoryEntry::new(self.now, self.next.attempt(), what, why));
    }

    fn enter(mut self, state: State) -> Decision {
        self.next.begun &= matches!(state, State::Running { .. });
        if !matches!(state, State::Suspended { .. }) {
            inbox::await_signals(&mut self.next.inbox, &[]);
            self.next.awaits = None;
        }
        self.next.state = state;
        self.next.since = self.now;
        Decision { next: self.next, effects: self.effects }
    }

    fn stay(self) -> Decision {
        Decision { next: self.next, effects: self.effects }
    }

    fn claimed(mut self, server: crate::id::ServerId, begins: bool) -> Decision {
        self.next.epoch = self.before.epoch.next();
        self.next.seq = 0;
        self.next.progressed = false;
        inbox::offer(&mut self.next.inbox);
        self.next.begun = false;
        self.next.state = State::Running { server };
        let mut claimed = if begins { self.began() } else { self };
        claimed.record(Transition::Claimed(server), None);
        claimed.enter(State::Running { server })
    }

    /// Its execution begins, or has begun without saying so: only attempts save something.
    fn began(mut self) -> Self {
        if !self.next.begun {
            self.next.begun = true;
            self.next.attempts = self.before.attempts.saturating_add(1);
        }
        self
    }

    /// Its execution has not begun after all.
    fn unstarted(mut self) -> Self {
        if std::mem::take(&mut self.next.begun) {
            self.next.attempts = self.before.attempts.saturating_sub(1);
        }
        self
    }

    fn checkpointed(self, seq: u32, changed: Option<u16>, proves: bool, taken: &[u64]) -> Decision {
        let mut this = self.began();
        this.next.seq = seq;
        inbox::acknowledge(&mut this.next.inbox, taken);
        if let Some(version) = changed {
            this.next.version = this.next.version.max(version);
        }
        if changed.is_some() && proves {
            this.next.progressed = true;
            this.next.suspicion = 0;
            this.next.counts.crashes = 0;
            this.next.counts.restarts_without_progress = 0;
        }
        this.stay()
    }

    /// The process is gone. A run that had not begun, or saved something in this attempt, has no part in that; see
    /// [`suspects`](crate::admission::suspects) for the others.
    fn crashed(mut self, evidence: &str, blame: Blame) -> Decision {
        if self.before.begun {
            self.next.last_end = LastEnd::Crashed;
        }
        if self.is_being_cancelled() {
            return self.called_off_as_requested();
        }
        if !self.before.begun {
            self.record(Transition::Returned, Some(evidence));
            return self.waits_again();
        }
        if !self.before.progressed {
            let suspicion = self.before.suspicion;
            self.next.counts.restarts_without_progress += 1;
            match (Isolation::of(self.before), blame) {
                (Isolation::None, _) => self.next.suspicion = suspicion.saturating_add(1),
                (Isolation::LastTry, Blame::Alone) => {
                    self.next.counts.crashes += 1;
                    let failure = FailedAttempt::new(Cause::Crash, &verdict(evidence), self.before.attempts, self.now);
                    return self.quarantined(failure);
                }
                (_, Blame::Latest { above }) => self.next.suspicion = suspicion.max(above).saturating_add(1),
                (_, Blame::Shared | Blame::Alone) => {}
            }
        }
        self.record(Transition::Crashed, Some(evidence));
        self.waits_again()
    }

    fn quarantined(mut self, failure: FailedAttempt) -> Decision {
        self.next.suspicion = 0;
        self.record(Transition::Quarantined, Some(&failure.message));
        self.effects.ended = Some(Ended::Failed(failure));
        self.finish(State::Failed)
    }

    fn is_being_cancelled(&self) -> bool {
        matches!(self.before.request, Some(StopRequest::Cancel { .. }))
    }

    fn waits_for_children(&self) -> bool {
        self.before.constraints().on_cancel == OnCancel::Wait
    }

    /// It is cancelled: at once, or when its children are final.
    fn called_off(mut self, reason: Option<&str>) -> Decision {
        if !self.waits_for_children() {
            return self.cancelled(reason, None);
        }
        let is_repeated = self.before.state.kind() == StateKind::Suspended && self.is_being_cancelled();
        if !is_repeated {
            let reason = reason.map(|reason| cut(reason, REASON_MAX).into());
            self.next.request = Some(StopRequest::Cancel { reason });
            self.next.pending_proceed = None;
            self.record(Transition::CancelRequested, Some("it is cancelled once its children are final"));
            self.next.awaits = Some(Arc::new(AwaitedRuns::AllChildren.into()));
            inbox::await_signals(&mut self.next.inbox, &[]);
            return self.enter(State::Suspended { waiting: Waiting::Proceed });
        }
        self.stay()
    }

    fn called_off_as_requested(self) -> Decision {
        let before = self.before;
        self.called_off(before.request.as_ref().and_then(StopRequest::reason))
    }

    fn cancelled_as_requested(self) -> Decision {
        let reason = self.before.request.as_ref().and_then(StopRequest::reason);
        self.cancelled(reason, None)
    }

    fn cancelled(mut self, reason: Option<&str>, error: Option<Envelope>) -> Decision {
        self.record(Transition::Cancelled, reason);
        let reason = reason.map(|reason| cut(reason, REASON_MAX).into());
        self.effects.ended = Some(Ended::Cancelled { reason, error });
        self.finish(State::Cancelled)
    }

    /// No attempt has the run any more, and the next may begin at once.
    fn waits_again(self) -> Decision {
        let due = self.now;
        self.waits(State::Pending { due })
    }

    /// No attempt has the run any more: it waits as `state` says, or, if it was asked to be put aside, for a proceed.
    fn waits(self, state: State) -> Decision {
        match self.before.request {
            Some(StopRequest::Suspend { .. }) => self.release().enter(State::Suspended { waiting: Waiting::Proceed }),
            _ => self.release().enter(state),
        }
    }

    /// What belonged to the claim goes with it.
    fn release(mut self) -> Self {
        self.next.request = None;
        self
    }

    /// Nobody proceeded it in time, or it did not begin in time.
    fn expired(mut self, deadline: Timestamp) -> Decision {
        if self.before.expires().is_some() {
            self.record(Transition::Expired, Some(&format!("no attempt of it had begun by {deadline}")));
            self.effects.ended = Some(Ended::Cancelled { reason: Some(EXPIRED.into()), error: None });
            return self.finish(State::Cancelled);
        }
        let why = format!("it was suspended, and nobody proceeded it before its deadline, {deadline}");
        self.record(Transition::Expired, Some(&why));
        let failure = FailedAttempt::new(Cause::Deadline, &why, self.before.attempts, self.now);
        self.effects.ended = Some(Ended::Failed(failure));
        self.finish(State::Failed)
    }

    fn finish(mut self, state: State) -> Decision {
        self.next.pending_proceed = None;
        inbox::close(&mut self.next.inbox);
        // Whether one that failed stops its order key depends on whether it had the turn. Of the others it means nothing.
        if state != State::Failed
            && let Some(turn) = &mut self.next.turn
        {
            turn.behind = false;
        }
        self.release().enter(state)
    }

    fn suspended(
        mut self,
        (signals, runs): (&[Key], Option<&AwaitedRuns>),
        until: Option<Timestamp>,
        deadline: Option<Timestamp>,
    ) -> Decision {
        self.next.last_end = LastEnd::Suspended;
        self.next.counts.suspensions += 1;
        self.next.counts.restarts_without_progress = 0;
        self.next.suspicion = 0;
        if let Some(asked) = &self.before.request {
            // Whoever asked for it lets it go on: neither the task's own time nor a proceed from before does.
            self.record(Transition::Suspended, asked.reason());
            return self.waits_again();
        }
        let kept = self.next.pending_proceed.take().map(|kept| match kept {
            PendingProceed::At(at) => at.max(self.now),
            PendingProceed::AtOnce => self.now,
        });
        if let Some(due) = [kept, self.next.inbox().wakes_at(self.now)].into_iter().flatten().min() {
            self.record(Transition::Suspended, Some("and goes on: a proceed had come before"));
            return self.waits(State::Pending { due });
        }
        if self.next.inbox().has_any(signals) {
            let due = self.now;
            self.record(Transition::Suspended, Some("and goes on: a signal that it waits for had come before"));
            return self.waits(State::Pending { due });
        }
        self.record(Transition::Suspended, None);
        inbox::await_signals(&mut self.next.inbox, signals);
        self.next.awaits = runs.map(|runs| Arc::new(Awaits::from(runs.clone())));
        // Of the two times the earlier one counts: the other is never reached.
        let waiting = match (until, deadline) {
            (Some(until), None) => Waiting::Until(until),
            (Some(until), Some(deadline)) if until <= deadline => Waiting::Until(until),
            (_, Some(deadline)) => Waiting::ProceedBy(deadline),
            (None, None) => Waiting::Proceed,
        };
        self.release().enter(State::Suspended { waiting })
    }
}

fn verdict(evidence: &str) -> String {
    format!(
        "{evidence}; it is one of several crashes in a row without a new checkpoint, and this time nothing else ran that \
         could have been the cause; retry it once the reason is found"
    )
}
