//! What is known of a kind without its code.

use crate::{envelope::Codec, limits::KIND_SCHEMA_MAX, name::Kind};

/// What the code of a kind says of it, so that programs without this code can show its runs and make new ones.
///
/// A store keeps one for each kind. It does not look into the schema.
///
/// ```
/// use longhaul_core::{Codec, Kind, store::KindDescription};
///
/// let old = KindDescription::new(Kind::new("export")?, 1, Codec::Json);
/// let new = KindDescription { version: 2, ..old.clone() };
/// assert!(new.replaces(Some(&old)) && !old.replaces(Some(&new)));
/// # Ok::<(), longhaul_core::name::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub struct KindDescription {
    /// The kind, or a former name of it.
    pub kind: Kind,
    /// The name that the kind has now, if `kind` is a former one.
    pub renamed: Option<Kind>,
    /// The newest version of its values.
    pub version: u16,
    /// How new values are encoded.
    pub codec: Codec,
    /// Its values are not to be shown to people.
    pub hides_values: bool,
    /// What people call it; at most [`TITLE_MAX`](crate::limits::TITLE_MAX) bytes.
    pub title: Option<Box<str>>,
    /// The JSON Schema of its values, as JSON; at most [`KIND_SCHEMA_MAX`] bytes.
    pub schema: Option<Box<str>>,
}

impl KindDescription {
    /// Without a title and a schema.
    pub fn new(kind: Kind, version: u16, codec: Codec) -> Self {
        Self { kind, renamed: None, version, codec, hides_values: false, title: None, schema: None }
    }

    /// Whether it is stored in place of `stored`: if there is none, or if it says something else and is not of an older
    /// version. So during a deployment, servers of the old release do not take back what the new release said.
    pub fn replaces(&self, stored: Option<&Self>) -> bool {
        stored.is_none_or(|stored| self.version >= stored.version && self != stored)
    }

    /// For stores, before they keep it: the limits hold.
    ///
    /// # Panics
    /// If the schema or the title is too long. The caller checks that.
    pub fn assert_limits(&self) {
        let Self { kind, schema, title, .. } = self;
        let length = schema.as_ref().map_or(0, |schema| schema.len());
        assert!(length <= KIND_SCHEMA_MAX, "the schema of `{kind}` has {length} bytes, and may have {KIND_SCHEMA_MAX}");
        let (length, max) = (title.as_ref().map_or(0, |title| title.len()), crate::limits::TITLE_MAX);
        assert!(length <= max, "the title of `{kind}` has {length} bytes, and may have {max}");
    }
}
