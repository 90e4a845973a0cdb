//! Servers: which live, what they are asked to stop, and what they say of their kinds.

use longhaul_core::{
    ControlChange, Event, RunId, Scope, ServerId, State, StoreError,
    admission::suspects::blame,
    store::{KindDescription, ServerBeat, ServerError, ServerInfo, StopSignals},
};

use super::memory_state::MemoryState;

impl MemoryState {
    pub(super) fn heartbeat(&mut self, beat: ServerBeat) -> Result<(), ServerError> {
        self.servers.heartbeat(self.now, &beat)
    }

    pub(super) fn expire(&mut self) -> Result<usize, StoreError> {
        let late = self.servers.late(self.now);
        Ok(late.into_iter().map(|server| self.declare_dead(server, "its server's lease ran out")).sum())
    }

    pub(super) fn leave(&mut self, server: ServerId) -> Result<(), StoreError> {
        self.declare_dead(server, "its server left while it ran");
        Ok(())
    }

    fn declare_dead(&mut self, server: ServerId, evidence: &str) -> usize {
        self.servers.end(server);
        self.admission.controls.change(&Scope::Server(server), ControlChange::Resume);
        self.crash(server, evidence)
    }

    /// Takes the claims of a server away, all at once: they ran in one process, which is gone.
    pub(super) fn crash(&mut self, server: ServerId, evidence: &str) -> usize {
        let held = || self.runs().filter(|run| run.state == State::Running { server });
        let (blamed, died) = (blame(held()), held().map(|run| run.id).collect::<Vec<RunId>>());
        for id in &died {
            self.apply(*id, &Event::crash(*id, blamed, evidence)).expect("a run that is executing can crash");
        }
        died.len()
    }

    pub(super) fn servers(&self) -> Result<Vec<ServerInfo>, StoreError> {
        Ok(self.servers.infos(self.runs()))
    }

    pub(super) fn stop_requests(&self, server: ServerId, seen: u64) -> Option<StopSignals> {
        self.servers.stop_requests(server, seen, |id| self.run(id))
    }

    pub(super) fn describe_kinds(&mut self, kinds: Vec<KindDescription>) -> Result<(), StoreError> {
        kinds.iter().for_each(KindDescription::assert_limits);
        for described in kinds {
            if described.replaces(self.kinds.get(&described.kind)) {
                self.kinds.insert(described.kind.clone(), described);
            }
        }
        Ok(())
    }
}
