//! Runs that SQL enqueues.

mod common;

use std::{process::Command, sync::Arc, time::Duration};

use common::{client, url};
use longhaul::{AnyError, Client, Context, ExecutionResult, Longhaul, RunId, Success, Task, TaskOptions};
use longhaul_core::{Codec, Key, Label, Queue, StateKind, Timestamp, store::prelude::*};
use longhaul_postgres::{DatabaseWarning, Options, PostgresStore, WarningLimits};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct Mail {
    to: String,
    #[serde(default)]
    copies: u32,
}

/// Its values are bincode: metadata of SQL is JSON all the same.
struct Send;

impl Task for Send {
    const NAME: &'static str = "send";
    type Metadata = Mail;
    type ExecutionMetadata = u32;
    type Output = String;
    type Error = AnyError;

    fn options() -> TaskOptions {
        TaskOptions::default().codec(Codec::Bincode)
    }

    async fn execute(&self, ctx: &Context<Mail, u32>) -> ExecutionResult<String, AnyError> {
        let Mail { to, copies } = ctx.metadata();
        ctx.update(|sent| *sent = *copies);
        ctx.checkpoint().await?;
        Success::with_result(format!("{to}: {copies}")).for_error()
    }
}

async fn fresh(schema: &str) -> PostgresStore {
    client().await.batch_execute(&format!("DROP SCHEMA IF EXISTS {schema} CASCADE")).await.expect("it works");
    let options = Options::default().schema(schema).connections(4).poll(Duration::from_millis(50));
    PostgresStore::connect_with(&url(), options).await.expect("the database is there")
}

fn serve(store: &PostgresStore) -> Longhaul {
    Longhaul::builder().store(store.clone()).task(Send).start().expect("a server starts")
}

/// The id that a call of `enqueue` answers.
async fn enqueue(user: &tokio_postgres::Client, call: &str) -> RunId {
    let row = user.query_one(&format!("SELECT {call}::text"), &[]).await.expect("it is enqueued");
    id(row.get(0))
}

fn id(text: &str) -> RunId {
    let hex = text.trim().replace('-', "");
    let bytes: Vec<u8> = (0..32).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect();
    RunId::from_bytes(bytes.try_into().expect("16 bytes"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_sql_enqueued_is_executed_once_its_transaction_is_committed_and_not_before() {
    let schema = "enqueue_commit";
    let store = fresh(schema).await;
    let server = serve(&store);
    let runs = Client::new(Arc::new(store.clone()));
    let mut user = client().await;
    let tx = user.transaction().await.expect("it begins");
    let call = format!("SELECT {schema}.enqueue('send', '{{\"to\": \"ann\", \"copies\": 2}}')::text");
    let rolled_back = id(tx.query_one(&call, &[]).await.expect("it is enqueued").get(0));
    tx.rollback().await.expect("it rolls back");
    let tx = user.transaction().await.expect("it begins");
    let run = id(tx.query_one(&call, &[]).await.expect("it is enqueued").get(0));
    tx.commit().await.expect("it commits");

    // One after it was executed: so the first was not to be found, and never will be.
    let ended = wait_for(&runs, run).await;
    assert_eq!(ended, Some("ann: 2".to_owned()));
    assert!(store.get(rolled_back).await.is_err());
    drop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_server_takes_in_is_warned_of_until_one_does() {
    let schema = "enqueue_warned";
    let store = fresh(schema).await;
    let mut limits = WarningLimits::default();
    limits.not_taken_in = Duration::ZERO;
    let warned = async || {
        let warnings = store.database_warnings(&limits).await.expect("it works");
        warnings.into_iter().find(|warning| warning.code() == "not_taken_in")
    };
    assert_eq!(warned().await, None);
    let run =
        enqueue(&client().await, &format!("{schema}.enqueue('send', '{{\"to\": \"ann\", \"copies\": 2}}')")).await;
    assert_eq!(warned().await, Some(DatabaseWarning::NotTakenIn { waiting: 1, refused: 0 }));
    let waits = store.database_warnings(&WarningLimits::default()).await.expect("it works");
    assert_eq!(waits, [], "a minute is nothing to warn of");
    let server = serve(&store);
    assert!(wait_for(&Client::new(Arc::new(store.clone())), run).await.is_some());
    assert_eq!(warned().await, None);
    drop(server);
}

/// A run is there as soon as a server has taken it in.
async fn wait_for(runs: &Client, run: RunId) -> Option<String> {
    let store = runs.store();
    let mut position = longhaul_core::store::EndedCursor::START;
    loop {
        let request = longhaul_core::store::EndedRequest { after: position, limit: 10, wait: true };
        let page = store.ended(request).await.expect("the store works");
        if page.runs.iter().any(|ended| ended.id == run) {
            return runs.run::<Send>(run).outcome().await.expect("it is final").completed();
        }
        position = page.next;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn psql_enqueues_with_all_options_and_a_unique_key_is_taken_once() {
    let schema = "enqueue_psql";
    let store = fresh(schema).await;
    let script = format!(
        r#"SELECT {schema}.enqueue('later', '[1, 2]', '{{"queue": "mails", "priority": 3, "delay": 3600, "tags":
           {{"order": "7"}}, "unique_key": "order 7", "on_conflict": "ignore", "limit_key": "tenant 1", "labels": ["gpu"],
           "timeout": 90.5, "attempts": 7, "version": 2}}');
           SELECT {schema}.enqueue('later', 'null', '{{"unique_key": "order 7"}}');
           SELECT {schema}.enqueue('later', NULL, '{{"due": "2100-01-01T00:00:00+02:00"}}');
           SELECT {schema}.enqueue('send', '{{"to": "bob"}}');"#
    );
    let config: tokio_postgres::Config = url().parse().expect("a URL");
    assert!(config.get_user().is_some());
    let out =
        Command::new("psql").args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", &script, &url()]).output();
    let out = out.expect("PostgreSQL brings psql");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    let ids: Vec<RunId> = said.lines().map(id).collect();
    let [all, second, due, mail] = ids[..] else { panic!("four ids: {said}") };

    // A server takes them in; it knows one of the two kinds.
    let server = serve(&store);
    let runs = Client::new(Arc::new(store.clone()));
    assert_eq!(wait_for(&runs, mail).await, Some("bob: 0".to_owned()));
    let snapshot = store.get(all).await.expect("it is there");
    let run = &snapshot.run;
    let constraints = run.constraints();
    assert_eq!((run.queue.clone(), run.priority.0, run.version), (Queue::new("mails").expect("a name"), 3, 2));
    assert_eq!((run.timeout, run.policy.attempts_max), (Some(Duration::from_secs_f64(90.5)), 7));
    assert_eq!(run.tags.iter().map(|tag| (&*tag.key, &*tag.value)).collect::<Vec<_>>(), [("order", "7")]);
    assert_eq!(constraints.limit_key.as_ref().map(Key::as_str), Some("tenant 1"));
    assert_eq!(constraints.unique.as_ref().map(|unique| unique.key.as_str()), Some("order 7"));
    assert_eq!(constraints.requires.iter().map(Label::as_str).collect::<Vec<_>>(), ["gpu"]);
    assert_eq!(snapshot.metadata.decode::<Vec<u8>>(), Ok(vec![1, 2]));
    assert!(run.state.due().is_some_and(|due| due.since(run.created) > Duration::from_secs(3500)), "{:?}", run.state);
    assert!(format!("{:?}", snapshot.history).contains("sql: "), "{:?}", snapshot.history);
    assert!(store.get(second).await.is_err(), "the key was taken");
    let state = store.get(due).await.expect("it is there").run.state;
    assert_eq!(
        (state.kind(), state.due().map(Timestamp::as_micros)),
        (StateKind::Pending, Some(4_102_437_600_000_000))
    );
    drop(server);
}

#[tokio::test]
async fn a_bad_option_raises_an_error_that_says_which_and_what_it_may_be() {
    let schema = "enqueue_refused";
    drop(fresh(schema).await);
    let user = client().await;
    for (kind, options, says, hint) in [
        ("no name", "{}", "the kind `no name` is no name", "letters"),
        ("send", "[]", "the options are a JSON array", "An object"),
        ("send", r#"{"que": "mails"}"#, "there is no option `que`", "queue, priority"),
        ("send", r#"{"queue": 7}"#, "the option `queue` is 7", "A string"),
        ("send", r#"{"queue": "my mails"}"#, "the option `queue` is", "letters"),
        ("send", r#"{"priority": 128}"#, "the option `priority` is 128", "-128 to 127"),
        ("send", r#"{"priority": 1.5}"#, "the option `priority` is 1.5", "whole"),
        ("send", r#"{"delay": -1}"#, "the option `delay` is -1", "Seconds"),
        ("send", r#"{"due": "tomorrow"}"#, "the option `due` is", "with its zone"),
        ("send", r#"{"due": "2030-01-01 08:00"}"#, "the option `due` is", "with its zone"),
        ("send", r#"{"due": "2030-13-01T08:00:00Z"}"#, "the option `due` is", "with its zone"),
        ("send", r#"{"due": "2030-01-01T08:00:00Z", "delay": 1}"#, "exclude each other", ""),
        ("send", r#"{"tags": {"order": 7}}"#, "the tag `order` is 7", "Strings"),
        ("send", r#"{"unique_key": ""}"#, "the option `unique_key` is", "1 to 256"),
        ("send", r#"{"on_conflict": "ignore"}"#, "needs `unique_key`", ""),
        ("send", r#"{"unique_key": "a", "on_conflict": "refuse"}"#, "`on_conflict` is", "\"replace\""),
        ("send", r#"{"labels": ["a b"]}"#, "the label", "letters"),
        ("send", r#"{"timeout": 0}"#, "the option `timeout` is 0", "more than 0"),
        ("send", r#"{"attempts": 0}"#, "the option `attempts` is 0", "1 to"),
        ("send", r#"{"version": 70000}"#, "the option `version` is 70000", "65535"),
    ] {
        let call = format!("SELECT {schema}.enqueue('{kind}', '{{}}', '{options}')");
        let error = user.batch_execute(&call).await.expect_err("it is refused");
        let error = error.as_db_error().expect("the database refuses it");
        assert!(error.message().contains(says), "{options}: {}", error.message());
        assert!(error.hint().unwrap_or_default().contains(hint), "{options}: {:?}", error.hint());
        assert_eq!(error.code().code(), "22023", "{options}");
    }
}

#[tokio::test]
async fn whoever_may_enqueue_may_do_nothing_else_and_the_search_path_of_the_caller_is_not_followed() {
    let schema = "enqueue_rights";
    let store = fresh(schema).await;
    let owner = client().await;
    let role = "DROP ROLE IF EXISTS enqueue_guest; CREATE ROLE enqueue_guest LOGIN";
    owner.batch_execute(role).await.expect("the tests own the database");
    let guest = client().await;
    // Functions that would be taken in place of PostgreSQL's own, if the caller's path were followed.
    let trap = "CREATE SCHEMA IF NOT EXISTS enqueue_trap; CREATE OR REPLACE FUNCTION enqueue_trap.to_hex(int8) RETURNS text \
                LANGUAGE sql AS $$ SELECT 'trapped' $$; GRANT USAGE ON SCHEMA enqueue_trap TO enqueue_guest";
    owner.batch_execute(trap).await.expect("it works");
    guest
        .batch_execute("SET SESSION AUTHORIZATION enqueue_guest; SET search_path = enqueue_trap, pg_catalog")
        .await
        .expect("it works");
    let call = format!("SELECT {schema}.enqueue('send')");
    let refused = async |call: &str| guest.batch_execute(call).await.expect_err("it is refused").code().cloned();
    let denied = Some(tokio_postgres::error::SqlState::INSUFFICIENT_PRIVILEGE);
    assert_eq!(refused(&call).await, denied, "nothing was granted");
    owner.batch_execute(&format!("GRANT USAGE ON SCHEMA {schema} TO enqueue_guest")).await.expect("it works");
    assert_eq!(refused(&call).await, denied, "the function was not granted");
    let grant = format!("GRANT EXECUTE ON FUNCTION {schema}.enqueue(text, jsonb, jsonb) TO enqueue_guest");
    owner.batch_execute(&grant).await.expect("it works");
    let run = enqueue(&guest, &format!("{schema}.enqueue('send')")).await;
    assert_eq!(refused(&format!("SELECT * FROM {schema}.run")).await, denied);
    assert_eq!(refused(&format!("DELETE FROM {schema}.enqueued")).await, denied);

    let mail = enqueue(&guest, &format!("{schema}.enqueue('send', '{{\"to\": \"ann\"}}')")).await;

    let server = serve(&store);
    let runs = Client::new(Arc::new(store.clone()));
    assert_eq!(wait_for(&runs, mail).await, Some("ann: 0".to_owned()));
    assert!(store.get(run).await.is_ok(), "it was enqueued before");
    drop(server);
    let clean = "DROP OWNED BY enqueue_guest; DROP ROLE enqueue_guest; DROP SCHEMA enqueue_trap CASCADE";
    owner.batch_execute(clean).await.expect("it works");
}
