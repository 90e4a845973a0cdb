//! Servers as a store knows them that is written by one process: in memory, and gone with it.

use std::collections::BTreeMap;

use super::{RunningRun, ServerBeat, ServerError, ServerInfo, StopSignal, StopSignals};
use crate::{
    admission::Offer,
    id::{RunId, ServerId},
    run::Run,
    state::State,
    time::Timestamp,
};

/// Which servers live, which are gone, and what they are asked to stop: for a store whose servers are all in one process.
///
/// ```
/// use longhaul_core::{doc, store::{ServerError, Servers}};
///
/// let mut servers = Servers::default();
/// servers.heartbeat(doc::NOW, &doc::beat())?;
/// assert_eq!(servers.late(doc::NOW.after(doc::beat().lease)), [doc::SERVER]);
/// servers.end(doc::SERVER);
/// assert_eq!(servers.heartbeat(doc::NOW, &doc::beat()), Err(ServerError::Dead(doc::SERVER)));
/// # Ok::<(), ServerError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Servers {
    /// Since when, and the last beat; `None`: declared dead, or left, and never again.
    lives: BTreeMap<ServerId, Option<(Timestamp, ServerBeat)>>,
    /// By position. A request that is no longer current is left out when it is read.
    stop_requests: BTreeMap<u64, (ServerId, StopSignal)>,
    last_position: u64,
    news: bool,
}

impl Servers {
    /// A server says that it lives.
    ///
    /// # Errors
    /// It is dead.
    pub fn heartbeat(&mut self, now: Timestamp, beat: &ServerBeat) -> Result<(), ServerError> {
        if self.is_dead(beat.server) {
            return Err(ServerError::Dead(beat.server));
        }
        self.lives.insert(beat.server, Some((now, beat.clone())));
        Ok(())
    }

    /// Whether it was declared dead, or left.
    pub fn is_dead(&self, server: ServerId) -> bool {
        matches!(self.lives.get(&server), Some(None))
    }

    /// It is gone, and never comes back.
    pub fn end(&mut self, server: ServerId) {
        self.lives.insert(server, None);
    }

    /// Those whose lease has run out, by id.
    pub fn late(&self, now: Timestamp) -> Vec<ServerId> {
        let late = self.living().filter(|(since, beat)| since.after(beat.lease) <= now);
        late.map(|(_, beat)| beat.server).collect()
    }

    fn living(&self) -> impl Iterator<Item = &(Timestamp, ServerBeat)> {
        self.lives.values().flatten()
    }

    /// What those that live take.
    pub fn offers(&self) -> Vec<Offer<'_>> {
        self.living().map(|(_, beat)| beat.offer()).collect()
    }

    /// Those that live, by id, each with what it holds of `runs`.
    pub fn infos<'a>(&self, runs: impl IntoIterator<Item = &'a Run>) -> Vec<ServerInfo> {
        let mut held: BTreeMap<ServerId, Vec<RunningRun>> = BTreeMap::new();
        for run in runs {
            if let State::Running { server } = run.state {
                held.entry(server).or_default().push(RunningRun::of(run));
            }
        }
        let info = |(last_beat, beat): &(Timestamp, ServerBeat)| {
            let mut running = held.remove(&beat.server).unwrap_or_default();
            running.sort_unstable_by_key(|run| run.id);
            ServerInfo { beat: beat.clone(), last_beat: *last_beat, running }
        };
        self.living().map(info).collect()
    }

    /// The server that executes the run is asked to stop it, if the run says so.
    pub fn ask_to_stop(&mut self, run: &Run) {
        if let (State::Running { server }, Some(request)) = (&run.state, &run.request) {
            self.last_position += 1;
            let signal = StopSignal { id: run.id, epoch: run.epoch, request: request.clone() };
            self.stop_requests.insert(self.last_position, (*server, signal));
            self.news = true;
        }
    }

    /// What `server` was asked after `seen`, of what still concerns the attempt that executes; `None`: nothing. `find` has
    /// the runs that execute.
    pub fn stop_requests<'a>(
        &self,
        server: ServerId,
        seen: u64,
        find: impl Fn(RunId) -> Option<&'a Run>,
    ) -> Option<StopSignals> {
        let news = self.stop_requests.range(seen.saturating_add(1)..);
        let news = news.filter(|(_, (to, signal))| *to == server && is_current(signal, &find));
        let (positions, stop_requests): (Vec<u64>, Vec<StopSignal>) =
            news.map(|(position, (_, signal))| (*position, signal.clone())).unzip();
        positions.last().map(|position| StopSignals { position: *position, stop_requests })
    }

    /// Whether something was asked since this was asked last. What is no longer current is forgotten.
    pub fn take_news<'a>(&mut self, find: impl Fn(RunId) -> Option<&'a Run>) -> bool {
        let news = std::mem::take(&mut self.news);
        if news {
            self.stop_requests.retain(|_, (_, signal)| is_current(signal, &find));
        }
        news
    }
}

fn is_current<'a>(signal: &StopSignal, find: impl Fn(RunId) -> Option<&'a Run>) -> bool {
    find(signal.id).is_some_and(|run| matches!(run.state, State::Running { .. }) && run.epoch == signal.epoch)
}
