//! Which stop requests servers were told of, through one handle.

use std::collections::HashMap;

use longhaul_core::{
    ServerId,
    store::{StopSignal, StopSignals},
};

/// Gives each stop request a position, the first time that it is seen.
#[derive(Debug, Default)]
pub(crate) struct Told {
    last: u64,
    by_server: HashMap<ServerId, Vec<(u64, StopSignal)>>,
}

impl Told {
    /// Of those that a server is asked now: the ones after the position `seen`. `None`: there are none.
    pub(crate) fn news(&mut self, server: ServerId, asked: Vec<StopSignal>, seen: u64) -> Option<StopSignals> {
        let of_server = self.by_server.entry(server).or_default();
        of_server.retain(|(_, signal)| asked.contains(signal));
        for signal in asked {
            if !of_server.iter().any(|(_, there)| *there == signal) {
                self.last += 1;
                of_server.push((self.last, signal));
            }
        }
        let news: Vec<_> = of_server.iter().filter(|(position, _)| *position > seen).cloned().collect();
        if of_server.is_empty() {
            self.by_server.remove(&server);
        }
        let position = news.last().map(|(position, _)| *position)?;
        Some(StopSignals { position, stop_requests: news.into_iter().map(|(_, signal)| signal).collect() })
    }
}
