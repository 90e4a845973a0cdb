//! Who gets which runs.

use std::collections::BTreeMap;

use longhaul_core::{
    Event, Run, RunId, StateKind, Timestamp,
    admission::{Backlog, DuePosition, LimitGroup, RunningCounts, Selection, groups},
    isolation::{Floor, floor},
    limits::CLAIM_MAX,
    store::{ClaimRequest, Claimed},
};

use super::memory_state::MemoryState;

impl MemoryState {
    pub(super) fn claim(&mut self, now: Timestamp, request: &ClaimRequest) -> Vec<Claimed> {
        assert!((1..=CLAIM_MAX).contains(&request.max), "a claim asks for 1 to {CLAIM_MAX} runs, not {}", request.max);
        if self.is_dead(request.server) {
            return Vec::new();
        }
        let (selection, _) = self.select(now, request);
        let chosen: Vec<RunId> = selection.positions.iter().map(|position| position.id).collect();
        self.admission.commit(selection);
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
        let (selection, floor) = self.select(now, request);
        let floor = match floor {
            Floor::Taken { until } => Some(until),
            Floor::Open | Floor::OneSuspect => None,
        };
        [due, floor, selection.look_again].into_iter().flatten().min()
    }

    fn select(&self, now: Timestamp, request: &ClaimRequest) -> (Selection, Floor) {
        let suspects = self.choose_among(now, request, |run| run.suspicion > 0, 1);
        let floor = self.floor(now, !suspects.positions.is_empty());
        let selection = match floor {
            Floor::Open => self.choose_among(now, request, |run| run.suspicion == 0, request.max),
            Floor::OneSuspect => suspects,
            Floor::Taken { .. } => Selection::default(),
        };
        (selection, floor)
    }

    fn choose_among(
        &self,
        now: Timestamp,
        request: &ClaimRequest,
        wanted: impl Fn(&Run) -> bool,
        max: usize,
    ) -> Selection {
        let mut due_in = BTreeMap::<LimitGroup, Vec<DuePosition>>::new();
        for run in self.readable(request).filter(|run| wanted(run)) {
            if let Some(due) = run.state.due().filter(|due| *due <= now) {
                due_in.entry(LimitGroup::of(run)).or_default().push(DuePosition::new(run.priority, due, run.id));
            }
        }
        for positions in due_in.values_mut() {
            positions.sort_unstable();
        }
        let lines =
            due_in.iter().map(|(limit_group, positions)| Backlog { limit_group, positions: positions.iter().copied() });
        self.admission.select(now, &self.running_counts(), &request.capacity, groups(lines), max)
    }

    pub(super) fn running_counts(&self) -> RunningCounts {
        let running: Vec<LimitGroup> = self.running().map(LimitGroup::of).collect();
        RunningCounts::of(running.iter())
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
            reads && run.constraints().requires.iter().all(|label| request.labels.contains(label))
        })
    }

    pub(super) fn runs(&self) -> impl Iterator<Item = &Run> {
        self.runs.values().map(|record| &record.snapshot.run)
    }
}
