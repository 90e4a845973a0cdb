//! What happened to a run, in order.

use std::{fmt, time::Duration};

use crate::{
    id::ServerId,
    limits::{HISTORY_MAX, NAME_MAX, REASON_MAX, cut},
    time::Timestamp,
};

/// Who asked for something: a person, a program, a page. As the client names itself; nobody checks it.
///
/// ```
/// use longhaul_core::Actor;
///
/// assert_eq!(Actor::named("ann").as_str(), Some("ann"));
/// assert_eq!(Actor::UNKNOWN.to_string(), "a client");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Actor(Option<Box<str>>);

impl Actor {
    /// Nobody said who.
    pub const UNKNOWN: Self = Self(None);

    /// By this name, cut to 128 bytes. An empty one says nothing.
    pub fn named(name: &str) -> Self {
        Self((!name.is_empty()).then(|| cut(name, NAME_MAX).into()))
    }

    /// The name, if one was given.
    pub fn as_str(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str().unwrap_or("a client"))
    }
}

/// One thing that happened to a run.
///
/// ```
/// use longhaul_core::{Epoch, HistoryEntry, Timestamp, Transition};
///
/// let entry = HistoryEntry::new(Timestamp::EPOCH, 1, Transition::Failed, Some("no route"));
/// assert_eq!((entry.what, entry.why.as_deref()), (Transition::Failed, Some("no route")));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct HistoryEntry {
    /// When.
    pub at: Timestamp,
    /// During, or after, which attempt, counted from 1; of a claim, the attempt to come.
    pub attempt: u32,
    /// What.
    pub what: Transition,
    /// Why, in at most 256 bytes.
    pub why: Option<Box<str>>,
    /// Who asked for it, if a client did and said who.
    pub by: Actor,
}

impl HistoryEntry {
    /// An entry; `why` is cut to 256 bytes.
    pub fn new(at: Timestamp, attempt: u32, what: Transition, why: Option<&str>) -> Self {
        Self { at, attempt, what, why: why.map(|why| cut(why, REASON_MAX).into()), by: Actor::UNKNOWN }
    }
}

/// What can happen to a run.
///
/// ```
/// use longhaul_core::Transition;
///
/// assert_eq!(Transition::GaveUp.to_string(), "gave up");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transition {
    /// A client enqueued it.
    Enqueued,
    /// A server claimed it.
    Claimed(ServerId),
    /// A claim was given back before the task began.
    Returned,
    /// A shutdown broke the attempt off.
    Interrupted,
    /// The attempt's process died, or its lease ran out.
    Crashed,
    /// The task panicked.
    Panicked,
    /// The attempt failed; another follows.
    Failed,
    /// The attempt took too long; another follows.
    TimedOut,
    /// The task put the run aside.
    Suspended,
    /// A client let it go on.
    Proceeded,
    /// A client asked for its end while it was running.
    CancelRequested,
    /// A client had the next attempt begin now.
    RunNow,
    /// It ended well.
    Completed,
    /// It ended in failure: no attempts are left, or the failure was permanent.
    GaveUp,
    /// It ended in failure: it took its process down too often.
    Quarantined,
    /// It was called off.
    Cancelled,
    /// Its values could not be read.
    Parked,
    /// Code that may be able to read its values came up.
    Released,
    /// A client asked that it be put aside while it was running.
    SuspendRequested,
    /// A client chose another time for its next attempt.
    Rescheduled,
    /// A client moved it forward or back.
    Prioritised,
    /// It took over what a second run of its key brought.
    Replaced,
    /// A client had it tried again, as a new run.
    Retried,
    /// It ended in failure: it was suspended, and nobody proceeded it before its deadline.
    Expired,
    /// It failed, and a client let the runs of its order key go on.
    Dismissed,
}

impl Transition {
    /// One word, as programs read it.
    ///
    /// ```
    /// use longhaul_core::Transition;
    ///
    /// assert_eq!(Transition::CancelRequested.as_str(), "cancel_requested");
    /// ```
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enqueued => "enqueued",
            Self::Claimed(_) => "claimed",
            Self::Returned => "returned_unstarted",
            Self::Interrupted => "interrupted",
            Self::Crashed => "crashed",
            Self::Panicked => "panicked",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Suspended => "suspended",
            Self::Proceeded => "proceeded",
            Self::CancelRequested => "cancel_requested",
            Self::RunNow => "run_now",
            Self::Completed => "completed",
            Self::GaveUp => "gave_up",
            Self::Quarantined => "quarantined",
            Self::Cancelled => "cancelled",
            Self::Parked => "parked",
            Self::Released => "released",
            Self::SuspendRequested => "suspend_requested",
            Self::Rescheduled => "rescheduled",
            Self::Prioritised => "prioritised",
            Self::Replaced => "replaced",
            Self::Retried => "retried",
            Self::Expired => "expired",
            Self::Dismissed => "dismissed",
        }
    }
}

/// The word with spaces, and who claimed it.
impl fmt::Display for Transition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claimed(server) => write!(f, "claimed by {server}"),
            other => f.write_str(&other.as_str().replace('_', " ")),
        }
    }
}

/// The first and the latest entries, 32 at most: a run that is interrupted each hour for a year must not grow.
///
/// ```
/// use longhaul_core::{Epoch, History, HistoryEntry, Timestamp, Transition};
///
/// let entry = |what| HistoryEntry::new(Timestamp::EPOCH, 0, what, None);
/// let mut history = History::starting(entry(Transition::Enqueued));
/// for _ in 0..40 {
///     history.push(entry(Transition::Interrupted));
/// }
/// assert_eq!((history.entries.len(), history.dropped), (32, 9));
/// assert_eq!(history.entries[0].what, Transition::Enqueued);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct History {
    /// In order of time.
    pub entries: Vec<HistoryEntry>,
    /// How many entries, after the first, were dropped.
    pub dropped: u32,
}

impl History {
    /// A history that begins with `first`.
    pub fn starting(first: HistoryEntry) -> Self {
        Self { entries: vec![first], dropped: 0 }
    }

    /// Appends; what is beyond 32 entries goes, the second oldest first.
    pub fn push(&mut self, entry: HistoryEntry) {
        if self.entries.len() >= HISTORY_MAX {
            self.entries.remove(1);
            self.dropped += 1;
        }
        self.entries.push(entry);
    }
}

/// Who brought something about.
///
/// ```
/// use longhaul_core::{Actor, history::Who};
///
/// assert_eq!(Who::Client(&Actor::named("ann")).to_string(), "ann");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a store or an executor that leaves a case out should not compile")]
pub enum Who<'a> {
    /// A client, as it names itself.
    Client(&'a Actor),
    /// The server that had the run.
    Server(ServerId),
}

impl fmt::Display for Who<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(actor) => actor.fmt(f),
            Self::Server(server) => server.fmt(f),
        }
    }
}

/// An entry of a history, with what follows from those around it. See [`History::lines`].
///
/// ```
/// use longhaul_core::{Actor, Epoch, History, HistoryEntry, Timestamp, Transition};
/// use std::time::Duration;
///
/// let entry = |at, what| HistoryEntry::new(Timestamp::from_micros(at), 0, what, None);
/// let mut history = History::starting(HistoryEntry { by: Actor::named("ann"), ..entry(0, Transition::Enqueued) });
/// history.push(entry(2_000_000, Transition::Cancelled));
/// let first = history.lines().next().unwrap();
/// assert_eq!((first.to_string().as_str(), first.lasted), ("enqueued by ann", Some(Duration::from_secs(2))));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct HistoryLine<'a> {
    /// When, during which attempt, what and why.
    pub entry: &'a HistoryEntry,
    /// By whom.
    pub who: Who<'a>,
    /// How long it was until the next entry: of a claim, how long the attempt took; of a failure, how long until the
    /// next attempt. `None` for the last one, and before entries that were dropped.
    pub lasted: Option<Duration>,
}

impl fmt::Display for HistoryLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HistoryEntry { what, why, .. } = self.entry;
        match (what, self.who) {
            // It says by whom itself.
            (Transition::Claimed(_), _) => write!(f, "{what}")?,
            (_, Who::Client(by)) if *by == Actor::UNKNOWN => write!(f, "{what}")?,
            (_, who) => write!(f, "{what} by {who}")?,
        }
        why.as_deref().map_or(Ok(()), |why| write!(f, ": {why}"))
    }
}

impl History {
    /// The entries, each with who brought it about and how long it lasted.
    pub fn lines(&self) -> impl Iterator<Item = HistoryLine<'_>> {
        // The server that has the run, while one has.
        let mut holder = None;
        self.entries.iter().enumerate().map(move |(at, entry)| {
            let gap = at == 0 && self.dropped > 0;
            let next = self.entries.get(at + 1).filter(|_| !gap);
            let who = match (entry.what, holder) {
                (Transition::Claimed(server), _) => Who::Server(server),
                (what, Some(server)) if what.ends_an_attempt() && entry.by == Actor::UNKNOWN => Who::Server(server),
                _ => Who::Client(&entry.by),
            };
            holder = match entry.what {
                Transition::Claimed(server) => Some(server),
                what if what.ends_an_attempt() => None,
                _ => holder,
            };
            HistoryLine { entry, who, lasted: next.map(|next| next.at.since(entry.at)) }
        })
    }
}

impl Transition {
    /// Whether no server has the run afterwards, if one had it.
    pub const fn ends_an_attempt(self) -> bool {
        match self {
            Self::Returned
            | Self::Interrupted
            | Self::Crashed
            | Self::Panicked
            | Self::Failed
            | Self::TimedOut
            | Self::Suspended
            | Self::Completed
            | Self::GaveUp
            | Self::Quarantined
            | Self::Cancelled
            | Self::Parked => true,
            Self::Enqueued
            | Self::Claimed(_)
            | Self::Proceeded
            | Self::CancelRequested
            | Self::RunNow
            | Self::Released
            | Self::SuspendRequested
            | Self::Rescheduled
            | Self::Prioritised
            | Self::Replaced
            | Self::Retried
            | Self::Expired
            | Self::Dismissed => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_history_keeps_its_first_and_its_latest_entries() {
        let entry = |n| HistoryEntry::new(Timestamp::from_micros(n), 0, Transition::Interrupted, None);
        let mut history = History::starting(entry(0));
        (1..100).for_each(|n| history.push(entry(n)));
        assert_eq!(history.entries.len(), HISTORY_MAX);
        assert_eq!(history.dropped, 68);
        assert_eq!(history.entries[0].at, Timestamp::from_micros(0));
        assert_eq!(history.entries[1].at, Timestamp::from_micros(69));
        assert_eq!(history.entries[31].at, Timestamp::from_micros(99));
    }

    #[test]
    fn each_line_tells_who_and_how_long() {
        let server = ServerId::new(Timestamp::EPOCH, [7; 10]);
        let at = |seconds| Timestamp::EPOCH.after(Duration::from_secs(seconds));
        let entry = |seconds, what| HistoryEntry::new(at(seconds), 1, what, None);
        let mut history = History::starting(entry(0, Transition::Enqueued));
        let asked = HistoryEntry { by: Actor::named("ann"), ..entry(7, Transition::CancelRequested) };
        for entry in [entry(5, Transition::Claimed(server)), asked, entry(9, Transition::Cancelled)] {
            history.push(entry);
        }
        let told: Vec<_> =
            history.lines().map(|line| (line.to_string(), line.lasted.map(|time| time.as_secs()))).collect();
        let expected = [
            ("enqueued".to_owned(), Some(5)),
            (format!("claimed by {server}"), Some(2)),
            ("cancel requested by ann".to_owned(), Some(2)),
            (format!("cancelled by {server}"), None),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn what_happens_while_no_server_has_the_run_is_a_clients() {
        let server = ServerId::new(Timestamp::EPOCH, [7; 10]);
        let entry = |what| HistoryEntry::new(Timestamp::EPOCH, 1, what, None);
        let mut history = History::starting(entry(Transition::Enqueued));
        for what in [Transition::Claimed(server), Transition::Failed, Transition::Suspended] {
            history.push(entry(what));
        }
        let who: Vec<_> = history.lines().map(|line| line.who).collect();
        let (client, server) = (Who::Client(&Actor::UNKNOWN), Who::Server(server));
        assert_eq!(who, [client, server, server, client]);
    }

    #[test]
    fn time_over_entries_that_were_dropped_is_not_told() {
        let entry = |n| HistoryEntry::new(Timestamp::from_micros(n), 0, Transition::Interrupted, None);
        let mut history = History::starting(entry(0));
        (1..100).for_each(|n| history.push(entry(n)));
        let lasted: Vec<_> = history.lines().map(|line| line.lasted).collect();
        assert_eq!((lasted[0], lasted[1], lasted[31]), (None, Some(Duration::from_micros(1)), None));
    }
}
