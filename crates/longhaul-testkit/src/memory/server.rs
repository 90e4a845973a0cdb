//! Servers: which live, which are gone, and what they are told.

use longhaul_core::{
    ControlChange, RunId, Scope, ServerId, State, Timestamp,
    admission::Offer,
    store::{KindDescription, RunningRun, ServerBeat, ServerError, ServerInfo, StopSignal, StopSignals},
};

use super::{life::Server, memory_state::MemoryState};

impl MemoryState {
    pub(super) fn heartbeat(&mut self, now: Timestamp, beat: &ServerBeat) -> Result<(), ServerError> {
        if self.is_dead(beat.server) {
            return Err(ServerError::Dead(beat.server));
        }
        self.servers.insert(beat.server, Server::Lives { since: now, beat: beat.clone() });
        Ok(())
    }

    pub(super) fn expire(&mut self, now: Timestamp) -> usize {
        let late = |server: &Server| matches!(server, Server::Lives { since, beat } if since.after(beat.lease) <= now);
        let dead: Vec<_> = self.servers.iter().filter(|(_, server)| late(server)).map(|(id, _)| *id).collect();
        dead.into_iter().map(|server| self.declare_dead(now, server, "its server's lease ran out")).sum()
    }

    pub(super) fn leave(&mut self, now: Timestamp, server: ServerId) {
        self.declare_dead(now, server, "its server left while it ran");
    }

    fn declare_dead(&mut self, now: Timestamp, server: ServerId, evidence: &str) -> usize {
        self.servers.insert(server, Server::Dead);
        self.admission.controls.change(&Scope::Server(server), ControlChange::Resume);
        self.crash(now, server, evidence)
    }

    pub(super) fn is_dead(&self, server: ServerId) -> bool {
        matches!(self.servers.get(&server), Some(Server::Dead))
    }

    pub(super) fn running_where(&self, held_by: impl Fn(ServerId) -> bool) -> Vec<RunId> {
        let held = self.runs().filter(|run| matches!(run.state, State::Running { server } if held_by(server)));
        held.map(|run| run.id).collect()
    }

    pub(super) fn servers(&self) -> Vec<ServerInfo> {
        let info = |(id, server): (&ServerId, &Server)| match server {
            Server::Dead => None,
            Server::Lives { since, beat } => {
                let running = self.runs().filter(|run| run.state == State::Running { server: *id });
                Some(ServerInfo {
                    beat: beat.clone(),
                    last_beat: *since,
                    running: running.map(RunningRun::of).collect(),
                })
            }
        };
        self.servers.iter().filter_map(info).collect()
    }

    /// Tells the server that executes `id` what is asked of the run.
    pub(super) fn order(&mut self, id: RunId) {
        let run = &self.runs[&id].stored.run;
        if let Some(request) = &run.request {
            let order = StopSignal { id, epoch: run.epoch, request: request.clone() };
            let position = self.stop_requests.last_key_value().map_or(1, |(last, _)| last + 1);
            self.stop_requests.insert(position, order);
        }
    }

    pub(super) fn offers(&self) -> Vec<Offer<'_>> {
        let lives = self.servers.iter().filter_map(|(id, server)| match server {
            Server::Lives { beat, .. } => Some(Offer { labels: &beat.labels, ..Offer::new(*id, &beat.kinds, 1) }),
            Server::Dead => None,
        });
        lives.collect()
    }

    pub(super) fn describe_kinds(&mut self, kinds: Vec<KindDescription>) {
        for described in kinds {
            if described.replaces(self.kinds.get(&described.kind)) {
                self.kinds.insert(described.kind.clone(), described);
            }
        }
    }

    /// What `server` was told after `seen`, if anything of it still holds.
    pub(super) fn stop_requests(&self, server: ServerId, seen: u64) -> Option<StopSignals> {
        let holds = |order: &StopSignal| {
            let run = self.runs.get(&order.id).map(|record| &record.stored.run);
            run.is_some_and(|run| run.state == State::Running { server } && run.epoch == order.epoch)
        };
        let news = self.stop_requests.range(seen + 1..).filter(|(_, order)| holds(order));
        let (positions, stop_requests): (Vec<_>, Vec<_>) =
            news.map(|(position, order)| (*position, order.clone())).unzip();
        positions.last().map(|position| StopSignals { position: *position, stop_requests })
    }
}
