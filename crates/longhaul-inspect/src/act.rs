//! What people do: to a run, to many, to queues, kinds and schedules.

mod enqueue;
mod instant;
mod limit;
mod many;
mod read;
mod schedule;
mod scope;

use longhaul::{
    Actor, RetryFrom, RunId, ScheduleInfo, ScheduleName, StateKind, Timestamp,
    run::Run,
    store_api::{
        Event, decide,
        store::{Cancelled, Proceed, Proceeded, RunUpdate},
    },
};
use serde::{Deserialize, Serialize};

pub use enqueue::{NewRunRequest, RunPreview};
pub use instant::{InstantAction, InstantRequest};
pub use limit::{LimitRequest, RateRequest};
pub use many::SelectedPage;
pub use read::RESERVED_TAGS;
pub use schedule::{BoundRequest, MissedRequest, OverlapRequest, ScheduleRequest};
pub use scope::ScopeAction;

use crate::{InspectError, Inspector, Role};

/// Who acts, and why. Both are kept where the store keeps them, and told to `tracing` in any case.
///
/// ```
/// use longhaul_inspect::By;
///
/// let by = By::new("ann").because("a duplicate");
/// assert_eq!((by.actor.as_str(), by.reason.as_deref()), ("ann", Some("a duplicate")));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct By {
    /// The name that the history shows; cut to 128 bytes.
    pub actor: String,
    /// Why; cut to 256 bytes.
    pub reason: Option<String>,
}

impl By {
    /// Somebody, without a reason.
    pub fn new(actor: impl Into<String>) -> Self {
        Self { actor: actor.into(), reason: None }
    }

    /// The reason; an empty one is none.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        self.reason = (!reason.trim().is_empty()).then_some(reason);
        self
    }

    fn reason(&self) -> Option<Box<str>> {
        self.reason.as_deref().map(Into::into)
    }
}

/// What is done to a run.
///
/// ```
/// use longhaul_inspect::{Role, RunAction};
///
/// assert_eq!(RunAction::parse("run-now"), Some(RunAction::RunNow));
/// assert_eq!(RunAction::Delete.role(), Role::Administer);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunAction {
    /// Asks it to stop at its next checkpoint, and to wait for a proceed.
    Suspend,
    /// Lets it go on, at once or at a time.
    Proceed {
        /// When; `None`: now.
        at: Option<Timestamp>,
    },
    /// Calls it off: at once, or by asking the server that has it.
    Cancel,
    /// Has it tried again: a final run as a new one.
    Retry {
        /// From the last checkpoint, or from the start.
        from: RetryFrom,
    },
    /// Makes it due now.
    RunNow,
    /// Lets the runs behind it go on, although it failed and stopped its order key.
    Dismiss,
    /// Removes it with its values.
    Delete,
}

impl RunAction {
    /// All, with their usual arguments.
    pub const ALL: [Self; 7] = [
        Self::Suspend,
        Self::Proceed { at: None },
        Self::RunNow,
        Self::Retry { from: RetryFrom::Checkpoint },
        Self::Dismiss,
        Self::Cancel,
        Self::Delete,
    ];

    /// Its word in a path: `suspend`, `proceed`, `run-now`, `retry`, `dismiss`, `cancel`, `delete`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Suspend => "suspend",
            Self::Proceed { .. } => "proceed",
            Self::Cancel => "cancel",
            Self::Retry { .. } => "retry",
            Self::RunNow => "run-now",
            Self::Dismiss => "dismiss",
            Self::Delete => "delete",
        }
    }

    /// From its word, with the usual arguments.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == word)
    }

    /// What it takes.
    pub const fn role(self) -> Role {
        match self {
            Self::Delete => Role::Administer,
            _ => Role::Act,
        }
    }

    /// Whether the rules allow it to this run now. The store decides again when it is done.
    pub fn is_allowed(self, now: Timestamp, run: &Run) -> bool {
        let is_final = run.state.kind().is_final();
        let event = match self {
            Self::Suspend => Event::Suspend { reason: None },
            Self::Proceed { at } => Event::Proceed { at, replaced: None, value: None, key: None },
            Self::Cancel => Event::Cancel { reason: None },
            // Of a run that is not final it is the same as to run it now.
            Self::Retry { .. } if !is_final => return false,
            Self::Retry { .. } => Event::Retry { successor: run.id },
            Self::RunNow => Event::RunNow,
            Self::Dismiss => Event::Dismiss,
            Self::Delete => Event::Delete,
        };
        decide(now, run, &event).is_ok()
    }
}

/// What is done to a schedule.
///
/// ```
/// use longhaul_inspect::{Role, ScheduleAction};
///
/// assert_eq!(ScheduleAction::parse("run-now").map(ScheduleAction::role), Some(Role::Act));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScheduleAction {
    /// It enqueues nothing any more.
    Pause,
    /// It enqueues again, as its policy for missed instants says.
    Resume,
    /// Enqueues a run now, beside its instants.
    RunNow,
    /// Removes it; refused for one that code declares.
    Delete,
}

impl ScheduleAction {
    /// All.
    pub const ALL: [Self; 4] = [Self::Pause, Self::Resume, Self::RunNow, Self::Delete];

    /// Its word in a path: `pause`, `resume`, `run-now`, `delete`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::RunNow => "run-now",
            Self::Delete => "delete",
        }
    }

    /// From its word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == word)
    }

    /// What it takes.
    pub const fn role(self) -> Role {
        match self {
            Self::RunNow => Role::Act,
            _ => Role::Administer,
        }
    }
}

/// What came of it.
///
/// ```
/// # use longhaul::{Client, testing, doc::{Count, CountUp}};
/// use longhaul_inspect::{By, Inspector, RunAction};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
/// # let run = client.enqueue::<CountUp>(Count { to: 3 }).await?;
/// let done = Inspector::new(client).act(run.id(), RunAction::Cancel, &By::new("ann")).await?;
/// assert_eq!(done.text, "cancelled");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Done {
    /// The run to look at now: the same, or the one that takes its place. `None`: it was deleted.
    pub run: Option<RunId>,
    /// For people: `cancelled`, `asked to cancel`.
    pub text: String,
}

impl Done {
    fn of(run: RunId, text: impl Into<String>) -> Self {
        Self { run: Some(run), text: text.into() }
    }
}

/// How a final run is tried again, as JSON has it.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum From {
    #[default]
    Checkpoint,
    Start,
}

impl From {
    pub(crate) const fn retry(self) -> RetryFrom {
        match self {
            Self::Checkpoint => RetryFrom::Checkpoint,
            Self::Start => RetryFrom::TheStart,
        }
    }
}

impl Inspector {
    /// Does something to a run, in the name of a person. The history of the run has who it was; a suspension and a
    /// cancellation keep the reason too.
    ///
    /// # Errors
    /// [`InspectError::Refused`] when the run's state does not allow it.
    ///
    /// # Cancel safety
    /// When the future is dropped, it is done or not; doing it again is harmless.
    pub async fn act(&self, id: RunId, action: RunAction, by: &By) -> Result<Done, InspectError> {
        let (store, actor) = (self.client().store(), Actor::named(&by.actor));
        let done = match action {
            RunAction::Suspend => {
                let state = store.update(id, RunUpdate::Suspend { reason: by.reason() }, actor).await?;
                Done::of(id, if state == StateKind::Suspended { "suspended" } else { "asked to suspend" })
            }
            RunAction::Proceed { at } => {
                let text = match store.proceed(Proceed { at, by: actor, ..Proceed::new(id) }).await? {
                    Proceeded::Kept => "goes on when it suspends",
                    _ => "goes on",
                };
                Done::of(id, text)
            }
            RunAction::Cancel => {
                let text = match store.cancel(id, by.reason(), actor).await? {
                    Cancelled::Now => "cancelled",
                    Cancelled::Requested => "asked to cancel",
                };
                Done::of(id, text)
            }
            RunAction::Retry { from } => {
                let before = store.headers(vec![id]).await?.pop().and_then(|header| header.lineage.successor);
                let next = self.client().acting_as(&by.actor).retry(id, from).await?;
                let text = match before {
                    _ if next == id => "brought forward",
                    Some(before) if before == next => "was retried already",
                    _ => "retried as a new run",
                };
                Done::of(next, text)
            }
            RunAction::RunNow => {
                store.update(id, RunUpdate::RunNow, actor).await?;
                Done::of(id, "due now")
            }
            RunAction::Dismiss => {
                store.update(id, RunUpdate::Dismiss, actor).await?;
                Done::of(id, "dismissed: those behind it go on")
            }
            RunAction::Delete => {
                store.delete(id).await?;
                Done { run: None, text: "deleted".into() }
            }
        };
        report(&id, action.as_str(), by);
        Ok(done)
    }

    /// Pauses, resumes, triggers or deletes a schedule.
    ///
    /// # Errors
    /// [`InspectError::Refused`] for one that is declared in code and is to be deleted, or that runs one at a time and
    /// has a run that is not finished.
    pub async fn act_on_schedule(
        &self,
        name: &ScheduleName,
        action: ScheduleAction,
        by: &By,
    ) -> Result<Done, InspectError> {
        let schedules = self.client().acting_as(&by.actor).schedules();
        let text = |_: ScheduleInfo, text: &str| Done { run: None, text: text.into() };
        let done = match action {
            ScheduleAction::Pause => {
                let reason = by.reason.clone().unwrap_or_default();
                text(schedules.pause(name.as_str()).because(reason).await?, "paused")
            }
            ScheduleAction::Resume => text(schedules.resume(name.as_str()).await?, "resumed"),
            ScheduleAction::RunNow => Done::of(schedules.trigger(name.as_str()).await?, "enqueued a run"),
            ScheduleAction::Delete => {
                schedules.delete(name.as_str()).await?;
                Done { run: None, text: "deleted".into() }
            }
        };
        report(name, action.as_str(), by);
        Ok(done)
    }
}

/// What has no history of its own (a deletion, a resumed queue) is at least in the log of the program.
fn report(what: &dyn std::fmt::Display, action: &str, by: &By) {
    let By { actor, reason } = by;
    tracing::info!(target: "longhaul::inspect", %what, action, actor, reason, "somebody acted");
}
