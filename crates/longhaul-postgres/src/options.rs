//! How a store is connected.

use std::{sync::Arc, time::Duration};

use longhaul_core::Clock;

use crate::connect::ConnectError;

/// How a store is connected. The default is right for most.
///
/// ```
/// use longhaul_postgres::Options;
/// use std::time::Duration;
///
/// let options = Options::default().schema("jobs").connections(8).poll(Duration::from_millis(500));
/// # let _ = options;
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    pub(crate) schema: String,
    pub(crate) connections: usize,
    pub(crate) poll: Duration,
    pub(crate) prepared: bool,
    pub(crate) listen: bool,
    pub(crate) migrate: bool,
    pub(crate) clock: Option<Arc<dyn Clock>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            schema: "longhaul".into(),
            connections: 16,
            poll: Duration::from_secs(2),
            listen: true,
            migrate: true,
            prepared: true,
            clock: None,
        }
    }
}

impl Options {
    /// The schema that has the tables; `longhaul` by default. It is made where there is none. Stores in different schemas
    /// know nothing of each other.
    #[must_use]
    pub fn schema(mut self, name: &str) -> Self {
        name.clone_into(&mut self.schema);
        self
    }

    /// At most so many connections, at least 2; 16 by default.
    #[must_use]
    pub fn connections(mut self, max: usize) -> Self {
        self.connections = max;
        self
    }

    /// One query at least this often looks for what other servers changed, for all calls of this store that wait; every
    /// two seconds by default. What is changed through the same store is seen at once.
    #[must_use]
    pub fn poll(mut self, at_least: Duration) -> Self {
        self.poll = at_least;
        self
    }

    /// Whether each connection prepares a statement once and then only names it; it does by default.
    ///
    /// Turn it off behind a pooler that gives every transaction another connection and does not carry prepared statements
    /// over: pgbouncer in transaction mode before 1.21, or with `max_prepared_statements = 0`. Each statement then costs
    /// the database some more time, and no more round trips.
    #[must_use]
    pub fn prepared(mut self, prepared: bool) -> Self {
        self.prepared = prepared;
        self
    }

    /// Whether servers tell each other of changes with `LISTEN` and `NOTIFY`, over one more connection each; they do by
    /// default. Without it, or where the connection is lost, changes are seen with the next [`poll`](Self::poll).
    #[must_use]
    pub fn listen(mut self, listen: bool) -> Self {
        self.listen = listen;
        self
    }

    /// Whether connecting makes the migrations that are missing; it does by default. Turn it off where the user of the store
    /// may not change tables: then connecting fails with
    /// [`ConnectError::OlderSchema`](crate::ConnectError::OlderSchema) until [`Migrations`](crate::Migrations) has made them.
    #[must_use]
    pub fn migrate(mut self, migrate: bool) -> Self {
        self.migrate = migrate;
        self
    }

    /// The clock that the store goes by, leases too. Without it, that is the clock of the database, which is right
    /// wherever more than one server uses it; tests bring a clock that they move.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Whether all of it can be followed.
    pub(crate) fn check(&self) -> Result<(), ConnectError> {
        let refused = |option, value, must| Err(ConnectError::Option { option, value, must });
        // PostgreSQL cuts longer names off: two stores would then share one schema.
        if self.schema.is_empty() || self.schema.len() > 63 || self.schema.contains('\0') {
            return refused("schema", format!("`{}`", self.schema.escape_debug()), "a name of 1 to 63 bytes");
        }
        if self.schema.starts_with("pg_") || self.schema == "information_schema" {
            return refused("schema", format!("`{}`", self.schema), "a name that is not one of PostgreSQL's own");
        }
        if self.connections < 2 {
            return refused("connections", self.connections.to_string(), "at least 2");
        }
        if self.poll.is_zero() {
            return refused("poll", "zero".into(), "longer than zero");
        }
        Ok(())
    }
}
