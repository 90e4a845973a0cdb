//! Migrations of a database from the command line.

use longhaul_cli::Exit;

use crate::kit::longhaul;

/// The server of the tests as a URL; `None`: there is none, or it cannot be named by one.
fn database() -> Option<String> {
    let told = std::env::var("DATABASE_URL").ok()?;
    if told.starts_with("postgres") {
        return Some(told);
    }
    let value = |key: &str| told.split(' ').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
    let (host, user, name) = (value("host")?.replace('/', "%2F"), value("user")?, value("dbname")?);
    Some(format!("postgres://{user}@{host}:{}/{name}", value("port").unwrap_or("5432")))
}

#[tokio::test]
async fn migrations_are_listed_made_and_validated_and_looking_makes_none() {
    let nowhere = longhaul("--store ./data store migrate list", None, None).await;
    assert_eq!((nowhere.exit, nowhere.err.contains("--store postgres://")), (Exit::Usage, true), "{}", nowhere.err);
    let Some(url) = database() else {
        eprintln!("skipped: there is no PostgreSQL");
        return;
    };
    let run = async |line: &str| longhaul(&format!("--store {url} {line}"), None, None).await;
    let made = run("store migrate up").await;
    assert_eq!(made.exit, Exit::Done, "{}", made.err);
    assert_eq!(run("store migrate up").await.out.trim(), "Nothing was missing");
    let listed = run("store migrate list").await.out;
    assert!(listed.contains("tables") && !listed.contains(" no"), "{listed}");
    assert_eq!(run("store migrate validate").await.exit, Exit::Done);
    assert_eq!(run("runs list").await.exit, Exit::Done);
}
