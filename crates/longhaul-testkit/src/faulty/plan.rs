//! Which calls fail, and which were made.

use std::collections::{BTreeMap, VecDeque};

use longhaul_core::{
    RunId, StoreError,
    store::{Damaged, Page},
};

use super::{Call, FaultPoint, Made};

#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) made: Vec<Made>,
    /// How many calls until the way to the store is cut, and how the last of them fails.
    pub(super) cut: Option<(usize, FaultPoint)>,
    faults: BTreeMap<Call, VecDeque<Fault>>,
    /// Runs that pages show as damaged.
    pub(super) damaged: Vec<RunId>,
}

#[derive(Debug)]
pub(super) struct Fault {
    pub(super) when: FaultPoint,
    pub(super) strike: Strike,
}

#[derive(Debug)]
pub(super) enum Strike {
    Fail(StoreError),
    Hang,
}

impl Plan {
    pub(super) fn push(&mut self, call: Call, fault: Fault) {
        self.faults.entry(call).or_default().push_back(fault);
    }

    pub(super) fn mend(&mut self) {
        self.cut = None;
        self.faults.clear();
        self.damaged.clear();
    }

    /// The page as it would be if the runs that are to be damaged were.
    pub(super) fn damage(&self, mut page: Page) -> Page {
        let (damaged, runs) = page.runs.into_iter().partition(|snapshot| self.damaged.contains(&snapshot.run.id));
        page.runs = runs;
        let why = |id| Damaged { id, why: "the test damaged it".into() };
        page.damaged.extend(Vec::into_iter(damaged).map(|snapshot| why(snapshot.run.id)));
        page
    }

    /// Notes a call, and says what happens to it.
    pub(super) fn next(&mut self, made: Made) -> Option<Fault> {
        let planned = self.faults.get_mut(&made.call).and_then(VecDeque::pop_front);
        self.made.push(made);
        planned.or_else(|| self.count_down())
    }

    fn count_down(&mut self) -> Option<Fault> {
        let (left, when) = self.cut.as_mut()?;
        *left = left.saturating_sub(1);
        if *left > 0 {
            return None;
        }
        let unavailable = StoreError::Unavailable { reason: "the test cut the way to it".into() };
        let when = std::mem::replace(when, FaultPoint::BeforeEffect);
        Some(Fault { when, strike: Strike::Fail(unavailable) })
    }
}
