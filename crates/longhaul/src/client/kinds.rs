//! The kinds that a store knows, without their code.

use longhaul_core::{Codec, Kind, StoreError, store::KindDescription};
use serde::Serialize;

use super::Client;
use crate::task::KindSchema;

/// What a store knows of a kind, without its code. See [`Client::kinds`].
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
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn name_of_codec<S: serde::Serializer>(codec: &Codec, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(codec.name())
}

impl KindInfo {
    /// Whether a program without the code can ask people for metadata, and write what they enter: the kind has a schema,
    /// its values are JSON, and they are not hidden.
    pub fn has_form(&self) -> bool {
        self.schema.is_some() && self.codec == Codec::Json && !self.hides_values
    }

    fn of(description: KindDescription) -> Self {
        let KindDescription { kind, renamed, version, codec, hides_values, title, schema } = description;
        let schema = schema.and_then(|schema| match serde_json::from_str(&schema) {
            Ok(schema) => Some(schema),
            Err(error) => {
                tracing::warn!(%kind, %error, "the stored schema of this kind cannot be read, so none is shown");
                None
            }
        });
        Self { kind, renamed, version, codec, hides_values, title: title.map(String::from), schema }
    }
}

impl Client {
    /// What is known of each kind that a server has registered, by name; former names are listed too. It comes from the
    /// store, so it needs no code of the kinds, and stays when the servers are gone.
    ///
    /// A server registers its kinds when it starts. Where servers differ, the newest [version](crate::Task::VERSION)
    /// of a kind is kept, and of the same version the latest.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn kinds(&self) -> Result<Vec<KindInfo>, StoreError> {
        Ok(self.store().kinds().await?.into_iter().map(KindInfo::of).collect())
    }
}
