//! What holds runs back besides their own time: pauses, limits, rates, and the shares of queues.

mod limit_keys;

use std::{collections::BTreeMap, fmt};

use self::limit_keys::LimitKeys;
pub use self::limit_keys::PAUSED_KEYS_MAX;
pub use super::{
    ageing::{Ageing, AgeingError},
    rate::{Rate, RateError, Starts},
};
use crate::{
    id::ServerId,
    limits::{REASON_MAX, cut},
    name::{Key, Kind, Queue},
    time::Timestamp,
};

/// What a control is for.
///
/// ```
/// use longhaul_core::{Kind, Scope};
///
/// assert_eq!(Scope::Kind(Kind::new("mail")?).to_string(), "the kind `mail`");
/// # Ok::<(), longhaul_core::name::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a store or an executor that leaves a case out should not compile")]
pub enum Scope {
    /// All runs in this queue.
    Queue(Queue),
    /// All runs of this kind.
    Kind(Kind),
    /// One server, as long as it lives. A pause drains it: it claims nothing more, and finishes what it has. Limits of a
    /// server mean nothing.
    Server(ServerId),
    /// All runs of this kind with this limit key, in whatever queue. A pause only: limits of a key are its kind's to say.
    LimitKey(Kind, Key),
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queue(queue) => write!(f, "the queue `{queue}`"),
            Self::Kind(kind) => write!(f, "the kind `{kind}`"),
            Self::Server(server) => write!(f, "the server {server}"),
            Self::LimitKey(kind, key) => write!(f, "the limit key `{key}` of the kind `{kind}`"),
        }
    }
}

/// Nothing of a scope is claimed until it is resumed, or until the pause ends by itself. What runs already runs on.
///
/// ```
/// use longhaul_core::{Paused, Timestamp};
///
/// let paused = Paused::new(Timestamp::EPOCH, "ann", Some("the disk is full"));
/// assert_eq!((&*paused.by, paused.why.as_deref()), ("ann", Some("the disk is full")));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct Paused {
    /// Since when.
    pub at: Timestamp,
    /// By whom.
    pub by: Box<str>,
    /// Why, if that was said.
    pub why: Option<Box<str>>,
    /// It ends by itself then, by the store's clock; `None`: not before it is resumed.
    pub until: Option<Timestamp>,
}

impl Paused {
    /// A pause that lasts until it is resumed; both texts are cut to 256 bytes.
    pub fn new(at: Timestamp, by: &str, why: Option<&str>) -> Self {
        Self { at, by: cut(by, REASON_MAX).into(), why: why.map(|why| cut(why, REASON_MAX).into()), until: None }
    }

    /// Whether it holds at `now`.
    ///
    /// ```
    /// use longhaul_core::{Paused, Timestamp};
    ///
    /// let until = Timestamp::from_micros(7);
    /// let paused = Paused { until: Some(until), ..Paused::new(Timestamp::EPOCH, "ann", None) };
    /// assert!(paused.holds(Timestamp::EPOCH) && !paused.holds(until));
    /// ```
    pub fn holds(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// How many may run at the same time, how often one may start, and which of those that wait is next. What is `None` is not
/// limited.
///
/// The limits of a queue and those of a kind hold together. All of them are for the whole store, however many servers
/// claim from it.
///
/// ```
/// use longhaul_core::{Limits, Rate};
/// use std::time::Duration;
///
/// let ten_a_second = Rate::new(10, Duration::from_secs(1))?;
/// let limits = Limits { running: Some(4), rate: Some(ten_a_second), ..Limits::NONE };
/// assert_eq!((limits.per_key, limits.weight), (None, None));
/// # Ok::<(), longhaul_core::control::RateError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct Limits {
    /// So many run at the same time.
    pub running: Option<u32>,
    /// So many with the same [limit key](crate::Constraints::limit_key) run at the same time. Of a kind only.
    pub per_key: Option<u32>,
    /// So many start in a period.
    pub rate: Option<Rate>,
    /// So many with the same limit key start in a period. Of a kind only.
    pub rate_per_key: Option<Rate>,
    /// How large the share of a queue is where several have due runs: 2 gets twice as many claims as 1, which is the
    /// default. Of a queue only.
    pub weight: Option<u16>,
    /// By how much the priority of a run grows while it waits, so that one of low priority begins in bounded time; `None`:
    /// not at all. Of a queue only.
    pub ageing: Option<Ageing>,
    /// Runs of the same priority with different limit keys take turns, so that a key with many runs does not hold up the
    /// others. Of a queue only.
    pub fair_by_key: bool,
}

impl Limits {
    /// Nothing is limited.
    pub const NONE: Self = Self {
        running: None,
        per_key: None,
        rate: None,
        rate_per_key: None,
        weight: None,
        ageing: None,
        fair_by_key: false,
    };
}

/// All that is said of a scope.
///
/// ```
/// use longhaul_core::{Control, ControlChange, Limits};
///
/// let limit = |running| Limits { running: Some(running), ..Limits::NONE };
/// let mut control = Control::default();
/// assert!(control.is_empty());
/// control.change(ControlChange::Set(Some(limit(2))));
/// control.change(ControlChange::Declare(limit(8)));
/// assert_eq!(control.limits(), limit(2)); // an operator's word stands above the code's
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct Control {
    /// Whether it is paused.
    pub paused: Option<Paused>,
    /// What the code of the latest server declared.
    pub declared: Limits,
    /// What an operator set in place of it: a start of a server does not undo it.
    pub set: Option<Limits>,
}

impl Control {
    /// What holds.
    pub fn limits(&self) -> Limits {
        self.set.unwrap_or(self.declared)
    }

    /// The pause that holds at `now`.
    pub fn paused_at(&self, now: Timestamp) -> Option<&Paused> {
        self.paused.as_ref().filter(|paused| paused.holds(now))
    }

    /// Without a pause that has ended by itself.
    #[must_use]
    pub fn at(mut self, now: Timestamp) -> Self {
        self.paused = self.paused.filter(|paused| paused.holds(now));
        self
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A change of what is said of a scope.
///
/// ```
/// use longhaul_core::{Control, ControlChange, Paused, Timestamp};
///
/// let mut control = Control::default();
/// control.change(ControlChange::Pause(Paused::new(Timestamp::EPOCH, "ann", None)));
/// assert!(control.paused.is_some());
/// control.change(ControlChange::Resume);
/// assert!(control.paused.is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a store or an executor that leaves a case out should not compile")]
pub enum ControlChange {
    /// Nothing of it is claimed any more.
    Pause(Paused),
    /// Nothing of it is claimed before this pause ends, which has an end. One that lasts longer stays as it is.
    PauseAtLeast(Paused),
    /// It is claimed again.
    Resume,
    /// What code says. What an operator set stays above it.
    Declare(Limits),
    /// What an operator says; `None`: what code says holds again.
    Set(Option<Limits>),
}

impl Control {
    /// Becomes what the change says.
    pub fn change(&mut self, change: ControlChange) {
        match change {
            ControlChange::Pause(paused) => self.paused = Some(paused),
            ControlChange::PauseAtLeast(paused) => {
                let end = |paused: &Paused| paused.until.unwrap_or(Timestamp::MAX);
                if self.paused.as_ref().is_none_or(|there| end(there) < end(&paused)) {
                    self.paused = Some(paused);
                }
            }
            ControlChange::Resume => self.paused = None,
            ControlChange::Declare(limits) => self.declared = limits,
            ControlChange::Set(limits) => self.set = limits,
        }
    }
}

/// All controls of a store.
///
/// ```
/// use longhaul_core::{ControlChange, Controls, Limits, Queue, Scope};
///
/// let (scope, weight) = (Scope::Queue(Queue::default()), Limits { weight: Some(3), ..Limits::NONE });
/// let mut controls = Controls::default();
/// let control = controls.change(&scope, ControlChange::Declare(weight));
/// assert_eq!(controls.get(&scope), Some(&control));
/// assert_eq!(controls.queue(&Queue::default()), Some(&control));
/// let kept: Vec<_> = controls.iter().map(|(scope, control)| (scope, control.clone())).collect();
/// assert_eq!(Controls::new(kept), controls);
///
/// // What says nothing is forgotten.
/// controls.change(&scope, ControlChange::Declare(Limits::NONE));
/// assert!(controls.is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Controls {
    queues: BTreeMap<Queue, Control>,
    kinds: BTreeMap<Kind, Control>,
    servers: BTreeMap<ServerId, Control>,
    limit_keys: LimitKeys,
}

impl Controls {
    /// Those that were kept.
    pub fn new(controls: impl IntoIterator<Item = (Scope, Control)>) -> Self {
        let mut all = Self::default();
        for (scope, control) in controls {
            all.put(scope, control);
        }
        all
    }

    /// Says this of a scope, in place of what was said of it.
    pub fn put(&mut self, scope: Scope, control: Control) {
        match scope {
            Scope::Queue(queue) => self.queues.insert(queue, control),
            Scope::Kind(kind) => self.kinds.insert(kind, control),
            Scope::Server(server) => self.servers.insert(server, control),
            Scope::LimitKey(kind, key) => {
                self.limit_keys.put(kind, key, control);
                None
            }
        };
    }

    /// Whether nothing is held back.
    pub fn is_empty(&self) -> bool {
        self.queues.is_empty() && self.kinds.is_empty() && self.servers.is_empty() && self.limit_keys.is_empty()
    }

    /// What is said of a scope.
    pub fn get(&self, scope: &Scope) -> Option<&Control> {
        match scope {
            Scope::Queue(queue) => self.queue(queue),
            Scope::Kind(kind) => self.kind(kind),
            Scope::Server(server) => self.server(*server),
            Scope::LimitKey(kind, key) => self.limit_key(kind, key),
        }
    }

    /// What is said of a queue.
    pub fn queue(&self, queue: &Queue) -> Option<&Control> {
        self.queues.get(queue)
    }

    /// What is said of a kind.
    pub fn kind(&self, kind: &Kind) -> Option<&Control> {
        self.kinds.get(kind)
    }

    /// The pause that keeps runs of this queue and kind from starting at `now`, and which of both it is of: the one that
    /// lasts longer.
    pub fn paused(&self, now: Timestamp, queue: &Queue, kind: &Kind) -> Option<(Scope, &Paused)> {
        let of_queue = self.queue(queue).and_then(|control| control.paused_at(now)).map(|paused| (true, paused));
        let of_kind = self.kind(kind).and_then(|control| control.paused_at(now)).map(|paused| (false, paused));
        let longest = of_queue
            .into_iter()
            .chain(of_kind)
            .max_by_key(|(is_of_queue, paused)| (paused.until.unwrap_or(Timestamp::MAX), *is_of_queue));
        longest.map(|(is_of_queue, paused)| {
            let scope = if is_of_queue { Scope::Queue(queue.clone()) } else { Scope::Kind(kind.clone()) };
            (scope, paused)
        })
    }

    /// When the first pause of a queue or a kind that holds at `now` ends by itself.
    pub fn next_end_of_pause(&self, now: Timestamp) -> Option<Timestamp> {
        let pauses = self.queues.values().chain(self.kinds.values()).filter_map(|control| control.paused_at(now));
        pauses.filter_map(|paused| paused.until).min()
    }

    /// Without the pauses that have ended by themselves.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> Self {
        let now = |(scope, control): (Scope, &Control)| (scope, control.clone().at(now));
        Self::new(self.iter().map(now))
    }

    /// What is said of a server.
    pub fn server(&self, server: ServerId) -> Option<&Control> {
        self.servers.get(&server)
    }

    /// The pause that drains a server at `now`: it claims nothing more, and finishes what it has.
    pub fn draining(&self, now: Timestamp, server: ServerId) -> Option<&Paused> {
        self.server(server).and_then(|control| control.paused_at(now))
    }

    /// Each scope of which something is said: queues first, then kinds, by name, then servers, then limit
    /// keys.
    pub fn iter(&self) -> impl Iterator<Item = (Scope, &Control)> {
        let queues = self.queues.iter().map(|(queue, control)| (Scope::Queue(queue.clone()), control));
        let kinds = self.kinds.iter().map(|(kind, control)| (Scope::Kind(kind.clone()), control));
        let servers = self.servers.iter().map(|(server, control)| (Scope::Server(*server), control));
        queues.chain(kinds).chain(servers).chain(self.limit_keys.iter())
    }

    /// Changes what is said of a scope, and answers what is said now; a control that says nothing is forgotten.
    pub fn change(&mut self, scope: &Scope, change: ControlChange) -> Control {
        match scope {
            Scope::Queue(queue) => changed(&mut self.queues, queue, change),
            Scope::Kind(kind) => changed(&mut self.kinds, kind, change),
            Scope::Server(server) => changed(&mut self.servers, server, change),
            Scope::LimitKey(kind, key) => self.limit_keys.change(kind, key, change),
        }
    }
}

fn changed<K: Clone + Ord>(controls: &mut BTreeMap<K, Control>, of: &K, change: ControlChange) -> Control {
    let control = controls.entry(of.clone()).or_default();
    control.change(change);
    let now = control.clone();
    if now.is_empty() {
        controls.remove(of);
    }
    now
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_operator_set_outlives_what_code_declares() {
        let scope = Scope::Queue(Queue::default());
        let limit = |running| Limits { running: Some(running), ..Limits::NONE };
        let mut controls = Controls::default();
        controls.change(&scope, ControlChange::Declare(limit(8)));
        controls.change(&scope, ControlChange::Set(Some(limit(2))));
        controls.change(&scope, ControlChange::Declare(limit(9)));
        assert_eq!(controls.get(&scope).unwrap().limits(), limit(2));
        controls.change(&scope, ControlChange::Set(None));
        assert_eq!(controls.get(&scope).unwrap().limits(), limit(9));
        controls.change(&scope, ControlChange::Declare(Limits::NONE));
        assert!(controls.is_empty());
    }
}
