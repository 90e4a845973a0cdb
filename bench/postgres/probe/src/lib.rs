//! What a contender on PostgreSQL needs besides its work: where the database is, and what the server counted.

use std::env;

use anyhow::{Context, Result};
use tokio_postgres::{Client, NoTls};

/// The variable that holds the URL of the database of this measurement.
pub const DATABASE: &str = "BENCH_DATABASE_URL";

/// The URL of an empty database, in a form that each driver reads.
pub fn url() -> Result<String> {
    env::var(DATABASE).with_context(|| format!("{DATABASE} is not set: the benchmark starts this program"))
}

/// A connection of its own.
pub async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.context("cannot connect")?;
    // An error of it is one of the next statement.
    tokio::spawn(async move { drop(connection.await) });
    Ok(client)
}

/// What the server counted: bytes of its log, and transactions that wrote.
pub async fn counters() -> Result<Vec<(&'static str, f64)>> {
    let client = connect(&url()?).await?;
    let asked = "SELECT (pg_current_wal_insert_lsn() - '0/0')::float8, \
                 pg_snapshot_xmax(pg_current_snapshot())::text::float8";
    let row = client.query_one(asked, &[]).await?;
    Ok(vec![("wal_bytes", row.get(0)), ("transactions", row.get(1))])
}

/// Whether the query answers true.
pub async fn is_true(client: &Client, query: &str) -> Result<bool> {
    Ok(client.query_one(query, &[]).await?.get(0))
}
