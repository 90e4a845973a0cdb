//! Typed background tasks that go on where they were.
#![doc = include_str!("../docs/front.md")]

mod any_error;
mod attempt;
mod background;
mod backoff;
mod batch;
mod builder;
mod builders;
mod children;
mod client;
mod clock;
mod context;
mod definition;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod doc;
mod empty;
mod end;
mod error;
#[cfg(feature = "sled")]
mod folder;
#[cfg(doctest)]
mod guide;
mod hooks;
mod ids;
mod kind_info;
mod layer;
#[cfg(feature = "logs")]
mod logs;
#[cfg(not(feature = "logs"))]
#[path = "no_logs.rs"]
mod logs;
pub mod machine;
mod new_run;
mod outcome;
mod panics;
mod payload;
mod queues;
mod registry;
mod retry_v1;
mod run_defaults;
mod runtime;
mod schedule;
pub mod schema;
mod server;
mod service;
pub mod signal;
#[cfg(all(feature = "systemd", unix))]
pub mod systemd;
#[cfg(not(all(feature = "systemd", unix)))]
#[path = "no_systemd.rs"]
mod systemd;
mod task;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
mod then;
mod timed;
mod title;
mod values;
mod views;

pub use any_error::{AnyError, OrFail};
pub use attempt::{AttemptInfo, CapturedCheckpoint, CapturedSuccess, ResumedFrom, StopReason};
pub use background::{Background, BackgroundStatus, SpawnError, WorkFailure};
pub use batch::{Batch, Members, NewBatch};
pub use builder::{BuildError, Builder};
pub use builders::{Cancellation, CancellationFor, Failure, FailureFor, Success, SuccessWith, Suspended, SuspendedFor};
pub use children::ChildOf;
pub use client::{
    BulkError, ChangeSchedule, Client, Detached, EndedRuns, EndedRunsError, Enqueue, EnqueueError, Enqueued, Find,
    FindByKeyError, Found, FoundPage, OrderKey, OutcomeError, PreparedRun, ProceedFound, ProceedRun, ProceedRunError,
    ProgressStream, ReadLog, Request, RetryFrom, RetryRunError, RunHandle, RunOutcome, RunStatus, Schedules,
    ScopeControl, Select, Selected, SignalError, SignalFound, SignalRun, UniqueKey, Watch, new_run, new_run_fn,
};
pub use clock::SystemClock;
pub use context::{
    BlockingContext, BlockingWork, Context, EffectError, IdempotencyKey, ProgressReporter, StagedChange,
};
#[cfg(feature = "postgres")]
pub use context::{UncommittedCheckpoint, UncommittedSuccess};
pub use definition::DefinitionError;
pub use empty::{EmptyExecutionMetadata, EmptyMetadata, EmptyResult};
pub use end::{AttemptEnd, EndKind};
pub use error::Error;
#[cfg(feature = "sled")]
pub use folder::{open, open_async};
pub use hooks::{AttemptEnded, AttemptLost, AttemptStarted, Lifecycle, RunFinal};
pub use kind_info::KindInfo;
pub use layer::{Execution, Layer, LayerFn, Next, layer_fn};
#[cfg(feature = "logs")]
pub use logs::{RunLogLayer, RunLogs};
pub use longhaul_core::{
    Actor, Ageing, AwaitedRuns, Awaits, Backoff, CallbackWhen, ChildCounts, ChildRefused, Clock, Codec, Control,
    Controls, Date, Explanation, Key, Kind, Label, Limits, Log, LogLevel, LogLine, Missed, OnCancel, Overlap, Paused,
    Priority, Progress, Queue, Rate, Retention, RetryPolicy, RunId, Schedule, ScheduleError, ScheduleName, Scope,
    ServerId, StateKind, Store, StoreError, Tag, Timestamp,
    admission::BlockedBy,
    clock::OnJump,
    control::RateError,
    envelope::OldValue,
    id::ParseIdError,
    json, limits,
    lineage::Lineage,
    name::NameError,
    retry::{PolicyError, Resume},
    schedule::{DateError, Exception, ExceptionError, Exceptions, LocalTime},
    shape,
    state::ParseStateError,
    store::{
        CancelError, Cancelled, CopyStore, DeleteError, EndedCursor, EndedRun, GetError, InsertError, Proceeded,
        UpdateError,
        copy::{MigrateStoreError, Migrated, migrate_store},
    },
    time::ParseTimestampError,
};
#[cfg(feature = "sled")]
pub use longhaul_embedded::{self as embedded, CopyError, OpenError};
#[cfg(feature = "postgres")]
pub use longhaul_postgres::{self as postgres, ConnectError, TransactionError};
pub use machine::{Step, StepResult};
pub use outcome::{Called, EmptyError, ExecutionResult, Failed, Interruption, Outcome, Stopped, Suspension, When};
pub use payload::{MigrateError, Payload};
pub use queues::QueueOptions;
pub use runtime::{ShutdownReport, StoppedRun};
pub use schedule::{
    Changed, HeldBack, NewSchedule, RunsError, SCHEDULE_TAG, ScheduleCounts, ScheduleInfo, ScheduleOrigin,
    ScheduledRun, SchedulesError,
};
pub use server::{Longhaul, RunError, ServerHandle};
pub use service::{
    NotStopped, Restart, Service, ServiceError, ServiceFailed, ServiceInfo, ServiceOptions, ServiceReturn,
    ServiceState, Services,
};
pub use task::{Execute, KindSchema, Task, TaskDefinition, TaskFn, TaskOptions, TaskTypes};
pub use then::{Chain, Continuation, EnqueueThen, Followed};
pub use title::TITLE_TAG;
pub use tokio_util::sync::CancellationToken;
pub use values::{ReadError, ValueError};
pub use views::{EnqueueJsonError, ShownContent, ShownValue, ShownValues, Views};

/// What is stored of a run: the parts of [`RunStatus`], of a [`Snapshot`](run::Snapshot) and of a
/// [`PreparedRun`].
pub mod run {
    pub use longhaul_core::{
        Cause, Constraints, Counts, Ended, Envelope, Epoch, FailedAttempt, History, HistoryEntry, Inbox, Inserted,
        LastEnd, NewRun, OnConflict, PendingProceed, Run, Snapshot, State, StopRequest, Transition, Unique,
        UniqueScope, Waiting,
        inbox::Message,
        run::Due,
        store::{Damaged, Page},
    };
}

/// For those who implement a [`Store`], or call one without a [`Client`]: all of the crate `longhaul-core`, which has the
/// rules of runs and the messages of stores. It may change in a minor version where the rest of this crate does not.
pub mod store_api {
    pub use longhaul_core::*;
}
