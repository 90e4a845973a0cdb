//! Builds the index: begins a run, or goes on with the one that is there, until it ends or somebody breaks it off.

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    process,
    sync::Arc,
    time::Duration,
};

use longhaul::{Client, Longhaul, OutcomeError, Retention, RunOutcome, StateKind, Store, signal};
use longhaul_examples::docsearch::{IndexDocs, IndexError, Pace, Progress, Summary, sweep};

use crate::{
    args::{Args, DATA},
    input,
    pid::PidFile,
    session::{self, Run, Session, Status, done_of_total},
    terminal::Screen,
};

/// How long a stop may take. A run looks whether to stop between any two files, so this is never used up.
const GRACE: Duration = Duration::from_secs(25);

/// Ended by a second signal; 128 + SIGINT, as shells count.
const SECOND_SIGNAL: i32 = 130;

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
    let (run, status) = match session {
        Session::Unfinished(run, status) => (run, status),
        Session::Nothing => session::begin(&client, named.as_deref(), data).await?,
        Session::Finished(status, index) => {
            screen.line(&done_line(&status, &index.summary))?;
            screen.note("The index is finished already; --fresh builds it anew.");
            offer_query(&screen, data);
            return Ok(());
        }
    };
    screen.line(&session::opening_line(&status)?)?;
    session::bring_forward(&run, &status).await?;

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
        watched = watch(&run, &screen) => watched?,
        () = screen.show() => {}
        error = server.broken() => {
            screen.clear();
            return Err(error.into());
        }
        _ = signal::first() => {
            screen.note("Suspending (up to 25 s; Ctrl-C again to stop at once) …");
            let (pid, screen) = (pid.path().to_owned(), screen.clone());
            tokio::spawn(async move { exit_on_second_signal(&pid, &screen).await });
        }
    }
    server.shutdown(GRACE).await;
    screen.clear();
    conclude(&run, &screen, data).await
}

/// Follows the run until it has ended, or cannot go on by itself.
async fn watch(run: &Run, screen: &Screen) -> Result<(), OutcomeError> {
    let mut status = run.status().await?;
    let mut seen = None;
    while matches!(status.state(), StateKind::Pending | StateKind::Running) {
        let checkpoint = (status.attempts(), status.run().seq);
        if seen.replace(checkpoint) != Some(checkpoint) {
            screen.kept(&status.execution_metadata()?);
        }
        status = run.changed(&status).await?;
    }
    Ok(())
}

async fn exit_on_second_signal(pid: &Path, screen: &Screen) {
    signal::first().await;
    screen.clear();
    screen.note("Stopped at once. Run the same command to go on from the last checkpoint.");
    let _ = fs::remove_file(pid);
    process::exit(SECOND_SIGNAL);
}

/// Says how it ended.
async fn conclude(run: &Run, screen: &Screen, data: &Path) -> Result<(), Box<dyn Error>> {
    let status = run.status().await?;
    match status.state() {
        StateKind::Completed | StateKind::Failed | StateKind::Cancelled => {}
        StateKind::Pending | StateKind::Running | StateKind::Suspended => {
            let at = done_of_total(&status.execution_metadata()?);
            screen.line(&format!("SUSPENDED {} at {at}", status.id()))?;
            screen.note("Run the same command to go on.");
            return Ok(());
        }
        StateKind::Retrying | StateKind::Incompatible => {
            return Err(status.last_error().unwrap_or_else(|| "the run cannot go on".into()).into());
        }
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
