//! The tasks that a server can execute, without their types.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    pin::Pin,
    sync::Arc,
};

use longhaul_core::{
    Envelope, Kind, Limits, Retention, Retentions,
    code::{CodeMark, KindSupport},
    store::{Claimed, KindDescription},
};

use crate::{
    attempt::{Attempt, Capture, ResultFormat},
    context::{Asked, Context, Delivered, Effects, Values},
    definition::{Common, Definition},
    end::{AttemptEnd, erase},
    outcome::ExecutionResult,
    task::TaskTypes,
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
    /// Reads the run's values. `Err`: what is wrong with them. `watched`: a layer or a hook may look at what the task
    /// returns.
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
        attempt.set_mark(self.mark());
        attempt.set_result_format(ResultFormat::of::<T::Output>(self.definition.common.result));
        let context = Context::new(metadata, values.clone(), attempt.clone());
        let (asked, task) = (context.asked(), self.definition.common.clone());
        let (run, common) = (self.run.clone(), task.clone());
        // The user's function is called when the attempt is performed, and not before: it may tell, and may panic, and
        // the layers are around all of it.
        let future = Box::pin(async move {
            let returned = run(context).await;
            erase::<T>(&common, returned, watched)
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
    definitions: Vec<Arc<Common>>,
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
        self.definitions.push(common.clone());
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

    /// What a store keeps of the tasks, to be known without their code.
    pub(crate) fn descriptions(&self) -> impl Iterator<Item = KindDescription> + '_ {
        self.definitions.iter().flat_map(|common| common.descriptions())
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
