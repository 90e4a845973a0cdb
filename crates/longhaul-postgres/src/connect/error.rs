//! Why a store could not be connected.

use std::{error::Error, sync::Arc};

use longhaul_core::StoreError;

/// A store could not be connected. Nothing in the database was changed, unless it is said.
///
/// Each message says what was refused, by whom and why, and what to do. None of them has a password in it.
///
/// ```
/// use longhaul_postgres::{ConnectError, PostgresStore};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let refused = PostgresStore::connect("postgres://app@").await.unwrap_err();
/// assert!(matches!(refused, ConnectError::Url { .. }));
/// assert!(!refused.is_transient());
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL cannot be read.
    #[error(
        "the URL of the database cannot be used: {reason}. It looks like `postgres://user:password@host/database`, or \
        `host=… user=… password=… dbname=…`"
    )]
    Url {
        /// What is wrong with it.
        reason: String,
    },
    /// An option cannot be followed.
    #[error("the option `{option}` is {value}: it must be {must}")]
    Option {
        /// Which.
        option: &'static str,
        /// What it was set to.
        value: String,
        /// What it may be.
        must: &'static str,
    },
    /// No server answers there, or it takes no more connections.
    #[error("no PostgreSQL server answers at {address}: {reason}. Check that it runs there and lets this machine in")]
    Unreachable {
        /// Where it was looked for: hosts and ports, or folders of sockets.
        address: String,
        /// What the way to it said.
        reason: String,
    },
    /// TLS was asked for, and could not be had.
    #[error("no secure connection to {address}: {reason}")]
    Tls {
        /// Where the server is.
        address: String,
        /// What is missing.
        reason: String,
    },
    /// The server does not let this user in.
    #[error("PostgreSQL at {address} does not let `{user}` in: {reason}. Check the user and the password of the URL")]
    Login {
        /// Where the server is.
        address: String,
        /// Who asked.
        user: String,
        /// What the server said.
        reason: String,
    },
    /// There is no database of this name.
    #[error("PostgreSQL at {address} has no database `{database}`. Create it, or name another in the URL")]
    NoDatabase {
        /// Where the server is.
        address: String,
        /// What was asked for.
        database: String,
    },
    /// The user may not do what the store needs.
    #[error(
        "the user of the URL may not use the schema `{schema}`: {reason}. Let its owner run `GRANT ALL ON SCHEMA` and \
        `GRANT ALL ON ALL TABLES IN SCHEMA`, or `GRANT CREATE ON DATABASE` where the schema is yet to be made"
    )]
    Rights {
        /// Which schema.
        schema: String,
        /// What the server said.
        reason: String,
    },
    /// The server is older than what the store needs.
    #[error("PostgreSQL at {address} is version {found}: the store needs {OLDEST} or newer")]
    ServerTooOld {
        /// Where the server is.
        address: String,
        /// Its version.
        found: String,
    },
    /// The tables were made by a newer release, and this one could damage them.
    #[error(
        "the tables in the schema `{schema}` have version {found}, and this program knows up to version {known}. Use a \
        release of longhaul-postgres that is at least as new as the one that migrated them; nothing was changed"
    )]
    NewerSchema {
        /// Which schema.
        schema: String,
        /// The version that was found.
        found: i32,
        /// The newest version that this program knows.
        known: i32,
    },
    /// The tables are older than what this program needs, and it was told not to change them.
    #[error(
        "the tables in the schema `{schema}` have version {found}, and this program needs version {needed}. Let their owner \
        run `longhaul store migrate up`, or call `Migrations::up`; servers of the older release go on meanwhile"
    )]
    OlderSchema {
        /// Which schema.
        schema: String,
        /// The version that was found; 0: there are no tables.
        found: i32,
        /// The version that this program needs.
        needed: i32,
    },
    /// Tables or views that the migrations made are not there any more.
    #[error(
        "in the schema `{schema}` these are missing, although its migrations made them: {names}. Restore them from a backup"
    )]
    Missing {
        /// Which schema.
        schema: String,
        /// Which tables and views, with commas between.
        names: String,
    },
    /// The database failed while the tables were looked at or made.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The oldest major version of PostgreSQL that the store works with: it makes ids with `gen_random_uuid`.
pub(super) const OLDEST: i32 = 13;

impl ConnectError {
    /// Whether connecting again may work later, without anyone changing anything: the server may be starting.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Store(error) => error.is_transient(),
            _ => false,
        }
    }
}

impl From<ConnectError> for StoreError {
    /// For callers who handle nothing but errors of stores.
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Store(error) => error,
            error if error.is_transient() => Self::Unavailable { reason: error.to_string().into() },
            error => Self::Broken {
                reason: Arc::from(error.to_string()),
                remedy: "Connect again once that has been put right".into(),
            },
        }
    }
}

/// An error and what caused it, in one line.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !said.contains(&text) {
            said = format!("{said}: {text}");
        }
        cause = error.source();
    }
    said
}
