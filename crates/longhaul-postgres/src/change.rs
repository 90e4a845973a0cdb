//! The one way in which rows of runs change: what was decided is written where the row is still the one it was decided on.

use std::collections::{BTreeMap, HashSet};

use longhaul_core::{
    Actor, Decision, Event, IllegalEvent, Kind, RunId, StateKind, Timestamp, counts::Statistics, decide,
};

use crate::{
    error::Fault,
    id::{Uuid, uuids},
    ops::statistics,
    row::{Kept, Rows, Written, state_number},
    session::SessionIn,
    store::Inner,
};

/// A run in the course of a transaction.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "what was, and what is to be done: each is asked for by itself")]
pub(crate) struct Change {
    pub(crate) kept: Kept,
    /// As it is in the database.
    before: u64,
    was_final: bool,
    was_running: bool,
    state_before: StateKind,
    pub(crate) written: Written,
    /// Its server is to be told of a request.
    pub(crate) order: bool,
    is_changed: bool,
}

impl Change {
    pub(crate) fn of(kept: Kept) -> Self {
        let run = &kept.stored.run;
        let (before, was_final) = (run.revision, run.state.is_final());
        let state_before = run.state.kind();
        let was_running = state_before == StateKind::Running;
        let written = Written::default();
        Self { kept, before, was_final, was_running, state_before, written, order: false, is_changed: false }
    }

    pub(crate) fn id(&self) -> RunId {
        self.kept.stored.run.id
    }

    pub(crate) fn state(&self) -> StateKind {
        self.kept.stored.run.state.kind()
    }

    pub(crate) fn decide(&mut self, now: Timestamp, event: &Event) -> Result<StateKind, IllegalEvent> {
        self.decide_for(now, event, Actor::UNKNOWN)
    }

    /// What core decides of `event`, which a client asked for.
    pub(crate) fn decide_for(&mut self, now: Timestamp, event: &Event, by: Actor) -> Result<StateKind, IllegalEvent> {
        let decision = decide(now, &self.kept.stored.run, event)?.asked_by(by);
        self.apply(decision);
        Ok(self.state())
    }

    pub(crate) fn apply(&mut self, decision: Decision) {
        let followup = self.kept.stored.apply(decision);
        self.order |= followup.order;
        debug_assert!(!followup.remove, "`delete` and sweeps remove runs, and write nothing else of them");
        self.written.execution_metadata |= followup.changed.execution_metadata;
        self.written.ended |= followup.changed.ended;
        self.is_changed = true;
    }

    /// Something was changed without a decision.
    pub(crate) fn touch(&mut self) {
        self.is_changed = true;
    }

    pub(crate) fn is_changed(&self) -> bool {
        self.is_changed
    }

    fn ends(&self) -> bool {
        self.kept.stored.run.state.is_final() && !self.was_final
    }
}

/// What a transaction changed, for those who wait.
#[derive(Debug, Default)]
pub(crate) struct News {
    pub(crate) runs: Vec<RunId>,
    pub(crate) claims: bool,
    pub(crate) stops: bool,
    pub(crate) ended: bool,
}

impl News {
    pub(crate) fn tell(self, inner: &Inner) {
        let wake = &inner.wake;
        for (is_news, notify) in [(self.claims, &wake.claims), (self.stops, &wake.stops), (self.ended, &wake.ended)] {
            if is_news {
                notify.notify_waiters();
            }
        }
        wake.changed(self.runs);
    }
}

impl Inner {
    /// Writes what was changed. Answers which runs were still as they had been read; the others are as they are.
    pub(crate) async fn keep(
        &self,
        session: &SessionIn<'_>,
        changes: &mut [Change],
        news: &mut News,
    ) -> Result<HashSet<RunId>, Fault> {
        let mut pages: BTreeMap<(Kind, i16, Timestamp), (Uuid, Vec<RunId>)> = BTreeMap::new();
        let of_changed = || changes.iter().filter(|change| change.is_changed);
        let lanes = self.lanes.of_all(of_changed().map(|change| &change.kept.stored.run))?;
        let mut rows = Rows::default();
        for (change, lane) in changes.iter_mut().filter(|change| change.is_changed).zip(lanes) {
            let run = &change.kept.stored.run;
            if change.ends() {
                let of = (run.kind.clone(), state_number(run.state.kind()), run.since);
                let (page, _) = pages.entry(of).or_insert_with(|| (Uuid::fresh(), Vec::new()));
                change.kept.page = Some(*page);
            } else if change.was_running && run.state.kind() != StateKind::Running {
                change.kept.page = None;
            }
            rows.push(lane, &change.kept.stored, change.kept.page, change.before, change.written);
        }
        let written: HashSet<RunId> = rows.update(session).await?.into_iter().map(Uuid::run).collect();
        let (now, mut statistics) = (self.now(), Statistics::default());
        for change in changes.iter().filter(|change| written.contains(&change.id())) {
            let run = &change.kept.stored.run;
            statistics.record(now, run, Some(change.state_before), Some(change.state()));
            if change.ends() {
                let of = (run.kind.clone(), state_number(run.state.kind()), run.since);
                pages.get_mut(&of).expect("it was put there").1.push(run.id);
                news.ended = true;
            }
            news.claims |= change.was_running || run.state.due().is_some();
            news.stops |= change.order;
            news.runs.push(run.id);
        }
        statistics::add(session, &statistics).await?;
        pages.retain(|_, (_, runs)| !runs.is_empty());
        if !pages.is_empty() {
            let batch = Uuid::fresh();
            for ((kind, state, at), (page, runs)) in pages {
                session
                    .execute(
                        "INSERT INTO @end_page (id, batch, kind, state, at, runs) VALUES ($1, $2, $3, $4, $5, $6)",
                        &[&page, &batch, &kind.as_str(), &state, &at.as_micros(), &uuids(runs)],
                    )
                    .await?;
            }
        }
        Ok(written)
    }

    /// The same, of runs that are locked, so that nobody else can have changed them.
    pub(crate) async fn keep_locked(
        &self,
        session: &SessionIn<'_>,
        changes: &mut [Change],
        news: &mut News,
    ) -> Result<(), Fault> {
        let expected = changes.iter().filter(|change| change.is_changed).count();
        let written = self.keep(session, changes, news).await?.len();
        if written == expected { Ok(()) } else { Err(Fault::Again("a locked row was changed".into())) }
    }
}
