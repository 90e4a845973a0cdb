//! Callers who wait until there is something new to read.

use longhaul_core::{
    ServerId, StoreError,
    store::{EndedError, EndedPage, EndedRequest, ScheduleChanges, StopSignals},
};

use super::{
    answers::{Answers, reply_now},
    command::{Reply, Verdict},
    watchers::{Watcher, Watchers},
};
use crate::{
    engine::kv::KvError,
    health::Health,
    ops::{ended::ended, get::get, schedules::schedules, servers::stop_requests},
    state::State,
};

#[derive(Default)]
pub(super) struct Polls {
    changes: Watchers,
    stop_requests: Vec<(ServerId, u64, Reply<StopSignals>)>,
    schedules: Vec<(u64, Reply<ScheduleChanges>)>,
    ends: Vec<(EndedRequest, Verdict<EndedPage, EndedError>)>,
}

impl Polls {
    /// Answers if the run is newer than the watcher knows; otherwise the watcher waits.
    pub(super) fn changed(
        &mut self,
        state: &mut State,
        answers: &mut Answers,
        health: &Health,
        watcher: Watcher,
    ) -> Result<(), KvError> {
        if watcher.reply.is_closed() {
            return Ok(());
        }
        match (get(state, watcher.id), health.get()) {
            (Ok(Ok(snapshot)), None) if snapshot.run.revision <= watcher.seen => self.changes.wait(watcher),
            (Ok(Ok(snapshot)), Some(error)) if snapshot.run.revision <= watcher.seen => {
                _ = watcher.reply.send(Err(error.clone()));
            }
            (verdict, _) => return answers.answer_read(watcher.reply, verdict),
        }
        Ok(())
    }

    pub(super) fn stop_requests(
        &mut self,
        state: &State,
        health: &Health,
        server: ServerId,
        seen: u64,
        reply: Reply<StopSignals>,
    ) {
        match (stop_requests(state, server, seen), health.get()) {
            (Some(stop_requests), _) => reply_now(reply, stop_requests),
            (None, Some(error)) => _ = reply.send(Err(error.clone())),
            (None, None) => {
                // Callers that gave up are forgotten before others are remembered.
                self.stop_requests.retain(|(_, _, reply)| !reply.is_closed());
                self.stop_requests.push((server, seen, reply));
            }
        }
    }

    pub(super) fn schedules(&mut self, state: &State, health: &Health, seen: u64, reply: Reply<ScheduleChanges>) {
        match (schedules(state, seen), health.get()) {
            (Some(schedules), _) => reply_now(reply, schedules),
            (None, Some(error)) => _ = reply.send(Err(error.clone())),
            (None, None) => {
                self.schedules.retain(|(_, reply)| !reply.is_closed());
                self.schedules.push((seen, reply));
            }
        }
    }

    pub(super) fn ended(
        &mut self,
        state: &State,
        answers: &mut Answers,
        health: &Health,
        request: EndedRequest,
        reply: Verdict<EndedPage, EndedError>,
    ) -> Result<(), KvError> {
        if reply.is_closed() {
            return Ok(());
        }
        // Whether the last batch is in the file is not known, and a run must not be shown as ended and then not be.
        if let Some(error) = health.get() {
            _ = reply.send(Err(error.clone()));
            return Ok(());
        }
        match ended(state, &request) {
            Ok(Ok(page)) if request.wait && page.runs.is_empty() && page.damaged.is_empty() => {
                self.ends.retain(|(_, reply)| !reply.is_closed());
                self.ends.push((request, reply));
                Ok(())
            }
            verdict => answers.answer_read(reply, verdict),
        }
    }

    /// Answers those for whom the cycle that was committed brought something. All of them are looked at, even if the engine
    /// fails at one.
    pub(super) fn wake(&mut self, state: &mut State, answers: &mut Answers, health: &Health) -> Result<(), KvError> {
        let mut woken = Ok(());
        if !self.changes.is_empty() {
            let mut touched = std::mem::take(&mut state.touched);
            for (id, _) in touched.drain() {
                for watcher in self.changes.take(id) {
                    woken = woken.and(self.changed(state, answers, health, watcher));
                }
            }
            // Its memory is used again.
            state.touched = touched;
        }
        if state.servers.take_news(|id| state.active.get(&id).map(|record| &record.run)) {
            for (server, seen, reply) in std::mem::take(&mut self.stop_requests) {
                self.stop_requests(state, health, server, seen, reply);
            }
        }
        if state.schedules.take_news() {
            for (seen, reply) in std::mem::take(&mut self.schedules) {
                self.schedules(state, health, seen, reply);
            }
        }
        if state.ends.take_news() {
            for (request, reply) in std::mem::take(&mut self.ends) {
                woken = woken.and(self.ended(state, answers, health, request, reply));
            }
        }
        woken
    }

    pub(super) fn refuse(&mut self, error: &StoreError) {
        self.changes.refuse(error);
        self.stop_requests.drain(..).for_each(|(_, _, reply)| _ = reply.send(Err(error.clone())));
        self.schedules.drain(..).for_each(|(_, reply)| _ = reply.send(Err(error.clone())));
        self.ends.drain(..).for_each(|(_, reply)| _ = reply.send(Err(error.clone())));
    }
}
