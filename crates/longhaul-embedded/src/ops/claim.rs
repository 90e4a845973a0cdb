//! Who gets which runs.

use longhaul_core::{
    Ending, Epoch, Event, RunId, ServerId, State, StoreError, Timestamp,
    admission::Offer,
    decide,
    store::{ClaimRequest, Claimed},
};

use crate::{
    committer::{
        After, Committer, Touch,
        command::{Reply, Ticket},
    },
    error::Fault,
    state::{
        claim_pages::{ClaimEntry, ClaimPages},
        record::Record,
    },
};

/// A claim that waits until there is something to claim.
pub(crate) struct WaitingClaim {
    request: ClaimRequest,
    reply: Reply<Ticket>,
    /// When to look again, because a suspect or a rate lets nothing start before.
    look_again: Option<Timestamp>,
}

impl WaitingClaim {
    pub(crate) fn refuse(self, error: &StoreError) {
        _ = self.reply.send(Err(error.clone()));
    }
}

impl Committer {
    pub(crate) fn claim_or_wait(&mut self, request: ClaimRequest, reply: Reply<Ticket>) {
        if request.wait {
            // Served before the commit, after all that came with it.
            return self.parked.push(WaitingClaim { request, reply, look_again: None });
        }
        let outcome = self.claim(&request).map(|(claimed, _)| claimed);
        self.hand_out(reply, outcome);
    }

    /// Gives those who wait what there is, first come first served.
    pub(crate) fn serve_waiting_claims(&mut self) -> Result<(), Fault> {
        let mut all = std::mem::take(&mut self.parked).into_iter();
        while let Some(mut waiting) = all.next() {
            if waiting.reply.is_closed() {
                continue;
            }
            match self.claim(&waiting.request) {
                Ok((claimed, look_again)) if claimed.is_empty() => {
                    waiting.look_again = look_again;
                    self.parked.push(waiting);
                }
                Ok((claimed, _)) => self.hand_out(waiting.reply, Ok(claimed)),
                Err(fault) => {
                    // They wait on, to be told of the fault by whoever sees to it.
                    self.parked.push(waiting);
                    self.parked.extend(all);
                    return Err(fault);
                }
            }
        }
        Ok(())
    }

    /// When those who wait have to be served though nothing happened.
    pub(crate) fn next_look(&self) -> Option<Timestamp> {
        let looks = self.parked.iter().filter_map(|waiting| waiting.look_again);
        let due = self.index.next_due().filter(|_| !self.parked.is_empty());
        looks.chain(due).min()
    }

    fn hand_out(&mut self, reply: Reply<Ticket>, outcome: Result<Vec<Claimed>, Fault>) {
        // A claim needs no sync: after a power cut the run is due again anyway. But its run must be safe before its
        // task begins, or a power cut would leave effects of a run that never was.
        let is_written = |claimed: &Claimed| matches!(self.touched.get(&claimed.run.id), Some(Touch::Written(_)));
        let after = match &outcome {
            Ok(claimed) if claimed.iter().any(is_written) => After::SyncToStart,
            _ => After::Flush,
        };
        let ticket = outcome.map(|claimed| Ticket::new(claimed, self.queue.clone()));
        self.answer(after, reply, ticket);
    }

    /// Claims; or says when to look again, if time alone may bring something.
    fn claim(&mut self, request: &ClaimRequest) -> Result<(Vec<Claimed>, Option<Timestamp>), Fault> {
        if self.servers.is_dead(request.server) {
            return Ok((Vec::new(), None));
        }
        let ClaimRequest { server, kinds, labels, capacity, max, .. } = request;
        let offer = Offer { labels, capacity, ..Offer::new(*server, kinds, *max) };
        let selection = self.admission.select(self.now, &offer, &self.due_runs());
        self.index.rest(&selection.throttled);
        if selection.positions.is_empty() {
            let look_again = selection.look_again.into_iter().chain(self.index.backlogs.next_to_wake()).min();
            self.spend(selection)?;
            return Ok((Vec::new(), look_again));
        }
        self.room(ClaimPages::keys_for(selection.positions.len()))?;
        let mut claimed = Vec::with_capacity(selection.positions.len());
        for position in &selection.positions {
            let begins = claimed.len() < request.begin;
            claimed.extend(self.claim_one(position.id, *server, begins)?);
        }
        self.spend(selection)?;
        Ok((claimed, None))
    }

    fn claim_one(&mut self, id: RunId, server: ServerId, begins: bool) -> Result<Option<Claimed>, Fault> {
        let mut record = match self.load_due(id) {
            Ok(record) => record,
            Err(Fault::Damage(damage)) => {
                tracing::error!(run.id = %id, %damage, "a run cannot be read: it is set aside, the others go on");
                self.index.set_aside(id);
                return Ok(None);
            }
            Err(fault) => return Err(fault),
        };
        let place = self.index.get(id).expect("a due run is in the index").place;
        let due = record.run.state.due().expect("only due runs are lined up");
        let decision = decide(self.now, &record.run, &Event::Claim { server, begins });
        record.apply_decision(decision).expect("only due runs are lined up");
        let (epoch, claimed) = (record.run.epoch, self.now);
        self.claim_pages.hold(ClaimEntry { id, epoch, claimed, server, begun: begins });
        self.index.put(self.now, &record.run, place);
        self.touched.entry(id).or_insert(Touch::Seen);
        let claimed = Claimed {
            run: record.run.clone(),
            due,
            metadata: record.metadata.clone(),
            execution_metadata: record.execution_metadata.clone(),
        };
        self.active.insert(id, record);
        Ok(Some(claimed))
    }

    fn load_due(&mut self, id: RunId) -> Result<Box<Record>, Fault> {
        if let Some(record) = self.batch.fresh.remove(&id) {
            return Ok(record);
        }
        let record = self.take(id)?;
        Ok(record.expect("a due run is in the index, and what is in the index is in the file"))
    }

    /// Takes back claims that never reached who asked for them.
    pub(crate) fn give_back(&mut self, held: Vec<(RunId, Epoch)>) -> Result<(), Fault> {
        for (id, epoch) in held {
            let holds = self.active.get(&id).is_some_and(|record| record.run.epoch == epoch);
            if holds && let Some(record) = self.take(id)? {
                debug_assert!(matches!(record.run.state, State::Running { .. }));
                let event = Event::Settle { epoch, ending: Ending::Returned };
                self.apply_event(record, &event)?.expect("the claim holds");
            }
        }
        Ok(())
    }
}
