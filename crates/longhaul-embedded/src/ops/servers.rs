//! Servers come, go and die.

use longhaul_core::{
    ControlChange, Event, Run, RunId, Scope, ServerId, State as RunState,
    admission::suspects::blame,
    decide,
    store::{ServerBeat, ServerError, ServerInfo, StopSignals},
};

use super::controls::control;
use crate::{
    error::Fault,
    state::{State, crash::warn_of},
};

pub(crate) fn heartbeat(store: &mut State, beat: &ServerBeat) -> Result<(), ServerError> {
    store.servers.heartbeat(store.now, beat)
}

/// The servers that live, with what they execute.
pub(crate) fn servers(store: &State) -> Vec<ServerInfo> {
    store.servers.infos(store.active.values().map(|record| &record.run))
}

/// What `server` was asked to stop after `seen`; `None` if nothing of it is current.
pub(crate) fn stop_requests(store: &State, server: ServerId, seen: u64) -> Option<StopSignals> {
    store.servers.stop_requests(server, seen, |id| store.active.get(&id).map(|record| &record.run))
}

/// Declares those servers dead whose lease ran out. Returns how many runs were taken from them.
pub(crate) fn expire(store: &mut State) -> Result<usize, Fault> {
    let late = store.servers.late(store.now);
    late.into_iter().map(|server| declare_dead(store, server, "its server's lease ran out")).sum()
}

pub(crate) fn leave(store: &mut State, server: ServerId) -> Result<(), Fault> {
    declare_dead(store, server, "its server left while it ran").map(drop)
}

fn declare_dead(store: &mut State, server: ServerId, evidence: &str) -> Result<usize, Fault> {
    store.servers.end(server);
    let scope = Scope::Server(server);
    if store.admission.controls.get(&scope).is_some() {
        control(store, &scope, ControlChange::Resume)?;
    }
    let held = |run: &&Run| matches!(run.state, RunState::Running { server: holder } if holder == server);
    let runs = || store.active.values().map(|record| &record.run).filter(held);
    let blamed = blame(runs());
    let mut ids: Vec<RunId> = runs().map(|run| run.id).collect();
    ids.sort_unstable();
    for id in &ids {
        let record = store.take(*id)?.expect("it is held in memory");
        let event = Event::crash(*id, blamed, evidence);
        let (run, decision) = (&record.run, decide(store.now, &record.run, &event));
        warn_of(run, decision.as_ref().map_or(run, |decision| &decision.next));
        store.apply_event(record, &event)?.expect("a run that executes can crash");
    }
    Ok(ids.len())
}
