//! What is known of a task without its value: its names, its options, and how its values are encoded.

use std::{
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, OnceLock},
};

use longhaul_core::{
    Codec, Envelope, Kind, Label, Queue, Tag,
    code::{CodeMark, KindSupport},
    envelope::OldValue,
    limits::{ERROR_MAX, EXECUTION_METADATA_MAX, METADATA_MAX, RESULT_MAX, TITLE_MAX, cut},
    name::{NameError, is_name},
    retry::PolicyError,
    store::KindDescription,
};

use crate::{
    payload::{MigrateError, Payload},
    run_defaults::{RunDefaults, StoredSchema},
    task::{KindSchema, Published, TaskDefinition, TaskFn, TaskOptions, TaskTypes},
    values::{FingerprintCache, ReadError, ValueFormat},
};

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
#[non_exhaustive]
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

/// A [`TaskFn`] is always a valid name.
impl From<std::convert::Infallible> for DefinitionError {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
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
    /// Where runs wait, if nothing is [`refused`](Self::refused).
    pub(crate) queue: Queue,
    /// What is wrong with the options.
    refused: Option<DefinitionError>,
    pub(crate) metadata: ValueFormat,
    pub(crate) execution_metadata: ValueFormat,
    pub(crate) result: ValueFormat,
    pub(crate) error: ValueFormat,
}

impl Common {
    pub(crate) fn kind(&self) -> &Kind {
        &self.kinds[0]
    }

    pub(crate) fn schema(&self) -> Option<&KindSchema> {
        Some(&self.options.schema?.published().schema)
    }

    /// What marks give to runs; nothing where nobody may see the values.
    fn marked(&self) -> Option<&Published> {
        let published = self.options.schema?.published();
        Some(published).filter(|of| !of.marks.is_empty() && !self.options.hides_values)
    }

    /// Whether the marks give a tag of this key.
    pub(crate) fn gives_tag(&self, key: &str) -> bool {
        self.marked().is_some_and(|published| published.marks.gives(key))
    }

    /// What a program without the code needs to make a run. Labels that are none refuse every run of the kind.
    fn defaults(&self) -> Option<RunDefaults> {
        let options = &self.options;
        let requires = options.requires.iter().map(|label| Label::new(label)).collect::<Result<_, _>>().ok()?;
        Some(RunDefaults {
            queue: self.queue.clone(),
            priority: options.priority,
            retry: options.retry.clone(),
            timeout: options.timeout,
            requires,
            limits_by_key: options.limits.per_key.is_some() || options.limits.rate_per_key.is_some(),
        })
    }

    pub(crate) fn mark(&self) -> CodeMark {
        let CodeMark(types) =
            CodeMark::of(self.version, self.metadata.fingerprint, self.execution_metadata.fingerprint);
        CodeMark(types ^ build())
    }

    /// What a store keeps of it, under each of its names.
    pub(crate) fn descriptions(&self) -> impl Iterator<Item = KindDescription> + '_ {
        let title = self.options.title.as_deref().map(|title| cut(title, TITLE_MAX).into());
        let schema = self.schema().map(|schema| StoredSchema::text(schema, self.defaults()).into());
        let first = KindDescription {
            hides_values: self.options.hides_values,
            title,
            schema,
            ..KindDescription::new(self.kind().clone(), self.version, self.options.chosen_codec())
        };
        self.kinds.iter().enumerate().map(move |(nth, kind)| {
            let renamed = (nth > 0).then(|| self.kind().clone());
            KindDescription { kind: kind.clone(), renamed, ..first.clone() }
        })
    }

    pub(crate) fn support(&self) -> impl Iterator<Item = KindSupport> + '_ {
        let support = |kind: &Kind| KindSupport { kind: kind.clone(), version: self.version, mark: self.mark() };
        self.kinds.iter().map(support)
    }
}

/// Tells this program from other builds of it: neither a version nor a type shows that a `migrate` was written or fixed.
fn build() -> u32 {
    static BUILD: OnceLock<u32> = OnceLock::new();
    *BUILD.get_or_init(|| {
        let file = std::env::current_exe().and_then(std::fs::metadata);
        // A program that cannot read its own file is told from other builds by versions and types alone.
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

fn common<T: TaskTypes>(kinds: Vec<Kind>, version: u16, options: TaskOptions, shapes: &FingerprintCache) -> Common {
    let codec = options.chosen_codec();
    let (queue, refused) = match checked(&kinds[0], &options) {
        Ok(queue) => (queue, None),
        Err(error) => (Queue::default(), Some(error)),
    };
    Common {
        kinds,
        version,
        options,
        queue,
        refused,
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
    }
}

fn checked(kind: &Kind, options: &TaskOptions) -> Result<Queue, DefinitionError> {
    options.retry.check().map_err(|reason| DefinitionError::Policy { kind: kind.to_string(), reason })?;
    Ok(Queue::new(&options.queue)?)
}

/// Whether all names of a task can be names of kinds: looked at when the program is compiled.
const fn are_names(name: &str, aliases: &[&str]) -> bool {
    let mut at = 0;
    while at < aliases.len() {
        if !is_name(aliases[at]) {
            return false;
        }
        at += 1;
    }
    is_name(name)
}

fn kind(name: &str) -> Kind {
    Kind::new(name).expect("it was checked when the program was compiled, or the `TaskFn` was made")
}

impl<T: TaskDefinition> Definition<T> {
    /// For reading runs, and for handles: it needs nothing that could be refused. See [`Self::checked`].
    pub(crate) fn named(shapes: &FingerprintCache) -> Self {
        const {
            assert!(
                are_names(T::NAME, T::ALIASES),
                "NAME and ALIASES of a task are 1 to 128 ASCII letters, digits and any of - _ . : /"
            );
        }
        let kinds = std::iter::once(&T::NAME).chain(T::ALIASES).map(|name| kind(name)).collect();
        Self {
            common: Arc::new(common::<T>(kinds, T::VERSION, T::options(), shapes)),
            migrate: T::migrate,
            migrate_execution_metadata: T::migrate_execution_metadata,
            limit_key: T::limit_key,
        }
    }

    pub(crate) fn of_task(shapes: &FingerprintCache) -> Result<Self, DefinitionError> {
        Self::named(shapes).checked()
    }
}

impl<M: Payload, X: Payload + Default, R: Payload, E: Payload + fmt::Display> Definition<TaskFn<M, X, R, E>> {
    pub(crate) fn of_fn(function: TaskFn<M, X, R, E>, shapes: &FingerprintCache) -> Self {
        fn never<V>(old: OldValue<'_>) -> Result<V, MigrateError> {
            Err(MigrateError::new(format!(
                "it has version {}, and a function has no `migrate`: implement `Task` on a struct",
                old.version()
            )))
        }
        let (kinds, version) = (vec![kind(function.name())], function.code_version());
        let common = common::<TaskFn<M, X, R, E>>(kinds, version, function.task_options(), shapes);
        let (migrate, migrate_execution_metadata) = (never, never);
        Self { common: Arc::new(common), migrate, migrate_execution_metadata, limit_key: |_| None }
    }
}

impl<T: TaskTypes> Definition<T> {
    /// For enqueueing and executing, which need the options too.
    pub(crate) fn checked(self) -> Result<Self, DefinitionError> {
        match &self.common.refused {
            None => Ok(self),
            Some(error) => Err(error.clone()),
        }
    }

    /// The same, for reading runs of this kind too.
    pub(crate) fn with_kind(&self, kind: Kind) -> Self {
        let mut common = Common::clone(&self.common);
        common.kinds.push(kind);
        Self { common: Arc::new(common), ..*self }
    }

    /// The tags that the marks of its schema give to a run with this metadata.
    pub(crate) fn marked_tags(&self, metadata: &T::Metadata) -> Vec<Tag> {
        let Some(Published { schema, marks }) = self.common.marked() else { return Vec::new() };
        // Metadata that cannot be JSON is refused where it is encoded; as bincode it has no tags.
        serde_json::to_value(metadata).map_or_else(|_| Vec::new(), |value| marks.tags(&schema.metadata, &value))
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
