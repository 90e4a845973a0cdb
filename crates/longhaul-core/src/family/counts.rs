//! How many children a run has, by how far they are.

use std::fmt;

use crate::state::StateKind;

/// How many children a run has. Stores keep it with each change, so a look costs the same for ten children as for ten
/// thousand. Of a child that was retried by hand the newest run counts.
///
/// ```
/// use longhaul_core::{ChildCounts, StateKind, doc};
///
/// let mut counts = ChildCounts::default();
/// counts.moved(None, Some(StateKind::Pending));
/// counts.moved(Some(StateKind::Pending), Some(StateKind::Failed));
/// assert_eq!((counts.total, counts.failed, counts.open()), (1, 1, 0));
/// assert_eq!(counts.to_string(), "1 of 1, 1 failed");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, serde::Serialize)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct ChildCounts {
    /// All that are there.
    pub total: u64,
    /// Those that completed.
    pub completed: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that were cancelled.
    pub cancelled: u64,
    /// How many ends of children there have been. It never falls: neither a retry nor a removal takes an end back.
    pub ends: u64,
}

impl ChildCounts {
    /// Those that are final.
    pub const fn finished(&self) -> u64 {
        self.completed + self.failed + self.cancelled
    }

    /// Those that are not final.
    pub const fn open(&self) -> u64 {
        self.total.saturating_sub(self.finished())
    }

    /// A child counted as `before`, and counts as `after`; `None`: it was not there, or is not there any more.
    pub fn moved(&mut self, before: Option<StateKind>, after: Option<StateKind>) {
        if let Some(state) = before {
            self.total = self.total.saturating_sub(1);
            if let Some(count) = self.of(state) {
                *count = count.saturating_sub(1);
            }
        }
        if let Some(state) = after {
            self.total += 1;
            if let Some(count) = self.of(state) {
                *count += 1;
            }
            self.ends += u64::from(state.is_final() && before.is_none_or(|before| !before.is_final()));
        }
    }

    fn of(&mut self, state: StateKind) -> Option<&mut u64> {
        match state {
            StateKind::Completed => Some(&mut self.completed),
            StateKind::Failed => Some(&mut self.failed),
            StateKind::Cancelled => Some(&mut self.cancelled),
            _ => None,
        }
    }
}

impl fmt::Display for ChildCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { total, failed, cancelled, .. } = *self;
        write!(f, "{} of {total}", self.finished())?;
        if failed > 0 {
            write!(f, ", {failed} failed")?;
        }
        if cancelled > 0 {
            write!(f, ", {cancelled} cancelled")?;
        }
        Ok(())
    }
}
