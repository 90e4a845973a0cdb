//! Values as people see them.

use longhaul_core::{Codec, Envelope};
use serde::{Serialize, Serializer};
use serde_json::Value;

/// A stored value, as it can be shown here. Its JSON has the value in `value`, or `null` and why in `text`.
///
/// ```
/// # use longhaul::{doc::{Count, CountUp}, Client, testing};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use longhaul::{ShownContent, Views};
///
/// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
/// let run = client.enqueue::<CountUp>(Count { to: 3 }).await?;
/// let snapshot = client.snapshot(run.id()).await?;
/// let metadata = Views::new().show(&snapshot).metadata; // a program without the code
/// assert!(matches!(metadata.content, ShownContent::Unreadable { .. }));
/// assert_eq!(metadata.to_string(), "1 byte as bincode, version 1: this program does not have the code of `count-up`");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ShownValue {
    /// How it is stored.
    pub codec: Codec,
    /// The version of the type that was stored.
    pub version: u16,
    /// The size of the stored value in bytes, without what belongs to longhaul.
    pub bytes: usize,
    /// What of it can be shown.
    pub content: ShownContent,
}

/// What of a value can be shown.
///
/// ```
/// use longhaul::ShownContent;
///
/// assert_eq!(ShownContent::Value(7.into()).value(), Some(&7.into()));
/// assert_eq!(ShownContent::Hidden.value(), None);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ShownContent {
    /// The value, as the task reads it.
    Value(Value),
    /// The value as the task reads it. It was stored under an older version, and is shown as one of this version.
    Migrated {
        /// The value.
        value: Value,
        /// The version of the code.
        to: u16,
    },
    /// JSON as it is stored: there is no code here that reads it.
    AsStored {
        /// The value.
        value: Value,
        /// Why it was not read.
        why: String,
    },
    /// Not readable here.
    Unreadable {
        /// Why.
        why: String,
    },
    /// The task's values are [not shown](crate::TaskOptions::hide_values).
    Hidden,
}

impl ShownContent {
    /// The value, if there is anything to show.
    pub fn value(&self) -> Option<&Value> {
        match self {
            Self::Value(value) | Self::Migrated { value, .. } | Self::AsStored { value, .. } => Some(value),
            Self::Unreadable { .. } | Self::Hidden => None,
        }
    }

    const fn as_str(&self) -> &'static str {
        match self {
            Self::Value(_) => "value",
            Self::Migrated { .. } => "migrated",
            Self::AsStored { .. } => "as_stored",
            Self::Unreadable { .. } => "unreadable",
            Self::Hidden => "hidden",
        }
    }

    /// What people have to know besides the value.
    fn remark(&self) -> Option<String> {
        match self {
            Self::Value(_) => None,
            Self::Migrated { to, .. } => Some(format!("shown as version {to}")),
            Self::AsStored { why, .. } => Some(format!("shown as it is stored: {why}")),
            Self::Unreadable { why } => Some(why.clone()),
            Self::Hidden => Some("the task does not show its values".into()),
        }
    }
}

impl ShownValue {
    pub(super) fn new(stored: &Envelope, content: ShownContent) -> Self {
        Self { codec: stored.codec(), version: stored.schema_version(), bytes: stored.body().len(), content }
    }

    /// Without the code that reads it.
    pub(super) fn untyped(stored: &Envelope, why: String) -> Self {
        let value = (stored.codec() == Codec::Json).then(|| serde_json::from_slice(stored.body()).ok()).flatten();
        let content = match value {
            Some(value) => ShownContent::AsStored { value, why },
            None => ShownContent::Unreadable { why },
        };
        Self::new(stored, content)
    }
}

impl std::fmt::Display for ShownValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(value) = self.content.value() {
            return write!(f, "{value}");
        }
        let Self { codec, version, bytes, .. } = self;
        let unit = if *bytes == 1 { "byte" } else { "bytes" };
        let why = self.content.remark().unwrap_or_default();
        write!(f, "{bytes} {unit} as {codec}, version {version}: {why}")
    }
}

#[derive(Serialize)]
struct View<'a> {
    value: Option<&'a Value>,
    content: &'static str,
    codec: String,
    version: u16,
    bytes: usize,
    text: Option<String>,
}

impl Serialize for ShownValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { codec, version, bytes, content } = self;
        View {
            value: content.value(),
            content: content.as_str(),
            codec: codec.to_string(),
            version: *version,
            bytes: *bytes,
            text: content.remark(),
        }
        .serialize(serializer)
    }
}

/// The values of a run. From [`Views::show`](crate::Views::show).
///
/// ```
/// # use longhaul::{doc::{Count, CountUp}, Client, testing};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use longhaul::Views;
///
/// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
/// let run = client.enqueue::<CountUp>(Count { to: 3 }).await?;
/// let shown = Views::new().task::<CountUp>().show(&client.snapshot(run.id()).await?);
/// assert_eq!(serde_json::to_value(&shown)?["metadata"]["value"]["to"], 3);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ShownValues {
    /// What was asked.
    pub metadata: ShownValue,
    /// The execution metadata that the first attempt began with; `None`: the type's default.
    pub initial: Option<ShownValue>,
    /// How far the run is; `None`: the type's default.
    pub execution_metadata: Option<ShownValue>,
    /// The result of a completed run.
    pub result: Option<ShownValue>,
    /// The typed error of a run that failed or was cancelled, or of its latest failure.
    pub error: Option<ShownValue>,
}
