//! Which store is meant, and the way to it.

use std::path::{Path, PathBuf};

use clap::Args;
use longhaul::Views;

use crate::{
    api::{
        Api,
        http::{Http, Url},
    },
    error::CliError,
};

/// Which store is meant.
#[derive(Args, Clone, Debug)]
pub(crate) struct Place {
    /// The folder of the store, or its PostgreSQL database: `postgres://…`, or `host=… dbname=…` [default:
    /// `LONGHAUL_STORE`, or else ./data]
    #[arg(long, short = 's', global = true, help_heading = crate::STORE_AND_ANSWER, value_name = "FOLDER|URL")]
    store: Option<String>,
    /// The address of a dashboard to ask instead of a store: http://host:port/base [default: `LONGHAUL_URL`]
    #[arg(long, global = true, help_heading = crate::STORE_AND_ANSWER, value_name = "URL", conflicts_with = "store")]
    url: Option<String>,
    /// The token for the dashboard. Better in the environment than here: others see command lines.
    #[arg(long, global = true, help_heading = crate::STORE_AND_ANSWER, env = "LONGHAUL_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    token: Option<String>,
}

/// A store that was reached.
pub(crate) struct Reached {
    pub(crate) api: Api,
    /// How it was reached, for people.
    pub(crate) way: String,
    /// The folder of the store, if it is on this machine.
    pub(crate) folder: Option<PathBuf>,
    #[cfg(feature = "sled")]
    pub(crate) store: Option<longhaul::embedded::EmbeddedStore>,
    #[cfg(feature = "postgres")]
    database: Option<longhaul::postgres::PostgresStore>,
}

impl Reached {
    /// What only the database can say of its health.
    #[cfg(feature = "postgres")]
    pub(crate) async fn database_warnings(&self) -> Vec<serde_json::Value> {
        use longhaul::postgres::WarningLimits;

        let Some(store) = &self.database else { return Vec::new() };
        match store.database_warnings(&WarningLimits::default()).await {
            Ok(warnings) => warnings
                .iter()
                .map(|warning| serde_json::json!({ "code": warning.code(), "about": "database", "text": warning.to_string() }))
                .collect(),
            Err(error) => {
                let text = format!("The health of the database cannot be read: {error}.");
                vec![serde_json::json!({ "code": "database_unknown", "about": "database", "text": text })]
            }
        }
    }

    /// There is no database.
    #[cfg(not(feature = "postgres"))]
    #[expect(clippy::unused_async, reason = "with the feature it waits")]
    pub(crate) async fn database_warnings(&self) -> Vec<serde_json::Value> {
        Vec::new()
    }

    /// Through a client that somebody has already.
    pub(crate) fn by(inspector: longhaul_inspect::Inspector) -> Self {
        Self::over(Api::Here(inspector), "the store of this program".into(), None)
    }

    fn over(api: Api, way: String, folder: Option<&Path>) -> Self {
        Self {
            api,
            way,
            folder: folder.map(Path::to_owned),
            #[cfg(feature = "sled")]
            store: None,
            #[cfg(feature = "postgres")]
            database: None,
        }
    }

    /// Whether the folder is open in this process, and so in no other.
    pub(crate) const fn has_opened_folder(&self) -> bool {
        #[cfg(feature = "sled")]
        return self.store.is_some();
        #[cfg(not(feature = "sled"))]
        false
    }

    /// Closes the store, so that whoever waits for it has it when this returns.
    pub(crate) async fn close(self) {
        #[cfg(feature = "sled")]
        if let Some(store) = self.store {
            store.close().await;
        }
    }
}

/// What `LONGHAUL_STORE` and `LONGHAUL_URL` say.
fn of_environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl Place {
    /// What is typed goes before the environment: who names a folder means it, whatever a shell has set once.
    fn url(&self) -> Option<String> {
        match &self.store {
            None => self.url.clone().or_else(|| of_environment("LONGHAUL_URL")),
            Some(_) => None,
        }
    }

    fn store(&self) -> String {
        self.store.clone().or_else(|| of_environment("LONGHAUL_STORE")).unwrap_or_else(|| "./data".into())
    }

    /// Asks the dashboard, or the program that has the store; opens the store if no program has it.
    pub(crate) async fn reach(&self, views: Views) -> Result<Reached, CliError> {
        if let Some(url) = self.url() {
            let http = Http::Url(Url::parse(&url, self.token.clone())?);
            return Ok(Reached::over(Api::There(http), format!("the dashboard at {url}"), None));
        }
        let store = self.store();
        if is_database(&store) {
            return postgres(&store, views).await;
        }
        let folder = Path::new(&store);
        #[cfg(unix)]
        if let Some(reached) = socket(folder).await? {
            return Ok(reached);
        }
        open(folder, views).await
    }

    /// The database itself: for what the API does not offer.
    #[cfg(all(feature = "postgres", feature = "sled"))]
    pub(crate) fn database(&self) -> Result<String, CliError> {
        let store = self.store();
        if self.url.is_some() || !is_database(&store) {
            return Err(CliError::Usage("this works on a database: name it by --store postgres://…".into()));
        }
        Ok(store)
    }

    /// Opens the folder itself, which no other program may have: for what the API does not offer.
    #[cfg(feature = "sled")]
    pub(crate) async fn open(&self, may_create: bool) -> Result<longhaul::embedded::EmbeddedStore, CliError> {
        let store = self.store();
        let folder = Path::new(&store);
        if self.url.is_some() || is_database(&store) || store.contains("://") {
            return Err(CliError::Usage("this works on a store in a folder: name it by --store".into()));
        }
        if !may_create {
            is_store(folder)?;
        }
        opened(folder, "This works on the files themselves, which takes them for itself: stop that program first").await
    }
}

/// A URL, or the words that libpq takes, as `host=db.internal dbname=jobs`.
fn is_database(store: &str) -> bool {
    let is_url = store.starts_with("postgres://") || store.starts_with("postgresql://");
    let word = store.split_once('=').map(|(word, _)| word.trim());
    is_url
        || word
            .is_some_and(|word| ["host", "hostaddr", "port", "user", "password", "dbname", "sslmode"].contains(&word))
}

/// The program that has the folder, if it listens.
#[cfg(unix)]
async fn socket(folder: &Path) -> Result<Option<Reached>, CliError> {
    use std::io::ErrorKind;

    let told = |error: std::io::Error| match error.kind() {
        ErrorKind::PermissionDenied => CliError::Unreachable(format!(
            "the socket in {} belongs to another user: run this as the user of the program that has the store",
            folder.display()
        )),
        _ => CliError::Unreachable(format!("the socket in {} cannot be reached: {error}", folder.display())),
    };
    let Some(at) = longhaul_inspect::socket::find(folder).map_err(told)? else { return Ok(None) };
    match std::os::unix::net::UnixStream::connect(&at) {
        Ok(_) => {}
        // A process that was killed left it.
        Err(error) if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotFound) => return Ok(None),
        Err(error) => return Err(told(error)),
    }
    let http = Http::Socket(at);
    let about = http.about().await?;
    let way = format!("the process {} that has {}", about["pid"], folder.display());
    Ok(Some(Reached::over(Api::There(http), way, Some(folder))))
}

/// Refuses what is no store: opening would create one there.
#[cfg(feature = "sled")]
fn is_store(folder: &Path) -> Result<(), CliError> {
    if folder.join("LOCK").exists() {
        return Ok(());
    }
    let what = if folder.is_dir() { "the folder has none" } else { "there is no such folder" };
    Err(CliError::NotFound(format!(
        "there is no store in {}: {what}. Name the folder of your program by --store or LONGHAUL_STORE",
        folder.display()
    )))
}

#[cfg(feature = "sled")]
async fn opened(folder: &Path, advice: &str) -> Result<longhaul::embedded::EmbeddedStore, CliError> {
    use longhaul::OpenError;

    longhaul::open_async(folder).await.map_err(|error| match error {
        OpenError::Locked { holder, .. } => {
            CliError::Unreachable(format!("{holder} has {} open. {advice}", folder.display()))
        }
        error => CliError::Failed(error.to_string()),
    })
}

#[cfg(feature = "sled")]
async fn open(folder: &Path, views: Views) -> Result<Reached, CliError> {
    is_store(folder)?;
    let advice = "It does not listen: add `.inspect(…)` of longhaul-inspect to its builder, so that it can be asked while it \
                  runs; or stop it";
    let store = opened(folder, advice).await?;
    let client = longhaul::Client::new(std::sync::Arc::new(store.clone())).with_views(views);
    let api = Api::Here(longhaul_inspect::Inspector::new(client));
    let mut reached =
        Reached::over(api, format!("the store in {}, which no program has open", folder.display()), Some(folder));
    reached.store = Some(store);
    Ok(reached)
}

#[cfg(not(feature = "sled"))]
async fn open(folder: &Path, _: Views) -> Result<Reached, CliError> {
    Err(CliError::Unreachable(format!(
        "no program listens in {}, and this command line was built without the feature `sled`",
        folder.display()
    )))
}

#[cfg(feature = "postgres")]
async fn postgres(url: &str, views: Views) -> Result<Reached, CliError> {
    use longhaul::postgres::{Options, PostgresStore};

    // Whoever looks changes no tables: that could lock out servers of the release before.
    let store = PostgresStore::connect_with(url, Options::default().migrate(false)).await;
    let store = store.map_err(|error| CliError::Unreachable(error.to_string()))?;
    let client = longhaul::Client::new(std::sync::Arc::new(store.clone())).with_views(views);
    let api = Api::Here(longhaul_inspect::Inspector::new(client));
    Ok(Reached { database: Some(store), ..Reached::over(api, "the database".into(), None) })
}

#[cfg(not(feature = "postgres"))]
#[expect(clippy::unused_async, reason = "with the feature it waits")]
async fn postgres(_: &str, _: Views) -> Result<Reached, CliError> {
    Err(CliError::Usage("this command line was built without the feature `postgres`".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_told_from_a_folder_in_both_forms_that_libpq_takes() {
        for database in ["postgres://db/jobs", "postgresql://", "host=db.internal dbname=jobs", " user = longhaul"] {
            assert!(is_database(database), "{database}");
        }
        for folder in ["./data", "/var/lib/jobs", "jobs=old", "hosts"] {
            assert!(!is_database(folder), "{folder}");
        }
    }
}
