//! One run, which a client changes.

use longhaul_core::{RunId, StoreError, StoredRun, Timestamp, stored::Followup};

use crate::{
    change::{Change, News},
    handle::Inner,
    row,
    session::transact,
};

impl Inner {
    /// Lets an operation happen to a run, and keeps what it has become. It is called again where the transaction is.
    pub(super) async fn change<T: Send, E: From<StoreError> + Send>(
        &self,
        id: RunId,
        not_found: fn(RunId) -> E,
        operation: impl Fn(Timestamp, &mut StoredRun) -> Result<(T, Followup), E> + Send + Sync,
    ) -> Result<T, E> {
        self.ensure_open()?;
        self.look_if_needed().await?;
        let (answer, news) = transact!(self, begin, tx => {
            let (now, mut news) = (self.now(), News::default());
            self.expire_among(&tx, now, &[id], &mut news).await?;
            let Some(kept) = row::lock(&tx, [id]).await?.pop() else { return Ok((Err(not_found(id)), news)) };
            let mut change = Change::of(kept);
            let answer = change.make(|run| operation(now, run));
            if change.is_changed() {
                self.keep_locked(&tx, &mut [change], &mut news).await?;
            }
            Ok((answer, news))
        })?;
        news.tell(self);
        self.look_if_needed().await?;
        answer
    }
}
