//! A new run from JSON.

use std::sync::Arc;

use longhaul::{
    Actor, EnqueueJsonError, Kind, Label, NameError, Queue, RunId, TITLE_TAG, Tag, Timestamp,
    limits::{LABELS_MAX, TAGS_MAX},
    run::{Due, Inserted, NewRun},
    schema,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    By,
    read::{self, labels, optional_time},
    report,
};
use crate::{InspectError, Inspector, bulk::is_reserved, serial};

/// A run to be enqueued: a kind, its metadata as JSON, and what else is said of it. As JSON it is the body of
/// `POST /runs`.
///
/// ```
/// use longhaul_inspect::NewRunRequest;
///
/// let body = r#"{"kind": "export", "metadata": {"table": "orders"}, "tags": {"customer": "7"}}"#;
/// let request: NewRunRequest = serde_json::from_str(body)?;
/// assert_eq!(request.kind, "export");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NewRunRequest {
    /// The kind. The program has its code, or knows it by [`Views`](longhaul::Views), or the store knows it with a
    /// [form](longhaul::KindInfo::has_form).
    pub kind: String,
    /// What the task is asked, in the form that the task's metadata has as JSON.
    #[serde(default)]
    pub metadata: Value,
    /// What people call it, in place of the title that its schema gives.
    #[serde(default)]
    pub title: Option<String>,
    /// Another queue than the kind's.
    #[serde(default)]
    pub queue: Option<String>,
    /// Another priority than the kind's, from -128 to 127; more is sooner.
    #[serde(default)]
    pub priority: Option<i8>,
    /// When it is due, RFC 3339; now without it.
    #[serde(default, deserialize_with = "optional_time")]
    pub at: Option<Timestamp>,
    /// By which it is found.
    #[serde(default)]
    pub tags: std::collections::BTreeMap<String, String>,
    /// Only servers with all of these labels execute it, besides those that its task requires.
    #[serde(default)]
    pub requires: Vec<String>,
}

/// A run that would be enqueued. From [`Inspector::check_run`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RunPreview {
    /// Its kind.
    pub kind: Kind,
    /// Its queue.
    pub queue: Queue,
    /// More is sooner.
    pub priority: i8,
    /// When it would be due; `None`: at once.
    #[serde(serialize_with = "serial::optional_time")]
    pub at: Option<Timestamp>,
    /// Its tags, with those that the marks of its schema give.
    pub tags: Vec<Tag>,
    /// The labels that a server needs.
    pub requires: Vec<Label>,
    /// What it would be asked.
    pub metadata: Value,
}

/// Why no run of a kind is made, where the code of none of its tasks is.
fn cannot_start(kind: &str, is_known: bool, can: &[&str]) -> String {
    let why = if is_known {
        format!("runs of `{kind}` are not started from here: it has no form, and its code is not in this program")
    } else {
        format!("there is no kind `{kind}`")
    };
    match can {
        [] => format!("{why}; no kind can be started from here"),
        some => format!("{why}; these can be started: {}", some.join(", ")),
    }
}

impl NewRunRequest {
    /// A run of this kind.
    pub fn new(kind: impl Into<String>, metadata: Value) -> Self {
        Self { kind: kind.into(), metadata, ..Self::default() }
    }
}

impl Inspector {
    /// A run of a kind that the program has, or that the store knows with a form. The field that is wrong is named where
    /// the kind's schema tells it.
    pub(super) async fn new_run(&self, kind: &str, metadata: &Value) -> Result<NewRun, InspectError> {
        if is_reserved(kind) {
            let why = "runs of this kind are made by acting on all that match";
            return Err(InspectError::refused(why));
        }
        let views = self.views().await?;
        match views.new_run(kind, metadata) {
            Err(EnqueueJsonError::UnknownKind { kind }) => {
                let can: Vec<&str> = views.kinds().map(Kind::as_str).filter(|kind| !is_reserved(kind)).collect();
                let is_known = self.kinds().await?.iter().any(|view| view.kind.as_str() == kind);
                Err(InspectError::not_found(cannot_start(&kind, is_known, &can)))
            }
            made => Ok(made?),
        }
    }

    /// Enqueues a run.
    ///
    /// # Errors
    /// [`InspectError::NotFound`] for a kind that cannot be enqueued here, [`InspectError::Invalid`] with the field for
    /// values that are refused (`metadata.month` for a field of the metadata), [`InspectError::Refused`] when another run
    /// has the unique key that the task computes.
    ///
    /// # Cancel safety
    /// When the future is dropped, the run is enqueued or not.
    pub async fn enqueue(&self, request: &NewRunRequest, by: &By) -> Result<RunId, InspectError> {
        let new = self.prepared(request, by).await?;
        let id = new.id;
        let answer = self.client().store().insert(vec![new]).await?.pop().expect("one answer for one run");
        match answer.map_err(InspectError::refused)? {
            Inserted::New => {}
            Inserted::Existing { id, state } => {
                return Err(InspectError::refused(format!("{id}, which is {state}, has its unique key")));
            }
            Inserted::Replaced { id } => return Ok(id),
        }
        report(&id, "enqueue", by);
        Ok(id)
    }

    /// What [`enqueue`](Self::enqueue) would enqueue, without what the kind's schema hides. Nothing is enqueued, and whether
    /// a unique key is free is not looked at.
    ///
    /// # Errors
    /// Those that `enqueue` has before it asks the store.
    ///
    /// # Cancel safety
    /// Nothing changes.
    pub async fn check_run(&self, request: &NewRunRequest) -> Result<RunPreview, InspectError> {
        let new = self.prepared(request, &By::new("")).await?;
        let metadata = self.shown_request(&request.kind, &request.metadata).await?;
        let requires = new.constraints.map(|constraints| constraints.requires.clone()).unwrap_or_default();
        Ok(RunPreview {
            kind: new.kind,
            queue: new.queue,
            priority: new.priority.0,
            at: request.at,
            tags: new.tags.to_vec(),
            requires,
            metadata,
        })
    }

    /// Metadata of a request, without what the kind's schema hides.
    pub(super) async fn shown_request(&self, kind: &str, metadata: &Value) -> Result<Value, InspectError> {
        let mut metadata = metadata.clone();
        if let Some(schema) = self.views().await?.schema(kind) {
            schema::redact(&mut metadata, &schema.metadata);
        }
        Ok(metadata)
    }

    async fn prepared(&self, request: &NewRunRequest, by: &By) -> Result<NewRun, InspectError> {
        let mut new = self.new_run(&request.kind, &request.metadata).await?;
        if let Some(queue) = &request.queue {
            new.queue = read::queue(queue)?;
        }
        if let Some(priority) = request.priority {
            new.priority = longhaul::Priority(priority);
        }
        if request.at.is_some() {
            new.due = request.at.map(Due::At);
        }
        // What is said goes before what marks of the schema give.
        let is_said = |tag: &Tag| request.tags.contains_key(&*tag.key);
        let mut tags: Vec<Tag> = new.tags.iter().filter(|tag| !is_said(tag)).cloned().collect();
        if let Some(title) = &request.title {
            tags.retain(|tag| &*tag.key != TITLE_TAG);
            // It is kept as a tag, which is nothing to who typed it.
            tags.push(Tag::new(TITLE_TAG, title).map_err(|error| match error {
                NameError::TooLong { length, max, .. } => {
                    InspectError::invalid("title", format!("it has {length} bytes, of at most {max}"))
                }
                error => InspectError::invalid("title", error),
            })?);
        }
        tags.extend(read::tags(&request.tags)?);
        if tags.len() > TAGS_MAX {
            return Err(InspectError::invalid("tags", format!("{} tags, of at most {TAGS_MAX}", tags.len())));
        }
        new.tags = tags.into();
        if !request.requires.is_empty() {
            let mut constraints = new.constraints.map(Arc::unwrap_or_clone).unwrap_or_default();
            constraints.requires.extend(labels(&request.requires)?);
            constraints.requires.dedup();
            if constraints.requires.len() > LABELS_MAX {
                let labels = constraints.requires.len();
                return Err(InspectError::invalid("requires", format!("{labels} labels, of at most {LABELS_MAX}")));
            }
            new.constraints = Some(constraints.into());
        }
        new.by = Actor::named(&by.actor);
        Ok(new)
    }
}
