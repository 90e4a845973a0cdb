//! Encrypted connections, checked certificates, and passwords.

mod common;

use common::client;
use longhaul_postgres::{ConnectError, Options, PostgresStore};

/// Where the server of `./scripts/postgres` listens for TLS, and the authority that signed its certificate.
struct Server {
    port: String,
    root: String,
}

impl Server {
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
    let Some(server) = Server::with_guest().await else { return };
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
    let Some(server) = Server::with_guest().await else { return };
    let error = server.refused("host=localhost password=right sslmode=disable").await;
    assert!(matches!(error, ConnectError::Login { .. }), "{error:?}");
    let error = server.refused("host=localhost password=wrong").await;
    assert!(matches!(&error, ConnectError::Login { user, .. } if user == "tls_guest"), "{error:?}");
    assert!(error.to_string().contains("28P01") && !error.to_string().contains("wrong"), "{error}");
    let error = server.refused("host=localhost").await;
    assert!(matches!(error, ConnectError::Login { .. }), "{error:?}");
}
