//! One event of one run, which a client asked for.

use longhaul_core::{Actor, Event, IllegalEvent, Run, RunId, StateKind, StoreError};

use crate::{
    change::{Change, News},
    handle::Inner,
    row,
    session::transact,
};

/// What became of a run that a client changed.
pub(super) enum Changed<T> {
    NotFound,
    Done(T),
    Refused(Box<Run>, IllegalEvent),
}

impl Inner {
    /// Decides one event of one run, and keeps what was decided.
    pub(super) async fn decide(
        &self,
        id: RunId,
        event: &Event,
        by: &Actor,
    ) -> Result<Changed<(StateKind, StateKind)>, StoreError> {
        self.ensure_open()?;
        self.look_if_needed().await?;
        let (answer, news) = transact!(self, begin, tx => {
            let (now, mut news) = (self.now(), News::default());
            self.expire_among(&tx, now, &[id], &mut news).await?;
            let answer = match row::lock(&tx, [id]).await?.pop() {
                None => Changed::NotFound,
                Some(kept) => {
                    let mut change = Change::of(kept);
                    let before = change.state();
                    match change.decide_for(now, event, by.clone()) {
                        Err(why) => Changed::Refused(Box::new(change.kept.stored.run.clone()), why),
                        Ok(after) => {
                            self.keep_locked(&tx, &mut [change], &mut news).await?;
                            Changed::Done((before, after))
                        }
                    }
                }
            };
            Ok((answer, news))
        })?;
        news.tell(self);
        self.look_if_needed().await?;
        Ok(answer)
    }
}
