//! Who gets which runs.

use std::cmp::Reverse;

use longhaul_core::{
    Event, Run, RunId, StateKind, Timestamp,
    isolation::{Floor, floor},
    limits::CLAIM_MAX,
    store::{ClaimRequest, Claimed},
};

use super::book::Book;

impl Book {
    pub(super) fn claim(&mut self, now: Timestamp, request: &ClaimRequest) -> Vec<Claimed> {
        assert!((1..=CLAIM_MAX).contains(&request.max), "a claim asks for 1 to {CLAIM_MAX} runs, not {}", request.max);
        if self.is_dead(request.server) {
            return Vec::new();
        }
        let chosen = self.choose(now, request);
        for id in &chosen {
            self.apply(now, *id, &Event::Claim { server: request.server }).expect("only due runs are chosen");
        }
        let claimed = |id| {
            let snapshot = &self.runs[&id].snapshot;
            Claimed {
                run: snapshot.run.clone(),
                metadata: snapshot.metadata.clone(),
                execution_metadata: snapshot.execution_metadata.clone(),
            }
        };
        chosen.into_iter().map(claimed).collect()
    }

    /// When a claim that found nothing should look again, if nothing changes before.
    pub(super) fn next_look(&self, now: Timestamp, request: &ClaimRequest) -> Option<Timestamp> {
        let due = self.readable(request).filter_map(|run| run.state.due()).filter(|due| *due > now).min();
        match self.floor(now, request) {
            Floor::Taken { until } => Some(due.map_or(until, |due| due.min(until))),
            Floor::Open | Floor::OneSuspect => due,
        }
    }

    fn choose(&self, now: Timestamp, request: &ClaimRequest) -> Vec<RunId> {
        let mut due: Vec<_> = self.due(now, request).collect();
        due.sort_by_key(|run| (Reverse(run.priority), run.state.due(), run.id));
        let ids = due.iter().map(|run| run.id);
        match self.floor(now, request) {
            Floor::Open => ids.take(request.max).collect(),
            Floor::OneSuspect => due.iter().filter(|run| run.suspicion > 0).map(|run| run.id).take(1).collect(),
            Floor::Taken { .. } => Vec::new(),
        }
    }

    fn floor(&self, now: Timestamp, request: &ClaimRequest) -> Floor {
        let suspects_waiting = self.due(now, request).any(|run| run.suspicion > 0);
        let running = self.runs().filter(|run| run.state.kind() == StateKind::Running);
        floor(now, suspects_waiting, running)
    }

    fn due(&self, now: Timestamp, request: &ClaimRequest) -> impl Iterator<Item = &Run> {
        self.readable(request).filter(move |run| run.state.due().is_some_and(|due| due <= now))
    }

    fn readable(&self, request: &ClaimRequest) -> impl Iterator<Item = &Run> {
        self.runs().filter(|run| {
            request.kinds.iter().any(|support| support.kind == run.kind && run.version <= support.version)
        })
    }

    pub(super) fn runs(&self) -> impl Iterator<Item = &Run> {
        self.runs.values().map(|record| &record.snapshot.run)
    }
}
