//! What a run has beyond format 1, each in a section of its own behind the record. A run that has none of it is written as
//! format 1, byte by byte.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    bytes::{CONFIG, append},
    family::{AfterV1, AwaitsV1, BatchV1, OnCancelV1, ParentV1},
    inbox::InboxPartV1,
    part::PartV1,
};
use crate::{
    family::{After, Awaits, Batch, OnCancel},
    id::RunId,
    lineage::Lineage,
    name::{Key, NameError},
    order::{AfterFailure, OrderTurn, Ordered},
    run::Run,
    state::StateKind,
    time::{Due, Timestamp},
};

/// Before a section's value: its tag and its length.
const HEADER: usize = 5;

/// Names each section that came after format 1: its tag, its field, its frozen type.
macro_rules! sections {
    ($($tag:literal $field:ident: $type:ty,)*) => {
        /// What a run has beyond format 1. A line of an export has the fields by their names.
        #[derive(Clone, Default, Serialize, Deserialize)]
        pub(super) struct Sections {
            $(
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub(super) $field: Option<$type>,
            )*
        }

        impl Sections {
            /// Whether the record can be written as format 1.
            pub(super) fn is_empty(&self) -> bool {
                true $(&& self.$field.is_none())*
            }

            pub(super) fn append(&self, bytes: &mut Vec<u8>) {
                $(append_section(bytes, $tag, self.$field.as_ref());)*
            }

            pub(super) fn read(&mut self, tag: u8, value: &[u8]) -> Result<(), String> {
                match tag {
                    $($tag => self.$field = Some(read_section(tag, value)?),)*
                    _ => return Err(format!("its section {tag} is of a later release ({} bytes)", value.len())),
                }
                Ok(())
            }
        }
    };
}

sections! {
    // 1 to 3 are what format 1 has in its tail.
    4 begun: BegunV1,
    // When a suspension fails, in microseconds since 1970.
    5 suspension_deadline: i64,
    6 inbox: InboxPartV1,
    7 lineage: LineageV1,
    // When a run expires that has not begun by then.
    8 expires: DueV1,
    9 parent: ParentV1,
    10 awaits: AwaitsV1,
    // Its order key, and its place among the runs of that key.
    11 ordered: OrderedV1,
    // Which runs it comes after, and what becomes of its children when it is cancelled.
    12 after: AfterV1,
    13 on_cancel: OnCancelV1,
    // The batch that it is the callback of, and what it waits for of that.
    14 batch: BatchV1,
}

/// How many executions began, if that is not the number of claims; and whether the current claim has begun.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct BegunV1 {
    pub(super) attempts: u32,
    pub(super) begun: bool,
}

impl BegunV1 {
    fn of(run: &Run) -> Option<Self> {
        let Run { attempts, begun, .. } = *run;
        let plain = attempts == run.epoch.0 && begun == (run.state.kind() == StateKind::Running);
        (!plain).then_some(Self { attempts, begun })
    }
}

impl Sections {
    /// What `run` has beyond format 1.
    pub(super) fn of(run: &Run, inbox: &PartV1<'_>) -> Self {
        Self {
            begun: BegunV1::of(run),
            suspension_deadline: run.state.deadline().map(Timestamp::as_micros),
            inbox: InboxPartV1::of(inbox),
            lineage: LineageV1::of(&run.lineage),
            expires: run.constraints().expires.map(DueV1::of),
            ordered: run.constraints().ordered.as_ref().map(|ordered| OrderedV1::of(ordered, run.turn)),
            parent: run.parent().map(ParentV1::of),
            awaits: run.awaits.as_deref().and_then(AwaitsV1::of),
            after: run.constraints().after.as_ref().map(AfterV1::of),
            on_cancel: OnCancelV1::of(run.constraints().on_cancel),
            batch: run.constraints().batch.map(|batch| BatchV1::of(batch, run.awaits.as_deref())),
        }
    }

    pub(super) fn relations(&self) -> (Option<After>, OnCancel) {
        let on_cancel = self.on_cancel.as_ref().map(OnCancelV1::back).unwrap_or_default();
        (self.after.as_ref().map(AfterV1::back), on_cancel)
    }

    pub(super) fn batch(&self) -> Option<Batch> {
        self.batch.as_ref().map(BatchV1::back)
    }

    /// What it waits for, wherever that stands.
    pub(super) fn awaits(&self) -> Option<Awaits> {
        let members = self.batch.as_ref().and_then(BatchV1::awaits);
        members.or_else(|| self.awaits.as_ref().map(AwaitsV1::back))
    }

    pub(super) fn lineage(&self) -> Lineage {
        self.lineage.as_ref().map(LineageV1::back).unwrap_or_default()
    }
}

/// The run that this one is a retry of, and the run that it was retried as.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct LineageV1 {
    predecessor: Option<RunId>,
    successor: Option<RunId>,
    retried: Option<i64>,
}

impl LineageV1 {
    fn of(lineage: &Lineage) -> Option<Self> {
        let Lineage { predecessor, successor, retried } = *lineage;
        (!lineage.is_empty()).then(|| Self { predecessor, successor, retried: retried.map(Timestamp::as_micros) })
    }

    fn back(&self) -> Lineage {
        let Self { predecessor, successor, retried } = *self;
        Lineage { predecessor, successor, retried: retried.map(Timestamp::from_micros) }
    }
}

/// A time, or a wait from when the run was enqueued.
#[derive(Clone, Serialize, Deserialize)]
pub(super) enum DueV1 {
    At(i64),
    After(Duration),
}

impl DueV1 {
    fn of(due: Due) -> Self {
        match due {
            Due::At(at) => Self::At(at.as_micros()),
            Due::After(wait) => Self::After(wait),
        }
    }

    pub(super) fn back(&self) -> Due {
        match self {
            Self::At(at) => Due::At(Timestamp::from_micros(*at)),
            Self::After(wait) => Due::After(*wait),
        }
    }
}

/// The order that a run keeps.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct OrderedV1 {
    key: String,
    after_failure: AfterFailureV1,
    turn: Option<TurnV1>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
enum AfterFailureV1 {
    Stop,
    Skip,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct TurnV1 {
    position: u64,
    behind: bool,
    dismissed: bool,
}

impl OrderedV1 {
    fn of(ordered: &Ordered, turn: Option<OrderTurn>) -> Self {
        let turn = turn.map(|OrderTurn { position, behind, dismissed }| TurnV1 { position, behind, dismissed });
        let after_failure = match ordered.after_failure {
            AfterFailure::Stop => AfterFailureV1::Stop,
            AfterFailure::Skip => AfterFailureV1::Skip,
        };
        Self { key: ordered.key.as_str().to_owned(), after_failure, turn }
    }

    pub(super) fn back(&self) -> Result<Ordered, NameError> {
        let after_failure = match self.after_failure {
            AfterFailureV1::Stop => AfterFailure::Stop,
            AfterFailureV1::Skip => AfterFailure::Skip,
        };
        Ok(Ordered { key: Key::new(&self.key)?, after_failure })
    }

    pub(super) fn turn(&self) -> Option<OrderTurn> {
        self.turn.map(|TurnV1 { position, behind, dismissed }| OrderTurn { position, behind, dismissed })
    }
}

pub(super) fn append_section(bytes: &mut Vec<u8>, tag: u8, value: Option<&impl Serialize>) {
    let Some(value) = value else { return };
    let start = bytes.len();
    bytes.extend_from_slice(&[tag, 0, 0, 0, 0]);
    append(bytes, value);
    let length = (bytes.len() - start - HEADER) as u32;
    bytes[start + 1..start + HEADER].copy_from_slice(&length.to_le_bytes());
}

/// The tag and the value of the first section, and what follows it.
pub(super) fn split(bytes: &[u8]) -> Result<(u8, &[u8], &[u8]), String> {
    let cut_short = || "a section is cut short".to_owned();
    let (&[tag, a, b, c, d], rest) = bytes.split_first_chunk::<HEADER>().ok_or_else(cut_short)?;
    let length = u32::from_le_bytes([a, b, c, d]) as usize;
    let (value, rest) = rest.split_at_checked(length).ok_or_else(cut_short)?;
    Ok((tag, value, rest))
}

pub(super) fn read_section<'a, T: Deserialize<'a>>(tag: u8, value: &'a [u8]) -> Result<T, String> {
    let (read, used) = bincode::serde::borrow_decode_from_slice(value, CONFIG)
        .map_err(|error| format!("its section {tag}: {error}"))?;
    if used != value.len() {
        return Err(format!("its section {tag}: {} bytes are left over", value.len() - used));
    }
    Ok(read)
}
