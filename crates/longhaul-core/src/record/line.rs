//! What is kept, as lines of JSON: the form of an export, and of a copy from store to store.
//!
//! The first line is a header with the version; each of the others is a control, a schedule or a run. Values are
//! hexadecimal, everything else can be read by people. A line is the frozen record as text, so it can be read for as long
//! as records can. Version 1 holds runs only. Version 3 came with sections of records, which code that reads version 2
//! would drop silently.

use std::{borrow::Cow, fmt, sync::Arc};

use serde::{Deserialize, Serialize, de::IgnoredAny};

use super::{
    blob::Blob,
    constraints::ConstraintsV1,
    control::{ControlV1, More, MoreV1, MoreV2},
    damage::Damage,
    fields::{PaceV1, PendingProceedV1},
    part::{Part, PartV1},
    sections::Sections,
    tags::tags_bytes,
    tail::Tail,
    v1::{RecordV1, RecordedRun},
    values::Values,
};
use crate::{
    admission::controls::{Control, Scope},
    id::RunId,
    limits::SCHEDULE_MAX,
    name::{Key, Kind, Queue, ScheduleName},
    stored::StoredRun,
};

/// The name of the format in the header.
pub const LINES_FORMAT: &str = "longhaul-export";
/// The version of the lines that are written.
pub const LINES_VERSION: u32 = 3;
/// The oldest version of lines that is read.
pub const LINES_VERSION_MIN: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Header {
    format: String,
    version: u32,
}

#[derive(Serialize, Deserialize)]
struct RunLine<'a> {
    id: RunId,
    #[serde(borrow)]
    run: RecordV1<'a>,
    #[serde(default, rename = "terms", skip_serializing_if = "Option::is_none")]
    constraints: Option<ConstraintsV1<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pace: Option<PaceV1>,
    #[serde(default, rename = "proceed_at", skip_serializing_if = "Option::is_none")]
    pending_proceed: Option<PendingProceedV1>,
    #[serde(flatten)]
    sections: Sections,
}

#[derive(Serialize, Deserialize)]
struct ControlLine {
    scope: ScopeV1,
    control: ControlV1,
}

/// A control that has more than version 1. Code that does not know it refuses the line.
#[derive(Serialize, Deserialize)]
struct ControlLine2 {
    scope: ScopeV1,
    control_2: ControlV1,
    more: MoreV1,
}

/// A control that has more than version 2.
#[derive(Serialize, Deserialize)]
struct ControlLine3 {
    scope: ScopeV1,
    control_3: ControlV1,
    more: MoreV2,
}

impl ScopeV1 {
    fn back(&self) -> Result<Scope, LineError> {
        match self {
            Self::Queue(name) => Queue::new(name).map(Scope::Queue).map_err(LineError::new),
            Self::Kind(name) => Kind::new(name).map(Scope::Kind).map_err(LineError::new),
            Self::Server(id) => id.parse().map(Scope::Server).map_err(LineError::new),
            Self::LimitKey(kind, key) => {
                let kind = Kind::new(kind).map_err(LineError::new)?;
                Ok(Scope::LimitKey(kind, Key::new(key).map_err(LineError::new)?))
            }
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ScopeV1 {
    Queue(Box<str>),
    Kind(Box<str>),
    Server(Box<str>),
    /// Code that does not know it refuses the line.
    #[serde(rename = "limit_key")]
    LimitKey(Box<str>, Box<str>),
}

#[derive(Serialize, Deserialize)]
struct ScheduleLine<'a> {
    schedule: Box<str>,
    #[serde(borrow)]
    value: Blob<'a>,
}

/// What a line holds.
///
/// ```
/// use longhaul_core::{StoredRun, doc, record::{Line, LineError, read_line, run_line}};
///
/// let stored = StoredRun::enqueue(doc::NOW, doc::new_run());
/// let Line::Run(read) = read_line(&run_line(&stored))? else { panic!("it was a run") };
/// assert_eq!(*read, stored);
/// # Ok::<(), LineError>(())
/// ```
///
/// Exhaustive on purpose: an import that does not know one of them would lose it.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a store or an executor that leaves a case out should not compile")]
#[expect(clippy::large_enum_variant, reason = "a line is taken apart as soon as it is read")]
pub enum Line {
    /// A run with all its values.
    Run(Box<StoredRun>),
    /// The pause and the limits of a queue or a kind.
    Control(Scope, Control),
    /// A schedule, as it was encoded by the server that made it.
    Schedule(ScheduleName, Arc<[u8]>),
}

/// Why a line cannot be read.
///
/// ```
/// assert!(longhaul_core::record::read_line("{").unwrap_err().to_string().contains("EOF"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LineError(Box<str>);

impl LineError {
    fn new(reason: impl fmt::Display) -> Self {
        Self(reason.to_string().into())
    }
}

/// The first line, without the line break at its end, as the others.
///
/// ```
/// assert_eq!(longhaul_core::record::header_line(), r#"{"format":"longhaul-export","version":3}"#);
/// ```
pub fn header_line() -> String {
    json(&Header { format: LINES_FORMAT.into(), version: LINES_VERSION })
}

/// The version that a first line names, if it is the header of lines that this release reads.
///
/// ```
/// use longhaul_core::record::{LINES_VERSION, header_line, read_header};
///
/// assert_eq!(read_header(&header_line()), Some(LINES_VERSION));
/// assert_eq!(read_header("{}"), None);
/// ```
pub fn read_header(line: &str) -> Option<u32> {
    let Header { format, version } = serde_json::from_str(line).ok()?;
    (format == LINES_FORMAT && (LINES_VERSION_MIN..=LINES_VERSION).contains(&version)).then_some(version)
}

/// A run as a line, with all its values in it.
///
/// ```
/// use longhaul_core::{StoredRun, doc, record::run_line};
///
/// let stored = StoredRun::enqueue(doc::NOW, doc::new_run());
/// assert!(run_line(&stored).starts_with(&format!(r#"{{"id":"{}","#, stored.run.id)));
/// ```
pub fn run_line(stored: &StoredRun) -> String {
    let values = Values::of(stored);
    let parts = Part::ALL.map(|part| match (values.get(part), part) {
        // Runs without tags have always been written with none, not without.
        (None, Part::Tags) => PartV1::Inline(Blob(Cow::Owned(tags_bytes(&[])))),
        (value, _) => value.map_or(PartV1::Absent, |value| PartV1::Inline(Blob(Cow::Borrowed(value)))),
    });
    let mut run = RecordV1::of(stored, parts);
    let Tail { constraints, pace, pending_proceed, sections } = std::mem::take(&mut run.tail);
    json(&RunLine { id: stored.run.id, run, constraints, pace, pending_proceed, sections })
}

/// A control as a line.
///
/// ```
/// use longhaul_core::{Control, Queue, Scope, record::{Line, control_line, read_line}};
///
/// let scope = Scope::Queue(Queue::default());
/// let line = control_line(&scope, &Control::default());
/// assert_eq!(read_line(&line), Ok(Line::Control(scope, Control::default())));
/// ```
pub fn control_line(scope: &Scope, control: &Control) -> String {
    let scope = match scope {
        Scope::Queue(queue) => ScopeV1::Queue(queue.as_str().into()),
        Scope::Kind(kind) => ScopeV1::Kind(kind.as_str().into()),
        Scope::Server(server) => ScopeV1::Server(server.to_string().into()),
        Scope::LimitKey(kind, key) => ScopeV1::LimitKey(kind.as_str().into(), key.as_str().into()),
    };
    let control_v1 = ControlV1::of(control);
    match More::of(control) {
        More::Nothing => json(&ControlLine { scope, control: control_v1 }),
        More::V1(more) => json(&ControlLine2 { scope, control_2: control_v1, more }),
        More::V2(more) => json(&ControlLine3 { scope, control_3: control_v1, more }),
    }
}

/// A schedule as a line; `value` is what the store holds of it.
///
/// ```
/// use longhaul_core::{ScheduleName, record::{Line, read_line, schedule_line}};
///
/// let name = ScheduleName::new("nightly")?;
/// assert_eq!(read_line(&schedule_line(&name, b"42")), Ok(Line::Schedule(name, b"42".to_vec().into())));
/// # Ok::<(), longhaul_core::name::NameError>(())
/// ```
pub fn schedule_line(name: &ScheduleName, value: &[u8]) -> String {
    json(&ScheduleLine { schedule: name.as_str().into(), value: Blob(Cow::Borrowed(value)) })
}

fn json(line: &impl Serialize) -> String {
    serde_json::to_string(line).expect("our own records can be written")
}

/// A control and a schedule are recognised by a key that only they have.
#[derive(Deserialize)]
struct Keys {
    control: Option<IgnoredAny>,
    control_2: Option<IgnoredAny>,
    control_3: Option<IgnoredAny>,
    schedule: Option<IgnoredAny>,
}

/// Reads a line that is not the first.
///
/// ```
/// assert!(longhaul_core::record::read_line("{}").is_err(), "it holds nothing");
/// ```
pub fn read_line(line: &str) -> Result<Line, LineError> {
    match serde_json::from_str(line).map_err(LineError::new)? {
        Keys { control: Some(_), .. } => {
            let ControlLine { scope, control } = serde_json::from_str(line).map_err(LineError::new)?;
            Ok(Line::Control(scope.back()?, control.back(&MoreV2::default()).map_err(LineError::new)?))
        }
        Keys { control_2: Some(_), .. } => {
            let ControlLine2 { scope, control_2, more } = serde_json::from_str(line).map_err(LineError::new)?;
            Ok(Line::Control(scope.back()?, control_2.back(&more.into()).map_err(LineError::new)?))
        }
        Keys { control_3: Some(_), .. } => {
            let ControlLine3 { scope, control_3, more } = serde_json::from_str(line).map_err(LineError::new)?;
            Ok(Line::Control(scope.back()?, control_3.back(&more).map_err(LineError::new)?))
        }
        Keys { schedule: Some(_), .. } => {
            let ScheduleLine { schedule, value } = serde_json::from_str(line).map_err(LineError::new)?;
            let (name, length) = (ScheduleName::new(&schedule).map_err(LineError::new)?, value.0.len());
            if length > SCHEDULE_MAX {
                let reason = format!("the schedule `{name}` has {length} bytes, of at most {SCHEDULE_MAX}");
                return Err(LineError::new(reason));
            }
            Ok(Line::Schedule(name, value.0.into()))
        }
        Keys { .. } => read_run_line(line).map(|stored| Line::Run(Box::new(stored))),
    }
}

fn read_run_line(line: &str) -> Result<StoredRun, LineError> {
    let RunLine { id, run: mut frozen, constraints, pace, pending_proceed, sections } =
        serde_json::from_str(line).map_err(LineError::new)?;
    frozen.tail = Tail { constraints, pace, pending_proceed, sections };
    let fetch = &mut |_, _| Err(Damage::of_run(id, "one of its values is elsewhere"));
    RecordedRun { id, frozen }.stored(fetch).map_err(LineError::new)
}
