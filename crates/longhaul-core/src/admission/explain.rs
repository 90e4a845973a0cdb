//! Why a run is not running now, in a sentence.

mod ahead;

use std::fmt;

pub use self::ahead::Ahead;
use super::{Admission, BlockedBy, Isolation, LimitGroup, Offer, Scope, Source, suspects::Standing};
use crate::{
    family::Awaits,
    id::ServerId,
    name::{Key, Kind, Label},
    order::TurnHolder,
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
#[non_exhaustive]
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
    /// It was put aside until one of these signals comes.
    AwaitsSignal {
        /// Which.
        signals: Vec<Key>,
        /// How long, and what lets it go on besides.
        waiting: Waiting,
    },
    /// It was put aside until other runs are final.
    AwaitsRuns {
        /// Which.
        awaits: Awaits,
        /// How long, and what lets it go on besides.
        waiting: Waiting,
    },
    /// Its values could not be read.
    Incompatible,
    /// Another run of its order key is ahead of it.
    Behind {
        /// The key.
        key: Key,
        /// The run that has the turn, if it is known.
        holder: Option<TurnHolder>,
    },
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
    BlockedBy {
        /// By what.
        by: BlockedBy,
        /// Which other runs come first once it is not.
        ahead: Ahead,
    },
    /// Nothing holds it back: it waits for a server with a free slot.
    WaitsForSlot {
        /// So many servers could take it.
        servers: usize,
        /// Which other runs come first.
        ahead: Ahead,
    },
}

/// Why `run` is not running at `now`. `servers`: those that live, with what they take; `source`: what the store has.
///
/// ```
/// use longhaul_core::{Explanation, admission::{Admission, Offer}, doc, explain::{Ahead, explain}};
///
/// let (kinds, admission, source) = (doc::kinds(), Admission::default(), doc::due(0));
/// let servers = [Offer::new(doc::SERVER, &kinds, 1)];
/// let why = explain(doc::NOW, &doc::run(), &admission, &servers, &source);
/// assert_eq!(why, Explanation::WaitsForSlot { servers: 1, ahead: Ahead::default() });
/// let why = explain(doc::NOW, &doc::run(), &admission, &[], &source);
/// assert_eq!(why.to_string(), "no server that lives executes the kind `demo`");
/// ```
pub fn explain(
    now: Timestamp,
    run: &Run,
    admission: &Admission,
    servers: &[Offer<'_>],
    source: &impl Source,
) -> Explanation {
    match &run.state {
        State::Running { server } => Explanation::Running { server: *server, asked_to_stop: run.request.is_some() },
        State::Completed | State::Failed | State::Cancelled => Explanation::Final(run.state.kind()),
        State::Incompatible { .. } => Explanation::Incompatible,
        State::Suspended { waiting } if run.state.due().is_none_or(|due| due > now) => aside(run, *waiting),
        State::Pending { .. } | State::Retrying { .. } | State::Suspended { .. } if run.is_behind() => {
            behind(run, source)
        }
        State::Pending { due } | State::Retrying { due } if *due > now => {
            Explanation::NotDue { due: *due, after_failure: run.state.kind() == StateKind::Retrying }
        }
        State::Pending { due } | State::Retrying { due } | State::Suspended { waiting: Waiting::Until(due) } => {
            waits(now, run, *due, admission, servers, source)
        }
        State::Suspended { waiting: waiting @ (Waiting::Proceed | Waiting::ProceedBy(_)) } => aside(run, *waiting),
    }
}

fn behind(run: &Run, source: &impl Source) -> Explanation {
    let key = run.order_key().expect("only runs with an order key are behind another").clone();
    Explanation::Behind { holder: source.turn_holder(&key), key }
}

fn aside(run: &Run, waiting: Waiting) -> Explanation {
    if let Some(awaits) = &run.awaits {
        return Explanation::AwaitsRuns { awaits: Awaits::clone(awaits), waiting };
    }
    match &run.inbox().awaited {
        none if none.is_empty() => Explanation::Suspended(waiting),
        signals => Explanation::AwaitsSignal { signals: signals.clone(), waiting },
    }
}

/// Why a due run is not claimed.
fn waits(
    now: Timestamp,
    run: &Run,
    due: Timestamp,
    admission: &Admission,
    servers: &[Offer<'_>],
    source: &impl Source,
) -> Explanation {
    let versions = servers.iter().flat_map(|offer| offer.kinds).filter(|support| support.kind == run.kind);
    let Some(newest) = versions.map(|support| support.version).max() else {
        return Explanation::NoServerForKind(run.kind.clone());
    };
    if newest < run.version {
        return Explanation::NoServerForVersion { version: run.version, newest };
    }
    let requires = &run.constraints().requires;
    let could: Vec<_> = servers.iter().filter(|offer| offer.reads(&run.kind, run.version, requires)).collect();
    if could.is_empty() {
        return Explanation::NoServerWithLabels(requires.clone());
    }
    let reads =
        |kind: &Kind, version, requires: &[Label]| servers.iter().any(|offer| offer.reads(kind, version, requires));
    let ahead = Ahead::of(now, (run, due), admission, source, reads);
    let by = admission
        .blocks(now, source.running(), &LimitGroup::of(run))
        .or_else(|| drained(now, admission, &could))
        .or_else(|| isolated(now, run, admission, &could, source));
    match by {
        Some(by) => Explanation::BlockedBy { by, ahead },
        None => Explanation::WaitsForSlot { servers: could.len(), ahead },
    }
}

/// The pause that ends first, if each server that could take it is drained.
fn drained(now: Timestamp, admission: &Admission, could: &[&Offer<'_>]) -> Option<BlockedBy> {
    let pause = |offer: &&Offer<'_>| {
        let paused = admission.controls.draining(now, offer.server)?;
        Some(BlockedBy::Paused { scope: Scope::Server(offer.server), until: paused.until, why: paused.why.clone() })
    };
    let pauses = could.iter().map(pause).collect::<Option<Vec<_>>>()?;
    pauses.into_iter().min_by_key(|by| by.until().unwrap_or(Timestamp::MAX))
}

/// What suspects keep it from starting, if they do so on each server that could take it.
fn isolated(
    now: Timestamp,
    run: &Run,
    admission: &Admission,
    could: &[&Offer<'_>],
    source: &impl Source,
) -> Option<BlockedBy> {
    let (isolation, isolated) = (Isolation::of(run), source.isolated());
    let mut first = None;
    for offer in could {
        let standing = Standing::of(now, offer.server, &isolated);
        let drain = admission.drain.filter(|drain| drain.is_on(now));
        let drain = drain.filter(|drain| drain.server == offer.server || isolation == Isolation::LastTry);
        let by = standing
            .blocks(offer.server, isolation)
            .or_else(|| drain.map(|drain| BlockedBy::Drain { server: drain.server, until: drain.until }))?;
        first.get_or_insert(by);
    }
    first
}

fn at_the_latest(f: &mut fmt::Formatter<'_>, waiting: Waiting) -> fmt::Result {
    match waiting {
        Waiting::Proceed => Ok(()),
        Waiting::Until(at) => write!(f, ", until {at} at the latest"),
        Waiting::ProceedBy(deadline) => write!(f, " until {deadline}: then it fails"),
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
            Self::AwaitsSignal { signals, waiting } => {
                let names: Vec<_> = signals.iter().map(|name| format!("`{name}`")).collect();
                write!(f, "it is suspended, and waits for the signal {}", names.join(" or "))?;
                at_the_latest(f, *waiting)
            }
            Self::AwaitsRuns { awaits, waiting } => {
                write!(f, "it is suspended until {awaits}")?;
                at_the_latest(f, *waiting)
            }
            Self::Incompatible => f.write_str(
                "the code that claimed it could not read its values, its failure says why: it goes on when a server \
                 starts whose code reads them (add the `migrate` or the version that is missing), or cancel it",
            ),
            Self::Behind { key, holder: None } => write!(f, "another run of the order key `{key}` is ahead of it"),
            Self::Behind { key, holder: Some(TurnHolder { run, state: StateKind::Failed }) } => write!(
                f,
                "{run}, which is ahead of it by the order key `{key}`, failed: it goes on when that run is retried, \
                 dismissed or deleted"
            ),
            Self::Behind { key, holder: Some(TurnHolder { run, state }) } => {
                write!(f, "{run}, which is ahead of it by the order key `{key}`, is {state}, and not final")
            }
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
            Self::BlockedBy { by, ahead } if ahead.is_first() => fmt::Display::fmt(by, f),
            Self::BlockedBy { by, ahead } => write!(f, "{by}; {ahead}"),
            Self::WaitsForSlot { servers, ahead } => {
                let who = if *servers == 1 { "one server".into() } else { format!("{servers} servers") };
                write!(f, "it waits for a free slot; {who} could take it")?;
                if ahead.is_first() { Ok(()) } else { write!(f, "; {ahead}") }
            }
        }
    }
}

#[cfg(test)]
mod tests;
