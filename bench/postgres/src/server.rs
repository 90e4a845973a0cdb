//! The server that all of it happens on.

use std::{
    env, fs,
    os::unix::process::CommandExt as _,
    path::Path,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{Context as _, Result, bail};
use bench_driver::{Fresh, Ground};
use bench_harness::machine;
use postgres_probe::{DATABASE, connect};
use tokio_postgres::{Client, Config, config::Host};

/// Names a server that is there already.
const URL: &str = "DATABASE_URL";

/// Starts a private server that flushes to disk, and this program again, unless there is one already.
///
/// The script stops the server when this program ends, however it does.
pub(crate) fn start_unless_there_is_one() -> Result<()> {
    if env::var_os(URL).is_some() {
        return Ok(());
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/postgres");
    let failed =
        Command::new(script).args(["--safe", "run", "--"]).arg(env::current_exe()?).args(env::args_os().skip(1)).exec();
    Err(failed).with_context(|| format!("cannot start {script}"))
}

/// Each measurement has a database of its own on it.
pub(crate) struct Server;

impl Ground for Server {
    fn is_a_folder(&self) -> bool {
        false
    }

    fn fresh(&self, _: &str) -> Result<Fresh> {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let name = format!("bench_{}_{}", std::process::id(), LAST.fetch_add(1, Ordering::Relaxed));
        let backend: i32 = asked(async |client| {
            client.batch_execute(&format!("CREATE DATABASE {name}")).await?;
            // Nobody pays for the pages that the one before has left.
            client.batch_execute("CHECKPOINT").await?;
            let server = parent(client.query_one("SELECT pg_backend_pid()", &[]).await?.get(0));
            Ok(server.unwrap_or(0))
        })?;
        let mut environment = vec![(DATABASE.into(), url(&name)?)];
        if backend > 0 {
            environment.push((machine::SERVER.into(), backend.to_string()));
        }
        Ok(Fresh { environment, guard: Some(Box::new(Database(name))) })
    }

    /// What autovacuum would do within a minute, and then in the middle of the measurement.
    fn filled(&self, place: &Fresh) -> Result<()> {
        let url = place.environment.iter().find(|(name, _)| name == DATABASE).map(|(_, url)| url);
        asked_of(url.context("the place has no database")?, async |client| {
            Ok(client.batch_execute("VACUUM (ANALYZE)").await?)
        })
    }

    fn describe(&self, _: &Path) -> String {
        let described = asked(async |client| {
            let row = client
                .query_one(
                    "SELECT 'PostgreSQL ' || current_setting('server_version') || ', fsync ' || current_setting('fsync') \
                     || ', synchronous_commit ' || current_setting('synchronous_commit')",
                    &[],
                )
                .await?;
            Ok(row.get(0))
        });
        described.unwrap_or_else(|error| format!("PostgreSQL ({error})"))
    }
}

/// A database, until this is dropped.
struct Database(String);

impl Drop for Database {
    fn drop(&mut self) {
        let dropped = asked(async |client| {
            Ok(client.batch_execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.0)).await?)
        });
        if let Err(error) = dropped {
            eprintln!("the database {} is left behind: {error}", self.0);
        }
    }
}

fn asked<T>(ask: impl AsyncFnOnce(&Client) -> Result<T>) -> Result<T> {
    asked_of(&env::var(URL)?, ask)
}

fn asked_of<T>(url: &str, ask: impl AsyncFnOnce(&Client) -> Result<T>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async { ask(&connect(url).await?).await })
}

/// The process that started this one, if it is a server's on this machine.
fn parent(process: i32) -> Option<i32> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    if field("Name:")? != "postgres" {
        return None;
    }
    field("PPid:")?.parse().ok()
}

/// The URL of a database of the server, in the one form that every driver reads.
fn url(database: &str) -> Result<String> {
    let config: Config = env::var(URL)?.parse()?;
    let host = match config.get_hosts().first() {
        Some(Host::Unix(folder)) => folder.to_string_lossy().replace('%', "%25").replace('/', "%2F"),
        Some(Host::Tcp(name)) => name.clone(),
        None => bail!("{URL} names no host"),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let user = config.get_user().context("the URL names no user")?;
    let password = config.get_password().map(|password| format!(":{}", String::from_utf8_lossy(password)));
    Ok(format!("postgres://{user}{}@{host}:{port}/{database}", password.unwrap_or_default()))
}
