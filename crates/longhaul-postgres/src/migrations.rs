//! Migrations as something that a program does on purpose, for databases whose servers may not change tables.

use std::fmt;

use crate::{
    connect::{ConnectError, open},
    error::Fault,
    options::Options,
    schema::{self, STEPS},
    session::Db,
};

/// The migrations of a database. [`PostgresStore::connect`](crate::PostgresStore::connect) makes them by itself, unless
/// [`Options::migrate`] says otherwise; then they are made with this.
///
/// ```no_run
/// use longhaul_postgres::{Migrations, Options};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// // As the owner of the schema, before the servers of the new release start.
/// let migrations = Migrations::connect("postgres://owner@db.internal/app", &Options::default()).await?;
/// for migration in migrations.up().await? {
///     println!("made: {migration}");
/// }
/// migrations.validate().await?;
/// # Ok(()) }
/// ```
pub struct Migrations {
    db: Db,
    schema: String,
}

/// A migration, and whether it was made.
///
/// ```
/// # fn example(migration: &longhaul_postgres::Migration) {
/// println!("{:04} {} {}", migration.version, migration.name, if migration.is_made { "made" } else { "not made" });
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Migration {
    /// Its number: the version that the tables have after it.
    pub version: i32,
    /// What it is for. Migrations of a newer release have no name here.
    pub name: &'static str,
    /// Whether the database has it.
    pub is_made: bool,
}

impl fmt::Display for Migration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04} {}", self.version, self.name)
    }
}

impl fmt::Debug for Migrations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Migrations").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl Migrations {
    /// Connects, and changes nothing.
    ///
    /// # Errors
    /// As [`PostgresStore::connect_with`](crate::PostgresStore::connect_with).
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn connect(url: &str, options: &Options) -> Result<Self, ConnectError> {
        options.check()?;
        let (db, ..) = open(url, options).await?;
        Ok(Self { db, schema: options.schema.clone() })
    }

    /// All migrations that this release knows, oldest first, and after them those of newer releases that the database has.
    ///
    /// # Errors
    /// [`ConnectError::Store`], [`ConnectError::Rights`].
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn list(&self) -> Result<Vec<Migration>, ConnectError> {
        let made = self.made().await.map_err(|fault| schema::told(fault, &self.schema))?;
        let known = STEPS.iter().zip(1..).map(|((name, _), version)| Migration {
            version,
            name,
            is_made: made.contains(&version),
        });
        let newer = made.iter().filter(|version| **version > schema::VERSION);
        Ok(known.chain(newer.map(|version| Migration { version: *version, name: "", is_made: true })).collect())
    }

    /// Makes the migrations that are missing, all in one transaction, and answers them. Several programs may do so at once:
    /// one makes them, and the others wait for it and answer none.
    ///
    /// # Errors
    /// [`ConnectError::NewerSchema`]: the database was migrated by a newer release; nothing is changed then.
    /// [`ConnectError::Rights`], [`ConnectError::Store`].
    ///
    /// # Cancel safety
    /// A call that is dropped leaves either no new tables or all of them. Calling again is safe.
    pub async fn up(&self) -> Result<Vec<Migration>, ConnectError> {
        let session = self.db.session().await.map_err(Fault::into_store)?;
        let before = schema::migrate(&session, &self.schema).await?;
        Ok(self.list().await?.into_iter().filter(|migration| migration.version > before).collect())
    }

    /// Whether this release can work with the database as it is.
    ///
    /// # Errors
    /// [`ConnectError::OlderSchema`]: migrations are missing. [`ConnectError::NewerSchema`]: the database was migrated by a
    /// newer release. [`ConnectError::Missing`]: a table or a view that they made was removed. [`ConnectError::Rights`],
    /// [`ConnectError::Store`].
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn validate(&self) -> Result<(), ConnectError> {
        let session = self.db.session().await.map_err(Fault::into_store)?;
        schema::validate(&session, &self.schema).await?;
        let told = |fault| schema::told(fault, &self.schema);
        match schema::missing(&session, &self.schema).await.map_err(told)? {
            none if none.is_empty() => Ok(()),
            names => Err(ConnectError::Missing { schema: self.schema.clone(), names: names.join(", ") }),
        }
    }

    async fn made(&self) -> Result<Vec<i32>, Fault> {
        let session = self.db.session().await?;
        schema::made(&session, &self.schema).await
    }
}
