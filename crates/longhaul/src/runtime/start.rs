//! Starts a server: all loops.

use std::sync::Arc;

use longhaul_core::{Clock, Store};

#[cfg(feature = "metrics")]
use super::depths;
use super::{
    autosave, begin,
    companions::Companions,
    executor::{Executor, Extensions},
    retention, run_ends, schedules,
    settings::Settings,
    settle, slot, stop_requests,
};
use crate::{hooks::Lifecycle, ids::IdSource, registry::Registry, telemetry::metrics};

impl Executor {
    pub(crate) fn start(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        settings: Settings,
        registry: Registry,
        extensions: Extensions,
        companions: Companions,
        ids: IdSource,
    ) -> Arc<Self> {
        let executor = Arc::new(Self::new(store, clock, settings, registry, extensions, companions, ids));
        let (server, name) = (executor.server(), executor.settings.name.clone());
        metrics::slots(&name, executor.capacity.slots());
        executor.reports.tell(|| Lifecycle::ServerStarted { server, name });
        let loops = &executor.loops;
        loops.others.spawn(settle::settle(executor.clone()));
        loops.others.spawn(autosave::autosave(executor.clone()));
        loops.others.spawn(stop_requests::stop_requests(executor.clone()));
        loops.others.spawn(retention::retain(executor.clone()));
        if executor.reports.are_wanted_by_the_user() {
            loops.others.spawn(run_ends::report(executor.clone()));
        }
        #[cfg(feature = "metrics")]
        loops.others.spawn(depths::tell(executor.clone()));
        loops.intake.spawn(begin::begin(executor.clone()));
        loops.intake.spawn(schedules::schedules(executor.clone(), executor.clock.now()));
        slot::open(&executor);
        executor.abandon_with_the_runtime();
        executor
    }
}
