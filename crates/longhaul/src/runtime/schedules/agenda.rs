//! Which schedule is to be looked at when. No I/O, no clock.

use std::collections::{BTreeSet, HashMap};

use longhaul_core::{RunId, ScheduleName, Timestamp};

use super::look::{Looked, Seen};

#[derive(Default)]
pub(super) struct Agenda {
    entries: HashMap<ScheduleName, Entry>,
    /// In the order in which they are to be looked at.
    due: BTreeSet<(Timestamp, ScheduleName)>,
}

#[derive(Clone)]
pub(super) struct Entry {
    /// As it was when it was heard of last.
    pub(super) seen: Seen,
    /// When to look at it.
    at: Option<Timestamp>,
    /// Its next run waits for the end of this one.
    waits_for: Option<RunId>,
}

impl Agenda {
    /// When to look at the first.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// A schedule changed, or is no more.
    pub(super) fn note(&mut self, name: ScheduleName, seen: Option<Seen>, now: Timestamp) {
        match (seen, self.entries.get_mut(&name)) {
            (None, _) => {
                if let Some(Entry { at: Some(at), .. }) = self.entries.remove(&name) {
                    self.due.remove(&(at, name));
                }
            }
            // Our own change, which we know of.
            (Some(seen), Some(there)) if seen.revision <= there.seen.revision => {}
            (Some(seen), Some(there)) => {
                there.seen = seen;
                self.look_at(&name, Some(now));
            }
            (Some(seen), None) => {
                self.entries.insert(name.clone(), Entry { seen, at: None, waits_for: None });
                self.look_at(&name, Some(now));
            }
        }
    }

    /// A run that another waited for is final.
    pub(super) fn ended(&mut self, name: &ScheduleName, run: RunId, now: Timestamp) {
        if let Some(entry) = self.entries.get_mut(name)
            && entry.waits_for == Some(run)
        {
            entry.waits_for = None;
            self.look_at(name, Some(now));
        }
    }

    /// Whatever was known of when to look is wrong.
    pub(super) fn all_due(&mut self, now: Timestamp) {
        let names: Vec<_> = self.entries.keys().cloned().collect();
        for name in &names {
            self.look_at(name, Some(now));
        }
    }

    /// At most `max` of those that are to be looked at.
    pub(super) fn take_due(&mut self, now: Timestamp, max: usize) -> Vec<(ScheduleName, Entry)> {
        let mut taken = Vec::new();
        while taken.len() < max && self.next().is_some_and(|at| at <= now) {
            let (_, name) = self.due.pop_first().expect("there is a next one");
            let entry = self.entries.get_mut(&name).expect("what is due is known");
            entry.at = None;
            taken.push((name, entry.clone()));
        }
        taken
    }

    /// Notes what was seen. Answers the run whose end is to be waited for, if nobody does yet.
    pub(super) fn looked(&mut self, name: &ScheduleName, look: Option<Looked>) -> Option<RunId> {
        // None: another came before. What it did is told next, and is looked at then.
        let Looked { seen, next, waits_for } = look?;
        let entry = self.entries.get_mut(name).expect("what was looked at is known");
        entry.seen = seen;
        let new = waits_for.filter(|run| entry.waits_for != Some(*run));
        entry.waits_for = waits_for;
        self.look_at(name, next);
        new
    }

    fn look_at(&mut self, name: &ScheduleName, at: Option<Timestamp>) {
        let entry = self.entries.get_mut(name).expect("it is known");
        if let Some(before) = entry.at.take() {
            self.due.remove(&(before, name.clone()));
        }
        entry.at = at;
        self.due.extend(at.map(|at| (at, name.clone())));
    }
}
