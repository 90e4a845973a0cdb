//! The one way in which rows of runs change: what was decided is written where the row is still the one it was decided on.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::atomic::Ordering,
};

use longhaul_core::{
    Decision, Event, IllegalEvent, Kind, RunId, StateKind, StoredRun, Timestamp, counts::Statistics,
    store::ENDS_PER_POSITION, stored::Followup,
};

use crate::{
    added_counts::{ADD_COUNTS, ADD_MINUTES, Counts},
    due_counts::{ADD_DUE, DueCounts, DueFrom},
    error::Fault,
    families::{Before, FamilyChanges},
    handle::Inner,
    id::Uuid,
    ring::Ring,
    row::{Kept, Rows, UPDATE_ALL, Written, state_number},
    session::{Param, SessionIn, Step, Tx},
    topics::Topics,
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
    had_turn: bool,
    was_behind: bool,
    state_before: StateKind,
    due_before: DueFrom,
    pub(crate) written: Written,
    /// Its server is to be told of a request.
    pub(crate) order: bool,
    is_changed: bool,
    first: Before,
}

impl Change {
    pub(crate) fn of(kept: Kept) -> Self {
        let run = &kept.stored.run;
        let (before, was_final) = (run.revision, run.state.is_final());
        let state_before = run.state.kind();
        let was_running = state_before == StateKind::Running;
        let (had_turn, was_behind) = (run.has_turn(), run.is_behind());
        let first = Before::of(run);
        Self {
            first,
            before,
            was_final,
            was_running,
            had_turn,
            was_behind,
            state_before,
            due_before: DueFrom::of(run),
            written: Written::default(),
            order: false,
            is_changed: false,
            kept,
        }
    }

    pub(crate) fn id(&self) -> RunId {
        self.kept.stored.run.id
    }

    pub(crate) fn state(&self) -> StateKind {
        self.kept.stored.run.state.kind()
    }

    /// Lets an event happen to it.
    pub(crate) fn decide(&mut self, now: Timestamp, event: &Event) -> Result<(), IllegalEvent> {
        self.make(|run| Ok(((), run.apply_event(now, event)?)))
    }

    /// Becomes what was decided.
    pub(crate) fn apply(&mut self, decision: Decision) {
        let followup = self.kept.stored.apply(decision);
        self.note(followup);
    }

    /// Lets an operation happen to it. One that is refused leaves it as it was.
    pub(crate) fn make<T, E>(
        &mut self,
        operation: impl FnOnce(&mut StoredRun) -> Result<(T, Followup), E>,
    ) -> Result<T, E> {
        let (answer, followup) = operation(&mut self.kept.stored)?;
        self.note(followup);
        Ok(answer)
    }

    fn note(&mut self, followup: Followup) {
        let Followup { keep, order, remove, changed } = followup;
        debug_assert!(!remove, "`delete` and sweeps remove runs, and write nothing else of them");
        self.order |= order;
        self.written.all |= changed.asked;
        self.written.execution_metadata |= changed.execution_metadata;
        self.written.ended |= changed.ended;
        self.is_changed |= keep;
    }

    pub(crate) fn is_changed(&self) -> bool {
        self.is_changed
    }

    /// It had the turn of its order key, and has it no more.
    pub(crate) fn left_turn(&self) -> bool {
        self.had_turn && !self.kept.stored.run.has_turn()
    }

    /// It had the turn of its order key, or waited for it, and does neither now.
    pub(crate) fn left_order(&self) -> bool {
        let run = &self.kept.stored.run;
        (self.had_turn || self.was_behind) && !run.has_turn() && !run.is_behind()
    }

    /// It has just stopped its order key.
    pub(crate) fn stops_key(&self) -> bool {
        !self.was_final && self.kept.stored.run.stops_key()
    }

    fn ends(&self) -> bool {
        self.kept.stored.run.state.is_final() && !self.was_final
    }
}

/// What a transaction changed, for those who wait.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "a set of topics, filled in one by one")]
pub(crate) struct News {
    pub(crate) runs: Vec<RunId>,
    /// Lanes that have new runs.
    pub(crate) lanes: BTreeSet<i32>,
    pub(crate) claims: bool,
    pub(crate) stops: bool,
    pub(crate) ended: bool,
    pub(crate) schedules: bool,
    /// Runs that wait for others have to be looked at.
    pub(crate) looks: bool,
}

impl News {
    /// Wakes who waits in this process, and rings for other servers. The transaction is committed.
    pub(crate) fn tell(self, inner: &Inner) {
        let wake = &inner.wake;
        if self.looks {
            inner.waits_have_news.store(true, Ordering::Release);
        }
        let topics = [
            (self.claims, &wake.claims, Topics::CLAIMS),
            (self.stops, &wake.stops, Topics::STOP_REQUESTS),
            (self.ended, &wake.ended, Topics::ENDED),
            (self.schedules, &wake.schedules, Topics::SCHEDULES),
        ];
        let mut changed = Topics::default().with(Topics::RUNS, !self.runs.is_empty());
        for (is_news, notify, topic) in topics {
            if is_news {
                notify.notify_waiters();
                changed = changed.with(topic, true);
            }
        }
        if !self.lanes.is_empty() {
            wake.claims.notify_waiters();
        }
        wake.changed(self.runs);
        inner.bell.ring(Ring { topics: changed, lanes: self.lanes });
    }
}

/// What transitions change besides the rows of their runs: counts of runs, and pages of ends.
pub(crate) struct Effects {
    counts: Counts,
    due: DueCounts,
    ends: Vec<End>,
    families: FamilyChanges,
}

/// The runs of one kind that came to one state at one time.
struct End {
    page: Uuid,
    /// What gets a position together.
    batch: Uuid,
    kind: Kind,
    state: i16,
    at: i64,
    runs: Vec<Uuid>,
}

type EndParams<'a> = [Param<'a>; 6];

impl Effects {
    /// Of changes that are written.
    fn of<'a>(now: Timestamp, changes: impl Iterator<Item = &'a Change>, news: &mut News) -> Self {
        let (mut statistics, mut ends) = (Statistics::default(), Vec::<End>::new());
        let mut due = DueCounts::default();
        let mut families = FamilyChanges::default();
        for change in changes {
            let run = &change.kept.stored.run;
            families.note(&change.first, run);
            statistics.record(now, run, Some(change.state_before), Some(change.state()));
            due.changed(change.due_before, run);
            if change.ends() {
                let page = change.kept.page.expect("what ends has a page");
                match ends.iter_mut().find(|end| end.page == page) {
                    Some(end) => end.runs.push(run.id.into()),
                    None => ends.push(End {
                        page,
                        batch: page,
                        kind: run.kind.clone(),
                        state: state_number(change.state()),
                        at: run.since.as_micros(),
                        runs: vec![run.id.into()],
                    }),
                }
                news.ended = true;
            }
            news.claims |= change.was_running || run.due().is_some();
            news.stops |= change.order;
            news.runs.push(run.id);
        }
        share_positions(&mut ends);
        news.looks |= families.seal();
        Self { counts: Counts::of(&statistics), due, ends, families }
    }

    /// Gives `send` the statements that write them.
    async fn write<T>(&self, send: impl AsyncFnOnce(&[Step<'_>]) -> T) -> T {
        let kinds: Vec<&str> = self.ends.iter().map(|end| end.kind.as_str()).collect();
        let ends = self.ends.iter().zip(&kinds);
        let ends: Vec<EndParams<'_>> = ends
            .map(|(end, kind)| -> EndParams<'_> { [&end.page, &end.batch, kind, &end.state, &end.at, &end.runs] })
            .collect();
        let (runs, minutes, due) = (self.counts.runs(), self.counts.minutes(), self.due.columns());
        let due = due.params();
        let mut steps = Vec::with_capacity(ends.len() + 3);
        steps.extend(runs.as_ref().map(|params| Step(ADD_COUNTS, params)));
        steps.extend(due.as_ref().map(|params| Step(ADD_DUE, params)));
        steps.extend(minutes.as_ref().map(|params| Step(ADD_MINUTES, params)));
        steps.extend(ends.iter().map(|params| Step(INSERT_END, params)));
        let send_all = async |families: &[Step<'_>]| {
            let all: Vec<Step<'_>> = steps.iter().chain(families).copied().collect();
            send(&all).await
        };
        self.families.write(send_all).await
    }
}

/// What ends in one transaction has one position, as far as that may have so many ends. Each page has fewer.
fn share_positions(ends: &mut [End]) {
    let (mut batch, mut count) = (Uuid::fresh(), 0);
    for end in ends {
        count += end.runs.len();
        if count > ENDS_PER_POSITION {
            (batch, count) = (Uuid::fresh(), end.runs.len());
        }
        end.batch = batch;
    }
}

const INSERT_END: &str = "INSERT INTO @end_page (id, batch, kind, state, at, runs) VALUES ($1, $2, $3, $4, $5, $6)";

impl Inner {
    /// Writes what was changed. Answers which runs were still as they had been read; the others are as they are.
    pub(crate) async fn keep(
        &self,
        session: &SessionIn<'_>,
        changes: &mut [Change],
        news: &mut News,
    ) -> Result<HashSet<RunId>, Fault> {
        let mut next = self.pass_turns(session, changes).await?;
        let written = self.rows_of(changes.iter_mut().chain(&mut next))?.update(session).await?;
        let mut written: HashSet<RunId> = written.into_iter().map(Uuid::run).collect();
        if !next.iter().all(|change| written.contains(&change.id())) {
            return Err(Fault::Again("a locked row was changed".into()));
        }
        let changes = changes.iter().chain(&next).filter(|change| written.contains(&change.id()));
        let effects = Effects::of(self.now(), changes, news);
        let answers = effects
            .write(async |steps| if steps.is_empty() { Ok(vec![]) } else { session.query_all(steps).await })
            .await?;
        // Only what finds who waits for a run that ended has rows in its answer.
        news.looks |= answers.iter().any(|rows| !rows.is_empty());
        for change in &next {
            written.remove(&change.id());
        }
        Ok(written)
    }

    /// Writes what was changed, and `more`, and commits, in one round trip. [`Fault::Moved`]: a run was not as it had been
    /// read, and nothing was written.
    pub(crate) async fn keep_all(
        &self,
        tx: &Tx,
        changes: &mut [Change],
        more: &[Step<'_>],
        news: &mut News,
    ) -> Result<(), Fault> {
        let mut next = self.pass_turns(tx, changes).await?;
        let rows = self.rows_of(changes.iter_mut().chain(&mut next))?;
        let written = changes.iter().chain(&next).filter(|change| change.is_changed);
        let effects = Effects::of(self.now(), written, news);
        let count = rows.len() as i64;
        let update = rows.update_params(&count);
        let updates = usize::from(!rows.is_empty());
        let answers = effects
            .write(async |effects| {
                let update = (!rows.is_empty()).then_some(Step(UPDATE_ALL, &update));
                let steps: Vec<Step<'_>> = update.into_iter().chain(effects.iter().chain(more).copied()).collect();
                if steps.is_empty() { Ok(vec![]) } else { tx.finish(&steps).await }
            })
            .await?;
        news.looks |= answers.iter().skip(updates).any(|rows| !rows.is_empty());
        Ok(())
    }

    /// The rows of what was changed. What ends gets its page.
    fn rows_of<'a>(&self, changes: impl Iterator<Item = &'a mut Change>) -> Result<Rows, Fault> {
        let changes: Vec<&mut Change> = changes.filter(|change| change.is_changed).collect();
        // The page that is filled now, and how many runs are on it.
        let mut pages: BTreeMap<(Kind, i16, Timestamp), (Uuid, usize)> = BTreeMap::new();
        let lanes = self.lanes.of_all(changes.iter().map(|change| &change.kept.stored.run))?;
        let mut rows = Rows::default();
        for (change, lane) in changes.into_iter().zip(lanes) {
            let run = &change.kept.stored.run;
            if change.ends() {
                let of = (run.kind.clone(), state_number(run.state.kind()), run.since);
                let (page, count) = pages.entry(of).or_insert_with(|| (Uuid::fresh(), 0));
                if *count == ENDS_PER_POSITION {
                    (*page, *count) = (Uuid::fresh(), 0);
                }
                *count += 1;
                change.kept.page = Some(*page);
            } else if change.was_running && run.state.kind() != StateKind::Running {
                change.kept.page = None;
            }
            rows.push(lane, &change.kept.stored, change.kept.page, change.before, change.written);
        }
        Ok(rows)
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
