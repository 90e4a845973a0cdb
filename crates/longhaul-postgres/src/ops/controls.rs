//! What holds back queues and kinds.

use longhaul_core::{
    Control, ControlChange, Controls, Scope, StoreError,
    record::{read_control, write_control},
};

use super::admission::{read_controls, scope_name};
use crate::{change::News, error::Fault, handle::Inner, session::transact};

impl Inner {
    /// No claim is on its way while a control changes: the next one goes by it.
    pub(crate) async fn control(&self, scope: &Scope, change: &ControlChange) -> Result<Control, StoreError> {
        self.ensure_open()?;
        let name = scope_name(scope);
        let control = transact!(self, begin, tx => {
            tx.execute("UPDATE @gate SET controls_revision = controls_revision + 1 WHERE id = 1", &[]).await?;
            let row = tx.query_opt("SELECT value FROM @control WHERE scope = $1", &[&name]).await?;
            let there = row.map(|row| read_control(name.as_bytes(), row.get(0))).transpose()?;
            let mut controls = Controls::new(there.map(|control| (scope.clone(), control)));
            let control = controls.change(scope, change.clone());
            if control.is_empty() {
                tx.execute("DELETE FROM @control WHERE scope = $1", &[&name]).await?;
            } else {
                tx.execute(
                    "INSERT INTO @control (scope, value) VALUES ($1, $2) \
                     ON CONFLICT (scope) DO UPDATE SET value = excluded.value",
                    &[&name, &write_control(name.as_bytes(), &control)],
                ).await?;
            }
            Ok(control)
        })?;
        News { claims: true, ..News::default() }.tell(self);
        Ok(control.at(self.now()))
    }

    pub(crate) async fn controls(&self) -> Result<Controls, StoreError> {
        self.ensure_open()?;
        let session = self.session().await?;
        Ok(read_controls(&session).await.map_err(Fault::into_store)?.at(self.now()))
    }
}
