//! Lanes: what runs have in common that decides who may claim them. Rows are found by a lane's number.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use longhaul_core::{Kind, Label, Queue, Run, admission::Isolation};

use crate::{
    error::Fault,
    lane_key::LaneKey,
    session::{Db, Row, Session, TRIES, pause_before_try},
};

/// The lanes after one that is known.
pub(crate) const NEW_LANES: &str =
    "SELECT id, queue, kind, version, labels, keyed, isolation FROM @lane WHERE id > $1 ORDER BY id";

#[derive(Debug, Default)]
struct Known {
    numbers: HashMap<LaneKey, i32>,
    /// By number. A number is never used again.
    lanes: HashMap<i32, Arc<LaneKey>>,
    /// All lanes up to this one are known.
    last: i32,
}

/// The lanes that are known. There are few: a lane is made once, and stays.
#[derive(Debug, Default)]
pub(crate) struct Lanes(Mutex<Known>);

impl Lanes {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of a lane, if it is known.
    pub(crate) fn number(&self, key: &LaneKey) -> Option<i32> {
        self.lock().numbers.get(key).copied()
    }

    /// The lanes of these runs, in their order; [`Fault::Lanes`] names those that are not known.
    pub(crate) fn of_all<'a>(&self, runs: impl Iterator<Item = &'a Run>) -> Result<Vec<i32>, Fault> {
        let (mut numbers, mut missing) = (Vec::new(), Vec::new());
        for key in runs.map(LaneKey::of) {
            match self.number(&key) {
                Some(number) => numbers.push(number),
                None => missing.push(key),
            }
        }
        missing.dedup();
        if missing.is_empty() { Ok(numbers) } else { Err(Fault::Lanes(missing)) }
    }

    pub(crate) fn get(&self, number: i32) -> Option<Arc<LaneKey>> {
        self.lock().lanes.get(&number).cloned()
    }

    /// Those that `wanted` says, in the order of their numbers.
    pub(crate) fn which(&self, wanted: impl Fn(&LaneKey) -> bool) -> Vec<i32> {
        let known = self.lock();
        let mut numbers: Vec<i32> =
            known.lanes.iter().filter(|(_, key)| wanted(key)).map(|(number, _)| *number).collect();
        numbers.sort_unstable();
        numbers
    }

    /// The parameter of [`NEW_LANES`].
    pub(crate) fn last(&self) -> i32 {
        self.lock().last
    }

    /// Reads the lanes that others made.
    pub(crate) async fn refresh(&self, session: &Session) -> Result<(), Fault> {
        let rows = session.query(NEW_LANES, &[&self.last()]).await?;
        self.learn(&rows)
    }

    /// The same, from the answer to [`NEW_LANES`].
    pub(crate) fn learn(&self, rows: &[Row]) -> Result<(), Fault> {
        let mut known = self.lock();
        for row in rows {
            let (number, key) = read(row)?;
            known.last = known.last.max(number);
            known.numbers.insert(key.clone(), number);
            known.lanes.insert(number, Arc::new(key));
        }
        Ok(())
    }

    /// Makes lanes that are not there, in a transaction of its own. Numbers become visible in their order, because they
    /// are given under the lock of a counter.
    pub(crate) async fn make(&self, db: &Db, keys: Vec<LaneKey>) -> Result<(), Fault> {
        let keys = keys.into_iter().collect();
        let mut tries = 0;
        loop {
            match self.make_once(db, &keys).await {
                // Above READ COMMITTED, of two that make lanes at once one is refused.
                Err(Fault::Again(_)) if tries < TRIES => tries += 1,
                made => return made,
            }
            pause_before_try(tries).await;
        }
    }

    async fn make_once(&self, db: &Db, keys: &HashSet<LaneKey>) -> Result<(), Fault> {
        let tx = db.begin().await?;
        tx.query("UPDATE @counter SET n = n WHERE name = 'lane' RETURNING n", &[]).await?;
        self.refresh(&tx).await?;
        for key in keys {
            if self.number(key).is_some() {
                continue;
            }
            let labels: Vec<&str> = key.labels.iter().map(Label::as_str).collect();
            tx.execute(
                "WITH next AS (UPDATE @counter SET n = n + 1 WHERE name = 'lane' RETURNING n) \
                 INSERT INTO @lane SELECT n, $1, $2, $3, $4, $5, $6 FROM next \
                 ON CONFLICT (queue, kind, version, labels, keyed, isolation) DO NOTHING",
                &[
                    &key.queue.as_str(),
                    &key.kind.as_str(),
                    &i32::from(key.version),
                    &labels,
                    &key.keyed,
                    &isolation_number(key.isolation),
                ],
            )
            .await?;
        }
        tx.commit().await?;
        let session = db.session().await?;
        self.refresh(&session).await
    }
}

fn isolation_number(isolation: Isolation) -> i16 {
    match isolation {
        Isolation::None => 0,
        Isolation::Suspect => 1,
        Isolation::LastTry => 2,
    }
}

fn read(row: &Row) -> Result<(i32, LaneKey), Fault> {
    let damaged = |reason: String| longhaul_core::record::Damage::of("a lane", reason);
    let name = |error: longhaul_core::name::NameError| damaged(error.to_string());
    let labels: Vec<String> = row.try_get(4)?;
    let key = LaneKey {
        queue: Queue::new(row.try_get::<&str>(1)?).map_err(name)?,
        kind: Kind::new(row.try_get::<&str>(2)?).map_err(name)?,
        version: row.try_get::<i32>(3)? as u16,
        labels: labels.iter().map(|label| Label::new(label)).collect::<Result<_, _>>().map_err(name)?,
        keyed: row.try_get(5)?,
        isolation: match row.try_get::<i16>(6)? {
            0 => Isolation::None,
            1 => Isolation::Suspect,
            2 => Isolation::LastTry,
            other => return Err(damaged(format!("its isolation is {other}")).into()),
        },
    };
    Ok((row.try_get(0)?, key))
}
