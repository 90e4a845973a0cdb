//! Tells hooks of runs that ended without an attempt of this server: cancelled while they waited, quarantined, ended by
//! another server, or while the store was opened.

use std::sync::Arc;

use longhaul_core::{
    limits::PAGE_MAX,
    store::{EndedCursor, EndedError, EndedPage, EndedRequest, EndedRun},
};

use super::executor::Executor;
use crate::{
    backoff::ErrorBackoff,
    hooks::{Lifecycle, RunFinal},
};

/// Reads the ends of all runs, and reports those that no attempt of this server reports: from the opening of the store on, if
/// it is the server's own, and else from the start of the server on.
pub(super) async fn report(executor: Arc<Executor>) {
    let mut max_wait = ErrorBackoff::default();
    // `None`: not known yet; the first page says it.
    let mut cursor = None;
    loop {
        let request = EndedRequest {
            after: cursor.unwrap_or(EndedCursor::START),
            limit: if cursor.is_some() { PAGE_MAX } else { 1 },
            wait: cursor.is_some(),
        };
        let page = tokio::select! {
            page = executor.store.ended(request) => page,
            () = executor.exit.finished.cancelled() => break,
        };
        match page {
            Ok(page) if cursor.is_none() => {
                cursor = Some(if executor.settings.owns_store { page.opened } else { page.latest });
            }
            Ok(page) => cursor = Some(report_page(&executor, page).await),
            Err(EndedError::Overtaken { resume }) => {
                executor.reports.ends.clear();
                cursor = Some(resume);
            }
            Err(EndedError::Store(error)) if error.is_transient() => {
                tracing::warn!(%error, "hooks wait for the store to report the ends of runs");
                tokio::select! {
                    () = max_wait.pause() => {}
                    () = executor.exit.finished.cancelled() => break,
                }
                continue;
            }
            // The loops that write report it.
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
        cursor = report_page(&executor, page).await;
    }
}

async fn report_page(executor: &Executor, page: EndedPage) -> EndedCursor {
    for EndedRun { id, .. } in page.runs {
        // One that executes here is reported with its attempt, when the store has answered.
        let is_running = || executor.attempts.is_running(id);
        if executor.reports.ends.take(id) || is_running() {
            continue;
        }
        // It may have been reported and released in between.
        if executor.reports.ends.take(id) {
            continue;
        }
        // A run that was removed meanwhile is not reported.
        if let Ok(there) = executor.store.get(id).await {
            let run = there.run;
            let (kind, queue, state, attempts) = (run.kind, run.queue, run.state.kind(), run.attempts);
            executor.reports.tell(|| Lifecycle::RunFinal(RunFinal { run: id, kind, queue, state, attempts }));
        }
    }
    page.next
}
