//! What each command does: one concept a file. Nothing in here chooses a run's next state; `decide` does.

use longhaul_core::{Actor, Event, IllegalEvent, ServerId, StateKind, StoreError, decide};

use crate::{
    committer::{
        After, Committer,
        command::{Command, Reply},
    },
    error::Fault,
    state::record::Record,
};

impl Committer {
    /// Does what changes something.
    pub(crate) fn execute(&mut self, command: Command) {
        use Command as C;
        match command {
            C::Insert { runs, reply } => self.each(reply, runs, Self::insert),
            C::Claim { request, reply } => self.claim_or_wait(request, reply),
            C::GiveBack(held) => {
                if let Err(fault) = self.give_back(held) {
                    self.poison(fault);
                }
            }
            C::Begin { runs, reply } => {
                let outcome = runs.into_iter().map(|(id, epoch)| self.begin(id, epoch)).collect();
                self.answer(After::Flush, reply, outcome);
            }
            C::Checkpoint { checkpoints, reply } => self.each(reply, checkpoints, Self::checkpoint),
            C::Settle { settlements, reply } => self.each(reply, settlements, Self::settle),
            C::Log { pages, reply } => {
                let outcome = pages.into_iter().map(|one| self.log(one)).collect();
                self.answer(After::Flush, reply, outcome);
            }
            C::Heartbeat { beat, reply } => {
                let verdict = self.servers.heartbeat(self.now, &beat);
                self.answer(After::Sync, reply, Ok(verdict));
            }
            C::Expire { reply } => {
                let taken = self.expire();
                self.answer(After::Sync, reply, taken);
            }
            C::Leave { server, reply } => {
                // One cycle later: claims on their way to it come back first, and were not crashes.
                self.leaving.push((server, reply));
            }
            C::Proceed { proceed, reply } => {
                let verdict = self.proceed(proceed);
                self.answer(After::Sync, reply, verdict);
            }
            C::Cancel { id, reason, by, reply } => {
                let verdict = self.cancel(id, reason, by);
                self.answer(After::Sync, reply, verdict);
            }
            C::Retry { retry, reply } => {
                let verdict = self.retry(&retry);
                self.answer(After::Sync, reply, verdict);
            }
            C::RunUpdate { id, update, by, reply } => {
                let verdict = self.update(id, update, by);
                self.answer(After::Sync, reply, verdict);
            }
            C::Control { scope, change, reply } => {
                let control = self.control(&scope, change);
                self.answer(After::Sync, reply, control);
            }
            C::Schedule { change, reply } => {
                let verdict = self.schedule(change);
                self.answer(After::Sync, reply, verdict);
            }
            C::Delete { id, reply } => {
                let verdict = self.delete(id);
                self.answer(After::Sync, reply, verdict);
            }
            C::ReleaseIncompatible { runs, reply } => {
                let released = self.release_incompatible(&runs);
                self.answer(After::Sync, reply, released);
            }
            C::Sweep { retentions, max, reply } => {
                let swept = self.sweep(&retentions, max);
                self.answer(After::Sync, reply, swept);
            }
            C::Import { runs, reply } => {
                let imported = self.import(runs);
                self.answer(After::Sync, reply, imported);
            }
            C::FindByKey { .. }
            | C::Get { .. }
            | C::Changed { .. }
            | C::List { .. }
            | C::Ended { .. }
            | C::Count { .. }
            | C::Queues { .. }
            | C::StopSignals { .. }
            | C::Controls { .. }
            | C::Schedules { .. }
            | C::Explain { .. }
            | C::ReadLog { .. }
            | C::Export { .. }
            | C::Verify { .. } => unreachable!("reads are not executed"),
        }
    }

    /// Answers what changes nothing. What was committed is seen, and nothing else.
    pub(crate) fn read(&mut self, command: Command) {
        use Command as C;
        match command {
            C::FindByKey { kind, key, reply } => {
                let found = self.find_by_key(&kind, &key);
                self.reply(reply, found);
            }
            C::Get { id, reply } => {
                let verdict = self.get(id);
                self.reply(reply, verdict);
            }
            C::Changed { id, seen, reply } => self.show_change(crate::committer::watch::Watcher { id, seen, reply }),
            C::List { request, reply } => {
                let page = self.list(&request);
                self.reply(reply, page);
            }
            C::Ended { request, reply } => self.show_ended(request, reply),
            C::Count { request, reply } => {
                let counted = self.count(&request);
                self.reply(reply, counted);
            }
            C::StopSignals { server, seen, reply } => self.show_stop_requests(server, seen, reply),
            C::Controls { reply } => reply_now(reply, self.controls()),
            C::Queues { reply } => reply_now(reply, self.index.depths(self.now)),
            C::Schedules { seen, reply } => self.show_schedules(seen, reply),
            C::Explain { id, reply } => {
                let verdict = self.explain(id);
                self.reply(reply, verdict);
            }
            C::ReadLog { request, reply } => {
                let verdict = self.read_log(&request);
                self.reply(reply, verdict);
            }
            C::Export { after, reply } => {
                let exported = self.export(after);
                self.reply(reply, exported);
            }
            C::Verify { from, reply } => {
                let checked = self.verify(&from);
                self.reply(reply, checked);
            }
            _ => unreachable!("only reads are read"),
        }
    }

    /// Servers that took leave in the cycle before.
    pub(crate) fn finish_leaving(&mut self, leaving: Vec<(ServerId, Reply<()>)>) {
        for (server, reply) in leaving {
            match self.health.get() {
                None => {
                    let left = self.leave(server);
                    self.answer(After::Sync, reply, left);
                }
                Some(error) => _ = reply.send(Err(error.clone())),
            }
        }
    }

    /// One answer for each item of a batch.
    fn each<I, T, E>(
        &mut self,
        reply: Reply<Vec<Result<T, E>>>,
        items: Vec<I>,
        mut one: impl FnMut(&mut Self, I) -> Result<Result<T, E>, Fault>,
    ) where
        Result<T, E>: Send + 'static,
    {
        let outcome = items.into_iter().map(|item| one(self, item)).collect();
        self.answer(After::Sync, reply, outcome);
    }

    /// Holds the answer back until what it says holds.
    pub(crate) fn answer<T: Send + 'static>(&mut self, after: After, reply: Reply<T>, outcome: Result<T, Fault>) {
        match outcome {
            Ok(answer) => self.hold(after, reply, Ok(answer)),
            Err(Fault::Damage(damage)) => self.hold(after, reply, Err(damage.into())),
            Err(Fault::Engine(cause)) => {
                self.poison(cause.into());
                let error = self.health.get().expect("it was just set");
                _ = reply.send(Err(error.clone()));
            }
        }
    }

    /// Answers what was read. An engine that fails at it once may read the next time; one that panicked, or did not come
    /// back, is the end of the store.
    pub(crate) fn reply<T>(&mut self, reply: Reply<T>, outcome: Result<T, Fault>) {
        let answer = match outcome {
            Ok(answer) => Ok(answer),
            Err(Fault::Damage(damage)) => Err(damage.into()),
            Err(Fault::Engine(cause)) if cause.ends_engine() => {
                self.poison(cause.into());
                Err(self.health.get().expect("it was just set").clone())
            }
            Err(Fault::Engine(cause)) => Err(StoreError::Unavailable { reason: cause.to_string().into() }),
        };
        _ = reply.send(answer);
    }

    /// Lets `event` happen to a run that was taken, and stages what it has become. An event that cannot happen leaves
    /// it as it was.
    pub(crate) fn apply_event(
        &mut self,
        record: Box<Record>,
        event: &Event,
    ) -> Result<Result<StateKind, IllegalEvent>, Fault> {
        self.happen_for(record, event, Actor::UNKNOWN)
    }

    /// The same, of an event that a client asked for.
    pub(crate) fn happen_for(
        &mut self,
        mut record: Box<Record>,
        event: &Event,
        by: Actor,
    ) -> Result<Result<StateKind, IllegalEvent>, Fault> {
        let listed = record.run.state.is_final();
        match record.apply_decision(decide(self.now, &record.run, event).map(|decision| decision.asked_by(by))) {
            Err(illegal) => {
                self.put_back(record);
                Ok(Err(illegal))
            }
            Ok(followup) => {
                let state = record.run.state.kind();
                if followup.order {
                    self.servers.order(&record.run);
                }
                if followup.remove {
                    self.erase(&record, listed)?;
                } else {
                    self.keep(record)?;
                }
                Ok(Ok(state))
            }
        }
    }

    /// A run that was taken, and is as it was.
    pub(crate) fn put_back(&mut self, record: Box<Record>) {
        if record.run.state.kind() == StateKind::Running {
            self.active.insert(record.run.id, record);
        }
    }
}

/// Whoever went away needs no answer.
pub(crate) fn reply_now<T>(reply: Reply<T>, answer: T) {
    _ = reply.send(Ok(answer));
}
