//! What a selection goes by, read from the database: due runs, what runs, controls and rates.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use longhaul_core::{
    Control, Controls, Key, Label, Priority, RunId, Scope, ServerId, Timestamp,
    admission::{
        Backlog, BacklogGroup, Bucket, DuePosition, Executing, Isolation, LastTry, LimitGroup, RunningCounts,
        ServedKey, Source,
    },
    control::Starts,
    name::NameError,
    order::TurnHolder,
    record::{self, Damage},
};

use crate::{
    error::Fault,
    id::Uuid,
    lane_key::LaneKey,
    lanes::Lanes,
    row::{self, Kept, columns},
    session::{Param, Row, Session, Step},
};

/// Limit keys and priorities of a lane: a claim reads the first runs of each. A cut would starve those behind it.
const PAIRS: i32 = i32::MAX;
/// So many runs of each limit key are read at first.
const KEYED_TOP: i64 = 4;

/// The due runs of one lane, limit key and priority, and how many of them were read.
type ReadGroup = (Vec<DuePosition>, i64);

/// The due runs of some lanes, as far as they were read.
pub(crate) struct Candidates {
    groups: [Vec<Group>; 2],
    last_tries: Vec<LastTry>,
    running: RunningCounts,
    executing: Vec<Executing>,
    pub(crate) runs: HashMap<RunId, Kept>,
    pub(crate) damaged: Vec<Damage>,
    /// Of the order key of the run that is explained.
    pub(super) turn_holder: Option<TurnHolder>,
    /// Some were left out because they expired a moment ago.
    pub(crate) expired: bool,
}

struct Group {
    lane: Arc<LaneKey>,
    priority: Priority,
    backlogs: Vec<Line>,
}

struct Line {
    limit_group: LimitGroup,
    positions: Vec<DuePosition>,
    complete: bool,
}

/// The first due runs of each lane, limit key and priority. Priorities and keys are found by leaps over the index, so
/// runs that are not due yet, and those behind the first of their key, are not read.
pub(crate) const CANDIDATES: &str = concat!(
    "WITH RECURSIVE pair AS ( \
        SELECT l.lane, l.top, c.lim, c.prio, 1 AS n FROM unnest($1::int4[], $2::int8[]) l(lane, top) \
        CROSS JOIN LATERAL (SELECT r.lim, r.prio FROM @run r WHERE r.lane = l.lane AND r.due IS NOT NULL \
            ORDER BY r.lim, r.prio LIMIT 1) c \
        UNION ALL \
        SELECT p.lane, p.top, c.lim, c.prio, p.n + 1 FROM pair p \
        CROSS JOIN LATERAL (SELECT r.lim, r.prio FROM @run r WHERE r.lane = p.lane AND r.due IS NOT NULL \
            AND (r.lim, r.prio) > (p.lim, p.prio) ORDER BY r.lim, r.prio LIMIT 1) c \
        WHERE p.n < $4) \
    SELECT ",
    columns!(),
    ", r.lane, r.lim, r.prio, r.due FROM pair p CROSS JOIN LATERAL ( \
        SELECT r.* FROM @run r WHERE r.lane = p.lane AND r.lim = p.lim AND r.prio = p.prio AND r.due <= $3 \
        ORDER BY r.due, r.id LIMIT p.top) r"
);

/// `pair`: when the first run of each limit key and priority is due, in these lanes, found by leaps over the index.
macro_rules! first_due {
    ($lanes:literal) => {
        concat!(
            "WITH RECURSIVE pair AS ( \
            SELECT l.lane, c.lim, c.prio, c.due FROM ",
            $lanes,
            " \
            CROSS JOIN LATERAL (SELECT r.lim, r.prio, r.due FROM @run r WHERE r.lane = l.lane AND r.due IS NOT NULL \
                ORDER BY r.lim, r.prio, r.due LIMIT 1) c \
            UNION ALL \
            SELECT p.lane, c.lim, c.prio, c.due FROM pair p \
            CROSS JOIN LATERAL (SELECT r.lim, r.prio, r.due FROM @run r WHERE r.lane = p.lane AND r.due IS NOT NULL \
                AND (r.lim, r.prio) > (p.lim, p.prio) ORDER BY r.lim, r.prio, r.due LIMIT 1) c)"
        )
    };
}
pub(crate) use first_due;

/// When the first run of the lanes `$1` is due.
pub(crate) const NEXT_DUE: &str = concat!(first_due!("unnest($1::int4[]) l(lane)"), " SELECT min(due) FROM pair");

/// How many run, by lane and limit key.
pub(crate) const COUNTS: &str = "\
    SELECT r.lane, r.lim, count(*) FROM @claim_page p CROSS JOIN LATERAL unnest(p.runs) u(id) \
    CROSS JOIN LATERAL (SELECT t.* FROM @run t WHERE t.id = u.id OFFSET 0) r WHERE r.page = p.id AND r.state = 1 GROUP BY r.lane, r.lim";

/// What runs, as far as the rules for suspects go: in some lanes, and on one server.
pub(crate) const EXECUTING: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM @claim_page p CROSS JOIN LATERAL unnest(p.runs) u(id) CROSS JOIN LATERAL (SELECT t.* FROM @run t WHERE t.id = u.id OFFSET 0) r \
    WHERE r.page = p.id AND r.state = 1 AND (r.lane = ANY($1) OR p.server = $2)"
);

/// What is read for a selection: the first `top` due runs of some lanes, and how many run where that is limited.
pub(crate) struct Reading {
    keys: HashMap<i32, Arc<LaneKey>>,
    numbers: Vec<i32>,
    tops: Vec<i64>,
    now: i64,
    counts: bool,
}

impl Reading {
    pub(crate) fn of(lanes: &Lanes, now: Timestamp, numbers: Vec<i32>, top: i64, controls: &Controls) -> Self {
        let keys: HashMap<i32, Arc<LaneKey>> =
            numbers.iter().filter_map(|number| Some((*number, lanes.get(*number)?))).collect();
        let tops: Vec<i64> = numbers
            .iter()
            .map(|number| match keys.get(number) {
                // There are few of them, and all must be known.
                Some(key) if key.isolation == Isolation::LastTry => 1000,
                Some(key) if key.keyed => (top / 64).max(KEYED_TOP),
                _ => top,
            })
            .collect();
        let is_counted = |control: &Control| control.limits().running.is_some() || control.limits().per_key.is_some();
        let counts = controls.iter().any(|(_, control)| is_counted(control));
        Self { keys, numbers, tops, now: now.as_micros(), counts }
    }

    /// Gives `send` the statements that read it.
    pub(crate) async fn send<T>(&self, send: impl AsyncFnOnce(&[Step<'_>]) -> T) -> T {
        let params: [Param<'_>; 4] = [&self.numbers, &self.tops, &self.now, &PAIRS];
        let steps = [Step(CANDIDATES, &params), Step(COUNTS, &[])];
        send(&steps[..=usize::from(self.counts)]).await
    }

    /// What was read, from the answers to those statements.
    pub(crate) fn candidates(&self, lanes: &Lanes, mut answers: Vec<Vec<Row>>) -> Result<Candidates, Fault> {
        let counts = if self.counts { answers.pop() } else { None };
        let mut candidates = Candidates::of(&answers.pop().unwrap_or_default(), self)?;
        for row in counts.into_iter().flatten() {
            let Some(key) = lanes.get(row.try_get(0)?) else { continue };
            let limit_group = limit_group(&key, row.try_get(1)?)?;
            for _ in 0..row.try_get::<i64>(2)? {
                candidates.running.enter(&limit_group);
            }
        }
        Ok(candidates)
    }
}

impl Candidates {
    /// Reads what a selection of these lanes goes by.
    pub(crate) async fn read(session: &Session, lanes: &Lanes, reading: &Reading) -> Result<Self, Fault> {
        reading.candidates(lanes, reading.send(async |steps| session.query_all(steps).await).await?)
    }

    fn of(rows: &[Row], reading: &Reading) -> Result<Self, Fault> {
        let Reading { keys, numbers, tops, now, .. } = reading;
        let mut candidates = Self {
            groups: [Vec::new(), Vec::new()],
            last_tries: Vec::new(),
            running: RunningCounts::default(),
            executing: Vec::new(),
            runs: HashMap::new(),
            damaged: Vec::new(),
            turn_holder: None,
            expired: false,
        };
        let mut groups: BTreeMap<(i32, i16, String), ReadGroup> = BTreeMap::new();
        for row in rows {
            let (id, kept) = row::read(row)?;
            let kept = match kept {
                Ok(kept) => kept,
                Err(damage) => {
                    candidates.damaged.push(damage);
                    continue;
                }
            };
            let (lane, lim): (i32, String) = (row.try_get(7)?, row.try_get(8)?);
            let (prio, due): (i16, i64) = (row.try_get(9)?, row.try_get(10)?);
            let run = &kept.stored.run;
            if run.deadline().is_some_and(|deadline| deadline.as_micros() <= *now) {
                candidates.expired = true;
                groups.entry((lane, prio, lim)).or_default().1 += 1;
                continue;
            }
            if Isolation::of(run) == Isolation::LastTry {
                candidates.last_tries.extend(LastTry::of(run));
            } else {
                let (positions, read) = groups.entry((lane, prio, lim)).or_default();
                positions.push(DuePosition::new(run.priority, Timestamp::from_micros(due), id));
                *read += 1;
            }
            candidates.runs.insert(id, kept);
        }
        let tops: HashMap<i32, i64> = numbers.iter().copied().zip(tops.iter().copied()).collect();
        // By lane and priority.
        for ((lane, _, lim), (mut positions, read)) in groups {
            let Some(key) = keys.get(&lane) else { continue };
            positions.sort_unstable();
            let Some(priority) = positions.first().map(|first| first.priority()) else { continue };
            // Beyond the last run that was read there may be more.
            let line = Line { limit_group: limit_group(key, &lim)?, positions, complete: read < tops[&lane] };
            let groups = &mut candidates.groups[usize::from(key.isolation == Isolation::Suspect)];
            match groups.last_mut() {
                Some(group) if Arc::ptr_eq(&group.lane, key) && group.priority == priority => group.backlogs.push(line),
                _ => groups.push(Group { lane: Arc::clone(key), priority, backlogs: vec![line] }),
            }
        }
        for group in candidates.groups.iter_mut().flatten() {
            group.backlogs.sort_unstable_by_key(|line| line.positions[0]);
        }
        Ok(candidates)
    }

    /// Nothing is due.
    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The limit keys of what is due, each with its kind.
    pub(crate) fn limit_groups(&self) -> impl Iterator<Item = &LimitGroup> {
        let lines = self.groups.iter().flatten().flat_map(|group| &group.backlogs).map(|line| &line.limit_group);
        lines.chain(self.last_tries.iter().map(|last| &last.limit_group))
    }

    /// Of what the due runs would have turns, if keys take turns in their queues.
    pub(crate) fn served_keys(&self) -> impl Iterator<Item = ServedKey> {
        self.groups.iter().flatten().flat_map(|group| {
            group.backlogs.iter().map(|line| ServedKey {
                queue: group.lane.queue.clone(),
                priority: group.priority,
                key: line.limit_group.key.clone(),
            })
        })
    }

    /// Reads what runs, as far as the rules for suspects go. There is nothing to read before there was a suspect.
    pub(crate) async fn read_executing(
        &mut self,
        session: &Session,
        lanes: &Lanes,
        server: ServerId,
    ) -> Result<(), Fault> {
        let isolated = lanes.which(|key| key.isolation > Isolation::None);
        if isolated.is_empty() {
            return Ok(());
        }
        // All that runs on the server is asked for only before a last try.
        let server = if self.last_tries.is_empty() { Uuid([0; 16]) } else { server.into() };
        for row in session.query(EXECUTING, &[&isolated, &server]).await? {
            if let Ok(kept) = row::read(&row)?.1 {
                self.executing.extend(Executing::of(&kept.stored.run));
            }
        }
        Ok(())
    }
}

fn limit_group(lane: &LaneKey, lim: &str) -> Result<LimitGroup, Fault> {
    let key = (!lim.is_empty()).then(|| Key::new(lim)).transpose();
    let key = key.map_err(|error: NameError| Damage::of("a limit key", error.to_string()))?;
    Ok(LimitGroup { queue: lane.queue.clone(), kind: lane.kind.clone(), key })
}

impl Source for Candidates {
    fn groups(
        &self,
        suspects: bool,
    ) -> impl Iterator<Item = BacklogGroup<'_, impl Iterator<Item = Backlog<'_, impl Iterator<Item = DuePosition>>>>>
    {
        self.groups[usize::from(suspects)].iter().map(|group| {
            let LaneKey { queue, kind, version, labels, .. } = &*group.lane;
            let requires: &[Label] = labels;
            let backlogs = group.backlogs.iter().map(|line| Backlog {
                limit_group: &line.limit_group,
                since: line.positions[0].due,
                positions: line.positions.iter().copied(),
                complete: line.complete,
            });
            BacklogGroup { queue, kind, version: *version, requires, priority: group.priority, backlogs }
        })
    }

    fn last_tries(&self) -> Vec<LastTry> {
        self.last_tries.clone()
    }

    fn turn_holder(&self, _: &Key) -> Option<TurnHolder> {
        self.turn_holder
    }

    fn running(&self) -> &RunningCounts {
        &self.running
    }

    fn executing(&self) -> impl Iterator<Item = Executing> {
        self.executing.iter().copied()
    }
}

/// Reads all controls.
pub(crate) async fn read_controls(session: &Session) -> Result<Controls, Fault> {
    read_controls_where(session, "SELECT scope, value FROM @control").await
}

/// Reads the controls that a statement selects.
pub(super) async fn read_controls_where(session: &Session, statement: &'static str) -> Result<Controls, Fault> {
    let rows = session.query(statement, &[]).await?;
    let control = |row: &Row| -> Result<(Scope, Control), Fault> {
        let name: &str = row.try_get(0)?;
        Ok((scope_of(name)?, record::read_control(name.as_bytes(), row.try_get(1)?)?))
    };
    Ok(Controls::new(rows.iter().map(control).collect::<Result<Vec<_>, _>>()?))
}

/// The name that a scope has in the tables.
pub(crate) fn scope_name(scope: &Scope) -> String {
    match scope {
        Scope::Queue(queue) => format!("q {}", queue.as_str()),
        Scope::Kind(kind) => format!("k {}", kind.as_str()),
        Scope::Server(server) => format!("s {server}"),
        // A kind has no space in it.
        Scope::LimitKey(kind, key) => format!("y {} {}", kind.as_str(), key.as_str()),
    }
}

fn scope_of(name: &str) -> Result<Scope, Damage> {
    let damaged = |reason: String| Damage::of(format!("the control `{name}`"), reason);
    let bad = |error: NameError| damaged(error.to_string());
    match name.split_once(' ') {
        Some(("q", queue)) => longhaul_core::Queue::new(queue).map(Scope::Queue).map_err(bad),
        Some(("k", kind)) => longhaul_core::Kind::new(kind).map(Scope::Kind).map_err(bad),
        Some(("y", rest)) => match rest.split_once(' ') {
            Some((kind, key)) => {
                let kind = longhaul_core::Kind::new(kind).map_err(bad)?;
                Key::new(key).map(|key| Scope::LimitKey(kind, key)).map_err(bad)
            }
            None => Err(damaged("it names no limit key".into())),
        },
        Some(("s", server)) => server
            .parse()
            .map(Scope::Server)
            .map_err(|error: longhaul_core::id::ParseIdError| damaged(error.to_string())),
        _ => Err(damaged("it is for no queue and no kind".into())),
    }
}

pub(crate) fn bucket_name(bucket: &Bucket) -> String {
    match bucket {
        Bucket::Scope(scope) => scope_name(scope),
        // A kind has no space in it.
        Bucket::Key(kind, key) => format!("y {} {}", kind.as_str(), key.as_str()),
    }
}

pub(crate) fn bucket_of(name: &str) -> Result<Bucket, Damage> {
    let bad = |error: NameError| Damage::of(format!("the starts of `{name}`"), error.to_string());
    match name.strip_prefix("y ").and_then(|rest| rest.split_once(' ')) {
        Some((kind, key)) => {
            let kind = longhaul_core::Kind::new(kind).map_err(bad)?;
            Ok(Bucket::Key(kind, Key::new(key).map_err(bad)?))
        }
        None => scope_of(name).map(Bucket::Scope),
    }
}

/// Reads the buckets that these limit groups draw from.
pub(crate) async fn read_buckets<'a>(
    session: &Session,
    now: Timestamp,
    controls: &Controls,
    limit_groups: impl Iterator<Item = &'a LimitGroup>,
) -> Result<BTreeMap<Bucket, Starts>, Fault> {
    let mut buckets = BTreeSet::new();
    for group in limit_groups {
        let queue = controls.queue(&group.queue).map(Control::limits);
        let kind = controls.kind(&group.kind).map(Control::limits);
        if queue.is_some_and(|limits| limits.rate.is_some()) {
            buckets.insert(Bucket::Scope(Scope::Queue(group.queue.clone())));
        }
        if kind.is_some_and(|limits| limits.rate.is_some()) {
            buckets.insert(Bucket::Scope(Scope::Kind(group.kind.clone())));
        }
        if let Some(key) = group.key.clone().filter(|_| kind.is_some_and(|limits| limits.rate_per_key.is_some())) {
            buckets.insert(Bucket::Key(group.kind.clone(), key));
        }
    }
    if buckets.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut by_name: HashMap<String, Bucket> =
        buckets.into_iter().map(|bucket| (bucket_name(&bucket), bucket)).collect();
    let names: Vec<&str> = by_name.keys().map(String::as_str).collect();
    let rows = session.query("SELECT name, value FROM @bucket WHERE name = ANY($1)", &[&names]).await?;
    let mut read = BTreeMap::new();
    for row in rows {
        let bucket = by_name.remove(row.try_get::<&str>(0)?);
        read.extend(bucket.zip(record::read_bucket(row.try_get(1)?, now)));
    }
    Ok(read)
}

/// Buckets that were drawn from, by column.
#[derive(Debug, Default)]
pub(crate) struct SpentBuckets {
    names: Vec<String>,
    idle: Vec<i64>,
    values: Vec<Vec<u8>>,
}

pub(crate) const WRITE_BUCKETS: &str = "\
    INSERT INTO @bucket (name, idle, value) SELECT * FROM unnest($1::text[], $2::int8[], $3::bytea[]) \
    ON CONFLICT (name) DO UPDATE SET idle = excluded.idle, value = excluded.value";

impl SpentBuckets {
    pub(crate) fn of(spent: &BTreeMap<Bucket, Starts>) -> Self {
        Self {
            names: spent.keys().map(bucket_name).collect(),
            idle: spent.values().map(|starts| starts.idle_at().as_micros()).collect(),
            values: spent.values().map(record::write_bucket).collect(),
        }
    }

    /// The parameters of [`WRITE_BUCKETS`], unless there are none.
    pub(crate) fn params(&self) -> Option<[Param<'_>; 3]> {
        (!self.names.is_empty()).then_some([&self.names as Param<'_>, &self.idle, &self.values])
    }
}
