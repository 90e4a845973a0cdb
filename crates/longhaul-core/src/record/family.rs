//! Whose child a run is, which runs it waits for, and its batch. Each is a section. Frozen.

use serde::{Deserialize, Serialize};

use crate::{
    family::{After, AwaitedRuns, Awaits, Batch, CallbackWhen, OnCancel, Parent},
    id::{Epoch, RunId},
    name::{Key, NameError},
    time::Timestamp,
};

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct ParentV1 {
    id: RunId,
    epoch: Option<u32>,
    name: String,
    depth: u8,
}

impl ParentV1 {
    pub(super) fn of(parent: &Parent) -> Self {
        let Parent { id, epoch, name, depth } = parent;
        Self { id: *id, epoch: epoch.map(|epoch| epoch.0), name: name.as_str().to_owned(), depth: *depth }
    }

    pub(super) fn back(&self) -> Result<Parent, NameError> {
        let Self { id, epoch, name, depth } = self;
        Ok(Parent { id: *id, epoch: epoch.map(Epoch), name: Key::new(name)?, depth: *depth })
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct AwaitsV1 {
    runs: AwaitedRunsV1,
    success_only: bool,
    not_before: Option<i64>,
}

#[derive(Clone, Serialize, Deserialize)]
enum AwaitedRunsV1 {
    AllChildren,
    AnyChild { seen: u64 },
    Runs { open: Vec<RunId>, any: bool },
}

impl AwaitsV1 {
    /// `None`: it waits for the members of its batch, which has a section of its own.
    pub(super) fn of(awaits: &Awaits) -> Option<Self> {
        let Awaits { runs, success_only, not_before } = awaits;
        let runs = match runs {
            AwaitedRuns::AllChildren => AwaitedRunsV1::AllChildren,
            AwaitedRuns::AnyChild { seen } => AwaitedRunsV1::AnyChild { seen: *seen },
            AwaitedRuns::Runs { open, any } => AwaitedRunsV1::Runs { open: open.clone(), any: *any },
            AwaitedRuns::Members { .. } => return None,
        };
        Some(Self { runs, success_only: *success_only, not_before: not_before.map(Timestamp::as_micros) })
    }

    pub(super) fn back(&self) -> Awaits {
        let Self { runs, success_only, not_before } = self;
        let runs = match runs {
            AwaitedRunsV1::AllChildren => AwaitedRuns::AllChildren,
            AwaitedRunsV1::AnyChild { seen } => AwaitedRuns::AnyChild { seen: *seen },
            AwaitedRunsV1::Runs { open, any } => AwaitedRuns::Runs { open: open.clone(), any: *any },
        };
        Awaits { runs, success_only: *success_only, not_before: not_before.map(Timestamp::from_micros) }
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct AfterV1 {
    runs: Vec<RunId>,
    success_only: bool,
}

impl AfterV1 {
    pub(super) fn of(after: &After) -> Self {
        Self { runs: after.runs.clone(), success_only: after.success_only }
    }

    pub(super) fn back(&self) -> After {
        After { runs: self.runs.clone(), success_only: self.success_only }
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) enum OnCancelV1 {
    Leave,
    Wait,
}

impl OnCancelV1 {
    /// What is the case without a word needs no section.
    pub(super) fn of(on_cancel: OnCancel) -> Option<Self> {
        match on_cancel {
            OnCancel::Cancel => None,
            OnCancel::Leave => Some(Self::Leave),
            OnCancel::Wait => Some(Self::Wait),
        }
    }

    pub(super) fn back(&self) -> OnCancel {
        match self {
            Self::Leave => OnCancel::Leave,
            Self::Wait => OnCancel::Wait,
        }
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct BatchV1 {
    callback: CallbackWhenV1,
    of: Option<RunId>,
    /// That it waits for its members.
    waits: Option<WaitsV1>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
enum CallbackWhenV1 {
    AllFinal,
    AllCompleted,
    AnyFailed,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct WaitsV1 {
    added: bool,
    not_before: Option<i64>,
}

impl BatchV1 {
    pub(super) fn of(batch: Batch, awaits: Option<&Awaits>) -> Self {
        let callback = match batch.callback {
            CallbackWhen::AllFinal => CallbackWhenV1::AllFinal,
            CallbackWhen::AllCompleted => CallbackWhenV1::AllCompleted,
            CallbackWhen::AnyFailed => CallbackWhenV1::AnyFailed,
        };
        let waits = match awaits {
            Some(Awaits { runs: AwaitedRuns::Members { added, .. }, not_before, .. }) => {
                Some(WaitsV1 { added: *added, not_before: not_before.map(Timestamp::as_micros) })
            }
            _ => None,
        };
        Self { callback, of: batch.of, waits }
    }

    pub(super) fn back(&self) -> Batch {
        let callback = match self.callback {
            CallbackWhenV1::AllFinal => CallbackWhen::AllFinal,
            CallbackWhenV1::AllCompleted => CallbackWhen::AllCompleted,
            CallbackWhenV1::AnyFailed => CallbackWhen::AnyFailed,
        };
        Batch { callback, of: self.of }
    }

    pub(super) fn awaits(&self) -> Option<Awaits> {
        let WaitsV1 { added, not_before } = self.waits?;
        let runs = AwaitedRuns::Members { added, callback: self.back().callback };
        Some(Awaits { runs, success_only: false, not_before: not_before.map(Timestamp::from_micros) })
    }
}
