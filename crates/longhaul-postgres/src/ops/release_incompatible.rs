//! Runs that no code could execute are tried again.

use longhaul_core::{Event, RunId, StoreError};

use crate::{
    change::{Change, News},
    handle::Inner,
    row,
    session::transact,
};

impl Inner {
    pub(crate) async fn release_incompatible(&self, runs: &[RunId]) -> Result<usize, StoreError> {
        self.ensure_open()?;
        let (released, news) = transact!(self, begin, tx => {
            let (now, mut news) = (self.now(), News::default());
            let mut changes: Vec<Change> = row::lock(&tx, runs.iter().copied()).await?.into_iter().map(Change::of).collect();
            changes.retain_mut(|change| change.decide(now, &Event::ReleaseIncompatible).is_ok());
            self.keep_locked(&tx, &mut changes, &mut news).await?;
            Ok((changes.len(), news))
        })?;
        news.tell(self);
        Ok(released)
    }
}
