//! Opening on a thread of its own, so that the caller does not wait forever for an engine that does not come back.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use tokio::sync::oneshot;

use super::folder::Opened;
use crate::{
    engine::watchdog::{Looks, Watchdog},
    error::OpenError,
    options::Options,
};

type Outcome = Result<Opened, OpenError>;

/// Where the outcome goes: the first one does.
#[derive(Clone)]
struct Answer(Arc<Mutex<Option<oneshot::Sender<Outcome>>>>);

impl Answer {
    fn send(&self, outcome: Outcome) {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A store that comes too late, or for which nobody waits, is closed by being dropped here.
        if let Some(sender) = sender {
            drop(sender.send(outcome));
        }
    }
}

/// Calls `open` on a thread of its own, under the eyes of a watchdog. An `open` that is given up goes on there, in vain, and
/// keeps what it holds: the lock of the folder, first of all, for as long as sled may be at work in it.
pub(crate) async fn open(
    folder: &Path,
    options: Options,
    looks: Looks,
    open: impl FnOnce(&Path, Options, Watchdog) -> Outcome + Send + 'static,
) -> Outcome {
    let (sender, outcome) = oneshot::channel();
    let answer = Answer(Arc::new(Mutex::new(Some(sender))));
    let no_thread = |error: std::io::Error| OpenError::Io {
        folder: folder.into(),
        reason: format!("there is no room for one more thread ({error})"),
    };
    let stalled = OpenError::Stalled { folder: folder.into(), after: options.open_timeout };
    let watchdog = {
        let answer = answer.clone();
        let give_up = move |failure: Option<OpenError>| {
            let error = failure.unwrap_or(stalled);
            tracing::error!(%error, "opening the store was given up");
            answer.send(Err(error));
        };
        Watchdog::start(looks, options.open_timeout, Box::new(give_up)).map_err(no_thread)?
    };
    let (path, dispatch) = (folder.to_owned(), tracing::dispatcher::get_default(Clone::clone));
    let thread = thread::Builder::new().name("longhaul-open".into());
    let spawned = thread.spawn(move || {
        tracing::dispatcher::with_default(&dispatch, || answer.send(open(&path, options, watchdog)));
    });
    spawned.map_err(no_thread)?;
    outcome.await.expect("opening a store answers, or its caller is told that it does not")
}
