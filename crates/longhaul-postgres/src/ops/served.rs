//! Whose turn it is in queues whose limit keys take turns: kept beside the lanes, under the lock of the gate, so that turns
//! hold on all servers together.

use std::{collections::HashMap, time::Duration};

use longhaul_core::{
    Control, Controls, Timestamp,
    admission::{Selection, ServedKey, ServedKeys},
};

use crate::{
    error::Fault,
    session::{Param, Session},
};

/// A key that has had nothing for so long is forgotten. Its turn matters for no longer than others wait for theirs.
const REST: Duration = Duration::from_secs(60 * 60);

pub(crate) const READ_SERVED: &str = "\
    SELECT queue, prio, lim, at FROM unnest($1::text[], $2::int2[], $3::text[]) k(queue, prio, lim) \
    CROSS JOIN LATERAL (SELECT s.at FROM @served_key s \
        WHERE s.queue = k.queue AND s.prio = k.prio AND s.lim = k.lim OFFSET 0) s";

pub(crate) const WRITE_SERVED: &str = "\
    INSERT INTO @served_key (queue, prio, lim, at) \
    SELECT * FROM unnest($1::text[], $2::int2[], $3::text[], $4::int8[]) \
    ON CONFLICT (queue, prio, lim) DO UPDATE SET at = excluded.at";

const FORGET: &str = "\
    DELETE FROM @served_key s WHERE s.at < $1 AND NOT EXISTS ( \
        SELECT 1 FROM @lane l CROSS JOIN LATERAL ( \
            SELECT 1 FROM @run r WHERE r.lane = l.id AND r.lim = s.lim AND r.due IS NOT NULL LIMIT 1) r \
        WHERE l.queue = s.queue)";

/// Keys by column.
#[derive(Debug, Default)]
pub(crate) struct ServedColumns {
    queues: Vec<String>,
    prios: Vec<i16>,
    lims: Vec<String>,
    at: Vec<i64>,
}

impl ServedColumns {
    fn push(&mut self, key: &ServedKey) {
        self.queues.push(key.queue.as_str().to_owned());
        self.prios.push(-i16::from(key.priority.0));
        self.lims.push(key.key.as_ref().map_or_else(String::new, |key| key.as_str().to_owned()));
    }

    /// What a selection gave.
    pub(crate) fn of(selection: &Selection) -> Self {
        let mut columns = Self::default();
        for (key, at) in &selection.served {
            columns.push(key);
            columns.at.push(at.as_micros());
        }
        columns
    }

    /// The parameters of [`WRITE_SERVED`], unless there are none.
    pub(crate) fn params(&self) -> Option<[Param<'_>; 4]> {
        (!self.at.is_empty()).then_some([&self.queues as Param<'_>, &self.prios, &self.lims, &self.at])
    }
}

/// Reads when these keys had their last turn; of queues whose keys take none, nothing is read.
pub(crate) async fn read_served(
    session: &Session,
    controls: &Controls,
    keys: impl Iterator<Item = ServedKey>,
) -> Result<ServedKeys, Fault> {
    let is_fair = |control: &Control| control.limits().fair_by_key;
    if !controls.iter().any(|(_, control)| is_fair(control)) {
        return Ok(ServedKeys::default());
    }
    let mut columns = ServedColumns::default();
    let mut by_name = HashMap::new();
    for key in keys.filter(|key| controls.queue(&key.queue).is_some_and(is_fair)) {
        columns.push(&key);
        let lim = key.key.as_ref().map_or("", |key| key.as_str()).to_owned();
        by_name.insert((key.queue.as_str().to_owned(), -i16::from(key.priority.0), lim), key);
    }
    if by_name.is_empty() {
        return Ok(ServedKeys::default());
    }
    let rows = session.query(READ_SERVED, &[&columns.queues, &columns.prios, &columns.lims]).await?;
    let mut served = Vec::with_capacity(rows.len());
    for row in rows {
        let key = by_name.remove(&(row.try_get(0)?, row.try_get(1)?, row.try_get(2)?));
        served.extend(key.zip(Some(Timestamp::from_micros(row.try_get(3)?))));
    }
    Ok(ServedKeys::new(served))
}

/// Forgets keys that have had no turn for long, and have nothing that waits.
pub(crate) async fn forget_served(session: &Session, now: Timestamp) -> Result<(), Fault> {
    let before = now.as_micros() - REST.as_micros() as i64;
    session.execute(FORGET, &[&before]).await?;
    Ok(())
}
