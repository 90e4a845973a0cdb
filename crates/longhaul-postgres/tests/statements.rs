//! What is sent to the database, how it is planned, and what its rows cost.

mod common;

use std::{collections::BTreeSet, time::Duration};

use common::{Postgres, client, postgres};
use longhaul_core::{
    Actor, AfterFailure, ControlChange, Ending, Key, Kind, Limits, LogPage, LogRequest, NewRun, OnConflict, Ordered,
    Queue, Rate, Retention, Retentions, ScheduleName, Scope, StateKind, Tag, Timestamp, Unique, UniqueScope,
    constraints::Constraints,
    store::{
        Checkpoint, ClaimRequest, Claimed, CopyStore, EndedCursor, EndedRequest, Filter, KindDescription, ListOrder,
        LogPages, PageRequest, Proceed, Retry, RunUpdate, ScheduleChange, ServerBeat, Settlement,
        copy::{CopyItem, RemovedKey},
        prelude::*,
    },
};
use longhaul_testkit::fixture::{completed, failed, new_run, run_id, server_id, support, suspended, value};

const LEASE: Duration = Duration::from_secs(3600);

fn settlement(claimed: &Claimed, ending: Ending) -> Settlement {
    let (id, epoch) = (claimed.run.id, claimed.run.epoch);
    Settlement { id, epoch, ending, execution_metadata: None, taken: Vec::new(), progress: None }
}

fn checkpoint(claimed: &Claimed, seq: u32) -> Checkpoint {
    let (id, epoch, value) = (claimed.run.id, claimed.run.epoch, value(seq.into()));
    Checkpoint { id, epoch, seq, execution_metadata: Some(value), taken: Vec::new(), progress: None }
}

/// Does everything that a store can be asked to do.
#[expect(clippy::too_many_lines, reason = "a list of all that a store can be asked")]
async fn do_everything(postgres: &Postgres) {
    let (store, now) = (&postgres.store, postgres.now());
    let server = server_id(now, 1);
    let beat = ServerBeat { kinds: [support("plain", 1)].into(), ..ServerBeat::new(server, "one", LEASE) };
    store.heartbeat(beat).await.expect("it lives");
    let rate = Rate::new(1000, Duration::from_secs(1)).expect("a rate");
    let limits =
        Limits { running: Some(100), per_key: Some(50), rate: Some(rate), rate_per_key: Some(rate), ..Limits::NONE };
    let kind = Kind::new("plain").expect("a kind");
    store.control(Scope::Kind(kind.clone()), ControlChange::Set(Some(limits))).await.expect("it works");
    let fair = Limits { fair_by_key: true, ..Limits::NONE };
    store.control(Scope::Queue(Queue::default()), ControlChange::Declare(fair)).await.expect("it works");
    store.control(Scope::Queue(Queue::default()), ControlChange::Resume).await.expect("it works");
    store.controls().await.expect("it works");
    let key = Key::new("customer 7").expect("a key");
    let runs = (0..12).map(|n| {
        let mut new = new_run(now, "plain", n);
        new.tags = [Tag::new("of", "test").expect("a tag")].into();
        if n % 2 == 0 {
            let scope = UniqueScope::For(Duration::from_secs(60));
            let unique = Unique {
                key: Key::new(&format!("{}", n % 6)).expect("a key"),
                scope,
                on_conflict: OnConflict::Replace { reschedule: true },
            };
            let mut constraints = Constraints::none().clone();
            (constraints.unique, constraints.limit_key) = (Some(unique), Some(key.clone()));
            new.constraints = Some(constraints.into());
        }
        new
    });
    store.insert(runs.collect()).await.expect("it works");
    let again: Vec<_> = store.insert(vec![new_run(now, "plain", 1)]).await.expect("it works");
    assert!(again[0].is_err());
    let first =
        store.find_by_key(kind.clone(), Key::new("0").expect("a key")).await.expect("it works").expect("it is there");
    let request = ClaimRequest { begin: 3, ..ClaimRequest::new(server, [support("plain", 1)].into(), 7) };
    let sql = format!(
        "SELECT {0}.enqueue('of-sql'); INSERT INTO {0}.enqueued VALUES \
        (gen_random_uuid(), DEFAULT, 'no kind', 'null', '{{}}', now(), 'by hand', NULL)",
        postgres.schema.0
    );
    client().await.batch_execute(&sql).await.expect("it is enqueued");
    let claimed = store.claim(request.clone()).await.expect("it works");
    assert_eq!(claimed.len(), 7);
    store.begin(vec![(claimed[4].run.id, claimed[4].run.epoch)]).await.expect("it works");
    store.checkpoint(vec![checkpoint(&claimed[0], 1)]).await.expect("it works");
    let page = LogPages { id: claimed[0].run.id, epoch: claimed[0].run.epoch, pages: vec![LogPage::default()] };
    store.log(vec![page]).await.expect("it works")[0].as_ref().expect("it runs");
    store.read_log(LogRequest::of(claimed[0].run.id)).await.expect("it works");
    store.cancel(claimed[0].run.id, None, Actor::UNKNOWN).await.expect("it runs");
    assert_eq!(store.stop_requests(server, 0).await.expect("it works").stop_requests.len(), 1);
    let endings = [completed(1), completed(2), suspended(), failed("no", 1, now)];
    let settlements = claimed.iter().zip(endings).map(|(claimed, ending)| settlement(claimed, ending)).collect();
    store.settle(settlements).await.expect("it works");
    store.explain(first).await.expect("it is there");
    store.proceed(Proceed::new(claimed[2].run.id)).await.expect("it is suspended");
    store
        .update(claimed[2].run.id, RunUpdate::Prioritise(longhaul_core::Priority(3)), Actor::UNKNOWN)
        .await
        .expect("it waits");
    let retry = Retry {
        id: claimed[1].run.id,
        successor: run_id(now, 900),
        from: longhaul_core::store::RetryFrom::TheStart,
        by: Actor::UNKNOWN,
    };
    store.retry(retry).await.expect("it is final");
    store.release_incompatible(vec![first]).await.expect("it works");
    let name = ScheduleName::new("nightly").expect("a name");
    let change = ScheduleChange { name, seen: None, value: Some([1].into()), runs: vec![] };
    store.schedule(change).await.expect("it is new");
    store.schedules(0).await.expect("it works");
    let described = KindDescription::new(kind.clone(), 1, longhaul_core::Codec::Json);
    store.describe_kinds(vec![described]).await.expect("it works");
    store.kinds().await.expect("it works");
    for order in [ListOrder::OldestFirst, ListOrder::NewestFirst] {
        for states in [vec![], vec![StateKind::Cancelled, StateKind::Retrying], vec![StateKind::Running]] {
            let filter = Filter { states, ..Filter::default() };
            let request = PageRequest { filter, order, after: None, limit: 10 };
            store.list(request.clone()).await.expect("it works");
            store.list_headers(request).await.expect("it works");
        }
    }
    store.headers(vec![run_id(now, 1), run_id(now, 2)]).await.expect("it works");
    store.count(Filter::default()).await.expect("it works");
    store
        .count(Filter { tags: vec![Tag::new("of", "test").expect("a tag")], ..Filter::default() })
        .await
        .expect("it works");
    store.queues().await.expect("it works");
    let ended = EndedRequest { after: EndedCursor::START, limit: 10, wait: false };
    assert_eq!(store.ended(ended).await.expect("it works").runs.len(), 2);
    store.delete(claimed[1].run.id).await.expect("it is final");
    // An end that nobody has seen is swept.
    store.settle(vec![settlement(&claimed[4], completed(4))]).await.expect("it works");
    store.sweep(Retentions::from(Retention::all(Duration::ZERO)), 100).await.expect("it works");
    for n in 30..33 {
        let dies = server_id(now, n);
        store.heartbeat(ServerBeat::new(dies, "two", Duration::ZERO)).await.expect("it lives");
        let kinds = [support("plain", 1)].into();
        store.claim(ClaimRequest::new(dies, kinds, 1)).await.expect("it works");
        store.expire().await.expect("it works");
    }
    let moved = longhaul_testkit::MemoryStore::new(std::sync::Arc::new(postgres.clock.clone()));
    let delete = format!("DELETE FROM {}.enqueued WHERE refused IS NOT NULL", postgres.schema.0);
    client().await.batch_execute(&delete).await.expect("it works");
    migrate_everything(store, &moved).await;
    migrate_everything(&moved, store).await;
    store.leave(server).await.expect("it works");
    for n in 3..8 {
        let dies = server_id(now, n);
        let request = ClaimRequest::new(dies, [support("plain", 1)].into(), 4);
        store.claim(request).await.expect("it works");
        store.declare_dead(dies, "it was killed").await.expect("it works");
    }
    let waiting = ClaimRequest { wait: true, ..ClaimRequest::new(server_id(now, 20), [support("other", 1)].into(), 1) };
    let waits = tokio::spawn({
        let store = store.clone();
        async move { store.claim(waiting).await }
    });
    tokio::task::yield_now().await;
    store.insert(vec![new_run(now, "other", 901)]).await.expect("it works");
    assert_eq!(waits.await.expect("no panic").expect("it works").len(), 1);
    let ordered = Some(Ordered { key, after_failure: AfterFailure::Stop });
    let ordered = Constraints { ordered, ..Constraints::none().clone() };
    let runs = (910..913).map(|n| NewRun { constraints: Some(ordered.clone().into()), ..new_run(now, "ordered", n) });
    store.insert(runs.collect()).await.expect("it works");
    let request = ClaimRequest::new(server_id(now, 21), [support("ordered", 1)].into(), 4);
    let head = store.claim(request.clone()).await.expect("it works").remove(0);
    let Ending::Failed { failure, .. } = failed("no", 1, now) else { unreachable!("it is a failure") };
    let ending = Ending::Failed { failure, retry_after: None, permanent: true };
    store.settle(vec![settlement(&head, ending)]).await.expect("it works");
    store.explain(run_id(now, 911)).await.expect("it is there");
    let from = longhaul_core::store::RetryFrom::TheStart;
    let retry = Retry { id: head.run.id, successor: run_id(now, 920), from, by: Actor::UNKNOWN };
    store.retry(retry).await.expect("it is final");
    store.delete(run_id(now, 920)).await.expect("it does not run");
    assert_eq!(store.claim(request).await.expect("it works")[0].run.id, run_id(now, 911));
}

/// All that a store holds, and a key that outlives its run.
async fn migrate_everything(from: &dyn CopyStore, to: &dyn CopyStore) {
    let mut next = None;
    loop {
        let page = from.copy_out(next).await.expect("it works");
        to.copy_in(page.items).await.expect("it works");
        match page.next {
            Some(after) => next = Some(after),
            None => break,
        }
    }
    let (kind, key) = (Kind::new("plain").expect("a kind"), Key::new("gone").expect("a key"));
    let (run, state, until) = (run_id(Timestamp::EPOCH, 1), StateKind::Completed, Timestamp::MAX);
    to.copy_in(vec![CopyItem::Key(RemovedKey { kind, key, run, state, until })]).await.expect("it works");
}

/// Statements that count, and so read all that they count.
fn counts(statement: &str) -> bool {
    statement.contains("count(*) FROM") && statement.contains("coalesce") || statement.contains("$6 OR NOT r.retried")
}

/// The indexes of runs, each with its first column: a condition on the others alone reads all of it.
const INDEXES: [(&str, &str); 4] =
    [("run_pkey", "id"), ("run_due", "lane"), ("run_deadline", "deadline"), ("run_seen", "seen")];

fn begins_with_its_first_column(index: &str, details: &[&String]) -> bool {
    let (_, first) = INDEXES.iter().find(|(name, _)| index.contains(name)).expect("it is an index of the runs");
    let begins = [format!("({first} "), format!("ROW({first},")];
    details.iter().any(|line| line.contains("Index Cond:") && begins.iter().any(|begin| line.contains(begin)))
}

/// The nodes of a plan that walk the runs or an index of theirs as a whole.
fn walks(plan: &[String]) -> Vec<String> {
    let on_runs = |line: &str| line.contains(" on run ") || line.contains(" on run_") || line.ends_with(" on run");
    let mut found = Vec::new();
    for (at, line) in plan.iter().enumerate() {
        let is_scan = line.contains("Seq Scan")
            || line.contains("Index Scan")
            || line.contains("Index Only Scan")
            || line.contains("Bitmap Index Scan");
        if !is_scan || !on_runs(line) {
            continue;
        }
        let details: Vec<&String> = plan[at + 1..].iter().take_while(|line| !line.contains("->")).collect();
        if line.contains("Seq Scan") || !begins_with_its_first_column(line, &details) {
            found.push(line.trim().to_owned());
        }
    }
    found
}

async fn plans_walk_nothing(postgres: &Postgres, statistics: &str) {
    let client = client().await;
    client.batch_execute("SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off").await.expect("it works");
    let statements = postgres.store.statements();
    assert!(statements.len() > 50, "{} statements are too few to be all", statements.len());
    let mut found = Vec::new();
    for (nth, statement) in statements.iter().enumerate() {
        // A stream has no plan.
        if counts(statement) || statement.starts_with("COPY ") {
            continue;
        }
        client.batch_execute(&format!("PREPARE s{nth} AS {statement}")).await.expect("it can be prepared");
        let parameters = (1..=99).rev().find(|n| statement.contains(&format!("${n}"))).unwrap_or(0);
        let nulls = vec!["NULL"; parameters].join(", ");
        let nulls = if parameters == 0 { nulls } else { format!("({nulls})") };
        let rows = client.query(&format!("EXPLAIN EXECUTE s{nth}{nulls}"), &[]).await.expect("it can be explained");
        let plan: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        let walks = walks(&plan);
        if !walks.is_empty() {
            found.push(format!("{walks:#?}\n{statement}\n{}", plan.join("\n")));
        }
    }
    assert!(found.is_empty(), "with {statistics} statistics: {}", found.join("\n\n"));
}

#[tokio::test]
async fn no_statement_walks_the_runs_whatever_the_statistics_say() {
    let postgres = postgres().await;
    do_everything(&postgres).await;
    let (client, schema) = (client().await, &postgres.schema.0);
    client.batch_execute(&format!("TRUNCATE {schema}.run; ANALYZE {schema}.run")).await.expect("it works");
    plans_walk_nothing(&postgres, "empty").await;
    // Many rows, of which the statistics know nothing.
    let now = postgres.now();
    for batch in 0..20 {
        let runs = (0..1000).map(|n| new_run(now, "plain", 10_000 + batch * 1000 + n)).collect();
        postgres.store.insert(runs).await.expect("it works");
    }
    plans_walk_nothing(&postgres, "stale").await;
    client.batch_execute(&format!("ANALYZE {schema}.run")).await.expect("it works");
    plans_walk_nothing(&postgres, "fresh").await;
}

#[tokio::test]
async fn a_plan_that_reads_all_that_wait_is_seen() {
    let (postgres, client) = (postgres().await, client().await);
    let schema = &postgres.schema.0;
    client.batch_execute("SET enable_seqscan = off").await.expect("it works");
    let plan = async |condition: &str| -> Vec<String> {
        let count = format!("EXPLAIN SELECT count(*) FROM {schema}.run WHERE due IS NOT NULL AND {condition}");
        client.query(&count, &[]).await.expect("it works").iter().map(|row| row.get(0)).collect()
    };
    assert_eq!(walks(&plan("due <= 7").await).len(), 1);
    assert_eq!(walks(&plan("lane = 1 AND due <= 7").await), [""; 0]);
}

#[tokio::test]
async fn a_list_of_what_runs_does_not_walk_over_all_runs() {
    let postgres = postgres().await;
    let filter = Filter { states: vec![StateKind::Running], ..Filter::default() };
    for order in [ListOrder::OldestFirst, ListOrder::NewestFirst] {
        let request = PageRequest { filter: filter.clone(), order, after: None, limit: 10 };
        postgres.store.list(request.clone()).await.expect("it works");
        postgres.store.list_headers(request).await.expect("it works");
    }
    let statements = postgres.store.statements();
    assert_eq!(statements.iter().filter(|statement| statement.contains("claim_page")).count(), 4);
    assert!(!statements.iter().any(|statement| statement.contains("run r WHERE r.id")), "{statements:#?}");
}

#[tokio::test]
async fn rows_of_counts_are_added_up_by_sweeps_and_by_whoever_reads_many() {
    let postgres = postgres().await;
    let (store, schema) = (&postgres.store, &postgres.schema.0);
    let rows = async || {
        let count =
            format!("SELECT (SELECT count(*) FROM {schema}.state_count), (SELECT count(*) FROM {schema}.due_count)");
        let row = client().await.query_one(&count, &[]).await.expect("it works");
        [0, 1].map(|at| row.get::<_, i64>(at))
    };
    // Half of them are due in a second, the others in an hour.
    for n in 0..300 {
        let after = Duration::from_secs(if n % 2 == 0 { 1 } else { 3600 });
        let new = NewRun { due: Some(longhaul_core::run::Due::After(after)), ..new_run(postgres.now(), "plain", n) };
        store.insert(vec![new]).await.expect("it works");
    }
    postgres.clock.advance(Duration::from_secs(2));
    assert_eq!(rows().await, [300, 600]);
    let due = async || store.queues().await.expect("it works").iter().map(|depth| depth.due).collect::<Vec<_>>();
    assert_eq!(due().await, [150]);
    store.sweep(Retentions::from(Retention::all(Duration::MAX)), 100).await.expect("it works");
    // One, and one for each that is yet to be due.
    assert_eq!((rows().await, due().await), ([1, 151], vec![150]));
    postgres.clock.advance(Duration::from_secs(3600));
    assert_eq!(due().await, [300]);

    let many =
        format!("INSERT INTO {schema}.state_count SELECT 'plain', 'default', 4, 1 FROM generate_series(1, 9000)");
    client().await.batch_execute(&many).await.expect("it works");
    let completed = Filter { states: vec![StateKind::Completed], ..Filter::default() };
    assert_eq!((store.count(completed.clone()).await, rows().await[0]), (Ok(9000), 2));
    assert_eq!((store.count(completed).await, due().await), (Ok(9000), vec![300]));
}

#[tokio::test]
async fn nothing_is_asked_that_other_engines_do_not_have() {
    let postgres = postgres().await;
    do_everything(&postgres).await;
    let schema = &postgres.schema.0;
    let tables = client().await.query("SELECT tablename FROM pg_tables WHERE schemaname = $1", &[schema]).await;
    let tables: Vec<String> = tables.expect("it works").iter().map(|row| row.get(0)).collect();
    assert!(tables.len() > 15, "{tables:?}");
    for statement in postgres.store.statements() {
        let words = [
            "SKIP LOCKED",
            "NOWAIT",
            "advisory",
            "LISTEN",
            "NOTIFY",
            "TEMP ",
            "WITH HOLD",
            "ctid",
            "xmin",
            "txid",
            "nextval",
            "pg_",
            "LOCK TABLE",
            "TRUNCATE",
        ];
        for word in words {
            assert!(!statement.contains(word), "{word}: {statement}");
        }
        for table in &tables {
            let changes = ["UPDATE ", "INSERT INTO ", "DELETE FROM "].map(|change| {
                let change = format!("{change}\"{schema}\".{table}");
                statement.matches(&change).count() - statement.matches(&format!("{change}_")).count()
            });
            assert!(changes.iter().sum::<usize>() <= 1, "{table} is changed twice: {statement}");
        }
    }
}

#[tokio::test]
async fn nothing_is_indexed_that_a_checkpoint_or_a_completion_changes() {
    let postgres = postgres().await;
    let indexes = client()
        .await
        .query("SELECT indexdef FROM pg_indexes WHERE schemaname = $1 AND tablename = 'run'", &[&postgres.schema.0])
        .await
        .expect("it works");
    assert_eq!(indexes.len(), 4);
    for row in indexes {
        let index: String = row.get(0);
        let columns = index.split_once('(').expect("it has columns").1;
        let words: BTreeSet<&str> = columns.split(|at: char| !at.is_alphanumeric()).collect();
        for changed in ["state", "epoch", "settled", "asked", "page", "since", "revision", "rec", "exec", "ended"] {
            assert!(!words.contains(changed), "{changed} is in {index}");
        }
    }
}

#[tokio::test]
async fn a_claim_changes_the_row_of_the_gate() {
    let postgres = postgres().await;
    let (client, gate) = (client().await, format!("SELECT turn FROM {}.gate", postgres.schema.0));
    let turn = async || client.query_one(&gate, &[]).await.expect("it is there").get::<_, i64>(0);
    let before = turn().await;
    let request = ClaimRequest::new(server_id(postgres.now(), 1), [support("plain", 1)].into(), 1);
    postgres.store.claim(request).await.expect("it works");
    assert_eq!(turn().await, before + 1);
}
