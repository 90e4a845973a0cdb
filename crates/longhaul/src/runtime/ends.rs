//! Tells hooks of runs that ended without an attempt of this server: cancelled while they waited, quarantined, or ended
//! by another server.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use longhaul_core::{
    RunId,
    limits::PAGE_MAX,
    store::{EndedCursor, EndedError, EndedPage, EndedRequest, EndedRun},
};

use super::Executor;
use crate::{
    backoff::ErrorBackoff,
    hooks::{Lifecycle, RunFinal},
};

/// Runs whose end was told with that of their attempt, and has not come by here yet.
#[derive(Default)]
pub(super) struct ToldEnds(Mutex<HashSet<RunId>>);

impl ToldEnds {
    pub(super) fn add(&self, id: RunId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
    }

    fn take(&self, id: RunId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id)
    }

    fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Reads all ends from the start of the server on, and tells those that no attempt of it tells. Nobody listens: nothing
/// is read.
pub(super) async fn tell(executor: Arc<Executor>) {
    let mut max_wait = ErrorBackoff::default();
    // Where it is. `None`: not known yet, so that the first look finds out.
    let mut cursor = None;
    loop {
        let request = EndedRequest {
            after: cursor.unwrap_or(EndedCursor::START),
            limit: if cursor.is_some() { PAGE_MAX } else { 1 },
            wait: cursor.is_some(),
        };
        let page = tokio::select! {
            page = executor.store.ended(request) => page,
            () = executor.finished.cancelled() => break,
        };
        match page {
            Ok(page) if cursor.is_none() => cursor = Some(page.latest),
            Ok(page) => cursor = Some(tell_page(&executor, page).await),
            Err(EndedError::Overtaken { resume }) => {
                executor.told_ends.clear();
                cursor = Some(resume);
            }
            Err(EndedError::Store(error)) if error.is_transient() => {
                tracing::warn!(%error, "the ends of runs wait to be told to hooks");
                tokio::select! {
                    () = max_wait.pause() => {}
                    () = executor.finished.cancelled() => break,
                }
                continue;
            }
            // Whoever writes finds out, and says so.
            Err(EndedError::Store(_)) => return,
        }
        max_wait = ErrorBackoff::default();
    }
    let Some(mut cursor) = cursor else { return };
    // What ended until now.
    while let Ok(page) = executor.store.ended(EndedRequest { after: cursor, limit: PAGE_MAX, wait: false }).await {
        if page.runs.is_empty() {
            return;
        }
        cursor = tell_page(&executor, page).await;
    }
}

async fn tell_page(executor: &Executor, page: EndedPage) -> EndedCursor {
    for EndedRun { id, .. } in page.runs {
        // One that is held is told by the attempt, when the store has answered it.
        let is_held = || executor.held().keys().any(|(held, _)| *held == id);
        if executor.told_ends.take(id) || is_held() {
            continue;
        }
        // It may have been told and let go of in between.
        if executor.told_ends.take(id) {
            continue;
        }
        // A run that was removed meanwhile is told to nobody.
        if let Ok(there) = executor.store.get(id).await {
            let run = there.run;
            let (kind, queue, state, attempts) = (run.kind, run.queue, run.state.kind(), run.epoch.0);
            executor.hooks.tell(|| Lifecycle::RunFinal(RunFinal { run: id, kind, queue, state, attempts }));
        }
    }
    page.next
}
