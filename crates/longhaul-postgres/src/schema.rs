//! The tables, and how a database comes to have them.

use crate::{
    connect::ConnectError,
    error::Fault,
    identifier::{literal, quoted},
    session::{Session, TRIES, pause_before_try},
};

/// What brings a schema from one version to the next. A step that was released is never changed, and takes nothing away
/// that the release before it uses: servers of two releases can work side by side.
pub(crate) const STEPS: [(&str, &str); 9] = [
    ("tables", include_str!("../migrations/0001_tables.sql")),
    ("kinds", include_str!("../migrations/0002_kinds.sql")),
    ("enqueue", include_str!("../migrations/0003_enqueue.sql")),
    ("copies", include_str!("../migrations/0004_copies.sql")),
    ("turns", include_str!("../migrations/0005_turns.sql")),
    ("families", include_str!("../migrations/0006_families.sql")),
    ("views", include_str!("../migrations/0007_views.sql")),
    ("served", include_str!("../migrations/0008_served.sql")),
    ("due counts", include_str!("../migrations/0009_due_counts.sql")),
];

/// The version that this code reads and writes.
pub(crate) const VERSION: i32 = STEPS.len() as i32;

/// Brings the schema to [`VERSION`]; answers the version that it had. Many servers may do so at once: one does, and the
/// others wait for it.
pub(crate) async fn migrate(session: &Session, schema: &str) -> Result<i32, ConnectError> {
    let told = |fault| told(fault, schema);
    create(session, schema).await.map_err(told)?;
    let mut tries = 0;
    loop {
        let there = version(session, schema).await.map_err(told)?.unwrap_or_default();
        refuse_newer(schema, there)?;
        if there == VERSION {
            return Ok(there);
        }
        session.batch("BEGIN").await.map_err(told)?;
        let migrated = match steps(session, schema).await {
            Ok(before) => session.batch("COMMIT").await.map(|()| before),
            Err(fault) => {
                session.batch("ROLLBACK").await.map_err(told)?;
                Err(fault)
            }
        };
        match migrated {
            Ok(before) => {
                refuse_newer(schema, before)?;
                return Ok(before);
            }
            // Above READ COMMITTED, those who waited are refused.
            Err(Fault::Again(_)) if tries < TRIES => tries += 1,
            Err(fault) => return Err(told(fault)),
        }
        pause_before_try(tries).await;
    }
}

/// Whether the tables are those of [`VERSION`]. Changes nothing.
pub(crate) async fn validate(session: &Session, schema: &str) -> Result<(), ConnectError> {
    let made = made(session, schema).await.map_err(|fault| told(fault, schema))?;
    refuse_newer(schema, made.last().copied().unwrap_or_default())?;
    // The last of those that came one after the other.
    let found = (1..).zip(&made).take_while(|(expected, made)| expected == *made).count() as i32;
    if found < VERSION {
        return Err(ConnectError::OlderSchema { schema: schema.to_owned(), found, needed: VERSION });
    }
    Ok(())
}

/// What the steps have made and is not there any more: somebody removed it by hand.
pub(crate) async fn missing(session: &Session, schema: &str) -> Result<Vec<String>, Fault> {
    let made = STEPS.iter().flat_map(|(_, sql)| sql.lines()).filter_map(|line| {
        let rest = ["CREATE TABLE @", "CREATE VIEW @"].iter().find_map(|create| line.strip_prefix(create))?;
        rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next()
    });
    let names: Vec<String> = made.map(literal).collect();
    let there = format!(
        "SELECT coalesce(array_agg(name ORDER BY name), '{{}}') FROM unnest(ARRAY[{}]) name \
         WHERE NOT EXISTS (SELECT FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace \
         WHERE relname = name AND nspname = {})",
        names.join(", "),
        literal(schema)
    );
    session.scalar(&there).await
}

/// The migrations that were made, in order.
pub(crate) async fn made(session: &Session, schema: &str) -> Result<Vec<i32>, Fault> {
    if !is_there(session, schema).await? {
        return Ok(Vec::new());
    }
    let made = format!(
        "SELECT coalesce(array_agg(version ORDER BY version) FILTER (WHERE version > 0), '{{}}') FROM {}.migration",
        quoted(schema)
    );
    session.scalar(&made).await
}

/// The version of the tables; `None` where there are none.
async fn version(session: &Session, schema: &str) -> Result<Option<i32>, Fault> {
    if !is_there(session, schema).await? {
        return Ok(None);
    }
    session.scalar(&format!("SELECT max(version) FROM {}.migration", quoted(schema))).await
}

fn refuse_newer(schema: &str, found: i32) -> Result<(), ConnectError> {
    if found > VERSION {
        return Err(ConnectError::NewerSchema { schema: schema.to_owned(), found, known: VERSION });
    }
    Ok(())
}

/// What a caller is told of a fault of the database while tables are looked at or made.
pub(crate) fn told(fault: Fault, schema: &str) -> ConnectError {
    match fault {
        Fault::Denied(reason) => ConnectError::Rights { schema: schema.to_owned(), reason },
        fault => ConnectError::Store(fault.into_store()),
    }
}

async fn is_there(session: &Session, schema: &str) -> Result<bool, Fault> {
    let table = literal(&format!("{}.migration", quoted(schema)));
    session.scalar(&format!("SELECT to_regclass({table}) IS NOT NULL")).await
}

/// The schema, and the table of its versions.
async fn create(session: &Session, schema: &str) -> Result<(), Fault> {
    let name = quoted(schema);
    let find = format!("SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = {})", literal(schema));
    let create_schema = format!("CREATE SCHEMA IF NOT EXISTS {name}");
    let create_table = format!(
        "CREATE TABLE IF NOT EXISTS {name}.migration (version int4 PRIMARY KEY, at timestamptz NOT NULL DEFAULT now()); \
         INSERT INTO {name}.migration VALUES (0) ON CONFLICT DO NOTHING"
    );
    let mut tries = 0;
    while !is_there(session, schema).await? {
        // A user who may not create schemas may not say IF NOT EXISTS either.
        let made = if session.scalar::<bool>(&find).await? { Ok(()) } else { session.batch(&create_schema).await };
        let made = match made {
            Ok(()) => session.batch(&create_table).await,
            failed => failed,
        };
        // Of two that create it at once, one fails on the catalogue's own index, though it said IF NOT EXISTS; or on the
        // other's row, above READ COMMITTED.
        match made {
            Err(fault) if tries == TRIES || !fault.is_collision() => return Err(fault),
            _ => tries += 1,
        }
        pause_before_try(tries).await;
    }
    Ok(())
}

/// Answers the version before. One that is newer than [`VERSION`] is left as it is.
async fn steps(session: &Session, schema: &str) -> Result<i32, Fault> {
    let name = quoted(schema);
    // The row 0 is the lock.
    session.batch(&format!("UPDATE {name}.migration SET at = now() WHERE version = 0")).await?;
    let there = version(session, schema).await?.unwrap_or_default();
    for ((_, step), version) in STEPS.iter().zip(1..).skip(there as usize) {
        session.batch(&written_for(step, schema)).await?;
        session.batch(&format!("INSERT INTO {name}.migration VALUES ({version})")).await?;
    }
    Ok(there)
}

/// A step for this schema: `@` stands for it.
pub(crate) fn written_for(step: &str, schema: &str) -> String {
    step.replace('@', &format!("{}.", quoted(schema)))
}
