//! What somebody may do.

/// What a person may do. Each role may do what the ones before it may.
///
/// ```
/// use longhaul_inspect::Role;
///
/// assert!(Role::Administer > Role::Act && Role::Act > Role::View);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a program that checks rights and leaves a role out should not compile")]
pub enum Role {
    /// Sees everything, and changes nothing.
    View,
    /// Also enqueues runs, and suspends, proceeds, cancels and retries them.
    Act,
    /// Also deletes, makes schedules, pauses queues, kinds and schedules, and drains servers.
    Administer,
}

impl Role {
    /// `view`, `act` or `administer`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Act => "act",
            Self::Administer => "administer",
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}
