//! Who gets which runs: candidates are read, chosen in this process, and taken where they are still as they were read.
//!
//! All of it happens while the row of the gate is locked, so what counts against a limit is counted by one claim after
//! the other, on all servers.

use std::sync::Arc;

use longhaul_core::{
    Controls, Event, StoreError, Timestamp,
    admission::{Offer, Selection},
    store::{ClaimRequest, Claimed},
};
use tokio::sync::oneshot;

use super::{
    admission::{Candidates, NEXT_DUE, Reading, SpentBuckets, WRITE_BUCKETS, read_buckets, read_controls},
    served::{ServedColumns, WRITE_SERVED, read_served},
};
use crate::{
    change::{Change, News},
    claim_turn::ClaimTurn,
    error::Fault,
    handle::Inner,
    id::{Uuid, uuids},
    lanes::NEW_LANES,
    row::Kept,
    session::{Param, Step, Tx, transact},
};

/// What a claim came to.
pub(crate) struct Taken {
    pub(crate) claimed: Vec<Claimed>,
    /// The time by which runs were due for it.
    looked_at: Timestamp,
    /// If it came to nothing: when to look again.
    look_again: Option<Timestamp>,
}

/// How the transaction of a claim came to its end.
enum Claim {
    /// Deadlines of suspensions have passed: they end first.
    DeadlinesPassed,
    Nothing {
        looked_at: Timestamp,
        selection: Option<Box<Selection>>,
        look_again: Option<Timestamp>,
    },
    Taken {
        looked_at: Timestamp,
        selection: Box<Selection>,
        changes: Vec<Change>,
        /// When each of them was due.
        dues: Vec<Timestamp>,
        news: News,
    },
}

/// Counts are right for whoever comes next only if the row is changed.
const GATE: &str = "UPDATE @gate SET turn = turn + 1 WHERE id = 1 RETURNING controls_revision";
/// Whoever takes this server's claims away waits until these are among them, or was here first.
const SERVER: &str = "SELECT state FROM @server WHERE id = $1 FOR KEY SHARE";
const PASSED: &str = "SELECT 1 FROM @run WHERE deadline <= $1 LIMIT 1";
const INSERT_PAGE: &str = "INSERT INTO @claim_page (id, server, runs) VALUES ($1, $2, $3)";

/// Claims on their way to who asked for them: dropped on the way, they are given back.
struct OnTheWay {
    inner: Arc<Inner>,
    taken: Option<Taken>,
}

impl Drop for OnTheWay {
    fn drop(&mut self) {
        if let Some(taken) = self.taken.take().filter(|taken| !taken.claimed.is_empty()) {
            self.inner.give_back(taken.claimed);
        }
    }
}

impl Inner {
    /// One try. A caller that goes away does not stop it; what it claimed is given back then.
    pub(crate) async fn claim_once(self: &Arc<Self>, request: &ClaimRequest) -> Result<Taken, StoreError> {
        request.assert_limits();
        let (answer, answered) = oneshot::channel();
        let (inner, request) = (Arc::clone(self), request.clone());
        tokio::spawn(async move {
            let this = Arc::clone(&inner);
            // Until the answer is on its way, or on its way back: a server that leaves waits for that.
            let mut turn = this.turn.lock().await;
            let taken = this.claim_now(&mut turn, &request).await.inspect_err(|_| this.claim_failed());
            _ = answer.send(taken.map(|taken| OnTheWay { inner, taken: Some(taken) }));
        });
        let mut arrived = answered.await.map_err(|_| StoreError::Closed)??;
        Ok(arrived.taken.take().expect("it is taken once"))
    }

    async fn claim_now(&self, turn: &mut ClaimTurn, request: &ClaimRequest) -> Result<Taken, StoreError> {
        self.ensure_open()?;
        self.returned().await;
        // A run that was chosen is seldom changed before it is written. Where that happened, the next try claims the others.
        let mut together = true;
        loop {
            let claim = transact!(self, begin, tx => {
                self.claim_in(&tx, turn, request, std::mem::take(&mut together)).await
            })?;
            match claim {
                Claim::DeadlinesPassed => self.expire_deadlines().await?,
                Claim::Nothing { looked_at, selection, look_again } => {
                    turn.commit(selection);
                    return Ok(Taken { claimed: Vec::new(), looked_at, look_again });
                }
                Claim::Taken { looked_at, selection, changes, dues, news } => {
                    turn.commit(Some(selection));
                    let claimed = changes.iter().zip(dues).map(|(change, due)| {
                        let stored = &change.kept.stored;
                        Claimed {
                            run: stored.run.clone(),
                            due,
                            metadata: stored.metadata.clone(),
                            execution_metadata: stored.execution_metadata.clone(),
                        }
                    });
                    let claimed = claimed.collect();
                    self.held.claimed(changes.into_iter().map(|change| change.kept));
                    News { runs: news.runs, ..News::default() }.tell(self);
                    return Ok(Taken { claimed, looked_at, look_again: None });
                }
            }
        }
    }

    /// `together`: all that is chosen is claimed, or nothing.
    async fn claim_in(
        &self,
        tx: &Tx,
        turn: &mut ClaimTurn,
        request: &ClaimRequest,
        together: bool,
    ) -> Result<Claim, Fault> {
        let (now, offer, me) = (self.now(), request.offer(), Uuid::from(request.server));
        let nothing = Claim::Nothing { looked_at: now, selection: None, look_again: None };
        let reading = |turn: &ClaimTurn, top| {
            let controls = &turn.admission.controls;
            Reading::of(&self.lanes, now, self.lanes_of(&offer, controls), top, controls)
        };
        let mut top = request.max as i64;
        let mut read = reading(turn, top);
        let last = self.lanes.last();
        // Each statement sees what was committed before the gate was changed.
        let mut answers = read
            .send(async |candidates| {
                let (me, last, now): ([Param<'_>; 1], [Param<'_>; 1], _) = ([&me], [&last], now.as_micros());
                let passed: [Param<'_>; 1] = [&now];
                let first = [Step(GATE, &[]), Step(SERVER, &me), Step(NEW_LANES, &last), Step(PASSED, &passed)];
                tx.query_all(&[&first, candidates].concat()).await
            })
            .await?;
        let mut candidates = answers.split_off(4);
        let [gate, server, lanes, passed] = &answers[..] else { unreachable!("four answers to four statements") };
        if !passed.is_empty() {
            return Ok(Claim::DeadlinesPassed);
        }
        if server.first().map_or(Ok(0), |row| row.try_get::<i16>(0))? != 0 {
            return Ok(nothing);
        }
        let controls_revision: i64 = gate.first().map_or(Ok(0), |row| row.try_get(0))?;
        let is_current = turn.is_of(controls_revision);
        if !is_current {
            turn.set_controls(controls_revision, read_controls(tx).await?);
        }
        self.lanes.learn(lanes)?;
        if !is_current || !lanes.is_empty() {
            read = reading(turn, top);
            candidates = read.send(async |steps| tx.query_all(steps).await).await?;
        }
        let mut candidates = read.candidates(&self.lanes, candidates)?;
        let selection = loop {
            if !candidates.is_empty() {
                candidates.read_executing(tx, &self.lanes, request.server).await?;
                let controls = &turn.admission.controls;
                turn.admission.buckets = read_buckets(tx, now, controls, candidates.limit_groups()).await?;
                turn.admission.served = read_served(tx, controls, candidates.served_keys()).await?;
            }
            let selection = turn.admission.select(now, &offer, &candidates);
            if selection.more_of.is_none() {
                break selection;
            }
            top *= 4;
            candidates = Candidates::read(tx, &self.lanes, &reading(turn, top)).await?;
        };
        for damage in &candidates.damaged {
            tracing::error!(%damage, "a run cannot be read: it is left where it is, the others go on");
        }
        if selection.positions.is_empty() {
            // The next look ends those that expired, and sees what is behind them.
            // What is paused was not read.
            let pause = turn.admission.controls.next_end_of_pause(now);
            let look_again =
                selection.look_again.into_iter().chain(pause).chain(candidates.expired.then_some(now)).min();
            return Ok(Claim::Nothing { looked_at: now, selection: Some(Box::new(selection)), look_again });
        }
        let page = Uuid::fresh();
        let mut runs = candidates.runs;
        let (mut changes, mut dues) = (Vec::new(), Vec::new());
        for (nth, position) in selection.positions.iter().enumerate() {
            let mut kept: Kept = runs.remove(&position.id).expect("it was offered");
            kept.page = Some(page);
            let mut change = Change::of(kept);
            let event = Event::Claim { server: request.server, begins: nth < request.begin };
            change.decide(now, &event).expect("only due runs are chosen");
            dues.push(position.due);
            changes.push(change);
        }
        let mut news = News::default();
        if !together {
            let written = self.keep(tx, &mut changes, &mut news).await?;
            // Those that a client changed meanwhile are as it left them.
            (changes, dues) =
                changes.into_iter().zip(dues).filter(|(change, _)| written.contains(&change.id())).unzip();
        }
        let ids = uuids(changes.iter().map(Change::id));
        let claim_page: [Param<'_>; 3] = [&page, &me, &ids];
        let spent = SpentBuckets::of(&selection.spent);
        let spent = spent.params();
        let mut last = vec![Step(INSERT_PAGE, &claim_page)];
        last.extend(spent.as_ref().map(|params| Step(WRITE_BUCKETS, params)));
        let turns = ServedColumns::of(&selection);
        let turns = turns.params();
        last.extend(turns.as_ref().map(|params| Step(WRITE_SERVED, params)));
        if together {
            self.keep_all(tx, &mut changes, &last, &mut news).await?;
        } else {
            tx.finish(&last).await?;
        }
        Ok(Claim::Taken { looked_at: now, selection: Box::new(selection), changes, dues, news })
    }

    /// The lanes that a server takes from.
    pub(super) fn lanes_of(&self, offer: &Offer<'_>, controls: &Controls) -> Vec<i32> {
        let now = self.now();
        self.lanes.which(|lane| lane.is_read_by(offer) && controls.paused(now, &lane.queue, &lane.kind).is_none())
    }

    /// When a claim that found nothing should look again, if it hears of nothing before.
    pub(crate) async fn next_look(
        &self,
        request: &ClaimRequest,
        taken: &Taken,
    ) -> Result<Option<Timestamp>, StoreError> {
        let numbers = self.lanes.which(|lane| lane.is_read_by(&request.offer()));
        let session = self.session().await?;
        let row = session.query_opt(NEXT_DUE, &[&numbers]).await.map_err(Fault::into_store)?;
        let due: Option<i64> =
            row.map_or(Ok(None), |row| row.try_get(0)).map_err(|error| Fault::from(error).into_store())?;
        // What was due and was not claimed is held back by something else than its time. What has become due since was not:
        // clocks of servers differ by milliseconds, so a run may come just before its time.
        let due = due.map(Timestamp::from_micros).filter(|due| *due > taken.looked_at);
        Ok(due.into_iter().chain(taken.look_again).min())
    }
}
