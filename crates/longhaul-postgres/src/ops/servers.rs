//! Servers: which live, whose claims are taken away, and what they are asked to stop.

use longhaul_core::{
    Event, RunId, Scope, ServerId, StoreError, Timestamp,
    admission::suspects::{Blame, blame},
    store::{RunningRun, ServerBeat, ServerError, ServerInfo, StopSignal, StopSignals},
};

use super::admission::scope_name;
use crate::{
    change::{Change, News},
    error::Fault,
    handle::Inner,
    id::Uuid,
    row::{self, columns},
    session::{Session, Step, transact},
};

/// The states of a server's row.
const LIVES: i16 = 0;
const DYING: i16 = 1;
const GONE: i16 = 2;

/// So many runs are taken away in one transaction.
const BATCH: usize = 256;

/// A server that is dead stays dead. Answers the time that the lease goes by.
const BEAT: &str = "\
    INSERT INTO @server AS s (id, name, beat, lease_until, state, kinds, versions, marks, labels) \
    SELECT $1, $2, n.now, n.now + $4::int8, 0, $5, $6, $7, $8 \
    FROM (SELECT coalesce($3, (extract(epoch FROM clock_timestamp()) * 1e6)::int8) AS now) n \
    ON CONFLICT (id) DO UPDATE SET name = excluded.name, beat = excluded.beat, lease_until = excluded.lease_until, kinds = excluded.kinds, \
        versions = excluded.versions, marks = excluded.marks, labels = excluded.labels \
    WHERE s.state = 0 RETURNING s.beat";

/// Makes servers known that have claimed and never said that they live. They must say so within `$2` microseconds.
const ADOPT: &str = "\
    INSERT INTO @server (id, name, beat, lease_until, state, kinds, versions, marks, labels) \
    SELECT DISTINCT p.server, '', n.now, n.now + $2::int8, 0, '{}'::text[], '{}'::int4[], '{}'::int8[], '{}'::text[] \
    FROM @claim_page p, (SELECT coalesce($1, (extract(epoch FROM clock_timestamp()) * 1e6)::int8) AS now) n \
    WHERE NOT EXISTS (SELECT 1 FROM @server s WHERE s.id = p.server) \
    ON CONFLICT (id) DO NOTHING";

/// How long a server may be silent that has claimed and never said that it lives, in microseconds.
const SILENCE: i64 = 15_000_000;

/// What a server holds: the runs of its pages that run and still name the page.
pub(crate) const HELD: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM @claim_page p CROSS JOIN LATERAL unnest(p.runs) u(id) CROSS JOIN LATERAL (SELECT t.* FROM @run t WHERE t.id = u.id OFFSET 0) r \
    WHERE p.server = $1 AND r.page = p.id AND r.state = 1"
);

pub(crate) const ASKED: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM @claim_page p CROSS JOIN LATERAL unnest(p.runs) u(id) CROSS JOIN LATERAL (SELECT t.* FROM @run t WHERE t.id = u.id OFFSET 0) r \
    WHERE p.server = $1 AND r.page = p.id AND r.state = 1 AND r.asked"
);

impl Inner {
    pub(crate) async fn heartbeat(&self, beat: &ServerBeat) -> Result<(), ServerError> {
        self.ensure_open()?;
        let me = Uuid::from(beat.server);
        let lease = i64::try_from(beat.lease.as_micros()).unwrap_or(i64::MAX / 4);
        let kinds: Vec<&str> = beat.kinds.iter().map(|support| support.kind.as_str()).collect();
        let versions: Vec<i32> = beat.kinds.iter().map(|support| support.version.into()).collect();
        let marks: Vec<i64> = beat.kinds.iter().map(|support| support.mark.0.into()).collect();
        let labels: Vec<&str> = beat.labels.iter().map(longhaul_core::Label::as_str).collect();
        let asked = crate::clock::DatabaseClock::ask();
        let row = transact!(self, begin, tx => {
            tx.query_opt(
                BEAT,
                &[&me, &&*beat.name, &self.lease_time(), &lease, &kinds, &versions, &marks, &labels],
            ).await
        })?;
        let Some(row) = row else {
            self.held.forget(beat.server);
            return Err(ServerError::Dead(beat.server));
        };
        let now: i64 = row.try_get(0).map_err(|error| Fault::from(error).into_store())?;
        self.set_clock(asked, Timestamp::from_micros(now));
        Ok(())
    }

    pub(crate) async fn expire(&self) -> Result<usize, StoreError> {
        self.ensure_open()?;
        transact!(self, begin, tx => tx.be(Step(ADOPT, &[&self.lease_time(), &SILENCE])).await)?;
        let session = self.session().await?;
        let late = session
            .query(
                "SELECT id FROM @server WHERE state = 1 OR state = 0 AND lease_until <= \
                 coalesce($1, (extract(epoch FROM clock_timestamp()) * 1e6)::int8)",
                &[&self.lease_time()],
            )
            .await
            .map_err(Fault::into_store)?;
        drop(session);
        let mut taken = 0;
        for row in late {
            let server = row.get::<Uuid>(0).server();
            taken += self.declare_dead(server, true, "its server's lease ran out").await?;
        }
        // Also what a server left that died.
        self.look_at_waits().await?;
        Ok(taken)
    }

    pub(crate) async fn leave(&self, server: ServerId) -> Result<(), StoreError> {
        self.ensure_open()?;
        // A claim whose future was dropped is given back first: it is no crash.
        drop(self.turn.lock().await);
        self.returned().await;
        self.declare_dead(server, false, "its server left while it ran").await.map(drop)
    }

    /// Takes the claims of a server away: they ran in one process, which is gone. `late`: only if its lease has run out.
    /// Another server may go on with what one has begun.
    pub(crate) async fn declare_dead(&self, server: ServerId, late: bool, evidence: &str) -> Result<usize, StoreError> {
        let me = Uuid::from(server);
        // Claims of this server that are on their way hold its row: this waits for them, and later ones see it.
        let is_dying = transact!(self, begin, tx => {
            let row = tx.query_opt(
                "SELECT state, lease_until <= coalesce($2, (extract(epoch FROM clock_timestamp()) * 1e6)::int8) \
                 FROM @server WHERE id = $1 FOR UPDATE",
                &[&me, &self.lease_time()],
            ).await?;
            let Some(row) = row else {
                if !late {
                    // It never said that it lives, and never will.
                    tx.execute(
                        "INSERT INTO @server (id, name, beat, lease_until, state, kinds, versions, marks, labels) \
                         VALUES ($1, '', 0, 0, 1, '{}', '{}', '{}', '{}')",
                        &[&me],
                    ).await?;
                }
                return Ok(!late);
            };
            match (row.try_get::<i16>(0)?, row.try_get::<bool>(1)?) {
                (LIVES, false) if late => Ok(false),
                (LIVES, _) => {
                    tx.execute("UPDATE @server SET state = $2 WHERE id = $1", &[&me, &DYING]).await?;
                    Ok(true)
                }
                (state, _) => Ok(state == DYING),
            }
        })?;
        if !is_dying {
            return Ok(0);
        }
        self.held.forget(server);
        let session = self.session().await?;
        let blamed = self.blamed(&session, me).await.map_err(Fault::into_store)?;
        drop(session);
        let mut taken = 0;
        loop {
            let (count, more, news) = transact!(self, begin, tx => {
                let (now, mut news) = (self.now(), News::default());
                let held = tx.query(HELD, &[&me]).await?;
                let ids: Vec<RunId> = held.iter().take(BATCH).map(|row| row.get::<Uuid>(0).run()).collect();
                let mut changes: Vec<Change> = row::lock(&tx, ids).await?.into_iter().map(Change::of).collect();
                // Its end may have come meanwhile, or somebody else goes on with this.
                changes.retain(|change| change.kept.stored.run.state == longhaul_core::State::Running { server });
                for change in &mut changes {
                    let event = Event::crash(change.id(), blamed, evidence);
                    change.decide(now, &event).expect("a run that is executing can crash");
                }
                self.keep_locked(&tx, &mut changes, &mut news).await?;
                if held.len() <= BATCH {
                    tx.execute("DELETE FROM @claim_page WHERE server = $1", &[&me]).await?;
                    tx.execute("UPDATE @server SET state = $2 WHERE id = $1", &[&me, &GONE]).await?;
                    // Nobody else claims by what was said of it, so that others need not read their controls again.
                    tx.execute("DELETE FROM @control WHERE scope = $1", &[&scope_name(&Scope::Server(server))]).await?;
                }
                Ok((changes.len(), held.len() > BATCH, news))
            })?;
            news.tell(self);
            taken += count;
            if !more {
                return Ok(taken);
            }
        }
    }

    /// Which of the runs that died together is to blame.
    async fn blamed(&self, session: &Session, server: Uuid) -> Result<Option<(RunId, Blame)>, Fault> {
        let rows = session.query(HELD, &[&server]).await?;
        let mut died = Vec::new();
        for row in &rows {
            died.extend(row::read(row)?.1.ok().map(|kept| kept.stored.run));
        }
        Ok(blame(&died))
    }

    /// What `server` is asked to stop and was not told up to `seen`.
    pub(crate) async fn stop_requests_once(
        &self,
        server: ServerId,
        seen: u64,
    ) -> Result<Option<StopSignals>, StoreError> {
        let session = self.session().await?;
        let rows = session.query(ASKED, &[&Uuid::from(server)]).await.map_err(Fault::into_store)?;
        drop(session);
        let mut asked = Vec::new();
        for row in &rows {
            let Ok(kept) = row::read(row).map_err(Fault::into_store)?.1 else { continue };
            let run = kept.stored.run;
            asked.extend(run.request.map(|request| StopSignal { id: run.id, epoch: run.epoch, request }));
        }
        let mut told = self.told.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok(told.news(server, asked, seen))
    }

    /// What every server that lives offers, for explanations.
    pub(crate) async fn living(&self, session: &Session) -> Result<Vec<ServerBeat>, Fault> {
        Ok(self.beats(session).await?.into_iter().map(|(beat, _)| beat).collect())
    }

    /// The servers that live, and what they hold.
    pub(crate) async fn servers(&self) -> Result<Vec<ServerInfo>, StoreError> {
        self.ensure_open()?;
        let session = self.session().await?;
        let read = async {
            let mut servers = Vec::new();
            for (beat, last_beat) in self.beats(&session).await? {
                let mut running = Vec::new();
                for row in session.query(HELD, &[&Uuid::from(beat.server)]).await? {
                    running.extend(row::read(&row)?.1.ok().map(|kept| RunningRun::of(&kept.stored.run)));
                }
                running.sort_unstable_by_key(|run: &RunningRun| run.id);
                servers.push(ServerInfo { beat, last_beat, running });
            }
            Ok(servers)
        };
        let read: Result<Vec<ServerInfo>, Fault> = read.await;
        read.map_err(Fault::into_store)
    }

    /// What every server that lives said last, and when.
    async fn beats(&self, session: &Session) -> Result<Vec<(ServerBeat, Timestamp)>, Fault> {
        let rows = session
            .query(
                "SELECT id, name, kinds, versions, marks, labels, beat, lease_until FROM @server WHERE state = $1 \
                 ORDER BY id",
                &[&LIVES],
            )
            .await?;
        let mut living = Vec::new();
        for row in rows {
            let (kinds, versions, marks): (Vec<String>, Vec<i32>, Vec<i64>) =
                (row.try_get(2)?, row.try_get(3)?, row.try_get(4)?);
            let labels: Vec<String> = row.try_get(5)?;
            let kinds = kinds.iter().zip(versions).zip(marks).filter_map(|((kind, version), mark)| {
                let kind = longhaul_core::Kind::new(kind).ok()?;
                let mark = longhaul_core::code::CodeMark(mark as u32);
                Some(longhaul_core::code::KindSupport { kind, version: version as u16, mark })
            });
            let labels = labels.iter().filter_map(|label| longhaul_core::Label::new(label).ok());
            let (beat, until): (i64, i64) = (row.try_get(6)?, row.try_get(7)?);
            let lease = std::time::Duration::from_micros(until.saturating_sub(beat).max(0) as u64);
            let said = ServerBeat {
                kinds: kinds.collect(),
                labels: labels.collect(),
                ..ServerBeat::new(row.try_get::<Uuid>(0)?.server(), row.try_get(1)?, lease)
            };
            living.push((said, Timestamp::from_micros(beat)));
        }
        Ok(living)
    }
}
