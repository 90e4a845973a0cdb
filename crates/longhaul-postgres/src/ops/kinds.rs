//! What is known of kinds without their code.

use longhaul_core::{
    Kind, StoreError,
    record::{Damage, read_kind, write_kind},
    store::KindDescription,
};

use crate::{
    error::Fault,
    handle::Inner,
    session::{Row, transact},
};

impl Inner {
    /// The rule is [`KindDescription::replaces`]. The statement has it too: of two servers that start at once, the one
    /// with newer code must win, whichever comes last.
    pub(crate) async fn describe_kinds(&self, kinds: &[KindDescription]) -> Result<(), StoreError> {
        self.ensure_open()?;
        // All servers take the rows in the same order, so none waits for another in a circle.
        let mut kinds: Vec<&KindDescription> = kinds.iter().collect();
        kinds.sort_by(|left, right| left.kind.cmp(&right.kind));
        transact!(self, begin, tx => {
            for described in &kinds {
                tx.execute(
                    "INSERT INTO @kind AS k (name, version, value) VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE \
                     SET version = excluded.version, value = excluded.value WHERE k.version <= excluded.version",
                    &[&described.kind.as_str(), &i32::from(described.version), &write_kind(described)],
                ).await?;
            }
            Ok(())
        })
    }

    pub(crate) async fn kinds(&self) -> Result<Vec<KindDescription>, StoreError> {
        self.ensure_open()?;
        let session = self.session().await?;
        let rows = session
            .query("SELECT name, value FROM @kind ORDER BY name COLLATE \"C\"", &[])
            .await
            .map_err(Fault::into_store)?;
        let read = |row: &Row| {
            let (name, value): (&str, &[u8]) = (row.get(0), row.get(1));
            let kind = Kind::new(name).map_err(|error| Damage::of(format!("the kind `{name}`"), error.to_string()))?;
            read_kind(&kind, value)
        };
        rows.iter().map(|row| read(row).map_err(StoreError::from)).collect()
    }
}
