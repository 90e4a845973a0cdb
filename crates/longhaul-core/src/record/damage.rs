//! Bytes that cannot be read.

use std::{fmt, sync::Arc};

use crate::{id::RunId, store::StoreError};

/// The bytes that were read are not the bytes that were written, or were written by a later release.
///
/// ```
/// use longhaul_core::{RunId, record};
///
/// let id = RunId::from_bytes([7; 16]);
/// let Err(damage) = record::read(id, b"?") else { panic!("that is no record") };
/// assert_eq!(damage.to_string(), format!("{id} is damaged: its record is cut short"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} is damaged: {reason}")]
#[non_exhaustive]
pub struct Damage {
    /// What cannot be read: the id of a run, or the name of something else that is kept.
    pub what: Arc<str>,
    /// Why not, in words.
    pub reason: Arc<str>,
}

impl Damage {
    /// `what` cannot be read.
    pub fn of(what: impl Into<Arc<str>>, reason: impl Into<Arc<str>>) -> Self {
        Self { what: what.into(), reason: reason.into() }
    }

    /// A run cannot be read.
    pub fn of_run(id: RunId, reason: impl fmt::Display) -> Self {
        Self::of(id.to_string(), format!("{reason}"))
    }
}

impl From<Damage> for StoreError {
    fn from(Damage { what, reason }: Damage) -> Self {
        Self::Corrupt { what, reason }
    }
}
