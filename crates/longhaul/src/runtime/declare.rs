//! Says to the store how many runs of each kind and queue may run: what the code of this server declares.

use longhaul_core::{Control, ControlChange, Limits, Scope, StoreError};

use super::executor::Executor;

/// Changes only what differs, so that a start writes nothing as a rule. What an operator set stays above it.
pub(super) async fn declare(executor: &Executor) -> Result<(), StoreError> {
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
