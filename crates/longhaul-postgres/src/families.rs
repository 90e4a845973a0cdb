//! What a transaction changed with children, and with runs that wait for others: rows of news, which come with the change,
//! so that whoever looks next finds out what follows.

use std::{collections::BTreeMap, sync::Arc};

use longhaul_core::{AwaitedRuns, Awaits, ChildCounts, Run, RunId, StateKind, family::cancel_children};

use crate::{
    error::Fault,
    id::Uuid,
    session::{Param, SessionIn, Step},
};

const ADD_NEWS: &str = "\
    INSERT INTO @family_news (run, cancels, total, completed, failed, cancelled, ends) \
    SELECT * FROM unnest($1::uuid[], $2::bool[], $3::int8[], $4::int8[], $5::int8[], $6::int8[], $7::int8[])";

/// Runs ended: those that wait for them are looked at.
const ADD_WAITING: &str = "\
    INSERT INTO @family_news (run, cancels, total, completed, failed, cancelled, ends) \
    SELECT waiter, false, 0, 0, 0, 0, 0 FROM @awaited WHERE run = ANY($1) RETURNING run";

const AWAIT: &str = "\
    INSERT INTO @awaited (run, waiter) SELECT * FROM unnest($1::uuid[], $2::uuid[]) ON CONFLICT DO NOTHING";

const AWAIT_NO_MORE: &str = "DELETE FROM @awaited WHERE waiter = ANY($1)";

/// The row is locked until the transaction ends, and others add to it after that.
const ADD_CHILDREN: &str = "\
    INSERT INTO @family AS f (parent, total, completed, failed, cancelled, ends) \
    SELECT * FROM unnest($1::uuid[], $2::int8[], $3::int8[], $4::int8[], $5::int8[], $6::int8[]) \
    ON CONFLICT (parent) DO UPDATE SET total = f.total + excluded.total, completed = f.completed + excluded.completed, \
        failed = f.failed + excluded.failed, cancelled = f.cancelled + excluded.cancelled, ends = f.ends + excluded.ends";

const NAME_CHILDREN: &str = "\
    INSERT INTO @child (parent, run) SELECT * FROM unnest($1::uuid[], $2::uuid[]) ON CONFLICT DO NOTHING";

/// What is added to the counts of a run's children.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Added(pub(crate) [i64; 5]);

impl Added {
    fn moved(&mut self, before: Option<StateKind>, after: Option<StateKind>) {
        // From zero, counts of what goes would not fall below it.
        let there = ChildCounts { total: 1, completed: 1, failed: 1, cancelled: 1, ends: 0 };
        let mut counts = there;
        counts.moved(before, after);
        let numbers = |counts: ChildCounts| {
            [counts.total, counts.completed, counts.failed, counts.cancelled, counts.ends].map(|count| count as i64)
        };
        let (new, old) = (numbers(counts), numbers(there));
        for (sum, (new, old)) in self.0.iter_mut().zip(new.into_iter().zip(old)) {
            *sum += new - old;
        }
    }
}

/// The columns of rows of news, or of counts.
#[derive(Debug, Default)]
struct Columns {
    runs: Vec<Uuid>,
    cancels: Vec<bool>,
    numbers: [Vec<i64>; 5],
}

impl Columns {
    fn push(&mut self, run: RunId, cancels: bool, added: Added) {
        self.runs.push(run.into());
        self.cancels.push(cancels);
        for (column, number) in self.numbers.iter_mut().zip(added.0) {
            column.push(number);
        }
    }
}

/// What a transaction changed.
#[derive(Debug, Default)]
pub(crate) struct FamilyChanges {
    moved: BTreeMap<RunId, Added>,
    looks: Vec<RunId>,
    cancels: Vec<RunId>,
    ended: Vec<Uuid>,
    awaited: (Vec<Uuid>, Vec<Uuid>),
    awaited_no_more: Vec<Uuid>,
    news: Columns,
}

impl FamilyChanges {
    /// A run was as `before`, and is `run`. `counted` is what it counted as.
    pub(crate) fn note(&mut self, before: &Before, run: &Run) {
        let counts = run.counts_as();
        if let Some(parent) = run.parent()
            && before.counted != counts
        {
            let is_end = |state: Option<StateKind>| state.filter(|state| state.is_final());
            if is_end(before.counted) != is_end(counts) || before.counted.is_some() != counts.is_some() {
                self.moved.entry(parent.id).or_default().moved(before.counted, counts);
            }
        }
        self.note_wait(before.awaits.as_deref(), run);
        if run.state.is_final() && !before.was_final {
            self.ended.push(run.id.into());
            if cancel_children(run).is_some() {
                self.cancels.push(run.id);
            }
        }
    }

    fn note_wait(&mut self, awaited: Option<&Awaits>, run: &Run) {
        match (awaited, &run.awaits) {
            (None, Some(awaits)) => {
                self.looks.push(run.id);
                if let AwaitedRuns::Runs { open, .. } = &awaits.runs {
                    self.awaited.0.extend(open.iter().map(|id| Uuid::from(*id)));
                    self.awaited.1.extend(open.iter().map(|_| Uuid::from(run.id)));
                }
            }
            (Some(_), None) => self.awaited_no_more.push(run.id.into()),
            // For something else. A run that waits for fewer of those that it names was just looked at.
            (Some(before), Some(after)) if *before != **after && after.children() => self.looks.push(run.id),
            _ => {}
        }
    }

    /// A run is removed.
    pub(crate) fn removed(&mut self, run: &Run) {
        if let Some(parent) = run.parent() {
            self.moved.entry(parent.id).or_default().moved(run.counts_as(), None);
        }
    }

    /// These runs are gone, and who waits for them is looked at.
    pub(crate) fn are_gone(&mut self, ids: &[Uuid]) {
        self.ended.extend(ids);
        self.awaited_no_more.extend(ids);
    }

    /// Whether somebody has to look.
    pub(crate) fn seal(&mut self) -> bool {
        for (parent, added) in &self.moved {
            self.news.push(*parent, false, *added);
        }
        self.looks.iter().for_each(|id| self.news.push(*id, false, Added::default()));
        self.cancels.iter().for_each(|id| self.news.push(*id, true, Added::default()));
        !self.news.runs.is_empty()
    }

    /// The statements that keep this.
    pub(crate) async fn write<T>(&self, send: impl AsyncFnOnce(&[Step<'_>]) -> T) -> T {
        let Columns { runs, cancels, numbers: [total, completed, failed, cancelled, ends] } = &self.news;
        let news: [Param<'_>; 7] = [runs, cancels, total, completed, failed, cancelled, ends];
        let ended: [Param<'_>; 1] = [&self.ended];
        let awaited: [Param<'_>; 2] = [&self.awaited.0, &self.awaited.1];
        let no_more: [Param<'_>; 1] = [&self.awaited_no_more];
        let steps = [
            (!self.awaited_no_more.is_empty()).then_some(Step(AWAIT_NO_MORE, &no_more)),
            (!self.awaited.0.is_empty()).then_some(Step(AWAIT, &awaited)),
            (!runs.is_empty()).then_some(Step(ADD_NEWS, &news)),
            (!self.ended.is_empty()).then_some(Step(ADD_WAITING, &ended)),
        ];
        let steps: Vec<Step<'_>> = steps.into_iter().flatten().collect();
        send(&steps).await
    }
}

/// What is known of a run before it changes.
#[derive(Clone, Debug)]
pub(crate) struct Before {
    pub(crate) counted: Option<StateKind>,
    pub(crate) awaits: Option<Arc<Awaits>>,
    pub(crate) was_final: bool,
}

impl Before {
    pub(crate) fn of(run: &Run) -> Self {
        Self { counted: run.counts_as(), awaits: run.awaits.clone(), was_final: run.state.is_final() }
    }
}

/// New runs were kept: their parents have more children, and some of them wait. Answers whether somebody has to look.
pub(crate) async fn added(session: &SessionIn<'_>, runs: &[&Run]) -> Result<bool, Fault> {
    add(session, runs, true).await
}

async fn add(session: &SessionIn<'_>, runs: &[&Run], looks: bool) -> Result<bool, Fault> {
    let (mut children, mut members): (BTreeMap<RunId, Added>, (Vec<Uuid>, Vec<Uuid>)) = Default::default();
    let mut changes = FamilyChanges::default();
    for run in runs {
        if let Some(parent) = run.parent() {
            children.entry(parent.id).or_default().moved(None, run.counts_as());
            members.0.push(parent.id.into());
            members.1.push(run.id.into());
        }
        changes.note_wait(None, run);
    }
    // A parent may wait already, and has one more child: there is nothing to look at.
    if !children.is_empty() {
        let mut columns = Columns::default();
        for (parent, added) in &children {
            columns.push(*parent, false, *added);
        }
        let Columns { runs, numbers: [total, completed, failed, cancelled, ends], .. } = &columns;
        let counts: [Param<'_>; 6] = [runs, total, completed, failed, cancelled, ends];
        let names: [Param<'_>; 2] = [&members.0, &members.1];
        session.query_all(&[Step(ADD_CHILDREN, &counts), Step(NAME_CHILDREN, &names)]).await?;
    }
    let looks = looks && changes.seal();
    keep(session, &changes).await?;
    Ok(looks)
}

/// The same of runs that are copied: they wait as they waited, since what they wait for may come later.
pub(crate) async fn copied(session: &SessionIn<'_>, runs: &[&Run]) -> Result<(), Fault> {
    add(session, runs, false).await.map(drop)
}

/// Keeps what changed.
pub(crate) async fn keep(session: &SessionIn<'_>, changes: &FamilyChanges) -> Result<(), Fault> {
    changes.write(async |steps| if steps.is_empty() { Ok(()) } else { session.query_all(steps).await.map(drop) }).await
}
