//! Who gets which runs: candidates are read, chosen in this process, and taken where they are still as they were read.
//!
//! All of it happens while the row of the gate is locked, so what counts against a limit is counted by one claim after
//! the other, on all servers.

use std::sync::Arc;

use longhaul_core::{
    Controls, Ending, Event, RunId, StoreError, Timestamp,
    admission::{Admission, Offer},
    limits::CLAIM_MAX,
    store::{ClaimRequest, Claimed, Settlement},
};
use tokio::sync::oneshot;

use super::{
    admission::{Candidates, NEXT_DUE, read_buckets, read_controls, write_buckets},
    checkpoint::Write,
};
use crate::{
    change::{Change, News},
    error::Fault,
    id::{Uuid, uuids},
    row::Kept,
    session::{Tx, transact},
    store::Inner,
};

/// What claims of this handle go by. One claim after the other has it.
#[derive(Debug, Default)]
pub(crate) struct ClaimTurn {
    admission: Admission,
    /// The number of the controls that are in the admission.
    controls_revision: i64,
}

impl ClaimTurn {
    pub(crate) fn admission(&self) -> &Admission {
        &self.admission
    }
}

/// What a claim came to.
pub(crate) struct Taken {
    pub(crate) claimed: Vec<Claimed>,
    /// If it came to nothing: when to look again.
    look_again: Option<Timestamp>,
}

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

fn offer(request: &ClaimRequest) -> Offer<'_> {
    let ClaimRequest { server, kinds, labels, capacity, max, .. } = request;
    Offer { labels, capacity, ..Offer::new(*server, kinds, *max) }
}

impl Inner {
    /// One try. A caller that goes away does not stop it; what it claimed is given back then.
    pub(crate) async fn claim_once(self: &Arc<Self>, request: &ClaimRequest) -> Result<Taken, StoreError> {
        assert!((1..=CLAIM_MAX).contains(&request.max), "a claim asks for 1 to {CLAIM_MAX} runs, not {}", request.max);
        let (answer, answered) = oneshot::channel();
        let (inner, request) = (Arc::clone(self), request.clone());
        tokio::spawn(async move {
            let this = Arc::clone(&inner);
            // Until the answer is on its way, or on its way back: a server that leaves waits for that.
            let mut turn = this.turn.lock().await;
            let taken = this.claim_now(&mut turn, &request).await;
            _ = answer.send(taken.map(|taken| OnTheWay { inner, taken: Some(taken) }));
        });
        let mut arrived = answered.await.map_err(|_| StoreError::Closed)??;
        Ok(arrived.taken.take().expect("it is taken once"))
    }

    async fn claim_now(&self, turn: &mut ClaimTurn, request: &ClaimRequest) -> Result<Taken, StoreError> {
        self.ensure_open()?;
        self.returned().await;
        let session = self.session().await?;
        self.lanes.refresh(&session).await.map_err(Fault::into_store)?;
        drop(session);
        let (taken, selection, changes, news) = transact!(self, begin_async, tx => {
            self.claim_in(&tx, turn, request).await
        })?;
        if let Some(selection) = selection {
            turn.admission.commit(selection);
        }
        self.held.put(changes.into_iter().map(|change| change.kept));
        self.wake.changed(news.runs);
        Ok(taken)
    }

    async fn claim_in(
        &self,
        tx: &Tx,
        turn: &mut ClaimTurn,
        request: &ClaimRequest,
    ) -> Result<(Taken, Option<longhaul_core::admission::Selection>, Vec<Change>, News), Fault> {
        let nothing = |look_again| Taken { claimed: Vec::new(), look_again };
        let gate = tx.query("UPDATE @gate SET turn = turn + 1 WHERE id = 1 RETURNING controls_revision", &[]).await?;
        let revision: i64 = gate.first().map_or(Ok(0), |row| row.try_get(0))?;
        if revision != turn.controls_revision {
            turn.admission.controls = read_controls(tx).await?;
            turn.controls_revision = revision;
        }
        let me = Uuid::from(request.server);
        // Whoever takes this server's claims away waits until these are among them, or was here first.
        let server = tx.query_opt("SELECT state FROM @server WHERE id = $1 FOR KEY SHARE", &[&me]).await?;
        if server.map_or(Ok(0), |row| row.try_get::<_, i16>(0))? != 0 {
            return Ok((nothing(None), None, Vec::new(), News::default()));
        }
        let (now, offer) = (self.now(), offer(request));
        let numbers = self.lanes_of(&offer, &turn.admission.controls);
        let mut top = request.max as i64;
        let (candidates, selection) = loop {
            let mut candidates = Candidates::read(tx, &self.lanes, now, &numbers, top).await?;
            if !candidates.is_empty() {
                candidates.count_running(tx, &self.lanes, &turn.admission.controls).await?;
                candidates.read_executing(tx, &self.lanes, request.server).await?;
                let controls = &turn.admission.controls;
                turn.admission.buckets = read_buckets(tx, now, controls, candidates.limit_groups()).await?;
            }
            let selection = turn.admission.select(now, &offer, &candidates);
            if selection.more_of.is_none() {
                break (candidates, selection);
            }
            top *= 4;
        };
        for damage in &candidates.damaged {
            tracing::error!(%damage, "a run cannot be read: it is left where it is, the others go on");
        }
        if selection.positions.is_empty() {
            // The next look ends those that expired, and sees what is behind them.
            let look_again = if candidates.expired { Some(now) } else { selection.look_again };
            return Ok((nothing(look_again), Some(selection), Vec::new(), News::default()));
        }
        let page = Uuid::fresh();
        let mut runs = candidates.runs;
        let (mut changes, mut dues) = (Vec::new(), std::collections::HashMap::new());
        for (nth, position) in selection.positions.iter().enumerate() {
            let mut kept: Kept = runs.remove(&position.id).expect("it was offered");
            kept.page = Some(page);
            let mut change = Change::of(kept);
            let event = Event::Claim { server: request.server, begins: nth < request.begin };
            change.decide(now, &event).expect("only due runs are chosen");
            dues.insert(position.id, position.due);
            changes.push(change);
        }
        let mut news = News::default();
        let written = self.keep(tx, &mut changes, &mut news).await?;
        // Those that a client changed meanwhile are as it left them.
        changes.retain(|change| written.contains(&change.id()));
        tx.execute(
            "INSERT INTO @claim_page (id, server, runs) VALUES ($1, $2, $3)",
            &[&page, &me, &uuids(changes.iter().map(Change::id))],
        )
        .await?;
        write_buckets(tx, &selection.spent).await?;
        let claimed = changes.iter().map(|change| {
            let stored = &change.kept.stored;
            Claimed {
                run: stored.run.clone(),
                due: dues[&stored.run.id],
                metadata: stored.metadata.clone(),
                execution_metadata: stored.execution_metadata.clone(),
            }
        });
        let taken = Taken { claimed: claimed.collect(), look_again: None };
        Ok((taken, Some(selection), changes, news))
    }

    /// The lanes that a server takes from.
    pub(super) fn lanes_of(&self, offer: &Offer<'_>, controls: &Controls) -> Vec<i32> {
        let paused = |control: Option<&longhaul_core::Control>| control.is_some_and(|control| control.paused.is_some());
        self.lanes.which(|lane| {
            lane.is_read_by(offer) && !paused(controls.queue(&lane.queue)) && !paused(controls.kind(&lane.kind))
        })
    }

    /// When a claim that found nothing should look again, if it hears of nothing before.
    pub(crate) async fn next_look(
        &self,
        request: &ClaimRequest,
        taken: &Taken,
    ) -> Result<Option<Timestamp>, StoreError> {
        let now = self.now();
        let numbers = self.lanes.which(|lane| lane.is_read_by(&offer(request)));
        let session = self.session().await?;
        let row = session.query_opt(NEXT_DUE, &[&numbers]).await.map_err(Fault::into_store)?;
        let due: Option<i64> =
            row.map_or(Ok(None), |row| row.try_get(0)).map_err(|error| Fault::from(error).into_store())?;
        // What is due and was not claimed is held back by something else than its time.
        let due = due.map(Timestamp::from_micros).filter(|due| *due > now);
        Ok(due.into_iter().chain(taken.look_again).min())
    }

    /// Gives back claims that never reached who asked for them. Later claims, and the server's leave, wait for it.
    fn give_back(self: &Arc<Self>, claimed: Vec<Claimed>) {
        let inner = Arc::clone(self);
        let task = tokio::spawn(async move {
            let settle = |one: Claimed| {
                let (id, epoch, ending) = (one.run.id, one.run.epoch, Ending::Returned);
                Write::Settle(Settlement {
                    id,
                    epoch,
                    ending,
                    execution_metadata: None,
                    taken: Vec::new(),
                    progress: None,
                })
            };
            let ids: Vec<RunId> = claimed.iter().map(|one| one.run.id).collect();
            if let Err(error) = inner.write(&claimed.into_iter().map(settle).collect::<Vec<_>>()).await {
                tracing::error!(runs = ?ids, %error, "claims could not be given back: they are taken away with their server's lease");
            }
        });
        self.returns.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(task);
    }

    /// What is on its way back has come back.
    pub(crate) async fn returned(&self) {
        loop {
            let task = self.returns.lock().unwrap_or_else(std::sync::PoisonError::into_inner).pop();
            match task {
                // It panics only where its runtime does.
                Some(task) => _ = task.await,
                None => return,
            }
        }
    }
}
