//! The one thread that owns the file: it takes what callers asked for, applies it, commits once for all of them, and
//! only then answers.

mod answers;
pub(crate) mod command;
mod polls;
pub(crate) mod queue;
mod read;
pub(crate) mod start;
pub(crate) mod ticket;
mod waiting_claims;
mod watchers;
mod write;

use std::{sync::Arc, time::Duration};

use longhaul_core::{Clock, StoreError};

use self::{
    answers::{After, Answers},
    command::{Command, Read},
    polls::Polls,
    queue::{Queue, ROOM, Taken},
    read::read,
    waiting_claims::WaitingClaims,
    write::{Leaving, write},
};
use crate::{
    engine::kv::KvError,
    error::{Fault, broken},
    health::Health,
    ops::{expire_deadlines::expire_deadlines, look_at_waits::look_at_waits, servers},
    options::Durability,
    state::State,
};

/// How often the committer looks for more before it commits what it has, as long as each time something came: callers
/// who were answered together come back together, and should share the next commit too. What they ask for is executed
/// while the others are still on their way.
const GATHERINGS_MAX: usize = 16;

struct Committer {
    state: State,
    queue: Arc<Queue>,
    clock: Arc<dyn Clock>,
    durability: Durability,
    health: Arc<Health>,
    answers: Answers,
    claims: WaitingClaims,
    polls: Polls,
    /// Servers that leave in the next cycle.
    leaving: Leaving,
}

impl Committer {
    fn new(
        state: State,
        queue: Arc<Queue>,
        clock: Arc<dyn Clock>,
        durability: Durability,
        health: Arc<Health>,
    ) -> Self {
        let claims = WaitingClaims::new(queue.clone());
        let (answers, polls, leaving) = (Answers::default(), Polls::default(), Vec::new());
        Self { state, queue, clock, durability, health, answers, claims, polls, leaving }
    }

    /// Works until the queue is closed.
    fn run(&mut self) {
        loop {
            let taken = self.queue.take(self.max_wait());
            if self.cycle(taken) {
                if !self.leaving.is_empty() {
                    self.cycle(Taken { commands: Vec::new(), closed: true });
                }
                return self.close();
            }
        }
    }

    fn works(&self) -> bool {
        self.health.get().is_none()
    }

    /// How long to sleep if nobody asks for anything.
    fn max_wait(&self) -> Option<Duration> {
        if !self.leaving.is_empty() || (self.works() && !self.state.index.waits.is_quiet()) {
            return Some(Duration::ZERO);
        }
        // A broken store ends no suspension, and must not spin over one whose deadline has passed.
        let of_state =
            [self.state.index.deadlines.next(), self.state.minutes_due()].map(|at| at.filter(|_| self.works()));
        let next = of_state.into_iter().chain([self.claims.next_look(&self.state)]).flatten().min()?;
        self.clock.wait_for(next)
    }

    /// One commit, shared by all callers who came in time. Returns whether the queue is closed.
    fn cycle(&mut self, taken: Taken) -> bool {
        self.state.begin_cycle(self.clock.now());
        if self.works() {
            let expired = expire_deadlines(&mut self.state);
            self.poison_if_failed(expired);
        }
        let leaving = std::mem::take(&mut self.leaving);
        let (reads, closed) = self.gather(taken);
        self.finish_leaving(leaving);
        if self.works() {
            let looked = look_at_waits(&mut self.state);
            self.poison_if_failed(looked);
        }
        if self.works() {
            let finished = self.claims.serve(&mut self.state, &mut self.answers).and_then(|()| self.finish());
            self.poison_if_failed(finished);
        }
        // After the commit, so that nobody is shown what might not last.
        if self.works() {
            let woken = self.polls.wake(&mut self.state, &mut self.answers, &self.health);
            self.poison_if_failed(woken.map_err(Fault::from));
        }
        self.state.touched.clear();
        for command in reads {
            let answered = read(&mut self.state, &mut self.answers, &mut self.polls, &self.health, command);
            self.poison_if_failed(answered.map_err(Fault::from));
        }
        closed
    }

    /// Executes the commands that were taken, and those that come in the meantime. Returns the reads, and whether the queue
    /// is closed.
    fn gather(&mut self, mut taken: Taken) -> (Vec<Read>, bool) {
        let (mut reads, mut executed, mut gatherings) = (Vec::new(), 0, 0);
        loop {
            executed += taken.commands.len();
            for command in taken.commands.drain(..) {
                match (command, self.health.get()) {
                    (Command::Read(read), _) => reads.push(read),
                    (Command::Write(command), None) => {
                        let Self { state, answers, claims, leaving, .. } = self;
                        let staged = write(state, answers, claims, leaving, command);
                        self.poison_if_failed(staged);
                    }
                    (command @ Command::Write(_), Some(error)) => command.refuse(error),
                }
            }
            if taken.closed || executed == 0 || executed >= ROOM || gatherings == GATHERINGS_MAX {
                break;
            }
            gatherings += 1;
            taken = self.queue.more();
            if taken.commands.is_empty() {
                break;
            }
        }
        (reads, taken.closed)
    }

    /// Servers that left in the cycle before.
    fn finish_leaving(&mut self, leaving: Leaving) {
        for (server, reply) in leaving {
            if let Some(error) = self.health.get() {
                _ = reply.send(Err(error.clone()));
                continue;
            }
            let left = servers::leave(&mut self.state, server);
            let answered = self.answers.answer(After::Sync, reply, left);
            self.poison_if_failed(answered.map_err(Fault::from));
        }
    }

    /// Commits, and answers each caller as soon as what it was promised holds.
    fn finish(&mut self) -> Result<(), Fault> {
        self.state.commit()?;
        self.state.recount()?;
        if self.state.files.needs_flush() {
            self.state.files.flush()?;
            self.answers.give(After::Flush);
            self.state.files.sync_if_promised(self.durability == Durability::Power)?;
            // The witness testifies to what is acknowledged, and a task that begins acknowledges nothing.
            self.answers.give(After::SyncToStart);
            self.state.files.kv.attest()?;
        }
        self.answers.give(After::Sync);
        Ok(())
    }

    fn poison_if_failed(&mut self, outcome: Result<(), Fault>) {
        if let Err(fault) = outcome {
            self.poison(fault);
        }
    }

    /// From now on nothing is written: whether the last write took effect is not known, and trying again would only
    /// hide it.
    fn poison(&mut self, fault: Fault) {
        let cause = match fault {
            Fault::Engine(cause) => cause,
            Fault::Damage(damage) => KvError::Corrupt(damage.to_string()),
        };
        // First of all, so that every caller who is answered finds it.
        let error = self.health.poison(broken(&cause)).clone();
        tracing::error!(%error, "the store takes no more writes");
        self.state.give_up_writing(&error);
        self.answers.refuse(&error);
        self.refuse_waiting(&error);
    }

    /// A panic of our own code came through: nothing in memory is trusted now, except the list of who waits.
    fn abandon(&mut self, error: &StoreError) {
        self.answers.refuse(error);
        self.refuse_waiting(error);
        self.leaving.drain(..).for_each(|(_, reply)| _ = reply.send(Err(error.clone())));
    }

    fn refuse_waiting(&mut self, error: &StoreError) {
        self.claims.refuse(error);
        self.polls.refuse(error);
    }

    /// Everyone who waits is refused; what was acknowledged for this process only is made to last.
    fn close(&mut self) {
        let error = self.health.get().cloned().unwrap_or(StoreError::Closed);
        self.refuse_waiting(&error);
        if self.works() {
            let saved = self.state.save_statistics();
            let kv = &mut self.state.files.kv;
            let lasts = saved.and_then(|()| Ok(kv.flush().and_then(|()| kv.sync()).and_then(|()| kv.attest())?));
            self.poison_if_failed(lasts);
        }
    }
}
