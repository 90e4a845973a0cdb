//! What a schedule enqueues: a run without its id and its time. Frozen, as the row that it is part of.

use std::{sync::Arc, time::Duration};

use longhaul_core::{
    Actor, Constraints, Envelope, Key, Kind, Label, NewRun, Priority, Queue, RetryPolicy, RunId, ScheduleName, Tag,
    Timestamp, run::Due,
};
use serde::{Deserialize, Serialize};

use crate::retry_v1::{RetryV1, micros};

/// The tag by which the runs of a schedule are found; its value is the schedule's name.
///
/// ```
/// use longhaul::{Schedule, doc::{Count, CountUp}};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let client = longhaul::doc::client();
/// let never = Schedule::once("2099-01-01T00:00:00Z".parse()?);
/// client.schedules().create::<CountUp>("count", never, Count { to: 3 }).await?;
/// client.schedules().trigger("count").await?;
/// assert_eq!(client.find::<CountUp>().with_tag(longhaul::SCHEDULE_TAG, "count").count().await?, 1);
/// # Ok(())
/// # }
/// ```
pub const SCHEDULE_TAG: &str = "longhaul.schedule";

/// See the module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RunsV1", into = "RunsV1")]
pub(crate) struct Runs {
    pub(crate) kind: Kind,
    pub(crate) version: u16,
    pub(crate) metadata: Envelope,
    pub(crate) queue: Queue,
    pub(crate) priority: Priority,
    /// Without [`SCHEDULE_TAG`].
    pub(crate) tags: Vec<Tag>,
    pub(crate) requires: Vec<Label>,
    pub(crate) limit_key: Option<Key>,
    pub(crate) retry: RetryPolicy,
    pub(crate) timeout: Option<Duration>,
}

impl Runs {
    /// Without `due`: at once.
    pub(crate) fn new_run(&self, id: RunId, schedule: &ScheduleName, due: Option<Timestamp>) -> NewRun {
        let of_schedule = Tag { key: SCHEDULE_TAG.into(), value: schedule.as_str().into() };
        let (limit_key, requires) = (self.limit_key.clone(), self.requires.clone());
        let constraints = Constraints { limit_key, requires, ..Constraints::default() };
        NewRun {
            id,
            kind: self.kind.clone(),
            version: self.version,
            queue: self.queue.clone(),
            priority: self.priority,
            tags: self.tags.iter().cloned().chain([of_schedule]).collect(),
            policy: self.retry.clone(),
            timeout: self.timeout,
            due: due.map(Due::At),
            constraints: (!constraints.is_empty()).then(|| Arc::new(constraints)),
            metadata: self.metadata.clone(),
            execution_metadata: None,
            by: schedule_actor(schedule),
        }
    }
}

/// Who asks for the runs of a schedule, and cancels them.
pub(crate) fn schedule_actor(schedule: &ScheduleName) -> Actor {
    Actor::named(&format!("the schedule `{schedule}`"))
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RunsV1 {
    kind: Box<str>,
    version: u16,
    /// An envelope, in hexadecimal.
    metadata: String,
    queue: Box<str>,
    priority: i8,
    tags: Vec<(Box<str>, Box<str>)>,
    requires: Vec<Box<str>>,
    limit_key: Option<Box<str>>,
    retry: RetryV1,
    timeout_micros: Option<u64>,
}

impl From<Runs> for RunsV1 {
    fn from(runs: Runs) -> Self {
        Self {
            kind: runs.kind.as_str().into(),
            version: runs.version,
            metadata: hex(runs.metadata.as_bytes()),
            queue: runs.queue.as_str().into(),
            priority: runs.priority.0,
            tags: runs.tags.into_iter().map(|tag| (tag.key, tag.value)).collect(),
            requires: runs.requires.iter().map(|label| label.as_str().into()).collect(),
            limit_key: runs.limit_key.map(|key| key.as_str().into()),
            retry: runs.retry.into(),
            timeout_micros: runs.timeout.map(micros),
        }
    }
}

impl TryFrom<RunsV1> for Runs {
    type Error = String;

    fn try_from(stored: RunsV1) -> Result<Self, String> {
        let refused = |error: longhaul_core::name::NameError| error.to_string();
        let tag = |(key, value): &(Box<str>, Box<str>)| Tag::new(key, value);
        Ok(Self {
            kind: Kind::new(&stored.kind).map_err(refused)?,
            version: stored.version,
            metadata: Envelope::from_bytes(unhex(&stored.metadata)?).map_err(|error| error.to_string())?,
            queue: Queue::new(&stored.queue).map_err(refused)?,
            priority: Priority(stored.priority),
            tags: stored.tags.iter().map(tag).collect::<Result<_, _>>().map_err(refused)?,
            requires: stored
                .requires
                .iter()
                .map(|label| Label::new(label))
                .collect::<Result<_, _>>()
                .map_err(refused)?,
            limit_key: stored.limit_key.as_deref().map(Key::new).transpose().map_err(refused)?,
            retry: stored.retry.try_into()?,
            timeout: stored.timeout_micros.map(Duration::from_micros),
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).expect("it is below 16");
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]).collect()
}

fn unhex(text: &str) -> Result<Vec<u8>, String> {
    let nibble = |byte: u8| char::from(byte).to_digit(16).ok_or("the metadata is not hexadecimal");
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return Err("the metadata is cut off".into());
    }
    Ok(pairs.iter().map(|&[high, low]| Ok((nibble(high)? << 4 | nibble(low)?) as u8)).collect::<Result<_, &str>>()?)
}
