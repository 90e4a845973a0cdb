//! Begins to claim, when what the runs may need is there.

use std::sync::Arc;

use super::{companions::Companions, executor::Executor, fetch};

/// Claims once the services have started. Until claiming stops, the watchdog is fed from here, by the future that
/// claims: it shows that this one is still moved on.
pub(super) async fn begin(executor: Arc<Executor>) {
    let Companions { services, systemd, .. } = &executor.companions;
    let claiming = async {
        tokio::select! {
            () = services.started() => {}
            () = executor.life.stopping.cancelled() => return,
        }
        systemd.ready();
        fetch::fetch(executor.clone()).await;
        // One that has no tasks, and only enqueues, lives as well.
        executor.life.stopping.cancelled().await;
    };
    // On the heap, once a server: it holds what a claim needs on its way.
    Box::pin(systemd.watched(&*executor.clock, claiming)).await;
}
