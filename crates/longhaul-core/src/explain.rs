//! Why a run is not running now, in a sentence.

use std::fmt;

use crate::{
    admission::{Admission, BlockedBy, LimitGroup, RunningCounts},
    code::KindSupport,
    id::ServerId,
    isolation::Floor,
    name::{Kind, Label},
    run::Run,
    state::{State, StateKind, Waiting},
    time::Timestamp,
};

/// Why a run is not running now. Its `Display` says it in a sentence.
///
/// ```
/// use longhaul_core::{Explanation, Kind};
///
/// let why = Explanation::NoServerForKind(Kind::new("export")?);
/// assert_eq!(why.to_string(), "no server that lives executes the kind `export`");
/// # Ok::<(), longhaul_core::name::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Explanation {
    /// It is running.
    Running {
        /// By which server.
        server: ServerId,
        /// It was asked to stop, and has not stopped yet.
        asked_to_stop: bool,
    },
    /// It will not run any more.
    Final(StateKind),
    /// It is not due yet.
    NotDue {
        /// When it is.
        due: Timestamp,
        /// Whether it waits because an attempt failed.
        after_failure: bool,
    },
    /// It was put aside.
    Suspended(Waiting),
    /// Its values could not be read.
    Incompatible,
    /// No server that lives executes its kind.
    NoServerForKind(Kind),
    /// Servers execute its kind, but none reads its version.
    NoServerForVersion {
        /// The version that it was written under.
        version: u16,
        /// The newest that a server reads.
        newest: u16,
    },
    /// Servers execute its kind, but none has all the labels that it requires.
    NoServerWithLabels(Vec<Label>),
    /// It is held back.
    BlockedBy(BlockedBy),
    /// The process died while it was executing: such runs go one at a time, so that the guilty one is found.
    Suspect,
    /// Another run that was executing when the process died has the floor: it goes on alone for a while.
    FloorTaken {
        /// Until then at the latest.
        until: Timestamp,
    },
    /// Nothing holds it back: it waits for a server with a free slot.
    WaitsForSlot {
        /// So many servers could take it.
        servers: usize,
    },
}

/// A server that lives, and what it takes.
///
/// ```
/// use longhaul_core::explain::Offer;
///
/// let nothing = Offer { kinds: &[], labels: &[] };
/// assert!(nothing.kinds.is_empty());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Offer<'a> {
    /// What it can execute.
    pub kinds: &'a [KindSupport],
    /// What it has.
    pub labels: &'a [Label],
}

/// What a store knows besides the run.
///
/// ```
/// use longhaul_core::{
///     Explanation, admission::{Admission, RunningCounts}, doc,
///     explain::{Offer, Situation, explain},
///     isolation::Floor,
/// };
///
/// let (kinds, admission, running_counts) = (doc::kinds(), Admission::default(), RunningCounts::default());
/// let servers = vec![Offer { kinds: &kinds, labels: &[] }];
/// let situation = Situation { admission: &admission, running_counts: &running_counts, floor: Floor::Open, servers };
/// assert_eq!(explain(doc::NOW, &doc::run(), &situation), Explanation::WaitsForSlot { servers: 1 });
/// ```
#[derive(Debug)]
pub struct Situation<'a> {
    /// What is controlled.
    pub admission: &'a Admission,
    /// What runs.
    pub running_counts: &'a RunningCounts,
    /// Who has the floor.
    pub floor: Floor,
    /// The servers that live.
    pub servers: Vec<Offer<'a>>,
}

/// Why `run` is not running at `now`.
///
/// ```
/// use longhaul_core::{admission::{Admission, RunningCounts}, doc, explain::{Situation, explain}, isolation::Floor};
///
/// let (admission, running_counts) = (Admission::default(), RunningCounts::default());
/// let situation = Situation { admission: &admission, running_counts: &running_counts, floor: Floor::Open, servers: vec![] };
/// let why = explain(doc::NOW, &doc::run(), &situation);
/// assert_eq!(why.to_string(), "no server that lives executes the kind `demo`");
/// ```
pub fn explain(now: Timestamp, run: &Run, situation: &Situation<'_>) -> Explanation {
    match &run.state {
        State::Running { server } => Explanation::Running { server: *server, asked_to_stop: run.request.is_some() },
        State::Completed | State::Failed | State::Cancelled => Explanation::Final(run.state.kind()),
        State::Incompatible { .. } => Explanation::Incompatible,
        State::Suspended { waiting } if run.state.due().is_none_or(|due| due > now) => Explanation::Suspended(*waiting),
        State::Pending { due } | State::Retrying { due } if *due > now => {
            Explanation::NotDue { due: *due, after_failure: run.state.kind() == StateKind::Retrying }
        }
        State::Pending { .. } | State::Retrying { .. } | State::Suspended { .. } => waits(now, run, situation),
    }
}

/// Why a due run is not claimed.
fn waits(now: Timestamp, run: &Run, situation: &Situation<'_>) -> Explanation {
    let reads = |offer: &&Offer<'_>| offer.kinds.iter().any(|support| support.kind == run.kind);
    let versions = situation.servers.iter().flat_map(|offer| offer.kinds).filter(|support| support.kind == run.kind);
    let Some(newest) = versions.map(|support| support.version).max() else {
        return Explanation::NoServerForKind(run.kind.clone());
    };
    if newest < run.version {
        return Explanation::NoServerForVersion { version: run.version, newest };
    }
    let requires = &run.constraints().requires;
    let has_all = |offer: &&Offer<'_>| requires.iter().all(|label| offer.labels.contains(label));
    let servers = situation.servers.iter().filter(reads).filter(has_all).count();
    if servers == 0 {
        return Explanation::NoServerWithLabels(requires.clone());
    }
    if let Some(held) = situation.admission.holds(now, situation.running_counts, &LimitGroup::of(run)) {
        return Explanation::BlockedBy(held);
    }
    match situation.floor {
        Floor::Taken { until } => Explanation::FloorTaken { until },
        Floor::OneSuspect if run.suspicion > 0 => Explanation::Suspect,
        Floor::OneSuspect => Explanation::FloorTaken { until: now },
        Floor::Open => Explanation::WaitsForSlot { servers },
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Running { server, asked_to_stop: false } => write!(f, "it is running on {server}"),
            Self::Running { server, asked_to_stop: true } => {
                write!(f, "it is running on {server}, which was told to stop it")
            }
            Self::Final(state) => write!(f, "it is {state}, which is final"),
            Self::NotDue { due, after_failure: false } => write!(f, "it is due at {due}"),
            Self::NotDue { due, after_failure: true } => write!(f, "an attempt failed; the next is due at {due}"),
            Self::Suspended(Waiting::Proceed) => f.write_str("it is suspended, and waits for a proceed"),
            Self::Suspended(Waiting::Until(at)) => write!(f, "it is suspended until {at}, or a proceed before that"),
            Self::Suspended(Waiting::ProceedBy(deadline)) => {
                write!(f, "it is suspended, and waits for a proceed until {deadline}: then it fails")
            }
            Self::Incompatible => f.write_str(
                "the code that claimed it could not read its values, its failure says why: it goes on when a server \
                 starts whose code reads them (add the `migrate` or the version that is missing), or cancel it",
            ),
            Self::NoServerForKind(kind) => write!(f, "no server that lives executes the kind `{kind}`"),
            Self::NoServerForVersion { version, newest } => write!(
                f,
                "it was written under version {version}, and the servers that live read up to {newest}: it waits for \
                 newer code"
            ),
            Self::NoServerWithLabels(labels) => {
                let labels: Vec<_> = labels.iter().map(Label::as_str).collect();
                write!(f, "no server that lives has all labels that it requires: {}", labels.join(", "))
            }
            Self::BlockedBy(held) => fmt::Display::fmt(held, f),
            Self::Suspect => f.write_str(
                "its process died while it was executing: such runs go on one at a time, and it is about to",
            ),
            Self::FloorTaken { until } => write!(
                f,
                "a process died, and a run that may have been the cause goes on alone: the others wait until it makes \
                 a checkpoint or ends, at the latest until {until}"
            ),
            Self::WaitsForSlot { servers: 1 } => f.write_str("it waits for a free slot; one server could take it"),
            Self::WaitsForSlot { servers } => {
                write!(f, "it waits for a free slot; {servers} servers could take it")
            }
        }
    }
}

impl fmt::Display for BlockedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn of_key(key: Option<&crate::name::Key>) -> String {
            key.map_or_else(String::new, |key| format!(" and the key `{key}`"))
        }
        match self {
            Self::Paused(scope) => write!(f, "{scope} is paused"),
            Self::Running { scope, key, max } => {
                write!(f, "{max} runs of {scope}{} are running, which is the limit", of_key(key.as_ref()))
            }
            Self::Rate { scope, key, rate, until } => {
                write!(f, "{scope}{} may start {rate}; the next at {until}", of_key(key.as_ref()))
            }
        }
    }
}

#[cfg(test)]
mod tests;
