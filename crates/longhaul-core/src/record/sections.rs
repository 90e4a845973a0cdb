//! What came to a record after format 1, each in a section of its own: whatever a run has none of costs it no byte, and
//! records without sections are written as format 1, byte by byte.
//!
//! ```text
//! 02 | record: as in format 1 | section … | crc32 of the run's id and all before, LE
//! section: tag u8 | length u32, LE | value: bincode, standard configuration
//! ```
//! A tag names its value for ever; the types are frozen as the record is. Sections stand in the order of their tags. One
//! that this code does not know is an error: dropping it would lose what it says.

use longhaul_core::{Lineage, Run, RunId, StateKind, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    Record,
    constraints::ConstraintsV1,
    inbox::InboxPartV1,
    v1::{CONFIG, PaceV1, PartV1, PendingProceedV1, RecordV1, append},
};

/// Before a section's value: its tag and its length.
const HEADER: usize = 5;

/// Names each section that came after format 1: its tag, its field, its frozen type.
macro_rules! sections {
    ($($tag:literal $field:ident: $type:ty,)*) => {
        /// What a record has besides format 1. In an export, a line has its fields by their names.
        #[derive(Clone, Default, Serialize, Deserialize)]
        pub(crate) struct Sections {
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

            fn append(&self, bytes: &mut Vec<u8>) {
                $(append_section(bytes, $tag, self.$field.as_ref());)*
            }

            fn read(&mut self, tag: u8, value: &[u8]) -> Result<(), String> {
                match tag {
                    $($tag => self.$field = Some(read_section(tag, value)?),)*
                    _ => return Err(format!("its section {tag} is of a later release ({} bytes)", value.len())),
                }
                Ok(())
            }
        }
    };
}

// 1 to 3 are what format 1 has in its tail.
const CONSTRAINTS: u8 = 1;
const PACE: u8 = 2;
const PENDING_PROCEED: u8 = 3;

sections! {
    4 begun: BegunV1,
    // When a suspension fails, in microseconds since 1970.
    5 suspension_deadline: i64,
    6 inbox: InboxPartV1,
    7 lineage: LineageV1,
}

/// How many executions began, where that is another number than that of the claims; and whether that of a run which
/// runs has.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct BegunV1 {
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
    /// What `record` has besides format 1.
    pub(super) fn of(record: &Record, inbox: &PartV1<'_>) -> Self {
        let run = &record.run;
        let lineage = LineageV1::of(&run.lineage);
        Self {
            begun: BegunV1::of(run),
            suspension_deadline: run.state.deadline().map(Timestamp::as_micros),
            inbox: InboxPartV1::of(inbox),
            lineage,
        }
    }

    pub(super) fn lineage(&self) -> Lineage {
        self.lineage.as_ref().map(LineageV1::back).unwrap_or_default()
    }
}

/// Which run it is a retry of, and which run it was retried as.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct LineageV1 {
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

/// All sections of a record that has at least one of those that came after format 1.
pub(super) fn append_all(bytes: &mut Vec<u8>, record: &RecordV1<'_>) {
    append_section(bytes, CONSTRAINTS, record.constraints.as_ref());
    append_section(bytes, PACE, record.pace.as_ref());
    append_section(bytes, PENDING_PROCEED, record.kept.as_ref());
    record.sections.append(bytes);
}

fn append_section(bytes: &mut Vec<u8>, tag: u8, value: Option<&impl Serialize>) {
    let Some(value) = value else { return };
    let start = bytes.len();
    bytes.extend_from_slice(&[tag, 0, 0, 0, 0]);
    append(bytes, value);
    let length = (bytes.len() - start - HEADER) as u32;
    bytes[start + 1..start + HEADER].copy_from_slice(&length.to_le_bytes());
}

/// Reads what stands behind a record of format 2.
pub(super) fn read_all<'a>(record: &mut RecordV1<'a>, mut rest: &'a [u8]) -> Result<(), String> {
    let mut last = 0;
    while !rest.is_empty() {
        let (tag, value);
        (tag, value, rest) = split(rest)?;
        if tag <= last {
            return Err(format!("its section {tag} comes after its section {last}"));
        }
        last = tag;
        match tag {
            CONSTRAINTS => record.constraints = Some(read_section::<ConstraintsV1<'a>>(tag, value)?),
            PACE => record.pace = Some(read_section::<PaceV1>(tag, value)?),
            PENDING_PROCEED => record.kept = Some(read_section::<PendingProceedV1>(tag, value)?),
            _ => record.sections.read(tag, value)?,
        }
    }
    Ok(())
}

/// The tag and the value of the first section, and what follows it.
fn split(bytes: &[u8]) -> Result<(u8, &[u8], &[u8]), String> {
    let cut_short = || "a section is cut short".to_owned();
    let (&[tag, a, b, c, d], rest) = bytes.split_first_chunk::<HEADER>().ok_or_else(cut_short)?;
    let length = u32::from_le_bytes([a, b, c, d]) as usize;
    let (value, rest) = rest.split_at_checked(length).ok_or_else(cut_short)?;
    Ok((tag, value, rest))
}

fn read_section<'a, T: Deserialize<'a>>(tag: u8, value: &'a [u8]) -> Result<T, String> {
    let (read, used) = bincode::serde::borrow_decode_from_slice(value, CONFIG)
        .map_err(|error| format!("its section {tag}: {error}"))?;
    if used != value.len() {
        return Err(format!("its section {tag}: {} bytes are left over", value.len() - used));
    }
    Ok(read)
}
