//! What the death of a process means for the runs that it executed, and how a run that may be the cause is executed.
//!
//! Most deaths come from outside (a deploy, the kernel's killer, power), so one changes nothing. A run that was
//! executing when its process died, and had saved nothing in that attempt, is counted; after
//! [`SUSPECT_FROM`] deaths in a row it is a *suspect*. A server executes one suspect at a time, beside everything else.
//! If the process dies again with it, it comes to its *last try*: its server starts nothing else until it has saved
//! something, ended, or run for [`WINDOW`]. Only a death during that, with nothing beside it that could have been the
//! cause, quarantines a run.
//!
//! So a run that kills its process at once costs four starts, and five where an innocent suspect is in its last try as
//! well. A server is held for at most [`WINDOW`] by each run at its last try, after at most [`WINDOW`] in which what it
//! executes proves itself; each death makes at most one run come to its last try.

use std::{cmp::Reverse, time::Duration};

use super::BlockedBy;
use crate::{
    id::{RunId, ServerId},
    run::Run,
    state::State,
    time::Timestamp,
};

/// How long a run that saves nothing is watched before it counts as harmless: one that kills its process mostly does
/// so at once.
pub const WINDOW: Duration = Duration::from_secs(10);
/// From so many deaths in a row on, a run is a suspect.
pub const SUSPECT_FROM: u8 = 2;

/// How a run is executed, because processes died with it.
///
/// ```
/// use longhaul_core::{Run, admission::suspects::Isolation, doc};
///
/// let after = |deaths| Isolation::of(&Run { suspicion: deaths, ..doc::run() });
/// assert_eq!([0, 1, 2, 3].map(after), [Isolation::None, Isolation::None, Isolation::Suspect, Isolation::LastTry]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[expect(clippy::exhaustive_enums, reason = "a store or an executor that leaves a case out should not compile")]
pub enum Isolation {
    /// As any other.
    #[default]
    None,
    /// A server executes one of them at a time.
    Suspect,
    /// Its server starts nothing else for a while.
    LastTry,
}

impl Isolation {
    /// How `run` is executed: its [`suspicion`](Run::suspicion) against its policy's
    /// [`crashes_max`](crate::RetryPolicy::crashes_max).
    pub fn of(run: &Run) -> Self {
        let last = run.policy.crashes_max.max(SUSPECT_FROM.into());
        if u32::from(run.suspicion) >= last {
            Self::LastTry
        } else if run.suspicion >= SUSPECT_FROM {
            Self::Suspect
        } else {
            Self::None
        }
    }
}

/// A run that executes, as far as the rules for suspects go.
///
/// ```
/// use longhaul_core::{Run, admission::suspects::{Executing, WINDOW}, doc};
///
/// let run = doc::running();
/// let executing = Executing::of(&run).expect("it runs");
/// assert_eq!(executing.unproven_until(run.since), Some(run.since.after(WINDOW)));
/// assert_eq!(executing.unproven_until(run.since.after(WINDOW)), None); // it has lasted
/// let saved = Executing::of(&Run { progressed: true, ..run }).expect("it runs");
/// assert_eq!(saved.unproven_until(saved.since), None);
/// assert!(Executing::of(&doc::run()).is_none());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct Executing {
    /// Which run.
    pub id: RunId,
    /// Where.
    pub server: ServerId,
    /// How.
    pub isolation: Isolation,
    /// Since when.
    pub since: Timestamp,
    /// It has saved something new in this attempt.
    pub saved: bool,
}

impl Executing {
    /// `None`: it does not run.
    pub fn of(run: &Run) -> Option<Self> {
        let State::Running { server } = run.state else { return None };
        Some(Self { id: run.id, server, isolation: Isolation::of(run), since: run.since, saved: run.progressed })
    }

    /// Until when it might still turn out to kill its process; `None`: it has saved something, or lasted. A run that
    /// began later than now did so by a clock that has been set back: it has lasted.
    pub fn unproven_until(&self, now: Timestamp) -> Option<Timestamp> {
        let until = self.since.after(WINDOW);
        (!self.saved && self.since <= now && now < until).then_some(until)
    }
}

/// Which of the runs that died together is to blame, for [`Event::Crash`](crate::Event::Crash).
///
/// ```
/// use longhaul_core::admission::suspects::Blame;
///
/// assert!(Blame::Shared < Blame::Latest { above: 3 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "a store or an executor that leaves a case out should not compile")]
pub enum Blame {
    /// Any of several: as it stands with each of them.
    Shared,
    /// Of the suspects that had saved nothing it began last: it comes to its last try, before all others that are there.
    Latest {
        /// The highest suspicion among those that died.
        above: u8,
    },
    /// It was at its last try, and nothing else could have been the cause.
    Alone,
}

/// Which of the runs that were executing on one server when it died are to blame; all others share it. At most one.
///
/// ```
/// use longhaul_core::{Run, RunId, admission::suspects::{Blame, blame}, doc};
///
/// let (one, suspect) = (doc::running(), Run { suspicion: 2, ..doc::running() });
/// assert_eq!(blame([&one]), None);
/// assert_eq!(blame([&one, &suspect]), Some((suspect.id, Blame::Latest { above: 2 })));
///
/// let last = Run { suspicion: 3, ..doc::running() };
/// assert_eq!(blame([&last]), Some((last.id, Blame::Alone)));
/// let other = Run { id: RunId::from_bytes([7; 16]), ..one };
/// assert_eq!(blame([&last, &other]), Some((last.id, Blame::Latest { above: 3 }))); // it was not alone
/// ```
pub fn blame<'a>(died: impl IntoIterator<Item = &'a Run>) -> Option<(RunId, Blame)> {
    let died: Vec<&Run> = died.into_iter().filter(|run| run.begun).collect();
    let suspects = died.iter().filter(|run| !run.progressed && Isolation::of(run) > Isolation::None);
    let latest = suspects.max_by_key(|run| (run.since, run.suspicion, Reverse(run.id)))?;
    // While it was alone nothing began beside it, and what ran before had saved something.
    let beside = |other: &&Run| other.id != latest.id && (!other.progressed || other.since > latest.since);
    if Isolation::of(latest) == Isolation::LastTry && !died.iter().copied().any(|run| beside(&run)) {
        return Some((latest.id, Blame::Alone));
    }
    let above = died.iter().map(|run| run.suspicion).max().unwrap_or(0);
    Some((latest.id, Blame::Latest { above }))
}

/// A server that starts nothing until what it executes has proven itself, because a run at its last try is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Drain {
    pub(super) server: ServerId,
    pub(super) until: Timestamp,
}

/// What a selection does to the drain that there is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum DrainChange {
    /// Nothing.
    #[default]
    None,
    /// This server makes room.
    Begins(Drain),
    /// The run at its last try starts.
    Ends,
}

impl Drain {
    /// Whether it goes on. One that would last longer than any comes from a clock that has been set back.
    pub(super) fn is_on(&self, now: Timestamp) -> bool {
        now < self.until && self.until <= now.after(WINDOW)
    }
}

/// What the suspects that execute mean for one server.
pub(super) struct Standing {
    /// The run at its last try that this server executes alone.
    held_by: Option<(RunId, Timestamp)>,
    /// Another server does so.
    elsewhere: Option<(RunId, ServerId, Timestamp)>,
    /// The suspect that this server executes.
    suspect: Option<(RunId, Timestamp)>,
}

impl Standing {
    /// `suspects`: the suspects that execute, on all servers.
    pub(super) fn of(now: Timestamp, server: ServerId, suspects: &[Executing]) -> Self {
        let mut standing = Self { held_by: None, elsewhere: None, suspect: None };
        for one in suspects {
            let Some(until) = one.unproven_until(now) else { continue };
            match (one.isolation, one.server == server) {
                (Isolation::None, _) | (Isolation::Suspect, false) => {}
                (Isolation::Suspect, true) => standing.suspect = Some((one.id, until)),
                (Isolation::LastTry, true) => standing.held_by = Some((one.id, until)),
                (Isolation::LastTry, false) => standing.elsewhere = Some((one.id, one.server, until)),
            }
        }
        standing
    }

    /// What keeps a run that is to be executed like this from starting on `server`.
    pub(super) fn blocks(&self, server: ServerId, isolation: Isolation) -> Option<BlockedBy> {
        if let Some((run, until)) = self.held_by {
            return Some(BlockedBy::LastTry { run, server, until });
        }
        match isolation {
            Isolation::None => None,
            Isolation::Suspect => self.suspect.map(|(run, until)| BlockedBy::Suspect { run, server, until }),
            Isolation::LastTry => self.elsewhere.map(|(run, server, until)| BlockedBy::LastTry { run, server, until }),
        }
    }
}

/// When everything that a server executes has proven itself, if it has not yet.
pub(super) fn unproven_until(now: Timestamp, executing: &[Executing]) -> Option<Timestamp> {
    executing.iter().filter_map(|one| one.unproven_until(now)).max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doc;

    fn run(id: u8, suspicion: u8, began: u64) -> Run {
        let running = doc::running();
        let since = running.since.after(Duration::from_secs(began));
        Run { id: RunId::from_bytes([id; 16]), suspicion, since, ..running }
    }

    #[test]
    fn nobody_is_singled_out_before_there_are_suspects() {
        assert_eq!(blame([&run(1, 0, 0), &run(2, 1, 5)]), None);
        assert_eq!(blame([]), None);
    }

    #[test]
    fn of_several_suspects_the_one_that_began_last_comes_to_its_last_try() {
        let (early, late) = (run(1, 2, 0), run(2, 2, 10));
        assert_eq!(blame([&late, &early]), Some((late.id, Blame::Latest { above: 2 })));
        let saved = Run { progressed: true, ..late.clone() };
        assert_eq!(blame([&saved, &early]), Some((early.id, Blame::Latest { above: 2 })));
        let waiting = Run { begun: false, ..late };
        assert_eq!(blame([&waiting, &early]), Some((early.id, Blame::Latest { above: 2 })));
    }

    #[test]
    fn a_last_try_is_alone_only_while_nothing_began_after_it_and_all_else_has_saved() {
        let last = run(1, 3, 10);
        let saved = |began| Run { progressed: true, ..run(2, 0, began) };
        assert_eq!(blame([&last, &saved(9)]), Some((last.id, Blame::Alone)));
        assert_eq!(blame([&last, &saved(21)]), Some((last.id, Blame::Latest { above: 3 })));
        assert_eq!(blame([&last, &run(2, 0, 0)]), Some((last.id, Blame::Latest { above: 3 })));
        // A suspect that began after it is the likelier one.
        let fresh = run(3, 2, 21);
        assert_eq!(blame([&last, &fresh]), Some((fresh.id, Blame::Latest { above: 3 })));
    }

    #[test]
    fn the_policy_says_after_how_many_deaths_the_last_try_comes_but_one_changes_nothing() {
        let after = |deaths, crashes_max| {
            let policy = crate::RetryPolicy::default().crashes(crashes_max);
            Isolation::of(&Run { suspicion: deaths, policy, ..doc::running() })
        };
        assert_eq!([1, 2].map(|deaths| after(deaths, 1)), [Isolation::None, Isolation::LastTry]);
        assert_eq!([4, 5].map(|deaths| after(deaths, 5)), [Isolation::Suspect, Isolation::LastTry]);
        assert_eq!(after(u8::MAX, u32::MAX), Isolation::Suspect);
    }

    #[test]
    fn a_drain_ends_though_the_clock_goes_back() {
        let now = doc::NOW;
        let drain = Drain { server: doc::SERVER, until: now.after(WINDOW) };
        assert!(drain.is_on(now) && !drain.is_on(now.after(WINDOW)));
        assert!(!drain.is_on(Timestamp::EPOCH));
        let executing = Executing::of(&doc::running()).unwrap();
        assert_eq!(executing.unproven_until(Timestamp::EPOCH), None);
    }
}
