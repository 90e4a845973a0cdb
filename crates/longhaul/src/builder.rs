//! Puts a server together.

mod error;
mod services;

use std::{fmt, sync::Arc, time::Duration};

use longhaul_core::{Clock, Label, Retention, Schedule, Store, limits::KIND_SCHEMA_MAX};

pub use self::error::BuildError;
use crate::{
    Client, Longhaul, ServerHandle,
    background::{self, Background},
    context::Context,
    definition::{Definition, DefinitionError},
    hooks::{Hooks, Lifecycle},
    ids::IdSource,
    layer::{Layer, NewLayers},
    logs::Logs,
    outcome::ExecutionResult,
    payload::Payload,
    queues::QueueOptions,
    registry::Registry,
    runtime::{Companions, Executor, Extensions, Heart, Life, Settings},
    schedule::{Declared, NewSchedule},
    service::{NewService, Services},
    systemd::Systemd,
    task::{Execute, Task, TaskDefinition, TaskFn},
    timed::Timed,
    values::FingerprintCache,
    views::Views,
};

/// Puts a server together: a store, tasks, and how they are executed. Made by [`Longhaul::builder`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use longhaul::doc::CountUp;
/// use longhaul::{Longhaul, QueueOptions, testing};
/// use std::time::Duration;
///
/// let server = Longhaul::builder()
///     .store(testing::memory_store()) // or longhaul::open("./data")?
///     .task(CountUp)
///     .concurrency(16)
///     .queue(QueueOptions::new("imports").local_max(2))
///     .grace(Duration::from_secs(10))
///     .start()?;
/// let report = server.shutdown(Duration::from_secs(10)).await;
/// assert!(report.dropped.is_empty());
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is executed before `start`"]
pub struct Builder {
    store: Option<Arc<dyn Store>>,
    /// `None`: the store's.
    clock: Option<Arc<dyn Clock>>,
    settings: Settings,
    store_timeout: Duration,
    registry: Registry,
    layers: NewLayers,
    hooks: Hooks,
    shapes: FingerprintCache,
    views: Views,
    ids: IdSource,
    labels: Vec<Label>,
    services: Vec<NewService>,
    background: background::Limits,
    systemd: Option<Systemd>,
    /// The first thing that was wrong: told by `start`, so that the calls before it can be chained.
    refused: Option<BuildError>,
}

/// Runs at the same time. What waits for I/O costs a few KiB each; more than this is a mistake in the unit.
const CONCURRENCY_MAX: usize = 1 << 16;

impl Longhaul {
    /// Puts a server together.
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            store: None,
            clock: None,
            settings: Settings {
                name: "longhaul".into(),
                concurrency: 8,
                grace: Duration::from_secs(25),
                autosave: Duration::from_secs(1),
                lease: Duration::from_secs(15),
                stop_deadline: Duration::from_secs(10),
                retention: Retention::default(),
                labels: [].into(),
                queues: Vec::new(),
                only_listed: false,
                logs: Logs::default(),
                owns_store: false,
                schedules: Vec::new(),
            },
            labels: Vec::new(),
            services: Vec::new(),
            background: background::Limits::default(),
            systemd: None,
            store_timeout: Timed::LIMIT,
            registry: Registry::default(),
            layers: NewLayers::default(),
            hooks: Hooks::default(),
            shapes: FingerprintCache::default(),
            views: Views::default(),
            ids: IdSource::default(),
            refused: None,
        }
    }
}

impl Builder {
    /// The store of the runs, owned by this server: it is closed when the server ends, so that it can be opened again.
    /// Remaining clients then get [`StoreError::Closed`](longhaul_core::StoreError::Closed). If there are clones of the
    /// store, it stays open for them.
    ///
    /// ```
    /// # use longhaul::doc::{Count, CountUp};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use longhaul::{Longhaul, OutcomeError, StoreError, testing};
    /// use std::time::Duration;
    ///
    /// let server = Longhaul::builder().store(testing::memory_store()).task(CountUp).start()?;
    /// let run = server.client().enqueue::<CountUp>(Count { to: 3 }).await?;
    /// server.shutdown(Duration::from_secs(5)).await;
    /// assert_eq!(run.status().await.unwrap_err(), OutcomeError::Store(StoreError::Closed));
    /// # Ok(())
    /// # }
    /// ```
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self.settings.owns_store = true;
        self
    }

    /// The store of the runs, shared with other servers or clients: it stays open when this server ends, until its
    /// owner closes or drops it.
    pub fn shared_store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self.settings.owns_store = false;
        self
    }

    /// Executes runs of `T`.
    pub fn task<T: Task>(self, task: T) -> Self {
        self.execute::<T>(task)
    }

    /// Executes runs of a [`TaskDefinition`], which may be defined in another crate.
    pub fn execute<D: TaskDefinition>(mut self, task: impl Execute<D>) -> Self {
        let task = Arc::new(task);
        let definition = Definition::<D>::of_task(&self.shapes);
        let run = move |ctx: Context<D::Metadata, D::ExecutionMetadata>| {
            let task = task.clone();
            async move { task.execute(&ctx).await }
        };
        let entered = definition.map_err(BuildError::from).and_then(|definition| {
            self.views.enter(&definition);
            self.registry.enter(definition, run).map_err(BuildError::Duplicate)
        });
        self.note(entered);
        self
    }

    /// Executes runs of a function. Give its [`TaskFn`], which names its types, or a name alone: then the types come
    /// from the function, and nothing can enqueue its runs but a [`TaskFn`] of the same name.
    ///
    /// ```
    /// use longhaul::{AnyError, Context, Longhaul, Success, TaskFn};
    ///
    /// const RESIZE: TaskFn<String, (), u64> = TaskFn::new("resize");
    ///
    /// let builder = Longhaul::builder()
    ///     .task_fn(RESIZE, |ctx| async move {
    ///         let size = ctx.until_stopped(async { ctx.metadata().len() as u64 }).await?;
    ///         Ok(Success(size))
    ///     })
    ///     .task_fn("touch", |ctx: Context<String, ()>| async move {
    ///         let _: u32 = ctx.metadata().parse()?;
    ///         Success::with_empty_result().for_error::<AnyError>()
    ///     });
    /// ```
    pub fn task_fn<M, X, R, E, F, Fut>(
        mut self,
        function: impl TryInto<TaskFn<M, X, R, E>, Error: Into<DefinitionError>>,
        run: F,
    ) -> Self
    where
        M: Payload,
        X: Payload + Default,
        R: Payload,
        E: Payload + fmt::Display,
        F: Fn(Context<M, X>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ExecutionResult<R, E>> + Send + 'static,
    {
        let definition = match function.try_into() {
            Ok(function) => Definition::of_fn(function, &self.shapes).checked(),
            Err(error) => Err(error.into()),
        };
        let entered = definition.map_err(BuildError::from).and_then(|definition| {
            self.views.enter(&definition);
            self.registry.enter(definition, run).map_err(BuildError::Duplicate)
        });
        self.note(entered);
        self
    }

    /// Puts a layer around the execution of all tasks. May be called any number of times: the first that was added is
    /// the outermost. See [`Layer`], and [`layer_fn`](crate::layer_fn) for functions.
    ///
    /// ```
    /// # use longhaul::doc::CountUp;
    /// use longhaul::{Longhaul, layer_fn};
    ///
    /// let builder = Longhaul::builder().task(CountUp).layer(layer_fn(|execution, next| async move {
    ///     println!("{} begins", execution.run_id());
    ///     let end = next.run().await;
    ///     println!("{} {}", execution.run_id(), end.kind());
    ///     end
    /// }));
    /// ```
    pub fn layer(mut self, layer: impl Layer) -> Self {
        self.layers.add(layer);
        self
    }

    /// Calls a function at each event in the life of the server and its attempts. May be called any number of times.
    /// See [`Lifecycle`] for the events, and for what is not reported.
    ///
    /// The loops of the executor call it and wait for it: keep it short, and do slow work elsewhere. If it panics, the
    /// panic is caught and logged once, and nothing else is affected.
    ///
    /// ```
    /// # use longhaul::doc::CountUp;
    /// use longhaul::{Lifecycle, Longhaul, StateKind};
    ///
    /// let builder = Longhaul::builder().task(CountUp).hook(|event| match event {
    ///     Lifecycle::RunFinal(run) if run.state == StateKind::Failed => eprintln!("{} {} failed", run.kind, run.run),
    ///     Lifecycle::StoreBroken { error } => eprintln!("{error}"),
    ///     _ => {}
    /// });
    /// ```
    pub fn hook(mut self, hook: impl Fn(&Lifecycle) + Send + Sync + 'static) -> Self {
        self.hooks.add(hook);
        self
    }

    /// The name of this server, for people. The default is `longhaul`.
    pub fn name(mut self, name: &str) -> Self {
        self.settings.name = name.into();
        self
    }

    /// How many runs are executed at the same time, 1 to 65536. The default is 8.
    pub fn concurrency(mut self, concurrency: usize) -> Self {
        self.settings.concurrency = concurrency;
        self
    }

    /// How runs of a queue are taken; see [`QueueOptions`]. Queues that are not named have no limits.
    pub fn queue(mut self, options: QueueOptions) -> Self {
        let entered = match options.checked() {
            Err(error) => Err(error.into()),
            Ok(queue) if queue.here == Some(0) => Err(BuildError::Setting {
                setting: "local_max",
                value: "0".into(),
                must: "at least 1; to leave a queue out, name the others and call `only_listed`",
            }),
            Ok(queue) if queue.limits.weight == Some(0) => Err(BuildError::Setting {
                setting: "weight",
                value: "0".into(),
                must: "at least 1; to stop a queue, pause it",
            }),
            Ok(queue) if self.settings.queues.iter().any(|there| there.name == queue.name) => {
                Err(BuildError::QueueTwice(queue.name))
            }
            Ok(queue) => {
                self.settings.queues.push(queue);
                Ok(())
            }
        };
        self.note(entered);
        self
    }

    /// Runs of queues that are not named are left to other servers.
    pub fn only_listed(mut self) -> Self {
        self.settings.only_listed = true;
        self
    }

    /// A label of this server: it executes runs that require the label. May be called again.
    pub fn label(mut self, label: &str) -> Self {
        let entered = match Label::new(label) {
            Ok(label) => {
                self.labels.push(label);
                Ok(())
            }
            Err(error) => Err(error.into()),
        };
        self.note(entered);
        self
    }

    /// Enqueues runs of `T` on a schedule, each with this metadata. When a server starts, it brings the store in line
    /// with the schedules that its code declares: it adds new ones, updates changed ones, and removes those that
    /// servers of this [name](Self::name) declared before and no longer do. Changes that were made at run time are
    /// kept, and logged. So programs that share a store and declare different schedules need different names.
    ///
    /// [`start`](Self::start) refuses it if the schedule is invalid, or `T` is not registered.
    ///
    /// ```
    /// use longhaul::{BuildError, Longhaul, Schedule, doc::{Count, CountUp}, testing};
    /// use std::time::Duration;
    ///
    /// let builder = Longhaul::builder().store(testing::memory_store());
    /// let hourly = Schedule::every(Duration::from_secs(3600));
    /// let refused = builder.schedule::<CountUp>("count", hourly, Count { to: 3 }).start().unwrap_err();
    /// assert!(matches!(refused, BuildError::ScheduleWithoutTask { .. }));
    /// ```
    pub fn schedule<T: TaskDefinition>(self, name: &str, schedule: Schedule, metadata: T::Metadata) -> Self {
        self.schedule_with(NewSchedule::<T>::new(name, schedule, metadata))
    }

    /// The same, with options for the schedule and its runs. See [`NewSchedule`].
    pub fn schedule_with<T: TaskDefinition>(mut self, new: NewSchedule<T>) -> Self {
        let entered = match new.checked(&self.shapes) {
            Err(error) => Err(error.into()),
            Ok(new) if self.settings.schedules.iter().any(|there| there.name == new.name) => {
                Err(BuildError::ScheduleTwice(new.name))
            }
            Ok(new) => {
                self.settings.schedules.push(new);
                Ok(())
            }
        };
        self.note(entered);
        self
    }

    /// How much work may be in the [background](crate::Background) at the same time, at least 1. The default is 1024.
    /// Such work holds memory and is lost in a crash, so more is refused, and the caller can react.
    pub fn background_max(mut self, max: usize) -> Self {
        self.background.max = max;
        self
    }

    /// How much of it may block a thread each, at least 1. The default is 64.
    pub fn background_blocking_max(mut self, max: usize) -> Self {
        self.background.blocking_max = max;
        self
    }

    /// Where to report the state of the server to systemd. The default follows the environment; see
    /// [`systemd`](crate::systemd).
    #[cfg(all(feature = "systemd", unix))]
    pub fn systemd(mut self, systemd: Systemd) -> Self {
        self.systemd = Some(systemd);
        self
    }

    /// How long attempts get to stop when [`run_until_signal`](Longhaul::run_until_signal) shuts down. The default is
    /// 25 s, which is below the 30 s after which Kubernetes and others kill.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.settings.grace = grace;
        self
    }

    /// The longest time after which a change of the execution metadata is stored, even without a checkpoint. The
    /// default is 1 s.
    pub fn autosave(mut self, autosave: Duration) -> Self {
        self.settings.autosave = autosave;
        self
    }

    /// How long this server counts as alive after a heartbeat; three are sent in that time. The default is 15 s. It
    /// matters where several servers share a store: the runs of a server that died go on after this time.
    ///
    /// A heartbeat is given up after 4/15 of it. When 14/15 of it have passed since the last heartbeat that was
    /// answered was sent, the server stops its attempts by itself, whether or not a call is still waiting: by then
    /// another server may soon take its runs. This goes by a clock that cannot be set.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.settings.lease = lease;
        self
    }

    /// How long an attempt that was cancelled, or whose timeout passed, gets to stop before it is dropped at its
    /// current await. The default is 10 s.
    pub fn stop_deadline(mut self, stop_deadline: Duration) -> Self {
        self.settings.stop_deadline = stop_deadline;
        self
    }

    /// How long final runs are kept. The default is a week for those that completed or were cancelled, and thirty days
    /// for those that failed.
    pub fn retention(mut self, retention: Retention) -> Self {
        self.settings.retention = retention;
        self
    }

    /// How long a call of the store may take before it counts as failed. The default is 30 s.
    pub fn store_timeout(mut self, limit: Duration) -> Self {
        self.store_timeout = limit;
        self
    }

    /// Stores what attempts log through `tracing` with their runs. See [`RunLogs`](crate::RunLogs).
    #[cfg(feature = "logs")]
    pub fn run_logs(mut self, logs: crate::RunLogs) -> Self {
        self.settings.logs = logs.into();
        self
    }

    /// The clock to use in place of the store's; that of a store in a folder is the system clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Starts the services, and then the execution of runs, on the current tokio runtime. It does not wait for the
    /// services: see [`Longhaul::services`] and [`Longhaul::service_failed`] for their state.
    ///
    /// # Errors
    /// When a setting is invalid; then nothing was started.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(mut self) -> Result<Longhaul, BuildError> {
        self.check();
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        self.settings.labels = self.labels.into();
        let store = Timed::wrap(self.store.ok_or(BuildError::NoStore)?, self.store_timeout);
        let clock = self.clock.unwrap_or_else(|| store.clock());
        let heart = Heart::new().map_err(|error| BuildError::NoHeartbeat { reason: error.to_string() })?;
        let life = Life::default();
        let client = Client::with(store.clone(), clock.clone(), self.ids.clone(), self.shapes, life.clone())
            .with_views(self.views);
        let grace = self.settings.grace;
        let background = Background::new(self.background);
        let server = |services: &Services| ServerHandle {
            client: client.clone(),
            background: background.clone(),
            services: services.clone(),
            life: life.clone(),
        };
        let beside = Companions {
            services: Services::start(self.services, clock.clone(), life.stopped.clone(), server),
            background,
            systemd: self.systemd.unwrap_or_default(),
            life,
        };
        let (registry, around) = (self.registry, Extensions { layers: self.layers.finished(), hooks: self.hooks });
        let executor = Executor::start(store, clock, self.settings, registry, around, beside, self.ids);
        heart.beat_for(executor.clone());
        Ok(Longhaul::new(executor, client, grace))
    }

    fn check(&mut self) {
        const MILLISECOND: Duration = Duration::from_millis(1);
        let Settings { concurrency, autosave, lease, .. } = self.settings;
        let store_timeout = self.store_timeout;
        let limits = [
            ("concurrency", concurrency.to_string(), "1 to 65536", (1..=CONCURRENCY_MAX).contains(&concurrency)),
            ("autosave", format!("{autosave:?}"), "at least 1 ms", autosave >= MILLISECOND),
            ("store_timeout", format!("{store_timeout:?}"), "at least 1 ms", store_timeout >= MILLISECOND),
            ("background_max", self.background.max.to_string(), "at least 1", self.background.max > 0),
            (
                "background_blocking_max",
                self.background.blocking_max.to_string(),
                "at least 1",
                self.background.blocking_max > 0,
            ),
            ("lease", format!("{lease:?}"), "at least 1 s", lease >= Duration::from_secs(1)),
        ];
        for (setting, value, must, holds) in limits {
            if !holds {
                self.note(Err(BuildError::Setting { setting, value, must }));
            }
        }
        let schemas = self.registry.descriptions().filter_map(|kind| Some((kind.kind, kind.schema?.len())));
        let too_long = schemas.into_iter().find(|(_, length)| *length > KIND_SCHEMA_MAX);
        if let Some((kind, length)) = too_long {
            self.note(Err(BuildError::SchemaTooLong { kind, length }));
        }
        let without_task = |new: &&Declared| self.registry.resolve(&new.runs.kind).is_none();
        if let Some(new) = self.settings.schedules.iter().find(without_task) {
            let (name, kind) = (new.name.clone(), new.runs.kind.clone());
            self.note(Err(BuildError::ScheduleWithoutTask { name, kind }));
        }
    }

    fn note(&mut self, outcome: Result<(), BuildError>) {
        if let Err(error) = outcome {
            self.refused.get_or_insert(error);
        }
    }
}
