//! The turns of runs that go one after the other.
//!
//! Whoever adds a run to an order key, or passes its turn on, holds the lock of that key until the transaction ends. A
//! run that only waits for its turn comes and goes without it.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap, HashSet},
};

use longhaul_core::{
    Event, Key, OrderTurn, Run, RunId, StateKind, StoredRun, Timestamp, name::NameError, order::TurnHolder,
    record::Damage,
};

use crate::{
    change::{Change, News},
    error::Fault,
    handle::Inner,
    id::{Uuid, uuids},
    row,
    session::{Param, Row, Session, SessionIn, Step},
};

const MAKE_KEYS: &str = "\
    INSERT INTO @turn_key (key) SELECT k FROM unnest($1::text[]) k ORDER BY k ON CONFLICT (key) DO NOTHING";

/// In an order that is the same for all, so that no two wait for each other.
const LOCK_KEYS: &str = "SELECT key FROM @turn_key WHERE key = ANY($1) ORDER BY key FOR UPDATE";

/// Keys that no run has any more.
const REMOVE_KEYS: &str = "\
    DELETE FROM @turn_key k WHERE k.key = ANY($1) AND NOT EXISTS (SELECT 1 FROM @turn t WHERE t.key = k.key)";

const LAST: &str = "\
    SELECT k.key, (SELECT max(t.position) FROM @turn t WHERE t.key = k.key) FROM unnest($1::text[]) k(key)";

/// The first of those that wait, of each key whose turn no run has.
const NEXT: &str = "\
    SELECT k.key, n.run FROM unnest($1::text[]) k(key) CROSS JOIN LATERAL ( \
        SELECT t.run FROM @turn t WHERE t.key = k.key AND t.behind ORDER BY t.position, t.run LIMIT 1) n \
    WHERE NOT EXISTS (SELECT 1 FROM @turn h WHERE h.key = k.key AND NOT h.behind)";

const INSERT: &str = "\
    INSERT INTO @turn (key, position, run, behind, stopped) \
    SELECT *, false FROM unnest($1::text[], $2::int8[], $3::uuid[], $4::bool[])";

/// New runs of order keys, whose locks are held.
#[derive(Debug, Default)]
pub(super) struct NewTurns {
    /// The highest position of each key.
    last: HashMap<Key, Option<u64>>,
    /// Runs that are there already.
    there: HashSet<RunId>,
    /// Those that were given a place.
    places: Vec<(Key, OrderTurn, RunId)>,
    /// Those of them that hold the others up until somebody decides.
    stopped: Vec<RunId>,
}

impl NewTurns {
    /// Gives a new run its place. A run that is there already gets none.
    pub(super) fn take(&mut self, now: Timestamp, run: &mut Run) {
        // Nothing is ordered.
        if self.last.is_empty() {
            return;
        }
        let is_new = self.there.insert(run.id);
        let Some(key) = run.order_key().filter(|_| is_new).cloned() else { return };
        let last = self.last.get_mut(&key).expect("its lock is held");
        let turn = OrderTurn::new(now, *last, last.is_some());
        *last = Some(turn.position);
        run.turn = Some(turn);
        self.places.push((key, turn, run.id));
    }

    /// Keeps the places.
    pub(super) async fn write(&self, session: &SessionIn<'_>) -> Result<(), Fault> {
        if self.places.is_empty() {
            return Ok(());
        }
        let keys: Vec<&str> = self.places.iter().map(|(key, ..)| key.as_str()).collect();
        let positions: Vec<i64> = self.places.iter().map(|(_, turn, _)| turn.position as i64).collect();
        let behind: Vec<bool> = self.places.iter().map(|(_, turn, _)| turn.behind).collect();
        let runs = uuids(self.places.iter().map(|(.., id)| *id));
        session.execute(INSERT, &[&keys, &positions, &runs, &behind]).await?;
        stop(session, &self.stopped).await
    }
}

async fn stop(session: &SessionIn<'_>, runs: &[RunId]) -> Result<(), Fault> {
    if !runs.is_empty() {
        let statement = "UPDATE @turn SET stopped = true WHERE run = ANY($1)";
        session.execute(statement, &[&uuids(runs.iter().copied())]).await?;
    }
    Ok(())
}

impl Inner {
    /// Locks the order keys of new runs. It costs nothing where there are none.
    pub(super) async fn new_turns(&self, session: &SessionIn<'_>, stored: &[StoredRun]) -> Result<NewTurns, Fault> {
        let keys: BTreeSet<Key> = stored.iter().filter_map(|stored| stored.run.order_key().cloned()).collect();
        if keys.is_empty() {
            return Ok(NewTurns::default());
        }
        let names: Vec<&str> = keys.iter().map(Key::as_str).collect();
        Self::lock_keys(session, &names).await?;
        let ordered = stored.iter().filter(|stored| stored.run.order_key().is_some()).map(|stored| stored.run.id);
        let there = session.query("SELECT id FROM @run WHERE id = ANY($1)", &[&uuids(ordered)]).await?;
        let mut last: HashMap<Key, Option<u64>> = HashMap::new();
        for row in session.query(LAST, &[&names]).await? {
            last.insert(read_key(row.try_get(0)?)?, row.try_get::<Option<i64>>(1)?.map(i64::unsigned_abs));
        }
        let there = there.iter().map(|row| Ok(row.try_get::<Uuid>(0)?.run())).collect::<Result<_, Fault>>()?;
        Ok(NewTurns { last, there, ..NewTurns::default() })
    }

    /// Copied runs have the places that they had. One that had the turn waits for it if another run has it here.
    pub(super) async fn copied_turns(
        &self,
        session: &SessionIn<'_>,
        copied: &mut [Cow<'_, StoredRun>],
    ) -> Result<NewTurns, Fault> {
        let keys: BTreeSet<&str> = copied.iter().filter_map(|stored| stored.run.order_key()).map(Key::as_str).collect();
        let keys: Vec<String> = keys.into_iter().map(String::from).collect();
        let mut turns = NewTurns::default();
        if keys.is_empty() {
            return Ok(turns);
        }
        Self::lock_keys(session, &keys.iter().map(String::as_str).collect::<Vec<_>>()).await?;
        let ids = uuids(copied.iter().map(|stored| stored.run.id));
        let there = session.query("SELECT id FROM @run WHERE id = ANY($1)", &[&ids]).await?;
        turns.there = there.iter().map(|row| Ok(row.try_get::<Uuid>(0)?.run())).collect::<Result<_, Fault>>()?;
        let held = session.query("SELECT key FROM @turn WHERE key = ANY($1) AND NOT behind", &[&keys]).await?;
        let mut held = held.iter().map(|row| Ok(row.try_get(0)?)).collect::<Result<HashSet<String>, Fault>>()?;
        for stored in copied {
            let Some(key) = stored.run.order_key().cloned() else { continue };
            if !turns.there.insert(stored.run.id) {
                continue;
            }
            if stored.run.has_turn() && !held.insert(key.as_str().into()) {
                stored.to_mut().run.yield_turn();
            }
            let run = &stored.run;
            if let Some(turn) = run.turn.filter(|_| run.has_turn() || run.is_behind()) {
                turns.places.push((key, turn, run.id));
                turns.stopped.extend(run.stops_key().then_some(run.id));
            }
        }
        Ok(turns)
    }

    async fn lock_keys(session: &SessionIn<'_>, keys: &[&str]) -> Result<(), Fault> {
        let keys_param: [Param<'_>; 1] = [&keys];
        let answers = session.query_all(&[Step(MAKE_KEYS, &keys_param), Step(LOCK_KEYS, &keys_param)]).await?;
        // One of them was removed between the two.
        let all = answers.last().is_some_and(|locked| locked.len() == keys.len());
        if all { Ok(()) } else { Err(Fault::Again("an order key was let go".into())) }
    }

    /// The run that has the turn of a key. The lock of the key is held from now on.
    pub(super) async fn lock_turn(&self, session: &SessionIn<'_>, key: &Key) -> Result<Option<RunId>, Fault> {
        Self::lock_keys(session, &[key.as_str()]).await?;
        let row = session.query_opt("SELECT run FROM @turn WHERE key = $1 AND NOT behind", &[&key.as_str()]).await?;
        Ok(row.map(|row| row.try_get::<Uuid>(0)).transpose()?.map(Uuid::run))
    }

    /// Keeps the place of one run.
    pub(super) async fn keep_turn(&self, session: &SessionIn<'_>, run: &Run) -> Result<(), Fault> {
        let (Some(key), Some(turn)) = (run.order_key().cloned(), run.turn) else { return Ok(()) };
        NewTurns { places: vec![(key, turn, run.id)], ..NewTurns::default() }.write(session).await
    }

    /// Keeps what the changes mean for turns; answers the changes of the runs that come next.
    pub(crate) async fn pass_turns(&self, session: &SessionIn<'_>, changes: &[Change]) -> Result<Vec<Change>, Fault> {
        let ordered = || changes.iter().filter(|change| change.is_changed());
        let left: Vec<RunId> = ordered().filter(|change| change.left_order()).map(Change::id).collect();
        let stopped: Vec<RunId> = ordered().filter(|change| change.stops_key()).map(Change::id).collect();
        stop(session, &stopped).await?;
        let keys =
            ordered().filter(|change| change.left_turn()).filter_map(|change| change.kept.stored.run.order_key());
        let keys: BTreeSet<&str> = keys.map(Key::as_str).collect();
        self.leave_order(session, left, &keys.into_iter().collect::<Vec<_>>()).await
    }

    /// These runs have no turn any more, and wait for none; those who had one were of these keys.
    async fn leave_order(
        &self,
        session: &SessionIn<'_>,
        left: Vec<RunId>,
        keys: &[&str],
    ) -> Result<Vec<Change>, Fault> {
        if left.is_empty() {
            return Ok(Vec::new());
        }
        if !keys.is_empty() {
            Self::lock_keys(session, keys).await?;
        }
        session.execute("DELETE FROM @turn WHERE run = ANY($1)", &[&uuids(left)]).await?;
        let (now, mut followers) = (self.now(), Vec::new());
        // Once more where the first of those that wait was called off meanwhile.
        while !keys.is_empty() {
            let next = session.query(NEXT, &[&keys]).await?;
            let next = next.iter().map(|row| Ok(row.try_get::<Uuid>(1)?.run())).collect::<Result<Vec<_>, Fault>>()?;
            if next.is_empty() {
                break;
            }
            let mut gone: HashSet<RunId> = next.iter().copied().collect();
            let mut taken = Vec::new();
            for (id, kept) in row::lock_readable(session, next).await? {
                match kept {
                    Ok(kept) => {
                        let mut change = Change::of(kept);
                        if change.decide(now, &Event::TakeTurn).is_err() {
                            continue;
                        }
                        followers.push(change);
                    }
                    Err(damage) => tracing::error!(
                        run.id = %id, %damage,
                        "a run cannot be read: those of its order key wait until it is removed"
                    ),
                }
                gone.remove(&id);
                taken.push(id);
            }
            session.execute("UPDATE @turn SET behind = false WHERE run = ANY($1)", &[&uuids(taken)]).await?;
            if !gone.is_empty() {
                session.execute("DELETE FROM @turn WHERE run = ANY($1)", &[&uuids(gone)]).await?;
            }
        }
        if !keys.is_empty() {
            session.execute(REMOVE_KEYS, &[&keys]).await?;
        }
        Ok(followers)
    }

    /// Runs are removed: whoever waited for one of them goes on.
    pub(super) async fn remove_turns(
        &self,
        session: &SessionIn<'_>,
        ids: &[RunId],
        news: &mut News,
    ) -> Result<(), Fault> {
        let there = "SELECT key FROM @turn WHERE run = ANY($1)";
        let keys = session.query(there, &[&uuids(ids.iter().copied())]).await?;
        let keys = keys.iter().map(|row| Ok(row.try_get(0)?)).collect::<Result<BTreeSet<&str>, Fault>>()?;
        if keys.is_empty() {
            return Ok(());
        }
        let mut next = self.leave_order(session, ids.to_vec(), &keys.into_iter().collect::<Vec<_>>()).await?;
        self.keep_locked(session, &mut next, news).await
    }
}

/// The run that has the turn of a key, for people.
pub(super) async fn holder(session: &Session, key: &Key) -> Result<Option<TurnHolder>, Fault> {
    let statement = "\
        SELECT t.run, r.state FROM @turn t CROSS JOIN LATERAL (SELECT r.state FROM @run r WHERE r.id = t.run OFFSET 0) r \
        WHERE t.key = $1 AND NOT t.behind";
    let Some(found) = session.query_opt(statement, &[&key.as_str()]).await? else { return Ok(None) };
    let read = |row: &Row| -> Result<(Uuid, i16), Fault> { Ok((row.try_get(0)?, row.try_get(1)?)) };
    let (run, state) = read(&found)?;
    Ok(row::state_of(state).map(|state: StateKind| TurnHolder { run: run.run(), state }))
}

fn read_key(name: &str) -> Result<Key, Fault> {
    Key::new(name).map_err(|error: NameError| Damage::of("an order key", error.to_string()).into())
}
