//! Values shown without their types, and made from JSON: for dashboards, command lines and endpoints of all kinds.

mod error;
mod shown;
mod stored;
mod view;

use std::{collections::BTreeMap, fmt, sync::Arc};

use longhaul_core::{Codec, Envelope, Kind, NewRun, Snapshot, run::Ended};
use serde_json::Value;

pub use error::EnqueueJsonError;
pub use shown::{ShownContent, ShownValue, ShownValues};

use crate::{
    definition::Definition,
    kind_info::KindInfo,
    new_run::Origin,
    payload::Payload,
    schema,
    task::{KindSchema, TaskDefinition, TaskFn, TaskTypes},
    values::FingerprintCache,
};
use view::{ValueRole, View};

/// The kinds whose values a program can read and make, by name. A server's clients have those of its tasks
/// ([`Client::views`](crate::Client::views)); a program that executes nothing names them itself ([`Client::with_views`](crate::Client::with_views)).
///
/// ```
/// # use longhaul::{doc::{Count, CountUp}, testing};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use longhaul::{Client, ShownContent, Views};
/// use serde_json::json;
///
/// let client = Client::new(std::sync::Arc::new(testing::memory_store())).with_views(Views::new().task::<CountUp>());
///
/// let id = client.enqueue_json("count-up", json!({ "to": 3 })).await?;
/// let shown = client.views().show(&client.snapshot(id).await?);
/// assert_eq!(shown.metadata.content, ShownContent::Value(json!({ "to": 3 })));
/// # Ok(())
/// # }
/// ```
///
/// Who sees JSON sees all that `serde` writes of a value. A task whose values are nobody's business says so by
/// [`TaskOptions::hide_values`](crate::TaskOptions::hide_values).
#[derive(Clone, Default)]
pub struct Views {
    kinds: Arc<BTreeMap<Kind, Arc<dyn View>>>,
    shapes: FingerprintCache,
}

impl fmt::Debug for Views {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Views").field(&self.kinds.keys()).finish()
    }
}

impl Views {
    /// Of no kind.
    pub fn new() -> Self {
        Self::default()
    }

    /// Of this task too, under all its names. What was there of these names before is replaced.
    #[must_use]
    pub fn task<T: TaskDefinition>(mut self) -> Self {
        let definition = Definition::<T>::named(&self.shapes);
        self.enter(&definition);
        self
    }

    /// Of this function too.
    #[must_use]
    pub fn function<M: Payload, X: Payload + Default, R: Payload, E: Payload + fmt::Display>(
        mut self,
        function: TaskFn<M, X, R, E>,
    ) -> Self {
        let definition = Definition::of_fn(function, &self.shapes);
        self.enter(&definition);
        self
    }

    pub(crate) fn enter<T: TaskTypes>(&mut self, definition: &Definition<T>) {
        let view: Arc<dyn View> = Arc::new(definition.clone());
        let kinds = Arc::make_mut(&mut self.kinds);
        kinds.extend(definition.common.kinds.iter().map(|kind| (kind.clone(), view.clone())));
    }

    /// Of the kinds that a store knows too, as [`Client::kinds`](crate::Client::kinds) has them: those that
    /// [have a form](KindInfo::has_form) can be enqueued without their code then. Their metadata is held against the
    /// kind's schema; what the schema does not say is found by the server that executes the run. Kinds whose code is
    /// there stay as they are.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = longhaul::doc::client();
    /// let views = client.views().clone().stored(client.kinds().await?);
    /// println!("can be enqueued here: {:?}", views.kinds().collect::<Vec<_>>());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn stored(mut self, kinds: impl IntoIterator<Item = KindInfo>) -> Self {
        for view in kinds.into_iter().filter_map(stored::StoredKind::new) {
            Arc::make_mut(&mut self.kinds).entry(view.kind().clone()).or_insert_with(|| Arc::new(view));
        }
        self
    }

    /// The names of the kinds, former ones included.
    pub fn kinds(&self) -> impl Iterator<Item = &Kind> {
        self.kinds.keys()
    }

    /// The JSON Schema of a kind's values, if it [has one](crate::TaskOptions::schema).
    pub fn schema(&self, kind: &str) -> Option<&KindSchema> {
        self.kinds.get(kind)?.schema()
    }

    /// The values of a run. What cannot be shown says why.
    pub fn show(&self, snapshot: &Snapshot) -> ShownValues {
        let kind = &snapshot.run.kind;
        let show = |role, value: &Envelope| self.value(kind, role, value);
        let (result, error) = match &snapshot.ended {
            Some(Ended::Completed(result)) => (Some(result), None),
            Some(Ended::Failed(failure)) => (None, failure.error.as_ref()),
            Some(Ended::Cancelled { error, .. }) => (None, error.as_ref()),
            Some(Ended::Incompatible(_)) | None => (None, None),
        };
        ShownValues {
            metadata: show(ValueRole::Metadata, &snapshot.metadata),
            initial: snapshot.initial.as_ref().map(|value| show(ValueRole::ExecutionMetadata, value)),
            execution_metadata: snapshot
                .execution_metadata
                .as_ref()
                .map(|value| show(ValueRole::ExecutionMetadata, value)),
            result: result.map(|value| show(ValueRole::Result, value)),
            error: error.map(|value| show(ValueRole::Error, value)),
        }
    }

    /// Metadata of a kind that is in no run yet.
    pub(crate) fn show_metadata(&self, kind: &Kind, value: &Envelope) -> ShownValue {
        self.value(kind, ValueRole::Metadata, value)
    }

    fn value(&self, kind: &Kind, role: ValueRole, value: &Envelope) -> ShownValue {
        match self.kinds.get(kind) {
            Some(view) => view.show(role, value),
            None => ShownValue::untyped(value, format!("this program does not have the code of `{kind}`")),
        }
    }

    /// The codec that new values of a kind have.
    pub fn codec(&self, kind: &str) -> Option<Codec> {
        Some(self.kinds.get(kind)?.codec())
    }

    /// A run of `kind` as its task's options say, with metadata that is made from JSON. It is not stored yet.
    ///
    /// The JSON is held against the [schema](Self::schema) of the kind first, if it has one: bounds, patterns and sizes
    /// that the type itself does not have are kept so, whoever asks.
    ///
    /// # Errors
    /// When the kind is unknown here, the JSON is no metadata of it, or its options cannot be used.
    pub fn new_run(&self, kind: &str, metadata: &Value) -> Result<NewRun, EnqueueJsonError> {
        self.new_run_of(kind, metadata, Origin::shared())
    }

    pub(crate) fn new_run_of(&self, kind: &str, metadata: &Value, origin: &Origin) -> Result<NewRun, EnqueueJsonError> {
        let view = self.view(kind)?;
        check(kind, "metadata", view.schema().map(|schema| &schema.metadata), metadata)?;
        view.new_run(origin, metadata)
    }

    /// The stored form of execution metadata of `run` that is made from JSON, with what its effects came to: to be given
    /// to a suspended run by a [`Proceed`](longhaul_core::store::Proceed).
    ///
    /// # Errors
    /// As [`new_run`](Self::new_run).
    pub fn execution_metadata(&self, snapshot: &Snapshot, value: &Value) -> Result<Envelope, EnqueueJsonError> {
        let effects = snapshot.execution_metadata.as_ref().and_then(Envelope::attachment).unwrap_or_default();
        let kind = snapshot.run.kind.as_str();
        let view = self.view(kind)?;
        check(kind, "execution metadata", view.schema().map(|schema| &schema.execution_metadata), value)?;
        view.execution_metadata(value, effects)
    }

    fn view(&self, kind: &str) -> Result<&dyn View, EnqueueJsonError> {
        let view = self.kinds.get(kind).ok_or_else(|| EnqueueJsonError::UnknownKind { kind: kind.into() })?;
        Ok(&**view)
    }
}

/// Whether a value that is to be made from JSON is one of its schema.
fn check(kind: &str, what: &'static str, schema: Option<&Value>, value: &Value) -> Result<(), EnqueueJsonError> {
    let found = schema.map(|schema| schema::check(schema, value)).unwrap_or_default();
    if found.is_empty() { Ok(()) } else { Err(EnqueueJsonError::Schema { kind: kind.to_owned(), what, found }) }
}
