//! Secret connections, and passwords.

mod common;

use common::client;
use longhaul_postgres::{ConnectError, Options, PostgresStore};

/// Where the server of `./scripts/postgres` listens by TLS, and who signed its certificate.
fn server() -> Option<(String, String)> {
    let said = std::env::var("LONGHAUL_POSTGRES_TLS").ok()?;
    let (port, root) = said.split_once(' ').expect("a port and a file");
    Some((port.to_owned(), root.to_owned()))
}

async fn connect(rest: &str) -> Result<(), ConnectError> {
    let url = format!("user=tls_guest dbname=postgres {rest}");
    let store = PostgresStore::connect_with(&url, Options::default().schema("tls").connections(2)).await?;
    longhaul_core::Store::close(&store).await;
    Ok(())
}

#[tokio::test]
async fn sslmode_is_kept_to_and_a_password_is_checked() {
    let Some((port, root)) = server() else {
        eprintln!("skipped: start the server by ./scripts/postgres, with openssl there");
        return;
    };
    let make = "DROP SCHEMA IF EXISTS tls CASCADE; DROP ROLE IF EXISTS tls_guest; \
                CREATE ROLE tls_guest LOGIN SUPERUSER PASSWORD 'right'";
    client().await.batch_execute(make).await.expect("the tests own the database");
    let right = format!("{port} password=right");
    for accepted in [
        format!("host=localhost {right} sslmode=verify-full {root}"),
        format!("host=127.0.0.1 {right} sslmode=verify-ca {root}"),
        format!("host=127.0.0.1 {right} sslmode=require {root}"),
        format!("host=localhost {right} sslmode=require"),
        format!("host=localhost {right}"),
    ] {
        connect(&accepted).await.unwrap_or_else(|error| panic!("{accepted}: {error}"));
    }
    // The certificate is of another name, or signed by nobody whom this system trusts.
    for refused in [
        format!("host=127.0.0.1 {right} sslmode=verify-full {root}"),
        format!("host=localhost {right} sslmode=verify-full"),
        format!("host=localhost {right} sslmode=verify-ca sslrootcert=/nowhere"),
    ] {
        let error = connect(&refused).await.expect_err(&refused);
        assert!(matches!(error, ConnectError::Tls { .. }), "{refused}: {error:?}");
        assert!(!error.to_string().contains("right"), "{error}");
    }
    // The server lets nobody in without TLS.
    let error = connect(&format!("host=localhost {right} sslmode=disable")).await.expect_err("it asks for TLS");
    assert!(matches!(error, ConnectError::Login { .. }), "{error:?}");
    let error = connect(&format!("host=localhost {port} password=wrong")).await.expect_err("it is wrong");
    assert!(matches!(&error, ConnectError::Login { user, .. } if user == "tls_guest"), "{error:?}");
    assert!(error.to_string().contains("28P01") && !error.to_string().contains("wrong"), "{error}");
    let error = connect(&format!("host=localhost {port}")).await.expect_err("it asks for a password");
    assert!(matches!(error, ConnectError::Login { .. }), "{error:?}");
}
