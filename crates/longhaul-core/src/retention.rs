//! How long a final run is kept.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::{name::Kind, state::StateKind, time::Timestamp};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a run is kept after it became final. A run that is not final is never removed, however old.
///
/// ```
/// use longhaul_core::Retention;
/// use std::time::Duration;
///
/// let day = Duration::from_secs(24 * 60 * 60);
/// assert_eq!(Retention::default().completed, Some(7 * day));
/// assert_eq!(Retention::forever().failed, None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct Retention {
    /// Completed runs; `None`: for ever.
    pub completed: Option<Duration>,
    /// Failed runs; `None`: for ever.
    pub failed: Option<Duration>,
    /// Cancelled runs; `None`: for ever.
    pub cancelled: Option<Duration>,
}

impl Default for Retention {
    /// A week for what went well or was called off, thirty days for what failed and may be asked about.
    fn default() -> Self {
        Self { completed: Some(7 * DAY), failed: Some(30 * DAY), cancelled: Some(7 * DAY) }
    }
}

impl Retention {
    /// Nothing is ever removed.
    pub const fn forever() -> Self {
        Self { completed: None, failed: None, cancelled: None }
    }

    /// The same for all three.
    ///
    /// ```
    /// use longhaul_core::{Retention, StateKind, Timestamp};
    /// use std::time::Duration;
    ///
    /// let day = Retention::all(Duration::from_secs(24 * 60 * 60));
    /// assert!(day.removable_at(StateKind::Completed, Timestamp::EPOCH).is_some());
    /// assert_eq!(day.removable_at(StateKind::Suspended, Timestamp::EPOCH), None); // it still lives
    /// assert_eq!(Retention::forever().removable_at(StateKind::Failed, Timestamp::EPOCH), None);
    /// ```
    pub const fn all(keep: Duration) -> Self {
        Self { completed: Some(keep), failed: Some(keep), cancelled: Some(keep) }
    }

    /// When a run that became `state` at `since` may be removed; `None`: never.
    pub fn removable_at(&self, state: StateKind, since: Timestamp) -> Option<Timestamp> {
        let keep = match state {
            StateKind::Completed => self.completed,
            StateKind::Failed => self.failed,
            StateKind::Cancelled => self.cancelled,
            _ => None,
        };
        keep.map(|keep| since.after(keep))
    }
}

/// How long final runs are kept: in general, and those of kinds that are kept otherwise.
///
/// ```
/// use longhaul_core::{Kind, Retention, Retentions};
/// use std::time::Duration;
///
/// let mail = Kind::new("mail")?;
/// let short = Retention::all(Duration::from_secs(3600));
/// let kept = Retentions::from(Retention::default()).with(mail.clone(), short);
/// assert_eq!(kept.of(&mail), short);
/// assert_eq!(kept.of(&Kind::new("export")?), Retention::default());
/// # Ok::<(), longhaul_core::name::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Retentions {
    general: Retention,
    of_kinds: Arc<BTreeMap<Kind, Retention>>,
}

impl From<Retention> for Retentions {
    fn from(general: Retention) -> Self {
        Self { general, of_kinds: Arc::default() }
    }
}

impl Retentions {
    /// The same, but for runs of `kind`.
    #[must_use]
    pub fn with(mut self, kind: Kind, retention: Retention) -> Self {
        Arc::make_mut(&mut self.of_kinds).insert(kind, retention);
        self
    }

    /// How long runs of `kind` are kept.
    pub fn of(&self, kind: &Kind) -> Retention {
        self.of_kinds.get(kind).copied().unwrap_or(self.general)
    }
}
