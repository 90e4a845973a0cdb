//! Who has a unique key.

use longhaul_core::{Key, Kind, RunId, StoreError};

use crate::{
    error::Fault,
    handle::Inner,
    row::{self, columns},
};

impl Inner {
    pub(crate) async fn find_by_key(&self, kind: &Kind, key: &Key) -> Result<Option<RunId>, StoreError> {
        self.ensure_open()?;
        self.expire_deadlines().await?;
        let session = self.session().await?;
        let row = session
            .query_opt(
                concat!(
                    "SELECT ",
                    columns!(),
                    " FROM @unique_key k CROSS JOIN LATERAL \
                    (SELECT t.* FROM @run t WHERE t.id = k.run OFFSET 0) r WHERE k.kind = $1 AND k.key = $2"
                ),
                &[&kind.as_str(), &key.as_str()],
            )
            .await
            .map_err(Fault::into_store)?;
        let kept = row.as_ref().map(row::read_whole).transpose().map_err(Fault::into_store)?;
        Ok(kept.map(|kept| kept.stored.run).filter(|run| run.has_key(self.now(), key)).map(|run| run.id))
    }
}
