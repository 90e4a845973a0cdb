//! Servers: which ones live, which ones are gone, and what they are asked to stop. All of it is of this process, and goes
//! with it.

use std::collections::{BTreeMap, HashMap};

use longhaul_core::{
    Run, ServerId, State as RunState, Timestamp,
    admission::Offer,
    store::{RunningRun, ServerBeat, ServerError, ServerInfo, StopSignal, StopSignals},
};

use super::{record::Record, run_map::RunMap};

#[derive(Default)]
pub(crate) struct Servers {
    lives: HashMap<ServerId, Life>,
    /// By position. A request that is no longer current is left out when it is read.
    stop_requests: BTreeMap<u64, (ServerId, StopSignal)>,
    last_position: u64,
    /// Something was asked since [`take_news`](Self::take_news).
    news: bool,
}

enum Life {
    Since {
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
        self.lives.insert(beat.server, Life::Since { time: now, beat: beat.clone() });
        Ok(())
    }

    pub(crate) fn is_dead(&self, server: ServerId) -> bool {
        matches!(self.lives.get(&server), Some(Life::Over))
    }

    /// It never comes back.
    pub(crate) fn end(&mut self, server: ServerId) {
        self.lives.insert(server, Life::Over);
    }

    /// Those whose lease ran out.
    pub(crate) fn late(&self, now: Timestamp) -> Vec<ServerId> {
        let mut late: Vec<_> = self
            .lives
            .iter()
            .filter(|(_, life)| matches!(life, Life::Since { time, beat } if time.after(beat.lease) <= now))
            .map(|(server, _)| *server)
            .collect();
        late.sort_unstable();
        late
    }

    /// What the servers that live take.
    pub(crate) fn offers(&self) -> Vec<Offer<'_>> {
        let lives = self.lives.iter().filter_map(|(id, life)| match life {
            Life::Since { beat, .. } => Some(Offer { labels: &beat.labels, ..Offer::new(*id, &beat.kinds, 1) }),
            Life::Over => None,
        });
        lives.collect()
    }

    /// The servers that live, and which of these runs they hold.
    pub(crate) fn infos<'a>(&self, running: impl Iterator<Item = &'a Run>) -> Vec<ServerInfo> {
        let mut held: HashMap<ServerId, Vec<RunningRun>> = HashMap::new();
        for run in running {
            if let RunState::Running { server } = run.state {
                held.entry(server).or_default().push(RunningRun::of(run));
            }
        }
        let info = |(id, life): (&ServerId, &Life)| match life {
            Life::Over => None,
            Life::Since { time, beat } => {
                let mut running = held.remove(id).unwrap_or_default();
                running.sort_unstable_by_key(|run| run.id);
                Some(ServerInfo { beat: beat.clone(), last_beat: *time, running })
            }
        };
        let mut infos: Vec<_> = self.lives.iter().filter_map(info).collect();
        infos.sort_unstable_by_key(|info| info.beat.server);
        infos
    }

    /// The server that executes the run is asked to stop it, if the run says so.
    pub(super) fn ask_to_stop(&mut self, run: &Run) {
        if let (RunState::Running { server }, Some(request)) = (&run.state, &run.request) {
            self.last_position += 1;
            let signal = StopSignal { id: run.id, epoch: run.epoch, request: request.clone() };
            self.stop_requests.insert(self.last_position, (*server, signal));
            self.news = true;
        }
    }

    /// What `server` was asked after `seen`; `None` if nothing of it is current.
    pub(crate) fn stop_requests(
        &self,
        active: &RunMap<Box<Record>>,
        server: ServerId,
        seen: u64,
    ) -> Option<StopSignals> {
        let news = self.stop_requests.range(seen.saturating_add(1)..);
        let news = news.filter(|(_, (to, signal))| *to == server && is_current(active, signal));
        let (positions, stop_requests): (Vec<u64>, Vec<StopSignal>) =
            news.map(|(position, (_, signal))| (*position, signal.clone())).unzip();
        positions.last().map(|position| StopSignals { position: *position, stop_requests })
    }

    /// Whether something was asked since this was asked last. Requests that are no longer current are forgotten.
    pub(crate) fn take_news(&mut self, active: &RunMap<Box<Record>>) -> bool {
        let news = std::mem::take(&mut self.news);
        if news {
            self.stop_requests.retain(|_, (_, signal)| is_current(active, signal));
        }
        news
    }
}

fn is_current(active: &RunMap<Box<Record>>, signal: &StopSignal) -> bool {
    active.get(&signal.id).is_some_and(|record| record.run.epoch == signal.epoch)
}
