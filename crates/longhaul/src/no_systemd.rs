//! Stands in for `systemd.rs` where the feature is off: the same calls, and nothing is told.

use longhaul_core::Clock;

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Systemd;

#[expect(clippy::unused_self, reason = "the calls are those of the one that tells")]
impl Systemd {
    pub(crate) fn ready(self) {}

    pub(crate) async fn watched<F: Future>(self, _: &dyn Clock, work: F) -> F::Output {
        work.await
    }

    pub(crate) async fn stopping<F: Future>(self, _: &dyn Clock, shutdown: F) -> F::Output {
        shutdown.await
    }
}
