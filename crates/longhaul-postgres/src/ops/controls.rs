//! What holds back queues and kinds.

use longhaul_core::{
    Control, ControlChange, Controls, Scope, StoreError, Timestamp,
    record::{read_control, write_control},
};

use super::admission::{read_controls, read_controls_where, scope_name};
use crate::{
    change::News,
    error::Fault,
    handle::Inner,
    session::{Session, transact},
};

impl Inner {
    /// No claim is on its way while a control changes: the next one goes by it.
    pub(crate) async fn control(&self, scope: &Scope, change: &ControlChange) -> Result<Control, StoreError> {
        self.ensure_open()?;
        let name = scope_name(scope);
        let control = transact!(self, begin, tx => {
            tx.execute("UPDATE @gate SET controls_revision = controls_revision + 1 WHERE id = 1", &[]).await?;
            let mut controls = if matches!(scope, Scope::LimitKey(..)) {
                limit_keys(&tx).await?
            } else {
                let row = tx.query_opt("SELECT value FROM @control WHERE scope = $1", &[&name]).await?;
                let there = row.map(|row| read_control(name.as_bytes(), row.get(0))).transpose()?;
                Controls::new(there.map(|control| (scope.clone(), control)))
            };
            controls.change(scope, change.clone());
            let gone: Vec<String> = controls.forget_limit_keys(self.now()).iter().map(scope_name).collect();
            if !gone.is_empty() {
                tx.execute("DELETE FROM @control WHERE scope = ANY($1)", &[&gone]).await?;
            }
            let control = controls.get(scope).cloned().unwrap_or_default();
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

/// What is said of limit keys. Their names follow `y ` in the order of bytes, whatever the collation.
async fn limit_keys(session: &Session) -> Result<Controls, Fault> {
    read_controls_where(session, "SELECT scope, value FROM @control WHERE scope COLLATE \"C\" LIKE 'y %'").await
}

/// Removes the pauses of limit keys that have ended. One that was changed meanwhile stays.
pub(super) async fn forget_limit_keys(session: &Session, now: Timestamp) -> Result<(), Fault> {
    let mut controls = limit_keys(session).await?;
    let before = controls.clone();
    let gone = controls.forget_limit_keys(now);
    let names: Vec<String> = gone.iter().map(scope_name).collect();
    let kept =
        gone.iter().zip(&names).filter_map(|(scope, name)| Some(write_control(name.as_bytes(), before.get(scope)?)));
    let values: Vec<Vec<u8>> = kept.collect();
    if names.is_empty() {
        return Ok(());
    }
    let statement = "DELETE FROM @control c USING unnest($1::text[], $2::bytea[]) g(scope, value) \
                     WHERE c.scope = g.scope AND c.value = g.value";
    session.execute(statement, &[&names, &values]).await.map(drop)
}
