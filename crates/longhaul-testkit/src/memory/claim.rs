//! Who gets which runs.

use longhaul_core::{
    Event, Run, RunId, Timestamp,
    admission::{DueRuns, Offer, Selection},
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
        let selection = self.select(now, request);
        let chosen: Vec<RunId> = selection.positions.iter().map(|position| position.id).collect();
        self.admission.commit(selection);
        let claimed = |(nth, id)| {
            let due = self.runs[&id].stored.run.due().expect("only due runs are chosen");
            let event = Event::Claim { server: request.server, begins: nth < request.begin };
            self.apply(now, id, &event).expect("only due runs are chosen");
            let stored = &self.runs[&id].stored;
            Claimed {
                run: stored.run.clone(),
                due,
                metadata: stored.metadata.clone(),
                execution_metadata: stored.execution_metadata.clone(),
            }
        };
        chosen.into_iter().enumerate().map(claimed).collect()
    }

    /// When a claim that found nothing should look again, if nothing changes before.
    pub(super) fn next_look(&self, now: Timestamp, request: &ClaimRequest) -> Option<Timestamp> {
        let offer = offer(request);
        let read = self.runs().filter(|run| offer.reads(&run.kind, run.version, &run.constraints().requires));
        let due = read.filter_map(Run::due).filter(|due| *due > now).min();
        due.into_iter().chain(self.select(now, request).look_again).min()
    }

    fn select(&self, now: Timestamp, request: &ClaimRequest) -> Selection {
        self.admission.select(now, &offer(request), &DueRuns::of(now, self.runs()))
    }

    pub(super) fn runs(&self) -> impl Iterator<Item = &Run> {
        self.runs.values().map(|record| &record.stored.run)
    }
}

fn offer(request: &ClaimRequest) -> Offer<'_> {
    let ClaimRequest { server, kinds, labels, capacity, max, .. } = request;
    Offer { labels, capacity, ..Offer::new(*server, kinds, *max) }
}
