//! New chances for runs that were parked as Incompatible: those that the code of this server reads.

use std::pin::pin;

use longhaul_core::{
    Kind, RunId, Snapshot, StateKind, StoreError,
    limits::PAGE_MAX,
    store::{Filter, PageRequest},
};

use super::executor::Executor;
use crate::panics;

/// Looks at all parked runs of the kinds of this server, once, and releases those that its code reads. What it does not
/// read stays as it is: a run that was released in vain would be claimed, and parked again, at every start. Of a value that
/// was sent with a proceed only the task knows the type, so a run that was parked because of one has one try at each start.
pub(super) async fn release(executor: &Executor) {
    let mut released = pin!(release_all(executor));
    tokio::select! {
        outcome = &mut released => if let Err(error) = outcome {
            tracing::warn!(%error, "runs that are parked as incompatible stay parked until the next start");
        },
        () = executor.life.stopping.cancelled() => {}
    }
}

async fn release_all(executor: &Executor) -> Result<(), StoreError> {
    let kinds: Vec<Kind> = executor.registry.support().iter().map(|support| support.kind.clone()).collect();
    if kinds.is_empty() {
        return Ok(());
    }
    let filter = Filter { kinds, states: vec![StateKind::Incompatible], ..Filter::default() };
    let (mut after, mut stay) = (None, Stay::default());
    loop {
        let page = executor
            .store
            .list(PageRequest { filter: filter.clone(), after, limit: PAGE_MAX, ..PageRequest::default() })
            .await?;
        let mut readable = Vec::new();
        for snapshot in &page.runs {
            match reads(executor, snapshot) {
                Ok(()) => readable.push(snapshot.run.id),
                Err(why) => stay.note(snapshot.run.id, why),
            }
            // Reading them takes as long as the user's `migrate` does.
            tokio::task::yield_now().await;
        }
        if !readable.is_empty() {
            let runs = executor.store.release_incompatible(readable).await?;
            tracing::info!(runs, "runs that were parked as incompatible go on: this code reads them");
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    if let Stay { runs, first: Some((run, why)) } = stay {
        tracing::warn!(
            runs, example = %run, reason = %why,
            "runs stay parked as incompatible: this code does not read them either; mend it and start again, or cancel them"
        );
    }
    Ok(())
}

/// What stays parked, and one example.
#[derive(Default)]
struct Stay {
    runs: u64,
    first: Option<(RunId, String)>,
}

impl Stay {
    fn note(&mut self, run: RunId, why: String) {
        self.runs += 1;
        self.first.get_or_insert((run, why));
    }
}

/// Whether this server would execute it. `Err`: why not.
fn reads(executor: &Executor, snapshot: &Snapshot) -> Result<(), String> {
    let Snapshot { run, metadata, execution_metadata, .. } = snapshot;
    let newest = executor.registry.support().iter().find(|support| support.kind == run.kind);
    let newest = newest.map_or(0, |support| support.version);
    if run.version > newest {
        return Err(format!("it was written under version {}, this code reads up to {newest}", run.version));
    }
    let task = executor.registry.resolve(&run.kind).ok_or_else(|| format!("`{}` is not registered", run.kind))?;
    panics::catch(|| task.reads(metadata, execution_metadata.as_ref()))
        .unwrap_or_else(|caught| Err(format!("reading the values panicked: {}", caught.message)))
}
