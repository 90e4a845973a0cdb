//! The tables, and how a database comes to have them.

use longhaul_core::StoreError;

use crate::{error::Fault, session::Session};

/// What brings a schema from one version to the next. A step that was released is never changed.
const STEPS: [&str; 2] = [include_str!("../migrations/0001_tables.sql"), include_str!("../migrations/0002_kinds.sql")];

/// The version that this code reads and writes.
pub(crate) const VERSION: i32 = STEPS.len() as i32;

/// The name of a schema as an identifier of SQL.
pub(crate) fn quoted(schema: &str) -> String {
    format!("\"{}\"", schema.replace('"', "\"\""))
}

/// Brings the schema to [`VERSION`]. Many servers may do so at once: one does, and the others wait for it.
pub(crate) async fn migrate(session: &Session, schema: &str) -> Result<(), Fault> {
    let name = quoted(schema);
    // Two that create it at once: one of them fails on the catalogue's own index, though it said IF NOT EXISTS.
    let create = format!(
        "CREATE SCHEMA IF NOT EXISTS {name}; \
         CREATE TABLE IF NOT EXISTS {name}.migration (version int4 PRIMARY KEY, at timestamptz NOT NULL DEFAULT now()); \
         INSERT INTO {name}.migration VALUES (0) ON CONFLICT DO NOTHING"
    );
    let there = format!("SELECT to_regclass('{}.migration') IS NOT NULL", name.replace('\'', "''"));
    let mut tries = 0;
    while !session.scalar::<bool>(&there).await? {
        match session.batch(&create).await {
            Err(fault) if tries == 10 || !fault.is_unique_violation() => return Err(fault),
            _ => tries += 1,
        }
    }
    if version(session, &name).await? == VERSION {
        return Ok(());
    }
    session.batch("BEGIN").await?;
    let migrated = steps(session, &name, schema).await;
    session.batch(if migrated.is_ok() { "COMMIT" } else { "ROLLBACK" }).await?;
    migrated
}

async fn version(session: &Session, name: &str) -> Result<i32, Fault> {
    session.scalar(&format!("SELECT coalesce(max(version), 0) FROM {name}.migration")).await
}

async fn steps(session: &Session, name: &str, schema: &str) -> Result<(), Fault> {
    // The row 0 is the lock.
    session.batch(&format!("UPDATE {name}.migration SET at = now() WHERE version = 0")).await?;
    let there = version(session, name).await?;
    if there > VERSION {
        let reason = format!("its schema `{schema}` has version {there}, and this program knows up to {VERSION}");
        let remedy = "Use a release of longhaul-postgres that is at least as new as the one that wrote it";
        return Err(Fault::Store(StoreError::Broken { reason: reason.into(), remedy: remedy.into() }));
    }
    for (at, step) in STEPS.iter().enumerate().skip(there as usize) {
        session.batch(&step.replace('@', &format!("{name}."))).await?;
        session.batch(&format!("INSERT INTO {name}.migration VALUES ({})", at + 1)).await?;
    }
    Ok(())
}
