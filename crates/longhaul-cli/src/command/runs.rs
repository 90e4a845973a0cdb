//! Runs.

mod act;
mod filter;
mod follow;
mod list;
mod many;
mod matching;
mod show;
mod start;

use clap::Subcommand;

use crate::{
    error::{CliError, Exit},
    session::Session,
};

#[derive(Subcommand, Clone, Debug)]
pub(super) enum Runs {
    /// Lists runs, the newest first.
    #[command(
        visible_alias = "list",
        after_help = "\
Examples:
  longhaul runs ls --state failed --from 2d
  longhaul runs ls --kind export --tag customer:7 -o jsonl"
    )]
    Ls(list::Ls),
    /// Shows a run: its values, its history, and why it does not run now.
    #[command(after_help = "Example:\n  longhaul runs show 6f8h0j2k")]
    Show(show::Show),
    /// Says why a run does not run now.
    Explain(show::Show),
    /// Enqueues a run.
    #[command(after_help = "\
What follows the kind is the run's metadata, a field a flag; `longhaul kinds schema KIND` lists them.

Examples:
  longhaul runs start export --table orders --page-size 500
  longhaul runs start --wait --queue slow export table=orders
  longhaul runs start --metadata '{\"table\": \"orders\"}' export
  longhaul runs start --metadata @order.json export")]
    Start(start::Start),
    /// Waits until a run is final, and prints its result. Exits with 1 if it failed or was cancelled.
    #[command(after_help = "Example:\n  longhaul runs wait 6f8h0j2k --timeout 15m")]
    Wait(follow::Wait),
    /// Prints what happens to a run, as it happens, until it is final.
    Follow(follow::Wait),
    /// Prints what the attempts of a run logged.
    Logs(follow::Logs),
    /// Asks runs to stop at their next checkpoint, and to wait for a proceed.
    #[command(after_help = "\
Examples:
  longhaul runs suspend 6f8h0j2k --reason 'the disk is full'
  longhaul runs suspend --kind export --state running")]
    Suspend(act::Act),
    /// Lets suspended runs go on.
    #[command(after_help = "\
Examples:
  longhaul runs proceed 6f8h0j2k
  longhaul runs proceed --kind refund --state suspended --at 2026-11-21T08:00:00Z")]
    Proceed(act::Proceed),
    /// Makes waiting runs due now.
    RunNow(act::Named),
    /// Has runs tried again; a final one as a new run.
    #[command(after_help = "\
Examples:
  longhaul runs retry 6f8h0j2k
  longhaul runs retry --state failed --from 1d --dry-run
  longhaul runs retry --kind export --state failed --yes")]
    Retry(act::Retry),
    /// Lets the runs behind a failed one go on, which has stopped their order key.
    Dismiss(act::Named),
    /// Cancels runs.
    #[command(after_help = "\
Examples:
  longhaul runs cancel 6f8h0j2k --reason 'a duplicate'
  longhaul runs cancel --kind mail --tag customer:7 --state pending")]
    Cancel(act::Act),
    /// Removes final runs with their values.
    #[command(
        visible_alias = "delete",
        after_help = "\
Examples:
  longhaul runs rm 6f8h0j2k
  longhaul runs rm --kind mail --state completed --before 30d --yes"
    )]
    Rm(act::Act),
}

pub(super) async fn run(command: Runs, session: &mut Session<'_>) -> Result<Exit, CliError> {
    match command {
        Runs::Ls(ls) => list::run(&ls, session).await,
        Runs::Show(show) => show::run(&show, session).await,
        Runs::Explain(show) => show::explain(&show, session).await,
        Runs::Start(start) => start::run(start, session).await,
        Runs::Wait(wait) => wait.limit.within(&wait.id, follow::wait(&wait.id, session)).await,
        Runs::Follow(wait) => wait.limit.within(&wait.id, follow::follow(&wait.id, session)).await,
        Runs::Logs(logs) => follow::logs(&logs, session).await,
        Runs::Suspend(act) => act::run("suspend", act, session).await,
        Runs::Proceed(proceed) => act::proceed(proceed, session).await,
        Runs::RunNow(named) => act::run_named("run-now", named, session).await,
        Runs::Retry(retry) => act::retry(retry, session).await,
        Runs::Dismiss(named) => act::run_named("dismiss", named, session).await,
        Runs::Cancel(act) => act::run("cancel", act, session).await,
        Runs::Rm(act) => act::run("delete", act, session).await,
    }
}
