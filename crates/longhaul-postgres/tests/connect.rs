//! Who is let in, over which connections, and what a program is told that cannot have its store.

mod common;

use common::{client, url};
use longhaul_postgres::{ConnectError, Options, PostgresStore};
use tokio_postgres::Config;

async fn refused(url: &str, options: Options) -> ConnectError {
    PostgresStore::connect_with(url, options).await.map(drop).expect_err("it cannot be connected")
}

/// Where the test's server is, without the user and the database.
fn host() -> String {
    let config: Config = url().parse().expect("a URL");
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let host = match &config.get_hosts()[0] {
        tokio_postgres::config::Host::Tcp(name) => name.clone(),
        tokio_postgres::config::Host::Unix(folder) => folder.display().to_string(),
    };
    format!("host={host} port={port}")
}

#[tokio::test]
async fn a_url_that_is_none_is_refused_and_one_that_is_right_is_shown() {
    for url in ["", "nonsense", "postgres://app:secret@db:port/app", "dbname=app password=secret nosuch=1"] {
        let error = refused(url, Options::default()).await;
        assert!(matches!(error, ConnectError::Url { .. }), "{url}: {error:?}");
        let said = error.to_string();
        assert!(said.contains("postgres://user:password@host/database"), "{said}");
        assert!(!said.contains("secret"), "{said}");
        assert!(!error.is_transient());
    }
}

#[tokio::test]
async fn an_option_that_cannot_be_followed_is_refused_before_anything_is_asked() {
    let long = "x".repeat(64);
    let zero = std::time::Duration::ZERO;
    for (options, which) in [
        (Options::default().schema(""), "schema"),
        (Options::default().schema(&long), "schema"),
        (Options::default().schema("pg_jobs"), "schema"),
        (Options::default().connections(1), "connections"),
        (Options::default().poll(zero), "poll"),
    ] {
        let error = refused("host=/nowhere user=nobody", options).await;
        assert!(matches!(error, ConnectError::Option { option, .. } if option == which), "{error:?}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_named_without_the_password() {
    // Port 1 of this machine has nobody on it.
    for (url, address) in [
        ("postgres://app:secret@127.0.0.1:1/app", "127.0.0.1:1"),
        ("host=/nowhere user=app password=secret", "/nowhere"),
    ] {
        let error = refused(url, Options::default()).await;
        assert!(matches!(error, ConnectError::Unreachable { .. }), "{error:?}");
        let said = error.to_string();
        assert!(said.contains(address) && !said.contains("secret"), "{said}");
        assert!(error.is_transient(), "it may be starting");
    }
}

#[tokio::test]
async fn a_database_and_a_user_that_are_not_there_are_named() {
    let error = refused(&format!("{} user=longhaul dbname=nosuch", host()), Options::default()).await;
    assert!(matches!(&error, ConnectError::NoDatabase { database, .. } if database == "nosuch"), "{error:?}");
    let error = refused(&format!("{} user=nosuch dbname=postgres", host()), Options::default()).await;
    assert!(matches!(&error, ConnectError::Login { user, .. } if user == "nosuch"), "{error:?}");
    assert!(!error.is_transient());
}

#[tokio::test]
async fn a_user_without_rights_is_told_which_are_missing() {
    let owner = client().await;
    let make = "DROP SCHEMA IF EXISTS connect_rights CASCADE; DROP ROLE IF EXISTS connect_guest; \
                CREATE ROLE connect_guest LOGIN; REVOKE CREATE ON DATABASE postgres FROM PUBLIC";
    owner.batch_execute(make).await.expect("the tests own the database");
    let url = format!("{} user=connect_guest dbname=postgres", host());
    let options = || Options::default().schema("connect_rights");

    let error = refused(&url, options()).await;
    let may_not_create = "`connect_guest` may not create it";
    assert!(matches!(&error, ConnectError::Rights { reason, .. } if reason == may_not_create), "{error:?}");
    owner.batch_execute("CREATE SCHEMA connect_rights").await.expect("it works");
    let error = refused(&url, options()).await;
    assert!(matches!(&error, ConnectError::Rights { reason, .. } if reason.contains("no USAGE")), "{error:?}");
    owner.batch_execute("GRANT USAGE ON SCHEMA connect_rights TO connect_guest").await.expect("it works");
    let error = refused(&url, options()).await;
    let says_what = |reason: &str| reason.contains("42501") && reason.contains("permission denied");
    assert!(matches!(&error, ConnectError::Rights { reason, .. } if says_what(reason)), "{error:?}");
    owner.batch_execute("GRANT CREATE ON SCHEMA connect_rights TO connect_guest").await.expect("it works");
    PostgresStore::connect_with(&url, options()).await.expect("it has all that it needs");

    let clean = "DROP OWNED BY connect_guest; DROP SCHEMA connect_rights CASCADE; DROP ROLE connect_guest";
    owner.batch_execute(clean).await.expect("it works");
}

/// Where the server of `./scripts/postgres` listens for TLS, and the authority that signed its certificate.
struct TlsServer {
    port: String,
    root: String,
}

impl TlsServer {
    /// `None`: the server of the tests has no TLS. With `CI=true` that is a failure.
    async fn with_guest() -> Option<Self> {
        let Ok(said) = std::env::var("LONGHAUL_POSTGRES_TLS") else {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "in CI the tests of TLS are not skipped");
            eprintln!("skipped: start the server by ./scripts/postgres, with openssl installed");
            return None;
        };
        let (port, root) = said.split_once(' ').expect("a port and a file");
        // The first test makes the role; the second waits for it.
        let make = "BEGIN; SELECT pg_advisory_xact_lock(7); DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'tls_guest') \
                    THEN CREATE ROLE tls_guest LOGIN SUPERUSER PASSWORD 'right'; END IF; END $$; COMMIT";
        client().await.batch_execute(make).await.expect("the tests own the database");
        Some(Self { port: port.to_owned(), root: root.to_owned() })
    }

    async fn connect(&self, rest: &str) -> Result<(), ConnectError> {
        let url = format!("user=tls_guest dbname=postgres {} {rest}", self.port);
        let store = PostgresStore::connect_with(&url, Options::default().schema("tls").connections(2)).await?;
        longhaul_core::Store::close(&store).await;
        Ok(())
    }

    async fn refused(&self, rest: &str) -> ConnectError {
        let error = self.connect(rest).await.expect_err(rest);
        assert!(!error.to_string().contains("right"), "a password: {error}");
        error
    }
}

#[tokio::test]
async fn sslmode_decides_which_certificates_are_accepted() {
    let Some(server) = TlsServer::with_guest().await else { return };
    let root = &server.root;
    for accepted in [
        format!("host=localhost password=right sslmode=verify-full {root}"),
        format!("host=127.0.0.1 password=right sslmode=verify-ca {root}"),
        format!("host=127.0.0.1 password=right sslmode=require {root}"),
        "host=localhost password=right sslmode=require".into(),
        "host=localhost password=right".into(),
    ] {
        server.connect(&accepted).await.unwrap_or_else(|error| panic!("{accepted}: {error}"));
    }
    for (refused, why) in [
        (
            format!("host=127.0.0.1 password=right sslmode=verify-full {root}"),
            "Connect to a host name that the certificate has",
        ),
        ("host=localhost password=right sslmode=verify-full".into(), "`sslrootcert=…`"),
        ("host=localhost password=right sslmode=verify-ca sslrootcert=/nowhere".into(), "/nowhere"),
    ] {
        let error = server.refused(&refused).await;
        assert!(matches!(error, ConnectError::Tls { .. }), "{refused}: {error:?}");
        assert!(error.to_string().contains(why), "{refused}: {error}");
        assert!(!error.is_transient());
    }
}

#[tokio::test]
async fn a_server_that_asks_for_tls_and_a_password_gets_both() {
    let Some(server) = TlsServer::with_guest().await else { return };
    let error = server.refused("host=localhost password=right sslmode=disable").await;
    assert!(matches!(error, ConnectError::Login { .. }), "{error:?}");
    let error = server.refused("host=localhost password=wrong").await;
    assert!(matches!(&error, ConnectError::Login { user, .. } if user == "tls_guest"), "{error:?}");
    assert!(error.to_string().contains("28P01") && !error.to_string().contains("wrong"), "{error}");
    let error = server.refused("host=localhost").await;
    assert!(matches!(error, ConnectError::Login { .. }), "{error:?}");
}

#[tokio::test]
async fn a_client_certificate_lets_its_user_in_without_a_password() {
    let Some(server) = TlsServer::with_guest().await else { return };
    let files = std::env::var("LONGHAUL_POSTGRES_TLS_CLIENT").expect("it is set with the other one");
    let [own, foreign] = files.split('|').collect::<Vec<_>>()[..] else { panic!("two pairs of files: {files}") };
    let url = |rest: &str| {
        format!("host=localhost {} user=tls_certified dbname=postgres sslmode=require {rest}", server.port)
    };
    let options = || Options::default().schema("tls").connections(2);
    let make = "BEGIN; SELECT pg_advisory_xact_lock(7); DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = \
                'tls_certified') THEN CREATE ROLE tls_certified LOGIN SUPERUSER; END IF; END $$; COMMIT";
    client().await.batch_execute(make).await.expect("the tests own the database");
    let store = PostgresStore::connect_with(&url(own), options()).await.expect("its name is in it");
    longhaul_core::Store::close(&store).await;

    let error = refused(&url(""), options()).await;
    assert!(
        matches!(&error, ConnectError::Login { reason, .. } if reason.contains("`sslcert=… sslkey=…`")),
        "{error:?}"
    );
    // Its own authority has signed it, which the server does not know.
    let error = refused(&url(foreign), options()).await;
    assert!(matches!(&error, ConnectError::Tls { reason, .. } if reason.contains("The server trusts no")), "{error:?}");
    assert!(!error.is_transient());

    let [(certificate, key), (_, other_key)] = [own, foreign].map(|pair| pair.split_once(" sslkey=").expect("a key"));
    let file = certificate.trim_start_matches("sslcert=");
    for (rest, why) in [
        (format!("{certificate} sslkey={other_key}"), "with the private key in"),
        (format!("sslcert=/nowhere sslkey={key}"), "the client certificate in /nowhere"),
        (format!("{certificate} sslkey=/nowhere"), "the private key in /nowhere"),
        (format!("sslcert={key} sslkey={key}"), "there is none"),
        (format!("{certificate} sslkey={file}"), "needs no password"),
    ] {
        let error = refused(&url(&rest), options()).await;
        assert!(matches!(&error, ConnectError::Tls { reason, .. } if reason.contains(why)), "{rest}: {error:?}");
    }
}
