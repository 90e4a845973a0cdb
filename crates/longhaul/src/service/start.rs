//! Starts services, the first one first.

use std::sync::Arc;

use longhaul_core::Clock;
use tokio_util::sync::CancellationToken;

use super::{
    NewService, ServiceInfo, ServiceState, Services,
    cell::{Board, Cell},
    supervise::supervise,
};
use crate::ServerHandle;

impl Services {
    /// Starts them one after the other, each in a task of its own. `server` makes the handle that they get.
    pub(crate) fn start(
        new: Vec<NewService>,
        clock: Arc<dyn Clock>,
        stopped: CancellationToken,
        server: impl FnOnce(&Self) -> ServerHandle,
    ) -> Self {
        let info = |new: &NewService| ServiceInfo {
            name: new.name.clone(),
            state: ServiceState::Starting,
            since: clock.now(),
            restarts: 0,
            last_error: None,
            essential: new.options.essential,
        };
        let infos = new.iter().map(info).collect();
        let board = Arc::new(Board::new(clock, infos));
        let cell = |(index, options)| Arc::new(Cell::new(index, board.clone(), options));
        let (options, services): (Vec<_>, Vec<_>) = new.into_iter().map(|new| (new.options, new.service)).unzip();
        let cells: Arc<[Arc<Cell>]> = options.into_iter().enumerate().map(cell).collect();
        let turns: Vec<CancellationToken> = (0..=services.len()).map(|_| CancellationToken::new()).collect();
        turns[0].cancel();
        let all = Self { cells, board, started: turns[services.len()].clone(), stopped };
        let server = server(&all);
        for (nth, (cell, service)) in all.cells.iter().zip(services).enumerate() {
            service.enter(&server);
            let (before, started) = (turns[nth].clone(), turns[nth + 1].clone());
            tokio::spawn(supervise(cell.clone(), service, before, started));
        }
        all
    }
}
