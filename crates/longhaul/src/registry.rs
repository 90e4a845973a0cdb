//! The tasks that a server can execute, with their types taken off.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    pin::Pin,
    sync::Arc,
};

use longhaul_core::{
    Cause, Ending, Failure, Kind, Limits, Retention, Retentions, Timestamp,
    code::{CodeMark, KindSupport},
    store::Claimed,
};

use crate::{
    attempt::{Attempt, Capture},
    context::{Context, Effects, Values},
    definition::{Definition, TaskTypes},
    outcome::{Called, ExecutionResult, Failed, Interruption, Outcome, Suspension},
};

/// How the user's code ended, by itself.
#[derive(Debug)]
pub(crate) enum Concluded {
    /// In an ending of its own.
    Ended(Ending),
    /// It followed a request to stop.
    Stopped,
}

/// An attempt that is ready to run.
pub(crate) struct Prepared {
    pub(crate) values: Arc<dyn Capture>,
    pub(crate) future: Pin<Box<dyn Future<Output = Concluded> + Send>>,
}

/// A task without its types: bytes in, bytes out.
pub(crate) trait Registered: Send + Sync {
    /// Reads the run's values. `Err`: what is wrong with them.
    fn prepare(&self, claimed: &Claimed, attempt: &Arc<Attempt>) -> Result<Prepared, String>;
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
    fn prepare(&self, claimed: &Claimed, attempt: &Arc<Attempt>) -> Result<Prepared, String> {
        let metadata = self.definition.read_metadata(&claimed.metadata).map_err(|error| error.to_string())?;
        let execution_metadata = self
            .definition
            .read_execution_metadata(claimed.execution_metadata.as_ref())
            .map_err(|error| error.to_string())?;
        let effects = Effects::of(claimed.execution_metadata.as_ref())?;
        let form = self.definition.common.execution_metadata;
        let values = Arc::new(Values::with_effects(execution_metadata, form, effects));
        let context = Context::new(metadata, values.clone(), attempt.clone());
        let definition = self.definition.clone();
        let attempt = attempt.clone();
        let run = self.run.clone();
        // The user's function is called when the attempt is performed, and not before: it may tell, and may panic.
        let future = Box::pin(async move {
            let out = run(context).await;
            conclude(&definition, &attempt, out)
        });
        Ok(Prepared { values, future })
    }

    fn mark(&self) -> CodeMark {
        self.definition.common.mark()
    }
}

fn conclude<T: TaskTypes>(
    definition: &Definition<T>,
    attempt: &Attempt,
    out: ExecutionResult<T::Output, T::Error>,
) -> Concluded {
    let now = attempt.clock.now();
    let failure = |cause, message: &str| Failure::new(cause, message, attempt.epoch, now);
    let ending = match out {
        Ok(Outcome::Success(result)) => match definition.common.result.encode(&result) {
            Ok(result) => Ending::Completed { result },
            Err(error) => refused(&error.to_string(), attempt, now),
        },
        Ok(Outcome::Suspended(suspension)) => Ending::Suspended {
            until: match suspension {
                Suspension::Proceed => None,
                Suspension::Until(time) => Some(time.into()),
                Suspension::For(wait) => Some(now.after(wait)),
            },
        },
        Err(Interruption::Failure(Failed { error, retry_after, permanent })) => {
            let message =
                error.as_ref().map_or_else(|| "the task failed and gave no error".into(), ToString::to_string);
            let failure = failure(Cause::Error, &message);
            let failure = match error.map(|error| definition.common.error.encode(&error)) {
                None => failure,
                Some(Ok(error)) => failure.with_error(error),
                Some(Err(refused)) => failure.with_details(&format!("its typed error was not kept: {refused}")),
            };
            Ending::Failed { failure, retry_after, permanent }
        }
        Err(Interruption::Cancellation(Called { error, reason })) => {
            let reason = reason.or_else(|| error.as_ref().map(ToString::to_string)).map(Into::into);
            let error = error.and_then(|error| definition.common.error.encode(&error).ok());
            Ending::Cancelled { reason, error }
        }
        Err(Interruption::Stopped(_)) => return Concluded::Stopped,
    };
    Concluded::Ended(ending)
}

/// A value of the task cannot be kept. Another attempt would come to the same end, so there is none.
pub(crate) fn refused(why: &str, attempt: &Attempt, now: Timestamp) -> Ending {
    let failure = Failure::new(Cause::Error, why, attempt.epoch, now);
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
