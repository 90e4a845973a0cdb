//! Servers: which live, which are gone, and what they are told. All of it is of this process, and goes with it.

use std::collections::{BTreeMap, HashMap};

use longhaul_core::{
    Event, Run, RunId, ServerId, State, StoreError, Timestamp,
    admission::{
        Isolation, Offer,
        suspects::{Blame, blame},
    },
    decide,
    store::{ServerBeat, ServerError, StopSignal, StopSignals},
};

use crate::{
    committer::{Committer, command::Reply, dispatch::reply_now},
    error::Fault,
    state::record::Record,
};

#[derive(Default)]
pub(crate) struct Servers {
    lives: HashMap<ServerId, Life>,
    /// By position; what does not hold any more is left out when it is read.
    stop_requests: BTreeMap<u64, (ServerId, StopSignal)>,
    last_position: u64,
    waiting: Vec<(ServerId, u64, Reply<StopSignals>)>,
    /// Something was asked since those who wait were told.
    news: bool,
}

enum Life {
    Until {
        time: Timestamp,
        beat: ServerBeat,
    },
    /// Declared dead, or left: never again.
    Over,
}

impl Servers {
    pub(crate) fn heartbeat(&mut self, now: Timestamp, beat: &ServerBeat) -> Result<(), ServerError> {
        if self.is_dead(beat.server) {
            return Err(ServerError::Dead(beat.server));
        }
        let time = now.after(beat.lease);
        self.lives.insert(beat.server, Life::Until { time, beat: beat.clone() });
        Ok(())
    }

    pub(crate) fn is_dead(&self, server: ServerId) -> bool {
        matches!(self.lives.get(&server), Some(Life::Over))
    }

    fn late(&self, now: Timestamp) -> Vec<ServerId> {
        let mut late: Vec<_> = self
            .lives
            .iter()
            .filter(|(_, life)| matches!(life, Life::Until { time, .. } if *time <= now))
            .map(|(server, _)| *server)
            .collect();
        late.sort_unstable();
        late
    }

    /// What the servers that live take.
    pub(crate) fn offers(&self) -> Vec<Offer<'_>> {
        let lives = self.lives.iter().filter_map(|(id, life)| match life {
            Life::Until { beat, .. } => Some(Offer { labels: &beat.labels, ..Offer::new(*id, &beat.kinds, 1) }),
            Life::Over => None,
        });
        lives.collect()
    }

    /// Tells the server of a run what is asked of it.
    pub(crate) fn order(&mut self, run: &Run) {
        if let (State::Running { server }, Some(request)) = (&run.state, &run.request) {
            self.last_position += 1;
            let order = StopSignal { id: run.id, epoch: run.epoch, request: request.clone() };
            self.stop_requests.insert(self.last_position, (*server, order));
            self.news = true;
        }
    }

    /// What `server` was told after `seen`, if anything of it still holds.
    fn told(&self, active: &HashMap<RunId, Box<Record>>, server: ServerId, seen: u64) -> Option<StopSignals> {
        let news = self.stop_requests.range(seen.saturating_add(1)..);
        let news = news.filter(|(_, (to, order))| *to == server && holds(active, order));
        let (positions, stop_requests): (Vec<u64>, Vec<StopSignal>) =
            news.map(|(position, (_, order))| (*position, order.clone())).unzip();
        positions.last().map(|position| StopSignals { position: *position, stop_requests })
    }

    /// Tells those who wait, if there is news.
    pub(crate) fn tell_orders(&mut self, active: &HashMap<RunId, Box<Record>>) {
        if !std::mem::take(&mut self.news) {
            return;
        }
        self.stop_requests.retain(|_, (_, order)| holds(active, order));
        for (server, seen, reply) in std::mem::take(&mut self.waiting) {
            match self.told(active, server, seen) {
                Some(stop_requests) => reply_now(reply, stop_requests),
                None => self.waiting.push((server, seen, reply)),
            }
        }
    }

    pub(crate) fn refuse_waiting(&mut self, error: &StoreError) {
        for (_, _, reply) in self.waiting.drain(..) {
            _ = reply.send(Err(error.clone()));
        }
    }
}

fn holds(active: &HashMap<RunId, Box<Record>>, order: &StopSignal) -> bool {
    active.get(&order.id).is_some_and(|record| record.run.epoch == order.epoch)
}

impl Committer {
    pub(crate) fn expire(&mut self) -> Result<usize, Fault> {
        let late = self.servers.late(self.now);
        late.into_iter().map(|server| self.declare_dead(server, "its server's lease ran out")).sum()
    }

    pub(crate) fn leave(&mut self, server: ServerId) -> Result<(), Fault> {
        self.declare_dead(server, "its server left while it ran").map(drop)
    }

    fn declare_dead(&mut self, server: ServerId, evidence: &str) -> Result<usize, Fault> {
        self.servers.lives.insert(server, Life::Over);
        let held = |run: &&Run| matches!(run.state, State::Running { server: holder } if holder == server);
        let runs = || self.active.values().map(|record| &record.run).filter(held);
        let blamed = blame(runs());
        let mut ids: Vec<RunId> = runs().map(|run| run.id).collect();
        ids.sort_unstable();
        for id in &ids {
            let record = self.take(*id)?.expect("it is held in memory");
            let event = crash_of(*id, blamed, evidence);
            let (run, decision) = (&record.run, decide(self.now, &record.run, &event));
            warn_of(run, decision.as_ref().map_or(run, |decision| &decision.next));
            self.apply_event(record, &event)?.expect("a run that executes can crash");
        }
        Ok(ids.len())
    }

    pub(crate) fn show_stop_requests(&mut self, server: ServerId, seen: u64, reply: Reply<StopSignals>) {
        match (self.servers.told(&self.active, server, seen), self.health.get()) {
            (Some(stop_requests), _) => reply_now(reply, stop_requests),
            (None, Some(error)) => _ = reply.send(Err(error.clone())),
            (None, None) => {
                // Callers that gave up are forgotten before others are remembered.
                self.servers.waiting.retain(|(_, _, reply)| !reply.is_closed());
                self.servers.waiting.push((server, seen, reply));
            }
        }
    }
}

/// That the process of a run died, which `blamed` had a larger part in than others.
pub(crate) fn crash_of(id: RunId, blamed: Option<(RunId, Blame)>, evidence: &str) -> Event {
    let blame = blamed.filter(|(blamed, _)| *blamed == id).map_or(Blame::Shared, |(_, blame)| blame);
    Event::Crash { evidence: evidence.into(), blame }
}

/// Tells people of a run that processes died with, once that makes a difference.
pub(crate) fn warn_of(before: &Run, after: &Run) {
    // That one failed for good is told where it is kept.
    if Isolation::of(after) > Isolation::of(before) {
        let how = match Isolation::of(after) {
            Isolation::LastTry => "its next attempt is its last try: its server starts nothing else for a while",
            _ => "it is a suspect: such runs are executed one at a time, beside all others",
        };
        tracing::warn!(
            run.id = %after.id, run.kind = %after.kind, deaths = after.suspicion,
            "processes died while a run was executing that had saved nothing; {how}"
        );
    }
}
