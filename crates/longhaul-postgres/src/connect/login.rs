//! The first connection: who is let in, and what they may do.

use tokio_postgres::{
    Client, Config,
    config::Host,
    error::{DbError, SqlState},
};

use super::error::{ConnectError, OLDEST, chain};

/// What rustls says when the server ends the connection. It may do so when the handshake seems to be over.
const ALERT: &str = "received fatal alert";
const CLIENT_ADVICE: &str = ". Name a certificate for this user, and its key: `sslcert=… sslkey=…`";

/// Why there is no connection.
pub(super) fn refused(config: &Config, error: &tokio_postgres::Error) -> ConnectError {
    let address = address(config);
    let Some(said) = error.as_db_error() else {
        let reason = chain(error);
        // The driver does not tell its kinds of errors apart, but by these words.
        return if reason.contains("TLS") || reason.contains(ALERT) {
            let advice = certificate_advice(&reason);
            ConnectError::Tls { address, reason: reason + advice }
        } else if error.to_string().contains("authentication") || error.to_string().contains("invalid configuration") {
            ConnectError::Login { address, user: user(config), reason }
        } else {
            ConnectError::Unreachable { address, reason }
        };
    };
    let (code, reason) = (said.code(), said_by(said));
    if *code == SqlState::INVALID_PASSWORD || *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION {
        let advice = if reason.contains("client certificate") { CLIENT_ADVICE } else { "" };
        ConnectError::Login { address, user: user(config), reason: reason + advice }
    } else if *code == SqlState::INVALID_CATALOG_NAME {
        ConnectError::NoDatabase { address, database: database(config) }
    } else if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        // `GRANT CONNECT ON DATABASE` is missing.
        ConnectError::Login { address, user: user(config), reason }
    } else {
        ConnectError::Unreachable { address, reason }
    }
}

/// What to do about a certificate that was refused.
fn certificate_advice(reason: &str) -> &'static str {
    if reason.contains("UnknownIssuer") {
        ". No trusted authority signed it: name a file with the certificate of its authority, `sslrootcert=…`"
    } else if reason.contains(ALERT) && reason.contains("UnknownCA") {
        ". The server trusts no authority that signed the client certificate"
    } else if reason.contains("not valid for") {
        ". Connect to a host name that the certificate has"
    } else {
        ""
    }
}

/// Whether the server is new enough, and this user may use the schema, or make it.
pub(super) async fn check_server(client: &Client, config: &Config, schema: &str) -> Result<(), ConnectError> {
    let failed = |error: tokio_postgres::Error| match error.as_db_error() {
        Some(said) => ConnectError::Unreachable { address: address(config), reason: said_by(said) },
        None => ConnectError::Unreachable { address: address(config), reason: chain(&error) },
    };
    // Without parameters, so that poolers need no prepared statement for it.
    let text = schema.replace('\'', "''");
    let ask = format!(
        "SELECT current_setting('server_version_num'), current_setting('server_version'), current_user, \
         EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = '{text}'), \
         CASE WHEN EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = '{text}') \
            THEN has_schema_privilege('{text}', 'USAGE') \
            ELSE has_database_privilege(current_database(), 'CREATE') END"
    );
    let answer = client.simple_query(&ask).await.map_err(failed)?;
    let row = answer.iter().find_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let row = row.expect("a query without a condition answers one row");
    let column = |at: usize| row.get(at).unwrap_or_default();
    let version: i32 = column(0).parse().unwrap_or_default();
    if version / 10_000 < OLDEST {
        return Err(ConnectError::ServerTooOld { address: address(config), found: column(1).to_owned() });
    }
    if column(4) != "t" {
        let lacks = if column(3) == "t" { "has no USAGE on it" } else { "may not create it" };
        let reason = format!("`{}` {lacks}", column(2));
        return Err(ConnectError::Rights { schema: schema.to_owned(), reason });
    }
    Ok(())
}

fn said_by(error: &DbError) -> String {
    format!("{} ({})", error.message(), error.code().code())
}

fn user(config: &Config) -> String {
    config.get_user().unwrap_or("the user of this process").to_owned()
}

fn database(config: &Config) -> String {
    config.get_dbname().map_or_else(|| user(config), str::to_owned)
}

/// Where the server is, without the user and the password.
pub(super) fn address(config: &Config) -> String {
    let ports = config.get_ports();
    let port = |at: usize| ports.get(at).or(ports.first()).copied().unwrap_or(5432);
    let hosts: Vec<String> = config
        .get_hosts()
        .iter()
        .enumerate()
        .map(|(at, host)| match host {
            Host::Tcp(name) => format!("{name}:{}", port(at)),
            #[cfg(unix)]
            Host::Unix(folder) => format!("{} (a socket), port {}", folder.display(), port(at)),
        })
        .collect();
    if hosts.is_empty() {
        let addresses: Vec<String> =
            config.get_hostaddrs().iter().enumerate().map(|(at, ip)| format!("{ip}:{}", port(at))).collect();
        return addresses.join(", ");
    }
    hosts.join(", ")
}
