//! Builds the index: begins a run, or goes on with the one that is there, until it ends or somebody breaks it off.

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use docsearch_engine::{IndexDocs, IndexError, Pace, Progress, Summary, sweep};
use longhaul::{
    Client, Longhaul, OutcomeError, Retention, RunOutcome, StateKind, Store,
    run::Ended,
    signal::{Signal, Signals},
};

use crate::{
    args::{Args, DATA},
    input,
    pid::PidFile,
    session::{self, Run, Session, Status, done_of_total},
    terminal::Screen,
};

/// How long a stop may take. A run looks whether to stop between any two files, so this is never used up.
const GRACE: Duration = Duration::from_secs(25);

pub(crate) fn index_folder(data: &Path) -> PathBuf {
    data.join("index")
}

#[tokio::main]
pub(crate) async fn build(args: &Args) -> Result<(), Box<dyn Error>> {
    // What cannot be indexed is refused before anything is made.
    let named = args.input.as_deref().map(input::named).transpose()?;
    let data = args.data.as_path();
    fs::create_dir_all(data).map_err(|error| IndexError::of_io(&error, "create the folder", data))?;
    let store: Arc<dyn Store> = Arc::new(longhaul::open(data.join("store"))?);
    // After the lock of the store was got: whoever holds that one is at work.
    let pid = PidFile::write(data)?;
    let client = Client::new(store.clone());

    let mut session = Session::find(&client, data).await?;
    if args.fresh {
        session = session.forget().await?;
    }
    session.check_input(named.as_deref(), data)?;
    let screen = Screen::new();
    let (run, before) = match session {
        Session::Unfinished(run, status) => (run, status),
        Session::Nothing => session::begin(&client, named.as_deref(), data).await?,
        Session::Finished(status, index) => {
            screen.line(&done_line(&status, &index.summary))?;
            screen.note("The index is finished already; --fresh builds it anew.");
            offer_query(&screen, data);
            return Ok(());
        }
    };
    // Before anything is told: whoever reads that line may send a signal.
    let mut signals = Signals::listen_with_exit_hook(stopped_at_once(pid.path().to_owned(), screen.clone()))?;
    screen.line(&session::opening_line(&before)?)?;
    session::bring_forward(&run, &before).await?;

    let task = IndexDocs { index: index_folder(data), pace: Pace { files_per_second: args.throttle } };
    let server = Longhaul::builder()
        .shared_store(store)
        .name("docsearch")
        .concurrency(1)
        // It shows the index as finished for as long as it is kept.
        .retention(Retention::forever())
        .task(task)
        .start()?;
    tokio::select! {
        watched = watch(&run, &before, &screen) => watched?,
        () = screen.show() => {}
        error = server.broken() => {
            screen.clear();
            return Err(error.into());
        }
        _ = signals.next() => {
            screen.note("Suspending (up to 25 s; Ctrl-C again to stop at once) …");
        }
    }
    server.shutdown(GRACE).await;
    screen.clear();
    conclude(&run, &before, &screen, data).await
}

/// Follows the run until it has ended, or was held up.
async fn watch(run: &Run, before: &Status, screen: &Screen) -> Result<(), OutcomeError> {
    let mut status = run.status().await?;
    let mut seen = None;
    while !status.state().is_final() && !held_up(&status, before) {
        let checkpoint = (status.attempts(), status.run().seq);
        if seen.replace(checkpoint) != Some(checkpoint) {
            screen.kept(&status.execution_metadata()?);
        }
        status = run.changed(&status).await?;
    }
    Ok(())
}

/// Whether an attempt of this process could not go on: what held up an earlier one has been mended, perhaps.
fn held_up(status: &Status, before: &Status) -> bool {
    status.attempts() > before.attempts() && matches!(status.state(), StateKind::Retrying | StateKind::Incompatible)
}

/// What the second signal leaves in order.
fn stopped_at_once(pid: PathBuf, screen: Screen) -> impl Fn(Signal) + Send + Sync {
    move |_| {
        screen.clear();
        screen.note("Stopped at once. Run the same command to go on from the last checkpoint.");
        let _ = fs::remove_file(&pid);
    }
}

/// Says how it ended.
async fn conclude(run: &Run, before: &Status, screen: &Screen, data: &Path) -> Result<(), Box<dyn Error>> {
    let status = run.status().await?;
    if held_up(&status, before) {
        return Err(what_held_it_up(&status).into());
    }
    if !status.state().is_final() {
        let at = done_of_total(&status.execution_metadata()?);
        screen.line(&format!("SUSPENDED {} at {at}", status.id()))?;
        screen.note("Run the same command to go on.");
        return Ok(());
    }
    match run.outcome().await? {
        RunOutcome::Completed(summary) => {
            screen.line(&done_line(&status, &summary))?;
            tell_left_out(screen, &status.execution_metadata()?);
            sweep(&index_folder(data), None)?;
            offer_query(screen, data);
            Ok(())
        }
        RunOutcome::Failed { error: Some(error), .. } => Err(error.into()),
        RunOutcome::Failed { failure, error: None } => Err(failure.to_string().into()),
        RunOutcome::Cancelled { .. } => Err(format!("{} was called off", run.id()).into()),
    }
}

fn what_held_it_up(status: &Status) -> String {
    match &status.snapshot().ended {
        // The task's own error says it all; of a panic one wants to know where it came from, too.
        Some(Ended::Failed(failure)) if failure.error.is_some() => failure.message.to_string(),
        _ => status.last_error().unwrap_or_else(|| format!("{} cannot go on", status.id())),
    }
}

fn done_line(status: &Status, summary: &Summary) -> String {
    let Summary { files, terms, digest, .. } = summary;
    let (id, attempts) = (status.id(), status.attempts());
    format!("DONE {id} attempts={attempts} files={files} terms={terms} digest=sha256:{digest}")
}

fn tell_left_out(screen: &Screen, progress: &Progress) {
    let told = [
        (progress.skipped, "files could not be read, or are larger than 64 MiB"),
        (progress.left_out, "folders could not be entered, or names are not UTF-8"),
        (progress.read_in_part, "files hold bytes that are not UTF-8"),
    ];
    for (count, what) in told.iter().filter(|(count, _)| *count > 0) {
        screen.note(&format!("{count} {what}"));
    }
}

fn offer_query(screen: &Screen, data: &Path) {
    let named = if data == Path::new(DATA) { String::new() } else { format!("--data {} ", data.display()) };
    screen.note(&format!("Try:  cargo run --release --example docsearch -- {named}query \"select cancel safe\""));
}
