//! A run, without the user's values.

use serde::{Serialize, Serializer};

use super::{Time, seconds};
use crate::{
    event::StopRequest,
    failure::{Cause, FailedAttempt},
    history::History,
    id::{RunId, ServerId},
    name::{Key, Kind, Label, Queue, Tag},
    progress::Progress,
    run::{Counts, Ended, Run, Snapshot},
    state::{State, StateKind},
    store::{Damaged, Page, QueueDepth},
};

#[derive(Serialize)]
struct Header<'a> {
    id: RunId,
    kind: &'a Kind,
    version: u16,
    queue: &'a Queue,
    priority: i8,
    tags: &'a [Tag],
    unique_key: Option<&'a Key>,
    limit_key: Option<&'a Key>,
    requires: &'a [Label],
    timeout_seconds: Option<f64>,
    created: Time,
    state: StateKind,
    since: Time,
    /// When its next attempt may begin, if that is a matter of time.
    due: Option<Time>,
    /// When its suspension fails unless it is proceeded before.
    deadline: Option<Time>,
    /// When it ends as cancelled unless an attempt begins before.
    expires: Option<Time>,
    /// Values that were sent to it and that it has not taken.
    values_waiting: usize,
    /// The signals that it is suspended for.
    awaits: &'a [Key],
    /// Whose child it is, and what the parent calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<RunId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    child_name: Option<&'a Key>,
    /// Which runs it waits for, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    awaits_runs: Option<String>,
    /// What executes it.
    server: Option<ServerId>,
    /// What it was asked to do while it is running: `cancel` or `suspend`.
    asked_to: Option<&'static str>,
    attempts: u32,
    /// The run that it is a retry of, and the one that it was retried as.
    predecessor: Option<RunId>,
    successor: Option<RunId>,
    counts: Counts,
    progress: Option<&'a Progress>,
    revision: u64,
}

impl<'a> Header<'a> {
    fn of(run: &'a Run) -> Self {
        let constraints = run.constraints();
        Self {
            id: run.id,
            kind: &run.kind,
            version: run.version,
            queue: &run.queue,
            priority: run.priority.0,
            tags: &run.tags,
            unique_key: constraints.unique.as_ref().map(|unique| &unique.key),
            limit_key: constraints.limit_key.as_ref(),
            requires: &constraints.requires,
            timeout_seconds: run.timeout.map(seconds),
            created: Time(run.created),
            state: run.state.kind(),
            since: Time(run.since),
            due: run.state.due().map(Time),
            deadline: run.state.deadline().map(Time),
            expires: run.expires().map(Time),
            values_waiting: run.inbox().messages.len(),
            awaits: &run.inbox().awaited,
            parent: run.parent().map(|parent| parent.id),
            child_name: run.parent().map(|parent| &parent.name),
            awaits_runs: run.awaits.as_ref().map(ToString::to_string),
            server: match run.state {
                State::Running { server } => Some(server),
                _ => None,
            },
            asked_to: run.request.as_ref().map(|request| match request {
                StopRequest::Cancel { .. } => "cancel",
                StopRequest::Suspend { .. } => "suspend",
            }),
            attempts: run.attempts,
            predecessor: run.lineage.predecessor,
            successor: run.lineage.successor,
            counts: run.counts,
            progress: run.progress.as_ref(),
            revision: run.revision,
        }
    }
}

impl Serialize for Run {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Header::of(self).serialize(serializer)
    }
}

#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    header: Header<'a>,
    /// How the latest attempt failed, or the run did.
    failure: Option<&'a FailedAttempt>,
    /// Why it was cancelled, if that was said; while it is running, why it is being cancelled.
    cancel_reason: Option<&'a str>,
    /// Why its values could not be read.
    incompatible: Option<&'a str>,
    history: &'a History,
}

impl Serialize for Snapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (failure, incompatible) = match &self.ended {
            Some(Ended::Failed(failure)) => (Some(failure), None),
            Some(Ended::Incompatible(why)) => (None, Some(&**why)),
            Some(Ended::Completed(_) | Ended::Cancelled { .. }) | None => (None, None),
        };
        let (header, cancel_reason) = (Header::of(&self.run), self.cancel_reason());
        Whole { header, failure, cancel_reason, incompatible, history: &self.history }.serialize(serializer)
    }
}

#[derive(Serialize)]
struct FailureView<'a> {
    cause: Cause,
    message: &'a str,
    details: Option<&'a str>,
    attempt: u32,
    at: Time,
}

impl Serialize for FailedAttempt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { cause, message, details, attempt, at, .. } = self;
        FailureView { cause: *cause, message, details: details.as_deref(), attempt: *attempt, at: Time(*at) }
            .serialize(serializer)
    }
}

#[derive(Serialize)]
struct CountsView {
    failures: u32,
    crashes: u32,
    interruptions: u32,
    suspensions: u32,
    restarts_without_progress: u32,
}

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { failures, crashes, interruptions, suspensions, restarts_without_progress } = *self;
        CountsView { failures, crashes, interruptions, suspensions, restarts_without_progress }.serialize(serializer)
    }
}

#[derive(Serialize)]
struct TagView<'a> {
    key: &'a str,
    value: &'a str,
}

impl Serialize for Tag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        TagView { key: &self.key, value: &self.value }.serialize(serializer)
    }
}

#[derive(Serialize)]
struct DepthView<'a> {
    queue: &'a Queue,
    due: u64,
    oldest: Time,
}

impl Serialize for QueueDepth {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        DepthView { queue: &self.queue, due: self.due, oldest: Time(self.oldest) }.serialize(serializer)
    }
}

#[derive(Serialize)]
struct DamagedView<'a> {
    id: RunId,
    why: &'a str,
}

impl Serialize for Damaged {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        DamagedView { id: self.id, why: &self.why }.serialize(serializer)
    }
}

#[derive(Serialize)]
struct PageView<'a> {
    runs: &'a [Snapshot],
    damaged: &'a [Damaged],
    next: Option<RunId>,
}

impl Serialize for Page {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        PageView { runs: &self.runs, damaged: &self.damaged, next: self.next }.serialize(serializer)
    }
}
