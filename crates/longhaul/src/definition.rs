//! What is known of a task without its value: its names, its options, and how its values are laid down.

use std::{
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    marker::PhantomData,
    sync::{Arc, OnceLock},
};

use longhaul_core::{
    Codec, Envelope, Kind, Queue,
    code::{CodeMark, KindSupport},
    envelope::OldValue,
    limits::{ERROR_MAX, EXECUTION_METADATA_MAX, METADATA_MAX, RESULT_MAX},
    name::NameError,
    retry::PolicyError,
};

use crate::{
    task::{MigrateError, Payload, Task, TaskOptions},
    values::{FingerprintCache, ReadError, ValueFormat},
};

/// The four types of a task, be it a [`Task`] or a [`TaskFn`].
///
/// ```
/// use longhaul::{AnyError, RunHandle, TaskFn, TaskTypes};
///
/// /// Works for tasks and functions alike.
/// async fn name_of<T: TaskTypes>(run: &RunHandle<T>) -> String {
///     run.id().to_string()
/// }
/// # fn is_one<T: TaskTypes>() {}
/// # is_one::<TaskFn<u64, (), (), AnyError>>();
/// ```
pub trait TaskTypes: Send + Sync + 'static {
    /// What is asked.
    type Metadata: Payload;
    /// How far a run is.
    type ExecutionMetadata: Payload + Default;
    /// The result.
    type Output: Payload;
    /// What can go wrong.
    type Error: Payload + fmt::Display;
}

impl<T: Task> TaskTypes for T {
    type Metadata = T::Metadata;
    type ExecutionMetadata = T::ExecutionMetadata;
    type Output = T::Output;
    type Error = T::Error;
}

impl<M: Payload, X: Payload + Default, R: Payload, E: Payload + fmt::Display> TaskTypes for TaskFn<M, X, R, E> {
    type Metadata = M;
    type ExecutionMetadata = X;
    type Output = R;
    type Error = E;
}

/// The name and the four types of a task that is a function. A plain `&str` becomes one; write it down as a constant to
/// enqueue runs of it:
///
/// ```
/// use longhaul::{AnyError, TaskFn};
///
/// const RESIZE: TaskFn<String, (), u64, AnyError> = TaskFn::new("resize");
/// ```
pub struct TaskFn<M, X = (), R = (), E = crate::AnyError> {
    name: &'static str,
    version: u16,
    options: fn() -> TaskOptions,
    types: Types<M, X, R, E>,
}

/// Names the types without holding values of them.
type Types<M, X, R, E> = PhantomData<fn() -> (M, X, R, E)>;

impl<M, X, R, E> TaskFn<M, X, R, E> {
    /// A function that is registered, and whose runs are stored, under `name`.
    pub const fn new(name: &'static str) -> Self {
        Self { name, version: 1, options: TaskOptions::default, types: PhantomData }
    }

    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// See [`Task::VERSION`].
    #[must_use]
    pub const fn version(mut self, version: u16) -> Self {
        self.version = version;
        self
    }

    /// See [`Task::options`].
    #[must_use]
    pub const fn options(mut self, options: fn() -> TaskOptions) -> Self {
        self.options = options;
        self
    }
}

impl<M, X, R, E> Clone for TaskFn<M, X, R, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M, X, R, E> Copy for TaskFn<M, X, R, E> {}

impl<M, X, R, E> fmt::Debug for TaskFn<M, X, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskFn({})", self.name)
    }
}

impl<M, X, R, E> From<&'static str> for TaskFn<M, X, R, E> {
    fn from(name: &'static str) -> Self {
        Self::new(name)
    }
}

/// What a task says of itself cannot be used.
///
/// ```
/// use longhaul::{BuildError, Context, Longhaul, Success, AnyError};
///
/// let builder = Longhaul::builder().task_fn("two words", |_: Context<(), ()>| async {
///     Success::with_empty_result().for_error::<AnyError>()
/// });
/// assert!(matches!(builder.start(), Err(BuildError::Definition(error)) if error.to_string().contains("two words")));
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DefinitionError {
    /// Its name, an alias or its queue.
    #[error("{0}")]
    Name(#[from] NameError),
    /// Its retry policy.
    #[error("the retry policy of `{kind}`: {reason}")]
    Policy {
        /// The task.
        kind: String,
        /// What is wrong with it.
        reason: PolicyError,
    },
}

type Migrate<V> = fn(OldValue<'_>) -> Result<V, MigrateError>;

/// See the module.
pub(crate) struct Definition<T: TaskTypes> {
    pub(crate) common: Arc<Common>,
    migrate: Migrate<T::Metadata>,
    migrate_execution_metadata: Migrate<T::ExecutionMetadata>,
    pub(crate) limit_key: fn(&T::Metadata) -> Option<String>,
}

impl<T: TaskTypes> Clone for Definition<T> {
    fn clone(&self) -> Self {
        Self { common: self.common.clone(), ..*self }
    }
}

/// What does not depend on the types.
#[derive(Debug, Clone)]
pub(crate) struct Common {
    /// The name first, then the aliases.
    pub(crate) kinds: Vec<Kind>,
    pub(crate) version: u16,
    pub(crate) options: TaskOptions,
    pub(crate) queue: Queue,
    pub(crate) metadata: ValueFormat,
    pub(crate) execution_metadata: ValueFormat,
    pub(crate) result: ValueFormat,
    pub(crate) error: ValueFormat,
}

impl Common {
    pub(crate) fn kind(&self) -> &Kind {
        &self.kinds[0]
    }

    pub(crate) fn mark(&self) -> CodeMark {
        let CodeMark(types) =
            CodeMark::of(self.version, self.metadata.fingerprint, self.execution_metadata.fingerprint);
        CodeMark(types ^ build())
    }

    pub(crate) fn support(&self) -> impl Iterator<Item = KindSupport> + '_ {
        let support = |kind: &Kind| KindSupport { kind: kind.clone(), version: self.version, mark: self.mark() };
        self.kinds.iter().map(support)
    }
}

/// Tells this program from other builds of it: that a `migrate` was written or mended shows in no version and no type.
fn build() -> u32 {
    static BUILD: OnceLock<u32> = OnceLock::new();
    *BUILD.get_or_init(|| {
        let file = std::env::current_exe().and_then(std::fs::metadata);
        // Where a program cannot look at itself, only versions and types tell builds apart.
        file.map_or(0, |file| {
            let mut hash = DefaultHasher::new();
            (file.len(), file.modified().ok()).hash(&mut hash);
            hash.finish() as u32
        })
    })
}

fn form<V: Payload>(
    what: &'static str,
    max: usize,
    version: u16,
    codec: Codec,
    shapes: &FingerprintCache,
) -> ValueFormat {
    ValueFormat { what, codec, version, fingerprint: shapes.of::<V>(), max }
}

fn common<T: TaskTypes>(
    name: &str,
    aliases: &[&str],
    version: u16,
    options: TaskOptions,
    shapes: &FingerprintCache,
) -> Result<Common, DefinitionError> {
    options.retry.check().map_err(|reason| DefinitionError::Policy { kind: name.into(), reason })?;
    let codec = options.codec;
    Ok(Common {
        kinds: std::iter::once(&name).chain(aliases).map(|name| Kind::new(name)).collect::<Result<_, _>>()?,
        version,
        queue: Queue::new(&options.queue)?,
        options,
        metadata: form::<T::Metadata>("metadata", METADATA_MAX, version, codec, shapes),
        execution_metadata: form::<T::ExecutionMetadata>(
            "execution metadata",
            EXECUTION_METADATA_MAX,
            version,
            codec,
            shapes,
        ),
        result: form::<T::Output>("result", RESULT_MAX, version, codec, shapes),
        error: form::<T::Error>("error", ERROR_MAX, version, codec, shapes),
    })
}

impl<T: Task> Definition<T> {
    pub(crate) fn of_task(shapes: &FingerprintCache) -> Result<Self, DefinitionError> {
        Ok(Self {
            common: Arc::new(common::<T>(T::NAME, T::ALIASES, T::VERSION, T::options(), shapes)?),
            migrate: T::migrate,
            migrate_execution_metadata: T::migrate_execution_metadata,
            limit_key: T::limit_key,
        })
    }
}

impl<M: Payload, X: Payload + Default, R: Payload, E: Payload + fmt::Display> Definition<TaskFn<M, X, R, E>> {
    pub(crate) fn of_fn(function: TaskFn<M, X, R, E>, shapes: &FingerprintCache) -> Result<Self, DefinitionError> {
        fn never<V>(old: OldValue<'_>) -> Result<V, MigrateError> {
            Err(MigrateError::new(format!(
                "it has version {}, and a function has no `migrate`: implement `Task` on a struct",
                old.version()
            )))
        }
        let common = common::<TaskFn<M, X, R, E>>(function.name, &[], function.version, (function.options)(), shapes)?;
        let (migrate, migrate_execution_metadata) = (never, never);
        Ok(Self { common: Arc::new(common), migrate, migrate_execution_metadata, limit_key: |_| None })
    }
}

impl<T: TaskTypes> Definition<T> {
    /// The same, for reading runs of this kind too.
    pub(crate) fn with_kind(&self, kind: Kind) -> Self {
        let mut common = Common::clone(&self.common);
        common.kinds.push(kind);
        Self { common: Arc::new(common), ..*self }
    }

    pub(crate) fn read_metadata(&self, stored: &Envelope) -> Result<T::Metadata, ReadError> {
        self.common.metadata.decode(stored, self.migrate)
    }

    pub(crate) fn read_execution_metadata(&self, stored: Option<&Envelope>) -> Result<T::ExecutionMetadata, ReadError> {
        match stored {
            None => Ok(T::ExecutionMetadata::default()),
            Some(stored) => self.common.execution_metadata.decode(stored, self.migrate_execution_metadata),
        }
    }
}
