//! Stops services, the last one first.

use std::{sync::Arc, time::Duration};

use longhaul_core::Timestamp;

use super::{Services, cell::Cell};
use crate::clock;

/// How long something that was dropped may take to end before it counts as blocked, in real time: dropping takes as
/// long as its destructors do.
pub(crate) const DROPPING: Duration = Duration::from_secs(1);

/// A service, or work in the background, that did not stop in time.
///
/// ```
/// use longhaul::ShutdownReport;
///
/// fn told(report: &ShutdownReport) {
///     for late in report.services.iter().chain(&report.background) {
///         let how = if late.blocked { "blocks a thread" } else { "was dropped where it stood" };
///         eprintln!("{} did not stop in time and {how}", late.name);
///     }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct NotStopped {
    /// Its name.
    pub name: Arc<str>,
    /// It could not be dropped either: it blocks a thread, and goes on until it returns or the process ends.
    pub blocked: bool,
}

impl Services {
    /// Stops them in reverse order of registration, each when the one before it has stopped or was dropped. Waits for
    /// each as long as its options say, and never beyond `deadline`. Returns those that did not stop in time.
    pub(crate) async fn stop(&self, deadline: Timestamp) -> Vec<NotStopped> {
        for cell in self.cells.iter().rev() {
            cell.told.cancel();
            if cell.ended.is_cancelled() {
                continue;
            }
            cell.tell_stopping();
            let clock = &*cell.board.clock;
            let until = deadline.min(clock.now().after(cell.options.stop_within));
            tokio::select! {
                biased;
                () = cell.ended.cancelled() => {}
                () = clock::sleep_until(clock, until) => cell.over.cancel(),
            }
        }
        let all_ended = async {
            for cell in self.cells.iter() {
                cell.ended.cancelled().await;
            }
        };
        // All of them together, so that many that block take no longer than one.
        let _ = clock::within(DROPPING, all_ended).await;
        let unstopped: Vec<NotStopped> = self.cells.iter().rev().filter_map(|cell| cell.unstopped()).collect();
        for NotStopped { name, blocked } in &unstopped {
            tracing::error!(service = %name, blocked, "a service did not stop in time");
        }
        unstopped
    }

    /// Ends all services at once: without a grace, and without a report.
    pub(crate) fn abandon(&self) {
        for cell in self.cells.iter().rev() {
            cell.told.cancel();
            cell.over.cancel();
        }
    }
}

impl Cell {
    fn unstopped(&self) -> Option<NotStopped> {
        let blocked = !self.ended.is_cancelled();
        (blocked || self.was_dropped()).then(|| NotStopped { name: self.name(), blocked })
    }
}
