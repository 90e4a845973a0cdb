//! The JSON that is shown of schedules, by the rules of [`json`](longhaul_core::json).

use std::collections::BTreeMap;

use longhaul_core::{Kind, Label, Paused, Queue, RunId, ScheduleName, Tag, Timestamp, json::time, schedule::Exception};
use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::{Changed, ScheduleCounts, ScheduleInfo, ScheduleOrigin};

#[derive(Serialize)]
struct View<'a> {
    name: &'a ScheduleName,
    kind: &'a Kind,
    queue: &'a Queue,
    priority: i8,
    tags: &'a [Tag],
    requires: &'a [Label],
    limit_key: Option<&'a str>,
    made_by: ScheduleOrigin,
    changed: Option<ChangedView<'a>>,
    paused: Option<&'a Paused>,
    next: Option<Time>,
    unfinished: Vec<RunId>,
    waiting: usize,
    last_runs: Vec<RunId>,
    counts: BTreeMap<&'static str, u64>,
    exceptions: Vec<ExceptionView<'a>>,
    /// When it is due, in words; or why this program cannot say.
    text: String,
}

#[derive(Serialize)]
struct ChangedView<'a> {
    at: Time,
    by: &'a str,
}

/// An instant that was left out, or moved: `to` is null or a time.
#[derive(Serialize)]
struct ExceptionView<'a> {
    instant: Time,
    to: Option<Time>,
    by: &'a str,
    why: Option<&'a str>,
}

impl<'a> ExceptionView<'a> {
    fn of(exception: &'a Exception) -> Self {
        let Exception { instant, to, by, why, .. } = exception;
        Self { instant: Time(*instant), to: to.map(Time), by, why: why.as_deref() }
    }
}

#[derive(Serialize)]
struct Time(#[serde(with = "time")] Timestamp);

impl Serialize for ScheduleInfo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ScheduleCounts { enqueued, missed, overlapped } = self.counts();
        let changed = self.changed().map(|Changed { at, by }| ChangedView { at: Time(*at), by });
        View {
            name: self.name(),
            kind: self.kind(),
            queue: self.queue(),
            priority: self.priority().0,
            tags: self.tags(),
            requires: self.requires(),
            limit_key: self.limit_key(),
            made_by: self.made_by(),
            changed,
            paused: self.paused(),
            next: self.next().ok().flatten().map(Time),
            unfinished: self.unfinished(),
            waiting: self.waiting(),
            last_runs: self.last_runs(),
            counts: [("enqueued", enqueued), ("missed", missed), ("overlapped", overlapped)].into(),
            exceptions: self.exceptions().iter().map(ExceptionView::of).collect(),
            text: self.describe().unwrap_or_else(|error| error.to_string()),
        }
        .serialize(serializer)
    }
}

impl Serialize for ScheduleOrigin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut view = serializer.serialize_struct("ScheduleOrigin", 3)?;
        let (by, server) = match self {
            Self::Code { server } => ("code", Some(server)),
            Self::Client => ("client", None),
        };
        view.serialize_field("by", by)?;
        view.serialize_field("server", &server)?;
        view.serialize_field("text", &self.to_string())?;
        view.end()
    }
}
