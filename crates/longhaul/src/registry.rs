//! The tasks that a server can execute, with their types taken off.

use std::{
    any::Any,
    collections::{BTreeMap, btree_map::Entry},
    pin::Pin,
    sync::Arc,
};

use longhaul_core::{
    Cause, Ending, Envelope, Failure, Kind, Limits, Retention, Retentions, Timestamp,
    code::{CodeMark, KindSupport},
    store::Claimed,
};

use crate::{
    attempt::{Attempt, Capture},
    context::{Context, Delivered, Effects, Values},
    definition::{Common, Definition, TaskTypes},
    layer::{Asked, AttemptEnd, FailedEnd, TypedValue, What},
    outcome::{Called, ExecutionResult, Failed, Interruption, Outcome},
};

/// An attempt that is ready to run.
pub(crate) struct Prepared {
    pub(crate) values: Arc<dyn Capture>,
    /// What was asked.
    pub(crate) asked: Arc<dyn Asked>,
    pub(crate) task: Arc<Common>,
    pub(crate) future: Pin<Box<dyn Future<Output = AttemptEnd> + Send>>,
}

/// A task without its types: bytes in, bytes out.
pub(crate) trait Registered: Send + Sync {
    /// Reads the run's values. `Err`: what is wrong with them. `watched`: somebody may look at what the task gives.
    fn prepare(&self, claimed: &Claimed, attempt: &Arc<Attempt>, watched: bool) -> Result<Prepared, String>;
    /// Whether these values can be read. `Err`: what is wrong with them.
    fn reads(&self, metadata: &Envelope, execution_metadata: Option<&Envelope>) -> Result<(), String>;
    fn mark(&self) -> CodeMark;
}

struct Entered<T: TaskTypes, F> {
    definition: Definition<T>,
    run: Arc<F>,
}

impl<T, F, Fut> Registered for Entered<T, F>
where
    T: TaskTypes,
    F: Fn(Context<T::Metadata, T::ExecutionMetadata>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ExecutionResult<T::Output, T::Error>> + Send + 'static,
{
    fn prepare(&self, claimed: &Claimed, attempt: &Arc<Attempt>, watched: bool) -> Result<Prepared, String> {
        let Read { metadata, execution_metadata, effects } =
            self.read(&claimed.metadata, claimed.execution_metadata.as_ref())?;
        let form = self.definition.common.execution_metadata;
        let delivered = Delivered::of(claimed.run.inbox());
        let values = Arc::new(Values::with(execution_metadata, form, effects, delivered));
        attempt.taken_by(self.mark());
        let context = Context::new(metadata, values.clone(), attempt.clone());
        let (asked, task) = (context.asked(), self.definition.common.clone());
        let (run, common) = (self.run.clone(), task.clone());
        // The user's function is called when the attempt is performed, and not before: it may tell, and may panic, and
        // the layers are around all of it.
        let future = Box::pin(async move {
            let out = run(context).await;
            conclude::<T>(&common, out, watched)
        });
        Ok(Prepared { values, asked, task, future })
    }

    fn reads(&self, metadata: &Envelope, execution_metadata: Option<&Envelope>) -> Result<(), String> {
        self.read(metadata, execution_metadata).map(drop)
    }

    fn mark(&self) -> CodeMark {
        self.definition.common.mark()
    }
}

/// The values of a run.
struct Read<T: TaskTypes> {
    metadata: T::Metadata,
    execution_metadata: T::ExecutionMetadata,
    effects: Effects,
}

impl<T: TaskTypes, F> Entered<T, F> {
    fn read(&self, metadata: &Envelope, execution_metadata: Option<&Envelope>) -> Result<Read<T>, String> {
        let text = |error: crate::values::ReadError| error.to_string();
        Ok(Read {
            metadata: self.definition.read_metadata(metadata).map_err(text)?,
            execution_metadata: self.definition.read_execution_metadata(execution_metadata).map_err(text)?,
            effects: Effects::of(execution_metadata)?,
        })
    }
}

/// Lays down what the task gave. The values themselves are left out where nobody can look at them.
fn conclude<T: TaskTypes>(common: &Common, out: ExecutionResult<T::Output, T::Error>, watched: bool) -> AttemptEnd {
    match out {
        Ok(Outcome::Success(result)) => match common.result.encode(&result) {
            Ok(kept) => AttemptEnd::new(What::Completed(kept), typed(common, result, watched)),
            Err(error) => AttemptEnd::failed(error).permanently(),
        },
        Ok(Outcome::Suspended(suspension)) => AttemptEnd::new(What::Suspended(suspension), None),
        Err(Interruption::Failure(Failed { error: None, retry_after, permanent })) => {
            let message = "the task failed and gave no error".into();
            AttemptEnd::new(What::Failed(FailedEnd { retry_after, permanent, ..FailedEnd::new(message) }), None)
        }
        Err(Interruption::Failure(Failed { error: Some(error), retry_after, permanent })) => {
            let (kept, details) = match common.error.encode(&error) {
                Ok(kept) => (Some(kept), None),
                Err(refused) => (None, Some(format!("its typed error was not kept: {refused}"))),
            };
            let failed = FailedEnd { message: error.to_string(), details, error: kept, retry_after, permanent };
            AttemptEnd::new(What::Failed(failed), typed(common, error, watched))
        }
        Err(Interruption::Cancellation(Called { error, reason })) => {
            let reason = reason.or_else(|| error.as_ref().map(ToString::to_string));
            let kept = error.as_ref().and_then(|error| common.error.encode(error).ok());
            let value = error.and_then(|error| typed(common, error, watched));
            AttemptEnd::new(What::Cancelled { reason, error: kept }, value)
        }
        Err(Interruption::Stopped(_)) => AttemptEnd::stopped(),
    }
}

fn typed<V: Any + Send + Sync>(common: &Common, value: V, watched: bool) -> Option<TypedValue> {
    watched.then(|| TypedValue { task: common.kind().clone(), value: Box::new(value) })
}

/// A value of the task cannot be kept. Another attempt would come to the same end, so there is none.
pub(crate) fn refused(why: &str, attempt: &Attempt, now: Timestamp) -> Ending {
    let failure = Failure::new(Cause::Error, why, attempt.number, now);
    Ending::Failed { failure, retry_after: None, permanent: true }
}

/// Takes the types off.
pub(crate) fn registered<T, F, Fut>(definition: Definition<T>, run: F) -> Arc<dyn Registered>
where
    T: TaskTypes,
    F: Fn(Context<T::Metadata, T::ExecutionMetadata>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ExecutionResult<T::Output, T::Error>> + Send + 'static,
{
    Arc::new(Entered { definition, run: Arc::new(run) })
}

/// The tasks of a server, by every name that a stored run may carry.
#[derive(Default)]
pub(crate) struct Registry {
    tasks: BTreeMap<Kind, Arc<dyn Registered>>,
    support: Vec<KindSupport>,
    limits: Vec<(Kind, Limits)>,
    retentions: Vec<(Kind, Retention)>,
}

impl Registry {
    /// `Err`: the name that is taken.
    pub(crate) fn enter<T, F, Fut>(&mut self, definition: Definition<T>, run: F) -> Result<(), Kind>
    where
        T: TaskTypes,
        F: Fn(Context<T::Metadata, T::ExecutionMetadata>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ExecutionResult<T::Output, T::Error>> + Send + 'static,
    {
        let common = definition.common.clone();
        let task = registered(definition, run);
        self.limits.push((common.kind().clone(), common.options.limits));
        let retention = common.options.retention;
        for support in common.support() {
            // Under its former names too: they are runs of the same task.
            self.retentions.extend(retention.map(|retention| (support.kind.clone(), retention)));
            match self.tasks.entry(support.kind.clone()) {
                Entry::Occupied(taken) => return Err(taken.key().clone()),
                Entry::Vacant(free) => free.insert(task.clone()),
            };
            self.support.push(support);
        }
        Ok(())
    }

    pub(crate) fn resolve(&self, kind: &Kind) -> Option<&Arc<dyn Registered>> {
        self.tasks.get(kind)
    }

    pub(crate) fn support(&self) -> &[KindSupport] {
        &self.support
    }

    /// How long runs are kept: as `general` says, but for tasks that say otherwise.
    pub(crate) fn retentions(&self, general: Retention) -> Retentions {
        let own = self.retentions.iter().cloned();
        own.fold(general.into(), |retentions: Retentions, (kind, own)| retentions.with(kind, own))
    }

    /// What the tasks say of how many may run.
    pub(crate) fn limits(&self) -> &[(Kind, Limits)] {
        &self.limits
    }
}
