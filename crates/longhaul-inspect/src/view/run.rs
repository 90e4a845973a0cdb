//! One run, with all that is known of it.

use longhaul::{
    ChildCounts, Explanation, GetError, Log, RunId, ServerId, ShownValues, Timestamp,
    run::{Ended, FailedAttempt, History, Run, Snapshot, Transition},
};
use serde::{Serialize, Serializer};

use crate::{InspectError, Inspector, RunAction, redact, serial};

/// One run, with all that is known of it.
///
/// As JSON: `run` in the core's form with its history, `values` as far as they may be shown, `explanation` (why it does
/// not run now), `attempts`, and the `actions` that its state allows.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RunDetail {
    snapshot: Snapshot,
    /// Its values, without what their schemas hide.
    pub values: ShownValues,
    /// Why it is not running now.
    pub explanation: Explanation,
    /// Its children, and how far they are.
    pub children: ChildCounts,
    /// What its state allows.
    pub actions: Vec<RunAction>,
    /// The time of the store when it was read.
    pub now: Timestamp,
}

/// An attempt, as the history tells it. Those that the history has dropped are missing.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AttemptView {
    /// Its number, from 1.
    pub attempt: u32,
    /// Who made it.
    pub server: ServerId,
    /// When it was claimed.
    #[serde(serialize_with = "serial::time")]
    pub started: Timestamp,
    /// When it ended; `None`: it is going on.
    #[serde(serialize_with = "serial::optional_time")]
    pub ended: Option<Timestamp>,
    /// How it ended.
    pub end: Option<Transition>,
    /// Why it ended so.
    pub why: Option<Box<str>>,
}

impl RunDetail {
    /// Everything but its values.
    pub const fn run(&self) -> &Run {
        &self.snapshot.run
    }

    /// What happened to it, in order.
    pub const fn history(&self) -> &History {
        &self.snapshot.history
    }

    /// How the latest attempt, or the run, failed.
    pub const fn failure(&self) -> Option<&FailedAttempt> {
        match &self.snapshot.ended {
            Some(Ended::Failed(failure)) => Some(failure),
            _ => None,
        }
    }

    /// Why no server reads its values.
    pub fn incompatible(&self) -> Option<&str> {
        match &self.snapshot.ended {
            Some(Ended::Incompatible(why)) => Some(why),
            _ => None,
        }
    }

    /// Why it was cancelled, or is being cancelled.
    pub fn cancel_reason(&self) -> Option<&str> {
        self.snapshot.cancel_reason()
    }

    /// Its attempts, the oldest first.
    pub fn attempts(&self) -> Vec<AttemptView> {
        let mut attempts: Vec<AttemptView> = Vec::new();
        for entry in &self.history().entries {
            let (attempt, started) = (entry.attempt, entry.at);
            match (entry.what, attempts.last_mut()) {
                (Transition::Claimed(server), _) => {
                    let (ended, end, why) = (None, None, None);
                    attempts.push(AttemptView { attempt, server, started, ended, end, why });
                }
                // The task did not begin: it counts as no attempt.
                (Transition::Returned, Some(last)) if last.end.is_none() => drop(attempts.pop()),
                (what, Some(last)) if what.ends_an_attempt() && last.end.is_none() => {
                    last.ended = Some(entry.at);
                    last.end = Some(what);
                    last.why.clone_from(&entry.why);
                    last.attempt = entry.attempt;
                }
                _ => {}
            }
        }
        attempts
    }
}

#[derive(Serialize)]
struct Children {
    total: u64,
    completed: u64,
    failed: u64,
    cancelled: u64,
}

#[derive(Serialize)]
struct View<'a> {
    run: &'a Snapshot,
    values: &'a ShownValues,
    explanation: &'a Explanation,
    children: Children,
    attempts: Vec<AttemptView>,
    actions: Vec<&'static str>,
    #[serde(serialize_with = "serial::time")]
    now: Timestamp,
}

impl Serialize for RunDetail {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { snapshot, values, explanation, children, actions, now } = self;
        let (attempts, now) = (self.attempts(), *now);
        let actions = actions.iter().map(|action| action.as_str()).collect();
        let ChildCounts { total, completed, failed, cancelled, .. } = *children;
        let children = Children { total, completed, failed, cancelled };
        View { run: snapshot, values, explanation, children, attempts, actions, now }.serialize(serializer)
    }
}

impl Inspector {
    /// A run, with its values as far as they may be shown.
    ///
    /// # Errors
    /// [`InspectError::NotFound`] when there is no such run.
    pub async fn run(&self, id: RunId) -> Result<RunDetail, InspectError> {
        let snapshot = self.client().snapshot(id).await?;
        self.detail(snapshot).await
    }

    /// The same for a run that was read otherwise, by [`changed`](Self::changed) for example.
    ///
    /// # Errors
    /// [`InspectError::NotFound`] when the run was removed meanwhile.
    pub async fn detail(&self, snapshot: Snapshot) -> Result<RunDetail, InspectError> {
        let (now, views, run) = (self.now(), self.client().views(), &snapshot.run);
        let store = self.client().store();
        let (explanation, children) = (store.explain(run.id).await?, store.child_counts(run.id).await?);
        let mut values = views.show(&snapshot);
        let (kind, version) = (run.kind.as_str(), run.version);
        if views.kinds().any(|known| *known == run.kind) {
            if let Some(schema) = views.schema(kind) {
                redact::values(&mut values, schema);
            }
        } else if let Some(info) = self.client().kinds().await?.into_iter().find(|info| info.kind == run.kind) {
            // The code that has the values is elsewhere, and said what may be seen of them.
            redact::stored(&mut values, &info, version);
        }
        let actions = RunAction::ALL.into_iter().filter(|action| action.is_allowed(now, run)).collect();
        Ok(RunDetail { snapshot, values, explanation, children, actions, now })
    }

    /// The run as soon as its revision is above `seen`, for what shows it live.
    ///
    /// # Errors
    /// [`InspectError::NotFound`] when the run was removed, [`InspectError::Store`] with `TimedOut` when nothing
    /// happened for long.
    ///
    /// # Cancel safety
    /// It changes nothing, so its future may be dropped.
    pub async fn changed(&self, id: RunId, seen: u64) -> Result<Snapshot, GetError> {
        self.client().store().changed(id, seen).await
    }

    /// What an attempt said: the latest, unless one is named. From a line on, so that a reader goes on where it was.
    ///
    /// # Errors
    /// [`InspectError::NotFound`] when there is no such run.
    pub async fn log(&self, id: RunId, attempt: Option<u32>, from: u64) -> Result<Log, InspectError> {
        let read = self.client().log(id).from(from);
        Ok(match attempt {
            Some(attempt) => read.attempt(attempt).await?,
            None => read.await?,
        })
    }
}
