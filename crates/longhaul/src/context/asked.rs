//! The metadata of a run without its type, for layers.

use std::any::Any;

/// Holds the metadata of a run, whatever its type.
pub(crate) trait Asked: Send + Sync {
    fn metadata(&self) -> &dyn Any;
}
