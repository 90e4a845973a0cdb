//! One question to the database for all calls of a handle that wait. It looks for what other servers changed; what is
//! changed through the same handle wakes them at once.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
};

use longhaul_core::{RunId, StoreError, Timestamp};
use tokio::sync::watch;

use crate::{
    clock::{Tick, tick_or_due},
    error::Fault,
    handle::Inner,
    id::Uuid,
    lane_key::LaneKey,
    ops::admission::first_due,
    ring::Ring,
    session::{ColumnError, Param, Row},
    topics::Topics,
    wake::Interest,
};

/// When the first run of the lanes `$1` is due; the first deadline; the newest lane, controls, schedules and ends; the revisions of the runs `$2`; and what the servers `$3` are asked to stop.
pub(crate) const POLL: &str = concat!(
    first_due!("unnest($1::int4[]) l(lane)"),
    ", \
    asked AS ( \
        SELECT r.id, r.revision FROM @claim_page p CROSS JOIN LATERAL unnest(p.runs) u(id) \
        CROSS JOIN LATERAL (SELECT t.* FROM @run t WHERE t.id = u.id OFFSET 0) r \
        WHERE p.server = ANY($3) AND r.page = p.id AND r.state = 1 AND r.asked) \
    SELECT (SELECT min(due) FROM pair), \
        (SELECT deadline FROM @run WHERE deadline > 0 ORDER BY deadline LIMIT 1), \
        (SELECT coalesce(max(id), 0)::int8 FROM @lane), \
        (SELECT controls_revision FROM @gate WHERE id = 1), \
        (SELECT n FROM @counter WHERE name = 'schedule'), \
        (SELECT n FROM @counter WHERE name = 'ended'), \
        EXISTS (SELECT 1 FROM @end_page WHERE position IS NULL), \
        EXISTS (SELECT 1 FROM @enqueued WHERE refused IS NULL), \
        ARRAY(SELECT r.id FROM @run r WHERE r.id = ANY($2) ORDER BY r.id), \
        ARRAY(SELECT r.revision FROM @run r WHERE r.id = ANY($2) ORDER BY r.id), \
        ARRAY(SELECT id FROM asked ORDER BY id), \
        ARRAY(SELECT revision FROM asked ORDER BY id)"
);

/// What the database said last.
#[derive(Debug, Default)]
struct Seen {
    due: Option<i64>,
    deadline: Option<i64>,
    lane: i64,
    controls: i64,
    schedules: i64,
    ended: i64,
    has_new_ends: bool,
    /// SQL has enqueued runs.
    has_enqueued: bool,
    revisions: HashMap<RunId, i64>,
    asked: Vec<(Uuid, i64)>,
}

impl Seen {
    fn of(row: &Row) -> Result<Self, ColumnError> {
        let pairs = |at: usize| -> Result<Vec<(Uuid, i64)>, ColumnError> {
            let (ids, revisions): (Vec<Uuid>, Vec<i64>) = (row.try_get(at)?, row.try_get(at + 1)?);
            Ok(ids.into_iter().zip(revisions).collect())
        };
        Ok(Self {
            due: row.try_get(0)?,
            deadline: row.try_get(1)?,
            lane: row.try_get(2)?,
            controls: row.try_get(3)?,
            schedules: row.try_get(4)?,
            ended: row.try_get(5)?,
            has_new_ends: row.try_get(6)?,
            has_enqueued: row.try_get(7)?,
            revisions: pairs(8)?.into_iter().map(|(id, revision)| (id.run(), revision)).collect(),
            asked: pairs(10)?,
        })
    }

    /// The next time at which something happens without anybody's doing.
    fn next(&self, now: i64) -> Option<Timestamp> {
        let times = [self.due, self.deadline].into_iter().flatten().filter(|time| *time > now);
        times.min().map(Timestamp::from_micros)
    }
}

/// Polls while calls wait. Ends when the handle is gone or closed.
pub(crate) async fn poll(inner: Arc<Inner>, mut is_over: watch::Receiver<()>) {
    let (mut tick, mut before) = (Tick::new(), None);
    while !inner.closed.load(Ordering::Acquire) {
        let interests = inner.wake.interests();
        if interests.is_empty() {
            before = None;
            tokio::select! {
                () = inner.wake.came.notified() => continue,
                _ = is_over.changed() => return,
            }
        }
        let due = match inner.ask(&interests).await {
            Ok(seen) => {
                let now = inner.now().as_micros();
                if inner.tell(&interests, before.as_ref(), &seen, now).await {
                    tick.reset();
                }
                let next = seen.next(now);
                before = Some(seen);
                next
            }
            // Each call that waits looks itself, and reports what is wrong.
            Err(error) => {
                tracing::debug!(%error, "changes of other servers cannot be looked for");
                inner.wake.all();
                None
            }
        };
        inner.polls.fetch_add(1, Ordering::Release);
        if inner.bell.is_connected() {
            tick.rest();
        }
        let random = Uuid::fresh().0[0];
        tokio::select! {
            () = tick_or_due(&*inner.clock, due, &mut tick, inner.options.poll, random) => {}
            () = inner.bell.rang() => {}
            _ = is_over.changed() => return,
        }
    }
}

impl Inner {
    /// Another server rang. Claims that take from a lane with new runs look at once, without a question in between; for
    /// everything else it is asked first whether there is something.
    pub(crate) fn hear(&self, ring: &Ring) {
        let mut topics = ring.topics;
        if !ring.lanes.is_empty() {
            let interests = self.wake.interests();
            let is_read = |lane: &LaneKey| {
                interests
                    .iter()
                    .any(|interest| matches!(interest, Interest::Claims(request) if lane.is_read_by(&request.offer())))
            };
            for lane in &ring.lanes {
                match self.lanes.get(*lane) {
                    Some(lane) if is_read(&lane) => self.wake.claims.notify_waiters(),
                    Some(_) => {}
                    // It was made since. Whoever asks learns of it.
                    None => topics = topics.with(Topics::CLAIMS, true),
                }
            }
        }
        if self.wake.is_waiting_for(topics) {
            self.bell.wake_poller();
        }
    }

    async fn ask(&self, interests: &[Interest]) -> Result<Seen, StoreError> {
        let (mut lanes, mut runs, mut servers) = (Vec::new(), Vec::new(), Vec::new());
        for interest in interests {
            match interest {
                Interest::Claims(request) => lanes.extend(self.lanes.which(|lane| lane.is_read_by(&request.offer()))),
                Interest::StopRequests(server) => servers.push(Uuid::from(*server)),
                Interest::Run(id, _) => runs.push(Uuid::from(*id)),
                Interest::Schedules(_) | Interest::Ended(_) => {}
            }
        }
        lanes.sort_unstable();
        lanes.dedup();
        runs.sort_unstable();
        runs.dedup();
        let session = self.session().await?;
        let params: [Param<'_>; 3] = [&lanes, &runs, &servers];
        let row = session.query_opt(POLL, &params).await.map_err(Fault::into_store)?;
        let seen = row.as_ref().map_or_else(|| Ok(Seen::default()), Seen::of);
        let seen = seen.map_err(|error| Fault::from(error).into_store())?;
        if seen.lane > i64::from(self.lanes.last()) {
            self.lanes.refresh(&session).await.map_err(Fault::into_store)?;
        }
        Ok(seen)
    }

    /// Wakes those for whom there is something. Answers whether it is something new.
    async fn tell(&self, interests: &[Interest], before: Option<&Seen>, seen: &Seen, now: i64) -> bool {
        let mut has_news = false;
        if seen.deadline.is_some_and(|deadline| deadline <= now) {
            has_news = true;
            if let Err(error) = self.expire_deadlines().await {
                tracing::warn!(%error, "suspensions whose deadline has passed are not over yet");
            }
        }
        let claims = interests.iter().any(|interest| matches!(interest, Interest::Claims(_)));
        if seen.has_enqueued && claims {
            has_news = true;
            if let Err(error) = self.take_enqueued().await {
                tracing::warn!(%error, "what SQL has enqueued is not taken in yet");
            }
        }
        // Without an earlier answer anything may have changed since a call looked.
        let differs = |differs: fn(&Seen, &Seen) -> bool| before.is_none_or(|before| differs(before, seen));
        for interest in interests {
            let (is_told, is_new) = match interest {
                Interest::Claims(_) => {
                    let is_new = differs(|before, seen| {
                        (before.due, before.lane, before.controls) != (seen.due, seen.lane, seen.controls)
                    });
                    // What is due and was not claimed is held back, perhaps by what another server executes.
                    (is_new || seen.due.is_some_and(|due| due <= now), is_new)
                }
                Interest::StopRequests(_) => {
                    let is_new = differs(|before, seen| before.asked != seen.asked);
                    (is_new, is_new)
                }
                Interest::Schedules(position) => {
                    let is_new = seen.schedules as u64 > *position;
                    (is_new, is_new)
                }
                Interest::Ended(position) => {
                    let is_new = seen.has_new_ends || seen.ended as u64 > *position;
                    (is_new, is_new)
                }
                Interest::Run(id, revision) => {
                    let is_new = seen.revisions.get(id).is_none_or(|now| *now as u64 > *revision);
                    (is_new, is_new)
                }
            };
            if is_told {
                self.wake.tell(interest);
            }
            has_news |= is_new;
        }
        has_news
    }
}
