//! Suspended runs go on.

use longhaul_core::{
    StateKind,
    store::{Proceed, ProceedError, Proceeded},
};

use crate::{
    change::{Change, News},
    handle::Inner,
    row,
    session::transact,
};

impl Inner {
    pub(crate) async fn proceed(&self, proceed: &Proceed) -> Result<Proceeded, ProceedError> {
        self.ensure_open()?;
        let (answer, news) = transact!(self, begin, tx => {
            let (now, mut news) = (self.now(), News::default());
            let event = proceed.event();
            let Proceed { id, replacement, by, .. } = proceed.clone();
            self.expire_among(&tx, now, &[id], &mut news).await?;
            let answer = 'answer: {
                let Some(kept) = row::lock(&tx, [id]).await?.pop() else { break 'answer Err(ProceedError::NotFound(id)) };
                let mut change = Change::of(kept);
                let state = change.state();
                if let (StateKind::Suspended, Some(new)) = (state, &replacement)
                    && new.revision != change.kept.stored.run.revision
                {
                    break 'answer Err(ProceedError::Conflict(id));
                }
                if let Err(why) = change.decide_for(now, &event, by) {
                    break 'answer ProceedError::of(&change.kept.stored.run, &why).map_or(Ok(Proceeded::Repeated), Err);
                }
                if let Some(new) = replacement {
                    change.kept.stored.set_execution_metadata(Some(new.execution_metadata));
                    change.written.execution_metadata = true;
                }
                let after = change.state();
                self.keep_locked(&tx, &mut [change], &mut news).await?;
                Ok(Proceeded::of(state, after))
            };
            Ok((answer, news))
        })?;
        news.tell(self);
        self.look_if_needed().await?;
        answer
    }
}
