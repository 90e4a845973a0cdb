//! Says to the store what the code of this server declares: limits, and what is to be known of its kinds.

use std::collections::BTreeMap;

use longhaul_core::{Control, ControlChange, Kind, Limits, Scope, StoreError, store::KindDescription};

use super::executor::Executor;

/// Changes only what differs, so that a start writes nothing as a rule. What an operator set stays above it.
pub(super) async fn declare(executor: &Executor) -> Result<(), StoreError> {
    declare_limits(executor).await?;
    describe_kinds(executor).await
}

async fn declare_limits(executor: &Executor) -> Result<(), StoreError> {
    let controls = executor.store.controls().await?;
    let kinds = executor.registry.limits().iter().map(|(kind, limits)| (Scope::Kind(kind.clone()), *limits));
    let queues = executor.settings.queues.iter().map(|queue| (Scope::Queue(queue.name.clone()), queue.limits));
    for (scope, limits) in kinds.chain(queues) {
        let declared = controls.get(&scope).map_or(Limits::NONE, |control: &Control| control.declared);
        if declared != limits {
            executor.store.control(scope, ControlChange::Declare(limits)).await?;
        }
    }
    Ok(())
}

async fn describe_kinds(executor: &Executor) -> Result<(), StoreError> {
    let stored = executor.store.kinds().await?;
    let stored: BTreeMap<Kind, KindDescription> = stored.into_iter().map(|one| (one.kind.clone(), one)).collect();
    let news = executor.registry.descriptions().filter(|one| one.replaces(stored.get(&one.kind)));
    let news: Vec<KindDescription> = news.collect();
    if news.is_empty() { Ok(()) } else { executor.store.describe_kinds(news).await }
}
