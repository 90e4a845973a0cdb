//! The shape of a type as serde sees it: fields, variants, options, numbers and their order, down to the leaves.
//!
//! bincode writes no names, so a type that changed between two versions of a program may read old bytes as something
//! else, without an error. A [`Fingerprint`] of the shape stands beside each stored value and tells.
//!
//! The shape is found by asking: `T::deserialize` is run with a deserializer that notes what the type asks for and
//! answers with samples, again and again, until each variant and each option was seen (`walk.rs` says how). What a
//! type hides, it hides here too: behind `deserialize_any` (untagged enums, `serde_json::Value`), or behind a
//! validation that none of our samples passes, there is only `?`, and a change in there is not noticed.
//!
//! The text and the order of the samples are part of the stored format: other fingerprints for the same types would
//! make every stored value look changed. `tests.rs` pins some.

mod leaf;
mod node;
mod text;
mod tracer;
mod walk;

#[cfg(test)]
mod tests;

use std::fmt;

use serde::de::DeserializeOwned;

/// A digest of a type's shape: equal for types that bincode reads from each other's bytes, name by name and field by
/// field.
///
/// It changes when a field or variant is added, removed, renamed or moved, when a field's type changes, and when it
/// becomes an `Option`. The names of the types themselves do not count, nor newtypes: `struct Id(u64)` is a `u64`.
/// It is the same in every process, on every platform and for every build of the same type.
///
/// ```
/// use longhaul_core::shape::{Fingerprint, fingerprint_of};
///
/// assert_eq!(fingerprint_of::<Vec<u32>>(), fingerprint_of::<std::collections::BTreeSet<u32>>());
/// assert_ne!(fingerprint_of::<u32>(), fingerprint_of::<Option<u32>>());
/// assert_eq!(Fingerprint(0xC0FFEE).to_string(), "00c0ffee");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "it is a number with a name")]
pub struct Fingerprint(pub u32);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// The fingerprint of `T`. It takes microseconds for a plain struct, and is bounded for every type; still, ask once
/// for each type and keep the answer.
///
/// ```
/// # use serde::Deserialize;
/// use longhaul_core::shape::fingerprint_of;
///
/// #[derive(Deserialize)]
/// struct Cursor { last_id: u64, rows: u64 }
/// #[derive(Deserialize)]
/// struct Swapped { rows: u64, last_id: u64 }
///
/// assert_ne!(fingerprint_of::<Cursor>(), fingerprint_of::<Swapped>());
/// ```
pub fn fingerprint_of<T: DeserializeOwned>() -> Fingerprint {
    Fingerprint(crc32fast::hash(describe::<T>().as_bytes()))
}

/// The shape of `T` as text, of which the fingerprint is the digest: to see what changed.
///
/// ```
/// # use serde::Deserialize;
/// use longhaul_core::shape::describe;
///
/// #[derive(Deserialize)]
/// enum Step { List, Read { files: u32, last: Option<String> }, Merge(Vec<Step>) }
///
/// assert_eq!(describe::<Step>(), "<List | Read{files: u32, last: option(str)} | Merge(seq(^2))>");
/// ```
pub fn describe<T: DeserializeOwned>() -> String {
    let nodes = walk::Walk::of(&mut |walk| T::deserialize(tracer::Tracer::root(walk)).is_ok());
    text::render(&nodes)
}
