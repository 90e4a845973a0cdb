//! A URL and options become a pool of connections to a database whose tables are there.

mod error;
mod login;
mod tls;
mod url;

use std::{sync::Arc, time::Duration};

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use longhaul_core::{Clock, Timestamp, record::Damage, store::EndedCursor};
use tokio_postgres::Config;

pub use self::error::ConnectError;
pub(crate) use self::tls::Connector;
use self::url::Read;
use crate::{
    clock::DatabaseClock,
    error::Fault,
    options::Options,
    schema,
    session::{Db, Session, Statements},
};

/// A connection that is not there by then is given up. A URL can say otherwise: `connect_timeout`.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// What was sent and not acknowledged by the other machine for so long is lost: a server that went away without a word
/// would otherwise hold up its callers for hours. A URL can say otherwise: `tcp_user_timeout`.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(10);
/// A connection that is silent for so long is probed. A URL can say otherwise: `keepalives_idle`.
const PROBED_AFTER: Duration = Duration::from_secs(15);

/// A database that is there, and its tables are of the version of this code.
pub(crate) struct Connected {
    pub(crate) db: Db,
    /// For connections outside of the pool.
    pub(crate) config: Config,
    pub(crate) connector: Connector,
    pub(crate) clock: Arc<dyn Clock>,
    /// `None`: the clock was given.
    pub(crate) database_clock: Option<Arc<DatabaseClock>>,
    /// Before all that ends from now on.
    pub(crate) opened: EndedCursor,
}

pub(crate) async fn connect(url: &str, options: &Options) -> Result<Connected, ConnectError> {
    options.check()?;
    let (db, config, connector) = open(url, options).await?;
    let session = db.session().await.map_err(Fault::into_store)?;
    if options.migrate {
        schema::migrate(&session, &options.schema).await?;
    } else {
        schema::validate(&session, &options.schema).await?;
    }
    let (clock, database_clock) = clock(&session, options).await?;
    let opened = opened(&session).await.map_err(Fault::into_store)?;
    drop(session);
    Ok(Connected { db, config, connector, clock, database_clock, opened })
}

/// A pool of connections. Nothing is changed.
pub(crate) async fn open(url: &str, options: &Options) -> Result<(Db, Config, Connector), ConnectError> {
    let Read { mut config, tls, root_certificates, client_certificate } = url::read(url)?;
    set_defaults(&mut config)?;
    let connector = tls::connector(tls, root_certificates.as_deref(), client_certificate.as_ref())
        .map_err(|reason| ConnectError::Tls { address: login::address(&config), reason })?;
    // One connection outside of the pool, because the pool does not pass on why a connection was refused.
    check(&config, &connector, options).await?;
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = Manager::from_config(config.clone(), connector.clone(), recycling);
    let pool = Pool::builder(manager).max_size(options.connections).build();
    let pool = pool.map_err(|error| ConnectError::Url { reason: error.to_string() })?;
    let db = Db { pool, statements: Arc::new(Statements::of(&options.schema)), prepared: options.prepared };
    Ok((db, config, connector))
}

fn set_defaults(config: &mut Config) -> Result<(), ConnectError> {
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        return Err(ConnectError::Url { reason: "it names no host".into() });
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_WITHIN);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(ACKNOWLEDGED_WITHIN);
    }
    // Its default is two hours.
    if config.get_keepalives_idle() > Duration::from_secs(3600) {
        config.keepalives_idle(PROBED_AFTER);
    }
    if config.get_application_name().is_none() {
        config.application_name("longhaul");
    }
    Ok(())
}

/// Whether this user is let in, and may do what the store needs.
async fn check(config: &Config, connector: &Connector, options: &Options) -> Result<(), ConnectError> {
    let connected = config.connect(connector.clone()).await;
    let (client, connection) = connected.map_err(|error| login::refused(config, &error))?;
    // It ends when the client is dropped, or with an error that the client reports as well.
    tokio::spawn(async move { drop(connection.await) });
    login::check_server(&client, config, &options.schema).await
}

/// Ends that nobody has read yet get their positions later: they come after it too.
async fn opened(session: &Session) -> Result<EndedCursor, Fault> {
    let counters = "SELECT e.n, r.n FROM @counter e, @counter r WHERE e.name = 'ended' AND r.name = 'removed'";
    let row = session.query_opt(counters, &[]).await?;
    let row = row.ok_or_else(|| Damage::of("the counter of ends", "it is not there"))?;
    let (last, removed) = (row.try_get::<i64>(0)? as u64, row.try_get::<i64>(1)? as u64);
    Ok(EndedCursor { known_removed: removed, ..EndedCursor::after_all_of(last) })
}

/// How often the database is asked for its time once more when a handle connects.
const ASKED_AGAIN: usize = 2;

async fn clock(
    session: &Session,
    options: &Options,
) -> Result<(Arc<dyn Clock>, Option<Arc<DatabaseClock>>), ConnectError> {
    if let Some(clock) = &options.clock {
        return Ok((Arc::clone(clock), None));
    }
    let ask = async || {
        let asked = DatabaseClock::ask();
        let now = session.scalar("SELECT (extract(epoch FROM clock_timestamp()) * 1e6)::int8").await;
        Ok::<_, ConnectError>((asked, Timestamp::from_micros(now.map_err(Fault::into_store)?)))
    };
    let (asked, now) = ask().await?;
    let clock = Arc::new(DatabaseClock::new(asked, now));
    // The first answer comes late: a connection that is new has everything to learn.
    for _ in 0..ASKED_AGAIN {
        let (asked, now) = ask().await?;
        clock.set(asked, now);
    }
    Ok((clock.clone(), Some(clock)))
}
