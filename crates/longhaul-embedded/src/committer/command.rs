//! What the committer is asked to do, and the way its answers go back.

use longhaul_core::{
    Actor, ChildCounts, Control, ControlChange, Controls, Epoch, Explanation, Inserted, Key, Kind, Log, LogRequest,
    NewRun, Retentions, RunId, ScheduleName, Scope, ServerId, Snapshot, StateKind, Statistics, StoreError, StoredRun,
    store::{
        CancelError, Cancelled, Checkpoint, CheckpointError, Checkpointed, ClaimRequest, DeleteError, EndedError,
        EndedPage, EndedRequest, GetError, HeaderPage, InsertError, KindDescription, LogPages, Page, PageRequest,
        Proceed, ProceedError, Proceeded, QueueDepth, Retried, Retry, RetryError, RunHeader, RunUpdate, ScheduleChange,
        ScheduleChangeError, ScheduleChanged, ScheduleChanges, ScheduleRow, ServerBeat, ServerError, ServerInfo,
        SettleError, Settled, Settlement, StopSignals, Swept, UpdateError,
        copy::{CopyCursor, CopyItem, CopyPage},
    },
};
use tokio::sync::oneshot;

use super::ticket::Ticket;
use crate::ops::{
    count::{CountRequest, Counted},
    export::Exported,
    import::Imported,
    verify::{Checked, Position},
};

/// Where an answer goes.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;
/// An answer with an error of its own inside.
pub(crate) type Verdict<T, E> = Reply<Result<T, E>>;

/// What a caller asks for.
pub(crate) enum Command {
    Read(Read),
    Write(Write),
}

impl Command {
    /// Answers with an error.
    pub(super) fn refuse(self, error: &StoreError) {
        match self {
            Self::Read(read) => read.refuse(error),
            Self::Write(write) => write.refuse(error),
        }
    }
}

impl From<Read> for Command {
    fn from(read: Read) -> Self {
        Self::Read(read)
    }
}

impl From<Write> for Command {
    fn from(write: Write) -> Self {
        Self::Write(write)
    }
}

macro_rules! commands {
    (
        $(#[$of_all:meta])* $commands:ident;
        $($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty,)* } -> $answer:ty;)*
        $(@ $silent:ident($what:ty);)*
    ) => {
        $(#[$of_all])*
        pub(crate) enum $commands {
            $($(#[$doc])* $name { $($field: $type,)* reply: $answer },)*
            $($silent($what),)*
        }

        impl $commands {
            /// Answers with an error.
            pub(super) fn refuse(self, error: &StoreError) {
                match self {
                    // A caller that no longer waits needs no answer.
                    $(Self::$name { reply, .. } => _ = reply.send(Err(error.clone())),)*
                    $(Self::$silent(_) => {})*
                }
            }
        }
    };
}

commands! {
    /// What changes something. Answered once it is as durable as promised.
    Write;
    Insert { runs: Vec<NewRun>, } -> Reply<Vec<Result<Inserted, InsertError>>>;
    Claim { request: ClaimRequest, } -> Reply<Ticket>;
    Begin { runs: Vec<(RunId, Epoch)>, } -> Reply<Vec<Result<(), CheckpointError>>>;
    Checkpoint { checkpoints: Vec<Checkpoint>, } -> Reply<Vec<Result<Checkpointed, CheckpointError>>>;
    Settle { settlements: Vec<Settlement>, } -> Reply<Vec<Result<Settled, SettleError>>>;
    Log { pages: Vec<LogPages>, } -> Reply<Vec<Result<(), CheckpointError>>>;
    Heartbeat { beat: ServerBeat, } -> Verdict<(), ServerError>;
    Expire {} -> Reply<usize>;
    Leave { server: ServerId, } -> Reply<()>;
    Proceed { proceed: Proceed, } -> Verdict<Proceeded, ProceedError>;
    Cancel { id: RunId, reason: Option<Box<str>>, by: Actor, } -> Verdict<Cancelled, CancelError>;
    Retry { retry: Retry, } -> Verdict<Retried, RetryError>;
    Update { id: RunId, update: RunUpdate, by: Actor, } -> Verdict<StateKind, UpdateError>;
    Control { scope: Scope, change: ControlChange, } -> Reply<Control>;
    DescribeKinds { kinds: Vec<KindDescription>, } -> Reply<()>;
    Schedule { change: ScheduleChange, } -> Verdict<ScheduleChanged, ScheduleChangeError>;
    Delete { id: RunId, } -> Verdict<(), DeleteError>;
    ReleaseIncompatible { runs: Vec<RunId>, } -> Reply<usize>;
    Sweep { retentions: Retentions, max: usize, } -> Reply<Swept>;
    CopyIn { items: Vec<CopyItem>, } -> Reply<usize>;
    Import { runs: Vec<StoredRun>, } -> Reply<Imported>;
    // Claims that never reached the caller who asked for them. Nobody waits for an answer.
    @ GiveBack(Vec<(RunId, Epoch)>);
}

commands! {
    /// What changes nothing. It sees what was committed, and nothing else.
    Read;
    StopRequests { server: ServerId, seen: u64, } -> Reply<StopSignals>;
    Controls {} -> Reply<Controls>;
    Servers {} -> Reply<Vec<ServerInfo>>;
    Schedules { seen: u64, } -> Reply<ScheduleChanges>;
    GetSchedule { name: ScheduleName, } -> Reply<Option<ScheduleRow>>;
    Explain { id: RunId, } -> Verdict<Explanation, GetError>;
    Log { request: LogRequest, } -> Verdict<Log, GetError>;
    ChildCounts { parent: RunId, } -> Reply<ChildCounts>;
    FindByKey { kind: Kind, key: Key, } -> Reply<Option<RunId>>;
    Get { id: RunId, } -> Verdict<Snapshot, GetError>;
    Changed { id: RunId, seen: u64, } -> Verdict<Snapshot, GetError>;
    List { request: PageRequest, } -> Reply<Page>;
    ListHeaders { request: PageRequest, } -> Reply<HeaderPage>;
    Headers { ids: Vec<RunId>, } -> Reply<Vec<RunHeader>>;
    Statistics {} -> Reply<Statistics>;
    Ended { request: EndedRequest, } -> Verdict<EndedPage, EndedError>;
    Count { request: CountRequest, } -> Reply<Counted>;
    Kinds {} -> Reply<Vec<KindDescription>>;
    Queues {} -> Reply<Vec<QueueDepth>>;
    CopyOut { from: Option<CopyCursor>, } -> Reply<CopyPage>;
    Export { after: Option<RunId>, } -> Reply<Exported>;
    Verify { from: Position, } -> Reply<Checked>;
}
