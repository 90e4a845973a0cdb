//! The README and the guide, so that their code is compiled and run as doctests. Nothing of it is in a build.

macro_rules! page {
    ($name:ident, $path:literal) => {
        #[doc = include_str!($path)]
        struct $name;
    };
}

// These open a store in a folder.
#[cfg(feature = "sled")]
page!(Readme, "../../../README.md");
#[cfg(feature = "sled")]
page!(FirstTask, "../../../docs/guide/1-first-task.md");
#[cfg(feature = "sled")]
page!(OperatingTheStore, "../../../docs/guide/6-operating-the-store.md");

page!(ResumingAndIdempotency, "../../../docs/guide/2-resuming-and-idempotency.md");
page!(Shutdown, "../../../docs/guide/3-shutdown.md");
page!(ChangingATask, "../../../docs/guide/4-changing-a-task.md");
page!(TestingYourTask, "../../../docs/guide/5-testing-your-task.md");
page!(Services, "../../../docs/guide/7-services.md");
page!(QueuesAndLimits, "../../../docs/guide/9-queues-and-limits.md");
page!(OperatingRuns, "../../../docs/guide/10-operating-runs.md");
page!(Effects, "../../../docs/guide/11-effects.md");
page!(StateMachines, "../../../docs/guide/12-state-machines.md");
page!(LayersAndHooks, "../../../docs/guide/13-layers-and-hooks.md");
page!(Telemetry, "../../../docs/guide/14-telemetry.md");
page!(WatchingRuns, "../../../docs/guide/15-watching-runs.md");
page!(Errors, "../../../docs/guide/16-errors.md");
page!(Waiting, "../../../docs/guide/19-waiting.md");
page!(OrderAndFairness, "../../../docs/guide/21-order-and-fairness.md");
page!(RunsOfRuns, "../../../docs/guide/22-runs-of-runs.md");

#[cfg(feature = "postgres")]
page!(ManyServers, "../../../docs/guide/17-postgres.md");
#[cfg(feature = "cron")]
page!(Schedules, "../../../docs/guide/8-schedules.md");
