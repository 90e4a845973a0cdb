//! What a store knows of a kind, without its code.

use longhaul_core::{Codec, Kind, Queue, store::KindDescription};
use serde::Serialize;

use crate::{
    run_defaults::{RunDefaults, StoredSchema},
    task::KindSchema,
};

/// What a store knows of a kind, without its code. See [`Client::kinds`](crate::Client::kinds).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), longhaul::StoreError> {
/// # let client = longhaul::doc::client();
/// for kind in client.kinds().await? {
///     println!("{}: {}", kind.kind, kind.title.as_deref().unwrap_or("no title"));
///     if kind.has_form() {
///         println!("  is asked: {}", kind.schema.expect("it has a form").metadata);
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct KindInfo {
    /// The kind, or a former name of it.
    pub kind: Kind,
    /// The name that the kind has now, if `kind` is a former one.
    pub renamed: Option<Kind>,
    /// The newest version of its values that a server has registered.
    pub version: u16,
    /// How new values are encoded. Programs without the code can read JSON only.
    #[serde(serialize_with = "name_of_codec")]
    pub codec: Codec,
    /// Its values are not to be shown to people: see [`TaskOptions::hide_values`](crate::TaskOptions::hide_values).
    pub hides_values: bool,
    /// What people call it: see [`TaskOptions::title`](crate::TaskOptions::title).
    pub title: Option<String>,
    /// The JSON Schema of its values: see [`TaskOptions::schema`](crate::TaskOptions::schema).
    pub schema: Option<KindSchema>,
    #[serde(skip)]
    pub(crate) defaults: Option<RunDefaults>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn name_of_codec<S: serde::Serializer>(codec: &Codec, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(codec.name())
}

impl KindInfo {
    /// Whether a program without the code can ask people for metadata, and enqueue a run with what they enter: the kind
    /// has a schema, its values are JSON, they are not hidden, and it has no limit by a key, which only code computes.
    /// A kind that an older release registered has none until a server registers it anew.
    pub fn has_form(&self) -> bool {
        let has_defaults = self.defaults.as_ref().is_some_and(|defaults| !defaults.limits_by_key);
        has_defaults && self.schema.is_some() && self.codec == Codec::Json && !self.hides_values
    }

    /// The queue of its runs where nothing else is said; `None` where a program without the code cannot know it.
    pub fn queue(&self) -> Option<&Queue> {
        Some(&self.defaults.as_ref()?.queue)
    }

    pub(crate) fn of(description: KindDescription) -> Self {
        let KindDescription { kind, renamed, version, codec, hides_values, title, schema } = description;
        let stored = schema.and_then(|schema| match serde_json::from_str::<StoredSchema>(&schema) {
            Ok(stored) => Some(stored),
            Err(error) => {
                tracing::warn!(%kind, %error, "the stored schema of this kind cannot be read, so none is shown");
                None
            }
        });
        let (schema, defaults) = stored.map(|stored| (stored.schema, stored.defaults)).unzip();
        let (title, defaults) = (title.map(String::from), defaults.flatten());
        Self { kind, renamed, version, codec, hides_values, title, schema, defaults }
    }
}
