//! What the committer is asked to do, and the way its answers go back.

use std::{mem, sync::Arc};

use longhaul_core::{
    Actor, Control, ControlChange, Controls, Epoch, Explanation, Inserted, Key, Kind, Log, LogRequest, NewRun,
    Retentions, RunId, Scope, ServerId, Snapshot, StateKind, StoreError, StoredRun,
    store::{
        CancelError, Cancelled, Checkpoint, CheckpointError, Checkpointed, ClaimRequest, Claimed, DeleteError,
        EndedError, EndedPage, EndedRequest, GetError, InsertError, LogPages, Page, PageRequest, Proceed, ProceedError,
        Proceeded, QueueDepth, Retried, Retry, RetryError, RunUpdate, ScheduleChange, ScheduleChangeError,
        ScheduleChanged, Schedules, ServerBeat, ServerError, SettleError, Settled, Settlement, StopSignals, Swept,
        UpdateError,
    },
};
use tokio::sync::oneshot;

use crate::{
    committer::queue::Queue,
    export::{Exported, Imported},
    ops::{
        list::{CountRequest, Counted},
        verify::{Checked, Position},
    },
};

/// Where an answer goes.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;
/// An answer with an error of its own inside.
pub(crate) type Verdict<T, E> = Reply<Result<T, E>>;

macro_rules! commands {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty,)* } -> $answer:ty;)*) => {
        pub(crate) enum Command {
            $($(#[$doc])* $name { $($field: $type,)* reply: $answer },)*
            /// Claims whose caller went away before it had them. Nobody waits for an answer.
            GiveBack(Vec<(RunId, Epoch)>),
        }

        impl Command {
            /// Answers with an error.
            pub(crate) fn refuse(self, error: &StoreError) {
                match self {
                    // A caller that went away needs no answer.
                    $(Self::$name { reply, .. } => _ = reply.send(Err(error.clone())),)*
                    Self::GiveBack(_) => {}
                }
            }
        }
    };
}

commands! {
    Insert { runs: Vec<NewRun>, } -> Reply<Vec<Result<Inserted, InsertError>>>;
    Claim { request: ClaimRequest, } -> Reply<Ticket>;
    Begin { runs: Vec<(RunId, Epoch)>, } -> Reply<Vec<Result<(), CheckpointError>>>;
    Checkpoint { checkpoints: Vec<Checkpoint>, } -> Reply<Vec<Result<Checkpointed, CheckpointError>>>;
    Settle { settlements: Vec<Settlement>, } -> Reply<Vec<Result<Settled, SettleError>>>;
    Log { pages: Vec<LogPages>, } -> Reply<Vec<Result<(), CheckpointError>>>;
    Heartbeat { beat: ServerBeat, } -> Verdict<(), ServerError>;
    Expire {} -> Reply<usize>;
    Leave { server: ServerId, } -> Reply<()>;
    StopSignals { server: ServerId, seen: u64, } -> Reply<StopSignals>;
    Proceed { proceed: Proceed, } -> Verdict<Proceeded, ProceedError>;
    Cancel { id: RunId, reason: Option<Box<str>>, by: Actor, } -> Verdict<Cancelled, CancelError>;
    Retry { retry: Retry, } -> Verdict<Retried, RetryError>;
    RunUpdate { id: RunId, update: RunUpdate, by: Actor, } -> Verdict<StateKind, UpdateError>;
    Control { scope: Scope, change: ControlChange, } -> Reply<Control>;
    Controls {} -> Reply<Controls>;
    Schedule { change: ScheduleChange, } -> Verdict<ScheduleChanged, ScheduleChangeError>;
    Schedules { seen: u64, } -> Reply<Schedules>;
    Explain { id: RunId, } -> Verdict<Explanation, GetError>;
    ReadLog { request: LogRequest, } -> Verdict<Log, GetError>;
    Delete { id: RunId, } -> Verdict<(), DeleteError>;
    ReleaseIncompatible { runs: Vec<RunId>, } -> Reply<usize>;
    FindByKey { kind: Kind, key: Key, } -> Reply<Option<RunId>>;
    Get { id: RunId, } -> Verdict<Snapshot, GetError>;
    Changed { id: RunId, seen: u64, } -> Verdict<Snapshot, GetError>;
    List { request: PageRequest, } -> Reply<Page>;
    Ended { request: EndedRequest, } -> Verdict<EndedPage, EndedError>;
    Count { request: CountRequest, } -> Reply<Counted>;
    Queues {} -> Reply<Vec<QueueDepth>>;
    Sweep { retentions: Retentions, max: usize, } -> Reply<Swept>;
    Export { after: Option<RunId>, } -> Reply<Exported>;
    Import { runs: Vec<StoredRun>, } -> Reply<Imported>;
    Verify { from: Position, } -> Reply<Checked>;
}

impl Command {
    /// Whether it changes nothing, and wants to see what was committed.
    pub(crate) fn is_read(&self) -> bool {
        matches!(
            self,
            Self::FindByKey { .. }
                | Self::Get { .. }
                | Self::Changed { .. }
                | Self::List { .. }
                | Self::Ended { .. }
                | Self::Count { .. }
                | Self::Queues { .. }
                | Self::StopSignals { .. }
                | Self::Controls { .. }
                | Self::Schedules { .. }
                | Self::Explain { .. }
                | Self::ReadLog { .. }
                | Self::Export { .. }
                | Self::Verify { .. }
        )
    }
}

/// Claims on their way to the caller. One that does not arrive gives them back.
pub(crate) struct Ticket {
    claimed: Vec<Claimed>,
    queue: Arc<Queue>,
}

impl Ticket {
    pub(crate) fn new(claimed: Vec<Claimed>, queue: Arc<Queue>) -> Self {
        Self { claimed, queue }
    }

    /// They arrived.
    pub(crate) fn redeem(mut self) -> Vec<Claimed> {
        mem::take(&mut self.claimed)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.claimed.is_empty() {
            let held = self.claimed.iter().map(|claimed| (claimed.run.id, claimed.run.epoch)).collect();
            self.queue.push_now(Command::GiveBack(held));
        }
    }
}
