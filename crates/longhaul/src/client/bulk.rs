//! Many runs at once.

use std::time::Duration;

use longhaul_core::{Constraints, NewRun, run::Due};

use super::{
    Client, EnqueueError, RunHandle,
    prepare::{PreparedRun, enqueued},
    unique::Enqueued,
};
use crate::{
    definition::{Definition, DefinitionError},
    task::{TaskDefinition, TaskTypes},
};

/// Runs in one call of the store: enough that many share a commit, few enough that other callers get their turn.
const CHUNK: usize = 4096;

/// Not all of the runs were enqueued.
///
/// ```
/// # use longhaul::{doc::{Count, CountUp}, Client, testing};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
///
/// let runs = client.enqueue_all::<CountUp>((1..=100).map(|to| Count { to })).await?;
/// assert_eq!(runs.len(), 100);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("the first {kept} runs are enqueued, the rest are not: {error}")]
#[non_exhaustive]
pub struct BulkError {
    /// This many runs, counted from the first, are durable. Runs beyond the 4096 that follow are certainly not enqueued;
    /// those 4096 may be.
    pub kept: usize,
    /// What went wrong.
    pub error: EnqueueError,
}

pub(super) async fn enqueue_all<T: TaskDefinition>(
    client: &Client,
    definition: Result<Definition<T>, DefinitionError>,
    metadata: impl IntoIterator<Item = T::Metadata>,
    over: Duration,
) -> Result<Vec<RunHandle<T>>, BulkError> {
    let refused = |error: EnqueueError| BulkError { kept: 0, error };
    let definition = definition.map_err(|error| refused(error.into()))?;
    let origin = client.origin();
    let mut new = Vec::new();
    for metadata in metadata {
        new.push(definition.new_run(&origin, &metadata, Constraints::default()).map_err(refused)?);
    }
    if !over.is_zero() {
        let count = new.len().max(1) as f64;
        for (nth, new) in new.iter_mut().enumerate() {
            new.due = Some(Due::After(over.mul_f64(nth as f64 / count)));
        }
    }
    let mut handles = Vec::with_capacity(new.len());
    let mut rest = new.into_iter();
    loop {
        let chunk: Vec<NewRun> = rest.by_ref().take(CHUNK).collect();
        if chunk.is_empty() {
            return Ok(handles);
        }
        let ids: Vec<_> = chunk.iter().map(|new| new.id).collect();
        let kept = handles.len();
        let answers = client.store().insert(chunk).await.map_err(|error| BulkError { kept, error: error.into() })?;
        for (id, answer) in ids.into_iter().zip(answers) {
            answer.map_err(|error| BulkError { kept, error: error.into() })?;
            handles.push(RunHandle::new(client.clone(), definition.clone(), id));
        }
    }
}

/// See [`Client::enqueue_many`].
pub(super) async fn enqueue_many<T: TaskTypes>(
    client: &Client,
    builders: Vec<Result<PreparedRun<T>, EnqueueError>>,
) -> Vec<Result<Enqueued<T>, EnqueueError>> {
    let mut answers = Vec::with_capacity(builders.len());
    let mut rest = builders.into_iter();
    // After a failure the store is not called again: all later runs get the same error.
    let mut failed = None;
    loop {
        let (mut chunk, mut places) = (Vec::new(), Vec::new());
        for builder in rest.by_ref().take(CHUNK) {
            places.push(builder.map(|prepared| {
                let (new, definition) = prepared.into_parts();
                let id = new.id;
                chunk.push(new);
                (id, definition)
            }));
        }
        if places.is_empty() {
            return answers;
        }
        let mut stored = Vec::new();
        if failed.is_none() && !chunk.is_empty() {
            match client.store().insert(chunk).await {
                Ok(told) => stored = told,
                Err(error) => failed = Some(error),
            }
        }
        let mut stored = stored.into_iter();
        answers.extend(places.into_iter().map(|place| {
            let (id, definition) = place?;
            if let Some(error) = &failed {
                return Err(error.clone().into());
            }
            let answer = stored.next().expect("one answer for each run");
            Ok(enqueued(client, &definition, id, answer?))
        }));
    }
}
