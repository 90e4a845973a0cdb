//! How times are written; the rules of `longhaul::json` hold.

use longhaul::Timestamp;
use serde::{Serialize, Serializer};

/// RFC 3339.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands in a reference to the field")]
pub(crate) fn time<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

/// RFC 3339, or `null`.
#[expect(clippy::ref_option, reason = "serde hands in a reference to the field")]
pub(crate) fn optional_time<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    at.map(|at| at.to_string()).serialize(serializer)
}
