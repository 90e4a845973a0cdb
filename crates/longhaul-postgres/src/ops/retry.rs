//! A final run is tried again, as a new one.

use longhaul_core::{
    counts::Statistics,
    lineage::{Succession, succeed},
    store::{Retried, Retry, RetryError},
};

use super::insert::{Holder, exists, take_key};
use crate::{
    added_counts,
    change::{Change, News},
    families,
    handle::Inner,
    row::{self, Rows, Written},
    session::transact,
};

impl Inner {
    pub(crate) async fn retry(&self, retry: &Retry) -> Result<Retried, RetryError> {
        self.ensure_open()?;
        let (answer, news) = transact!(self, begin, tx => {
            let mut news = News::default();
            let answer = 'answer: {
                let (now, id) = (self.now(), retry.id);
                let Some(kept) = row::lock(&tx, [id]).await?.pop() else { break 'answer Err(RetryError::NotFound(id)) };
                let succession = match succeed(now, &kept.stored, retry) {
                    Ok(succession) => succession,
                    Err(answer) => break 'answer answer,
                };
                if exists(&tx, retry.successor).await? {
                    break 'answer Err(RetryError::Duplicate(retry.successor));
                }
                let run = &succession.successor.run;
                if let Some(unique) = &run.constraints().unique {
                    let (kind, key) = (&run.kind, &unique.key);
                    let (holder, row) = match self.holder(&tx, now, kind, key, retry.successor).await? {
                        Holder::Nobody { row } => (None, row),
                        Holder::There(holder) => {
                            let run = &holder.stored.run;
                            (Some((run.id, run.state.kind())), true)
                        }
                        Holder::Removed { id, state } => (Some((id, state)), true),
                    };
                    if let Err(taken) = succession.check_key(holder) {
                        break 'answer Err(taken);
                    }
                    if row {
                        take_key(&tx, kind, key, retry.successor).await?;
                    }
                }
                let Succession { before: decision, successor: mut stored } = succession;
                if let Some(key) = stored.run.order_key().cloned() {
                    let holder = self.lock_turn(&tx, &key).await?;
                    stored.run.wait_if(holder.is_some());
                    // Before the run that it is a retry of leaves: nobody else gets the turn of that one.
                    self.keep_turn(&tx, &stored.run).await?;
                }
                let mut change = Change::of(kept);
                change.apply(decision);
                self.keep_locked(&tx, &mut [change], &mut news).await?;
                let lane = self.lanes.of_all([&stored.run].into_iter())?[0];
                let mut rows = Rows::default();
                rows.push(lane, &stored, None, 0, Written { all: true, ..Written::default() });
                rows.insert(&tx).await?;
                let mut statistics = Statistics::default();
                statistics.record(now, &stored.run, None, Some(stored.run.state.kind()));
                added_counts::add(&tx, &statistics).await?;
                news.looks |= families::added(&tx, &[&stored.run]).await?;
                news.claims = true;
                Ok(Retried::New)
            };
            Ok((answer, news))
        })?;
        news.tell(self);
        self.look_if_needed().await?;
        answer
    }
}
