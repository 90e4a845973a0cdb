//! A run as a row: the frozen record, its large values beside it, and the columns that statements go by.

use std::collections::HashSet;

use longhaul_core::{
    Queue, Run, RunId, StateKind, StoredRun, Timestamp,
    record::{self, Apart, Damage, Part, Values},
};
use tokio_postgres::types::Type;

use crate::{
    due_counts::{DueCounts, DueFrom},
    error::Fault,
    id::{Uuid, uuids},
    session::{ColumnError, Param, Row, Session, SessionIn},
};

/// The columns that [`read`] reads, of a row `r`.
macro_rules! columns {
    () => {
        "r.id, r.rec, r.meta, r.initial, r.exec, r.ended, r.page"
    };
}
pub(crate) use columns;

/// A run that was read.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) stored: StoredRun,
    /// The page of the claim that holds it, or of its end.
    pub(crate) page: Option<Uuid>,
}

/// Reads a row that begins with [`columns`]. The run may be damaged though its row is whole.
pub(crate) fn read(row: &Row) -> Result<(RunId, Result<Kept, Damage>), Fault> {
    let id = row.try_get::<Uuid>(0)?.run();
    let page = row.try_get::<Option<Uuid>>(6)?;
    let rec: &[u8] = row.try_get(1)?;
    let value = |part: Part| -> Result<Option<&[u8]>, ColumnError> {
        match part {
            Part::Metadata => row.try_get::<&[u8]>(2).map(Some),
            Part::Initial => row.try_get(3),
            Part::ExecutionMetadata => row.try_get(4),
            Part::Ended => row.try_get(5),
            _ => Ok(None),
        }
    };
    let mut fetch = |part: Part, apart: Apart| {
        let bytes = value(part).map_err(|error| Damage::of_run(id, error))?;
        let bytes = bytes.filter(|bytes| apart.matches(bytes));
        bytes.map(<[u8]>::to_vec).ok_or_else(|| Damage::of_run(id, format!("{part:?} is not what was written")))
    };
    let stored = record::read(id, rec).and_then(|read| read.stored(&mut fetch));
    Ok((id, stored.map(|stored| Kept { stored, page })))
}

/// Reads the id and the record of a run, without its values.
pub(crate) fn read_header(row: &Row) -> Result<(RunId, Result<Run, Damage>), Fault> {
    let id = row.try_get::<Uuid>(0)?.run();
    let mut apart = |part: Part, _| Err(Damage::of_run(id, format!("{part:?} stands apart")));
    Ok((id, record::read(id, row.try_get(1)?).and_then(|read| read.run(&mut apart))))
}

/// Reads a row whose run must not be damaged.
pub(crate) fn read_whole(row: &Row) -> Result<Kept, Fault> {
    Ok(read(row)?.1?)
}

/// Reads runs, and keeps others from changing them until the transaction ends. Locks are taken in the order of the ids.
pub(crate) async fn lock(session: &SessionIn<'_>, ids: impl IntoIterator<Item = RunId>) -> Result<Vec<Kept>, Fault> {
    let ids = uuids(ids);
    session.query(LOCK, &[&ids]).await?.iter().map(read_whole).collect()
}

/// The same, of runs that may be damaged.
pub(crate) async fn lock_readable(
    session: &SessionIn<'_>,
    ids: impl IntoIterator<Item = RunId>,
) -> Result<Vec<(RunId, Result<Kept, Damage>)>, Fault> {
    let ids = uuids(ids);
    session.query(LOCK, &[&ids]).await?.iter().map(read).collect()
}

const LOCK: &str = concat!("SELECT ", columns!(), " FROM @run r WHERE r.id = ANY($1) ORDER BY r.id FOR NO KEY UPDATE");

/// Reads one run as it is.
pub(crate) async fn get(session: &Session, id: RunId) -> Result<Option<Kept>, Fault> {
    let row =
        session.query_opt(concat!("SELECT ", columns!(), " FROM @run r WHERE r.id = $1"), &[&Uuid::from(id)]).await?;
    row.as_ref().map(read_whole).transpose()
}

/// Rows on their way to the database, by column.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    ids: Vec<Uuid>,
    lanes: Vec<i32>,
    lims: Vec<String>,
    prios: Vec<i16>,
    dues: Vec<Option<i64>>,
    deadlines: Vec<Option<i64>>,
    seens: Vec<Option<i16>>,
    states: Vec<i16>,
    epochs: Vec<i64>,
    settleds: Vec<bool>,
    askeds: Vec<bool>,
    retrieds: Vec<bool>,
    pages: Vec<Option<Uuid>>,
    sinces: Vec<i64>,
    revisions: Vec<i64>,
    createds: Vec<i64>,
    recs: Vec<Vec<u8>>,
    metas: Vec<Option<Vec<u8>>>,
    initials: Vec<Option<Vec<u8>>>,
    execs: Vec<Option<Vec<u8>>>,
    endeds: Vec<Option<Vec<u8>>>,
    /// The revision that the change was made on.
    befores: Vec<i64>,
    /// In what each differs from what its state says of when it is due.
    due: Vec<Option<(Queue, DueFrom)>>,
    /// Which values are written: 1 all, 2 the execution metadata, 4 the end.
    changes: Vec<i16>,
}

/// Which values an update writes, besides the record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) all: bool,
    pub(crate) execution_metadata: bool,
    pub(crate) ended: bool,
}

impl Rows {
    pub(crate) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(crate) fn push(&mut self, lane: i32, stored: &StoredRun, page: Option<Uuid>, before: u64, written: Written) {
        let run = &stored.run;
        let values = Values::of(stored);
        let mut apart = [None; Part::COUNT];
        for part in [Part::Metadata, Part::Initial, Part::ExecutionMetadata, Part::Ended] {
            apart[part as usize] = values.to_write(part).map(Apart::of);
        }
        let bytes = |part, wanted: bool| values.to_write(part).filter(|_| wanted).map(<[u8]>::to_vec);
        self.ids.push(run.id.into());
        self.lanes.push(lane);
        self.lims.push(run.constraints().limit_key.as_ref().map_or_else(String::new, |key| key.as_str().to_owned()));
        self.prios.push(prio(run));
        self.dues.push(run.due().map(Timestamp::as_micros));
        self.deadlines.push(run.deadline().map(Timestamp::as_micros));
        let state = run.state.kind();
        self.seens.push(is_rare(state).then(|| state_number(state)));
        self.states.push(state_number(state));
        self.epochs.push(run.epoch.0.into());
        self.settleds.push(stored.settled);
        self.askeds.push(state == StateKind::Running && run.request.is_some());
        self.retrieds.push(run.lineage.successor.is_some());
        self.pages.push(page);
        self.sinces.push(run.since.as_micros());
        self.revisions.push(run.revision as i64);
        self.createds.push(run.created.as_micros());
        self.recs.push(record::write(stored, &values, &apart));
        self.metas.push(bytes(Part::Metadata, written.all));
        self.initials.push(bytes(Part::Initial, written.all));
        self.execs.push(bytes(Part::ExecutionMetadata, written.all || written.execution_metadata));
        self.endeds.push(bytes(Part::Ended, written.all || written.ended));
        let due = DueFrom::of(run);
        self.due.push((!due.is_plain()).then(|| (run.queue.clone(), due)));
        self.befores.push(before as i64);
        let all = if written.all { 7 } else { 0 };
        self.changes.push(all | (i16::from(written.execution_metadata) << 1) | (i16::from(written.ended) << 2));
    }

    pub(crate) fn common(&self) -> [Param<'_>; 21] {
        [
            &self.ids,
            &self.lanes,
            &self.lims,
            &self.prios,
            &self.dues,
            &self.deadlines,
            &self.seens,
            &self.states,
            &self.epochs,
            &self.settleds,
            &self.askeds,
            &self.retrieds,
            &self.pages,
            &self.sinces,
            &self.revisions,
            &self.createds,
            &self.recs,
            &self.metas,
            &self.initials,
            &self.execs,
            &self.endeds,
        ]
    }

    /// Keeps new runs; answers those that were not there before.
    pub(crate) async fn insert(&self, session: &SessionIn<'_>) -> Result<Vec<Uuid>, Fault> {
        if self.is_empty() {
            return Ok(Vec::new());
        }
        let rows = session.query(INSERT, &self.common()).await?;
        let new = rows.iter().map(|row| Ok(row.try_get(0)?)).collect::<Result<Vec<Uuid>, Fault>>()?;
        let mut left: HashSet<&Uuid> = new.iter().collect();
        // Of several with the same id the first was kept.
        self.count_due(session, |id| left.remove(id)).await?;
        Ok(new)
    }

    /// Counts new runs.
    async fn count_due(&self, session: &SessionIn<'_>, is_new: impl FnMut(&Uuid) -> bool) -> Result<(), Fault> {
        self.due_counts(is_new).write(session).await
    }

    /// What new runs add to the counts of those that are due.
    pub(crate) fn due_counts(&self, mut is_new: impl FnMut(&Uuid) -> bool) -> DueCounts {
        let mut counts = DueCounts::default();
        for (id, due) in self.ids.iter().zip(&self.due) {
            if let (true, Some((queue, due))) = (is_new(id), due) {
                counts.add(queue, *due, 1);
            }
        }
        counts
    }

    /// The same, as one stream. Fails if one of the runs is there already.
    pub(crate) async fn copy(&self, session: &SessionIn<'_>) -> Result<(), Fault> {
        let row = |at: usize| -> Vec<Param<'_>> {
            vec![
                &self.ids[at],
                &self.lanes[at],
                &self.lims[at],
                &self.prios[at],
                &self.dues[at],
                &self.deadlines[at],
                &self.seens[at],
                &self.states[at],
                &self.epochs[at],
                &self.settleds[at],
                &self.askeds[at],
                &self.retrieds[at],
                &self.pages[at],
                &self.sinces[at],
                &self.revisions[at],
                &self.createds[at],
                &self.recs[at],
                &self.metas[at],
                &self.initials[at],
                &self.execs[at],
                &self.endeds[at],
            ]
        };
        session.copy(COPY, &COPIED, (0..self.ids.len()).map(row)).await?;
        self.count_due(session, |_| true).await
    }

    /// Changes runs that still have the revision that the change was made on; answers which had it.
    pub(crate) async fn update(&self, session: &SessionIn<'_>) -> Result<Vec<Uuid>, Fault> {
        if self.is_empty() {
            return Ok(Vec::new());
        }
        let rows = session.query(UPDATE, &self.changed()).await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// The parameters of [`UPDATE_ALL`]; `count` is how many runs there are.
    pub(crate) fn update_params<'a>(&'a self, count: &'a i64) -> Vec<Param<'a>> {
        let mut params = self.changed();
        params.push(count);
        params
    }

    fn changed(&self) -> Vec<Param<'_>> {
        let mut params: Vec<Param<'_>> = self.common().to_vec();
        params.remove(15); // a run is enqueued once
        params.extend([&self.befores as Param<'_>, &self.changes]);
        params
    }
}

/// Inserts runs, whose columns are the first 21 parameters.
macro_rules! insert_runs {
    () => {
        "\
    INSERT INTO @run (id, lane, lim, prio, due, deadline, seen, state, epoch, settled, asked, retried, page, since, \
        revision, created, rec, meta, initial, exec, ended) \
    SELECT * FROM unnest($1::uuid[], $2::int4[], $3::text[], $4::int2[], $5::int8[], $6::int8[], $7::int2[], \
        $8::int2[], $9::int8[], $10::bool[], $11::bool[], $12::bool[], $13::uuid[], $14::int8[], $15::int8[], \
        $16::int8[], $17::bytea[], $18::bytea[], $19::bytea[], $20::bytea[], $21::bytea[])"
    };
}

pub(crate) use insert_runs;

/// Answers those that were not there before.
pub(crate) const INSERT: &str = concat!(insert_runs!(), " ON CONFLICT (id) DO NOTHING RETURNING id");

const COPY: &str = "\
    COPY @run (id, lane, lim, prio, due, deadline, seen, state, epoch, settled, asked, retried, page, since, \
        revision, created, rec, meta, initial, exec, ended) FROM STDIN BINARY";

const COPIED: [Type; 21] = [
    Type::UUID,
    Type::INT4,
    Type::TEXT,
    Type::INT2,
    Type::INT8,
    Type::INT8,
    Type::INT2,
    Type::INT2,
    Type::INT8,
    Type::BOOL,
    Type::BOOL,
    Type::BOOL,
    Type::UUID,
    Type::INT8,
    Type::INT8,
    Type::INT8,
    Type::BYTEA,
    Type::BYTEA,
    Type::BYTEA,
    Type::BYTEA,
    Type::BYTEA,
];

/// Compares and swaps. `= ANY` is said as well, so that no plan can walk the whole key. A value that does not change is
/// not sent, and one that is kept out of line is not written again.
macro_rules! update {
    () => {
        "\
    UPDATE @run r SET lane = s.lane, lim = s.lim, prio = s.prio, due = s.due, deadline = s.deadline, seen = s.seen, \
        state = s.state, epoch = s.epoch, settled = s.settled, asked = s.asked, retried = s.retried, page = s.page, \
        since = s.since, revision = s.revision, rec = s.rec, \
        meta = CASE WHEN s.change & 1 = 0 THEN r.meta ELSE s.meta END, \
        initial = CASE WHEN s.change & 1 = 0 THEN r.initial ELSE s.initial END, \
        exec = CASE WHEN s.change & 2 = 0 THEN r.exec ELSE s.exec END, \
        ended = CASE WHEN s.change & 4 = 0 THEN r.ended ELSE s.ended END \
    FROM unnest($1::uuid[], $2::int4[], $3::text[], $4::int2[], $5::int8[], $6::int8[], $7::int2[], $8::int2[], \
        $9::int8[], $10::bool[], $11::bool[], $12::bool[], $13::uuid[], $14::int8[], $15::int8[], $16::bytea[], \
        $17::bytea[], $18::bytea[], $19::bytea[], $20::bytea[], $21::int8[], $22::int2[]) \
        s(id, lane, lim, prio, due, deadline, seen, state, epoch, settled, asked, retried, page, since, revision, rec, \
        meta, initial, exec, ended, before, change) \
    WHERE r.id = ANY($1) AND r.id = s.id AND r.revision = s.before RETURNING r.id"
    };
}

/// Answers which runs were changed.
pub(crate) const UPDATE: &str = update!();

/// Changes all or fails: the transaction whose commit was sent along is rolled back where a run is not as it was read.
pub(crate) const UPDATE_ALL: &str =
    concat!("WITH changed AS (", update!(), ") SELECT 1 / (count(*) = $23)::int4 FROM changed");

/// Ascending in the order of claims.
pub(crate) fn prio(run: &Run) -> i16 {
    -i16::from(run.priority.0)
}

/// Numbers of states never change.
pub(crate) fn state_number(state: StateKind) -> i16 {
    StateKind::ALL.iter().position(|there| *there == state).expect("ALL has every state") as i16
}

pub(crate) fn state_of(number: i16) -> Option<StateKind> {
    StateKind::ALL.get(usize::try_from(number).ok()?).copied()
}

/// States that few runs of a large store are in: they have an index of their own.
pub(crate) fn is_rare(state: StateKind) -> bool {
    !matches!(state, StateKind::Pending | StateKind::Running | StateKind::Completed)
}
