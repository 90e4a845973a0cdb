//! Who gets which runs.

use std::collections::BTreeMap;

use longhaul_core::{
    Event, Run, RunId, StateKind, Timestamp,
    choose::{Choice, Lane, Line, Tally, Turn, groups},
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
        let (choice, _) = self.choose(now, request);
        let chosen: Vec<RunId> = choice.turns.iter().map(|turn| turn.id).collect();
        self.gate.commit(choice);
        let claimed = |id| {
            let due = self.runs[&id].snapshot.run.state.due().expect("only due runs are chosen");
            self.apply(now, id, &Event::Claim { server: request.server }).expect("only due runs are chosen");
            let snapshot = &self.runs[&id].snapshot;
            Claimed {
                run: snapshot.run.clone(),
                due,
                metadata: snapshot.metadata.clone(),
                execution_metadata: snapshot.execution_metadata.clone(),
            }
        };
        chosen.into_iter().map(claimed).collect()
    }

    /// When a claim that found nothing should look again, if nothing changes before.
    pub(super) fn next_look(&self, now: Timestamp, request: &ClaimRequest) -> Option<Timestamp> {
        let due = self.readable(request).filter_map(|run| run.state.due()).filter(|due| *due > now).min();
        let (choice, floor) = self.choose(now, request);
        let floor = match floor {
            Floor::Taken { until } => Some(until),
            Floor::Open | Floor::OneSuspect => None,
        };
        [due, floor, choice.look_again].into_iter().flatten().min()
    }

    fn choose(&self, now: Timestamp, request: &ClaimRequest) -> (Choice, Floor) {
        let suspects = self.choose_among(now, request, |run| run.suspicion > 0, 1);
        let floor = self.floor(now, !suspects.turns.is_empty());
        let choice = match floor {
            Floor::Open => self.choose_among(now, request, |run| run.suspicion == 0, request.max),
            Floor::OneSuspect => suspects,
            Floor::Taken { .. } => Choice::default(),
        };
        (choice, floor)
    }

    fn choose_among(
        &self,
        now: Timestamp,
        request: &ClaimRequest,
        wanted: impl Fn(&Run) -> bool,
        max: usize,
    ) -> Choice {
        let mut due_in = BTreeMap::<Lane, Vec<Turn>>::new();
        for run in self.readable(request).filter(|run| wanted(run)) {
            if let Some(due) = run.state.due().filter(|due| *due <= now) {
                due_in.entry(Lane::of(run)).or_default().push(Turn::new(run.priority, due, run.id));
            }
        }
        for turns in due_in.values_mut() {
            turns.sort_unstable();
        }
        let lines = due_in.iter().map(|(lane, turns)| Line { lane, turns: turns.iter().copied() });
        self.gate.choose(now, &self.tally(), &request.rooms, groups(lines), max)
    }

    pub(super) fn tally(&self) -> Tally {
        let running: Vec<Lane> = self.running().map(Lane::of).collect();
        Tally::of(running.iter())
    }

    pub(super) fn floor(&self, now: Timestamp, suspects_waiting: bool) -> Floor {
        floor(now, suspects_waiting, self.running())
    }

    fn running(&self) -> impl Iterator<Item = &Run> {
        self.runs().filter(|run| run.state.kind() == StateKind::Running)
    }

    fn readable(&self, request: &ClaimRequest) -> impl Iterator<Item = &Run> {
        self.runs().filter(|run| {
            let reads = request.kinds.iter().any(|support| support.kind == run.kind && run.version <= support.version);
            reads && run.terms().requires.iter().all(|label| request.labels.contains(label))
        })
    }

    pub(super) fn runs(&self) -> impl Iterator<Item = &Run> {
        self.runs.values().map(|record| &record.snapshot.run)
    }
}
