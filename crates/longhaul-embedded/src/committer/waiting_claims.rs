//! Claims, and those that wait until there is something to claim.

use std::sync::Arc;

use longhaul_core::{StoreError, Timestamp, store::ClaimRequest};

use super::{
    answers::{After, Answers},
    command::Reply,
    ticket::{GiveBack, Ticket},
};
use crate::{
    engine::kv::KvError,
    error::Fault,
    ops::claim::{Claims, claim},
    state::State,
};

struct WaitingClaim {
    request: ClaimRequest,
    reply: Reply<Ticket>,
    /// When to look again, because a suspect or a rate lets nothing start before.
    look_again: Option<Timestamp>,
}

pub(super) struct WaitingClaims {
    waiting: Vec<WaitingClaim>,
    /// Takes back what does not arrive.
    back: Arc<dyn GiveBack>,
}

impl WaitingClaims {
    pub(super) fn new(back: Arc<dyn GiveBack>) -> Self {
        Self { waiting: Vec::new(), back }
    }

    /// A claim comes in. One that may wait is served before the commit, after everything that came with it.
    pub(super) fn claim_or_wait(
        &mut self,
        state: &mut State,
        answers: &mut Answers,
        request: ClaimRequest,
        reply: Reply<Ticket>,
    ) -> Result<(), KvError> {
        if request.wait {
            self.waiting.push(WaitingClaim { request, reply, look_again: None });
            state.claims_wait = true;
            return Ok(());
        }
        let claims = claim(state, &request);
        self.hand_out(answers, reply, claims)
    }

    /// Gives those who wait what there is, first come first served.
    pub(super) fn serve(&mut self, state: &mut State, answers: &mut Answers) -> Result<(), Fault> {
        let mut all = std::mem::take(&mut self.waiting).into_iter();
        while let Some(mut waiting) = all.next() {
            if waiting.reply.is_closed() {
                continue;
            }
            match claim(state, &waiting.request) {
                Ok(Claims { claimed, look_again, .. }) if claimed.is_empty() => {
                    waiting.look_again = look_again;
                    self.waiting.push(waiting);
                }
                Ok(claims) => self.hand_out(answers, waiting.reply, Ok(claims))?,
                Err(fault) => {
                    // They go on waiting, and are refused with the others.
                    self.waiting.push(waiting);
                    self.waiting.extend(all);
                    return Err(fault);
                }
            }
        }
        state.claims_wait = !self.waiting.is_empty();
        Ok(())
    }

    /// When those who wait have to be served though nothing happened.
    pub(super) fn next_look(&self, state: &State) -> Option<Timestamp> {
        let looks = self.waiting.iter().filter_map(|waiting| waiting.look_again);
        let due = state.index.next_due().filter(|_| !self.waiting.is_empty());
        looks.chain(due).min()
    }

    fn hand_out(
        &self,
        answers: &mut Answers,
        reply: Reply<Ticket>,
        claims: Result<Claims, Fault>,
    ) -> Result<(), KvError> {
        // A claim needs no sync: after a power cut the run is due again anyway. But its run must be safe before its
        // task begins, or a power cut would leave effects of a run that never was.
        let after = match &claims {
            Ok(Claims { of_this_cycle: true, .. }) => After::SyncToStart,
            _ => After::Flush,
        };
        let ticket = claims.map(|claims| Ticket::new(claims.claimed, Arc::clone(&self.back)));
        answers.answer(after, reply, ticket)
    }

    pub(super) fn refuse(&mut self, error: &StoreError) {
        for waiting in self.waiting.drain(..) {
            _ = waiting.reply.send(Err(error.clone()));
        }
    }
}
