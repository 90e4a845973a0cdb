//! For which runs a suspended run waits.

use std::fmt;

use super::{Batch, CallbackWhen, ChildCounts};
use crate::{id::RunId, state::StateKind, time::Timestamp};

/// What a suspended run waits for, besides what lets every suspended run go on.
///
/// ```
/// use longhaul_core::{AwaitedRuns, Awaits};
///
/// let awaits = Awaits::from(AwaitedRuns::AllChildren);
/// assert!(!awaits.success_only);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct Awaits {
    /// Which runs.
    pub runs: AwaitedRuns,
    /// Only their success counts. If a run that is named ends in another way, the run that waits is cancelled. If a child
    /// does, it goes on waiting: the child can be retried.
    pub success_only: bool,
    /// Once they are final the run goes on, but not before this time.
    pub not_before: Option<Timestamp>,
}

impl From<AwaitedRuns> for Awaits {
    fn from(runs: AwaitedRuns) -> Self {
        Self { runs, success_only: false, not_before: None }
    }
}

/// Which runs are waited for.
///
/// ```
/// use longhaul_core::{AwaitedRuns, doc};
///
/// let one = AwaitedRuns::Runs { open: vec![doc::run().id], any: false };
/// assert_ne!(one, AwaitedRuns::AllChildren);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a store or an executor that leaves a case out should not compile")]
pub enum AwaitedRuns {
    /// All children: none of them is open.
    AllChildren,
    /// One more end of a child than its task has seen; or no child is open.
    AnyChild {
        /// [`ChildCounts::ends`] when the task looked last; 0 if it did not look.
        seen: u64,
    },
    /// These runs.
    Runs {
        /// Those that are not known to be final.
        open: Vec<RunId>,
        /// One of them is enough.
        any: bool,
    },
    /// The members of its batch, which are its children.
    Members {
        /// All were added: the batch is closed. Until then it goes on with a proceed only.
        added: bool,
        /// When it goes on.
        callback: CallbackWhen,
    },
}

/// Which runs a new run waits for before it may begin.
///
/// ```
/// use longhaul_core::{After, doc};
///
/// let after = After { runs: vec![doc::run().id], success_only: true };
/// assert_eq!(after.runs.len(), 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct After {
    /// Which; none: the children that it gets before it begins.
    pub runs: Vec<RunId>,
    /// Only if all of them completed; otherwise it is cancelled.
    pub success_only: bool,
}

/// A run that is waited for ended.
///
/// ```
/// use longhaul_core::{AwaitedEnd, StateKind, doc};
///
/// let ended = AwaitedEnd { id: doc::run().id, state: Some(StateKind::Completed) };
/// assert!(ended.state.is_some_and(StateKind::is_final));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct AwaitedEnd {
    /// Which.
    pub id: RunId,
    /// How; `None`: it is not there, so nobody knows.
    pub state: Option<StateKind>,
}

impl fmt::Display for Awaits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ended = if self.success_only { "completed" } else { "final" };
        match &self.runs {
            AwaitedRuns::AllChildren => write!(f, "all of its children are {ended}"),
            AwaitedRuns::AnyChild { .. } => f.write_str("one more of its children is final"),
            AwaitedRuns::Members { added: false, callback } => {
                write!(f, "its batch is closed, and {}", callback.as_str())
            }
            AwaitedRuns::Members { added: true, callback } => f.write_str(callback.as_str()),
            AwaitedRuns::Runs { open, any } => match &**open {
                [one] => write!(f, "{one} is {ended}"),
                [first, more @ ..] => {
                    let (runs, is) = (if *any { "or one of" } else { "and" }, if *any { "is" } else { "are" });
                    write!(f, "{first} {runs} {} more {is} {ended}", more.len())
                }
                [] => f.write_str("no run"),
            },
        }
    }
}

/// What becomes of a wait when runs have ended.
pub(crate) enum Struck {
    /// Nothing.
    Unchanged,
    /// It goes on, for less.
    Left(Awaits),
    /// It is over.
    Over(Box<str>),
    /// It is over, because a run did not complete.
    Unsuccessful(Box<str>),
}

impl Awaits {
    /// The runs that it names; none if it waits for children.
    pub fn named(&self) -> &[RunId] {
        match &self.runs {
            AwaitedRuns::Runs { open, .. } => open,
            AwaitedRuns::AllChildren | AwaitedRuns::AnyChild { .. } | AwaitedRuns::Members { .. } => &[],
        }
    }

    /// Whether it waits for children.
    pub fn children(&self) -> bool {
        !matches!(self.runs, AwaitedRuns::Runs { .. })
    }

    pub(crate) fn strike(&self, children: ChildCounts, ended: &[AwaitedEnd]) -> Struck {
        match &self.runs {
            // Those that did not complete may be retried.
            AwaitedRuns::AllChildren if self.success_only && children.completed < children.total => Struck::Unchanged,
            AwaitedRuns::AllChildren if children.open() == 0 => {
                Struck::Over(format!("all of its children are final: {children}").into())
            }
            AwaitedRuns::AnyChild { seen } if children.open() == 0 || children.ends > *seen => {
                Struck::Over(format!("a child is final: {children}").into())
            }
            AwaitedRuns::Members { added: true, callback } => strike_members(*callback, children),
            AwaitedRuns::AllChildren | AwaitedRuns::AnyChild { .. } | AwaitedRuns::Members { added: false, .. } => {
                Struck::Unchanged
            }
            AwaitedRuns::Runs { open, any } => self.strike_named(open, *any, ended),
        }
    }

    fn strike_named(&self, open: &[RunId], any: bool, ended: &[AwaitedEnd]) -> Struck {
        let struck: Vec<&AwaitedEnd> = ended.iter().filter(|ended| open.contains(&ended.id)).collect();
        let unsuccessful = |ended: &&&AwaitedEnd| ended.state != Some(StateKind::Completed);
        if let Some(AwaitedEnd { id, state }) = struck.iter().find(unsuccessful).filter(|_| self.success_only) {
            let why = match state {
                Some(state) => format!("{id}, which it was to come after, is {state}"),
                None => format!("{id}, which it was to come after, is not there"),
            };
            return Struck::Unsuccessful(why.into());
        }
        let left: Vec<RunId> = open.iter().filter(|id| !struck.iter().any(|ended| ended.id == **id)).copied().collect();
        match struck.first() {
            Some(ended) if any => Struck::Over(format!("{} is final", ended.id).into()),
            None if !open.is_empty() => Struck::Unchanged,
            _ if left.is_empty() => Struck::Over("all runs that it waited for are final".into()),
            _ => Struck::Left(Self { runs: AwaitedRuns::Runs { open: left, any }, ..self.clone() }),
        }
    }
}

impl After {
    /// What a run that is enqueued with this waits for. It was to begin at `due`.
    pub(crate) fn awaits(&self, now: Timestamp, due: Timestamp) -> Awaits {
        let runs = match &*self.runs {
            [] => AwaitedRuns::AllChildren,
            runs => AwaitedRuns::Runs { open: runs.to_vec(), any: false },
        };
        Awaits { runs, success_only: self.success_only, not_before: (due > now).then_some(due) }
    }
}

impl Batch {
    /// What a callback that is enqueued waits for. It was to begin at `due`. A retry waits for nothing.
    pub(crate) fn awaits(self, now: Timestamp, due: Timestamp) -> Option<Awaits> {
        let runs = AwaitedRuns::Members { added: false, callback: self.callback };
        let awaits = Awaits { runs, success_only: false, not_before: (due > now).then_some(due) };
        self.of.is_none().then_some(awaits)
    }
}

fn strike_members(callback: CallbackWhen, members: ChildCounts) -> Struck {
    let over = |why| Struck::Over(format!("{why}: {members}").into());
    match callback {
        CallbackWhen::AllCompleted if members.completed == members.total => over("all runs of its batch completed"),
        CallbackWhen::AnyFailed if members.failed > 0 => over("a run of its batch failed"),
        CallbackWhen::AllFinal | CallbackWhen::AnyFailed if members.open() == 0 => {
            over("all runs of its batch are final")
        }
        _ => Struck::Unchanged,
    }
}
