//! Single runs are read.

use longhaul_core::{RunId, Snapshot, StoreError, store::GetError};

use crate::{
    change::News,
    error::Fault,
    handle::Inner,
    row::{self, Kept},
    session::transact,
};

impl Inner {
    /// The run, after what time alone has ended is over.
    pub(crate) async fn get(&self, id: RunId) -> Result<Snapshot, GetError> {
        self.ensure_open()?;
        self.look_if_needed().await?;
        self.current(id).await?.map(|kept| kept.stored.into_snapshot()).ok_or(GetError::NotFound(id))
    }

    pub(super) async fn current(&self, id: RunId) -> Result<Option<Kept>, StoreError> {
        let session = self.session().await?;
        let kept = row::get(&session, id).await.map_err(Fault::into_store)?;
        drop(session);
        let now = self.now();
        let deadline = kept.as_ref().and_then(|kept| kept.stored.run.deadline());
        if deadline.is_none_or(|deadline| now < deadline) {
            return Ok(kept);
        }
        let (kept, news) = transact!(self, begin, tx => {
            let mut news = News::default();
            self.expire_among(&tx, now, &[id], &mut news).await?;
            Ok((row::get(&tx, id).await?, news))
        })?;
        news.tell(self);
        Ok(kept)
    }
}
