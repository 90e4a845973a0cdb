//! Transfers between accounts, each exactly once, though the process that makes them is killed again and again.
//!
//! `./scripts/postgres run -- cargo run -p longhaul-examples --example bank -- 5`
//!
//! Or with a database of your own in `DATABASE_URL`. The number says how often it is killed. Each transfer and the
//! checkpoint that counts it are one transaction of the task's own, and so are the statement at the end and the result.

use std::{
    env,
    error::Error,
    hash::{BuildHasher, RandomState},
    process::{Child, Command},
    sync::Arc,
    time::Duration,
};

use longhaul::{
    AnyError, Client, Context, ExecutionResult, Longhaul, RetryPolicy, Success, Task, TaskOptions,
    postgres::{ConnectError, Options, PostgresStore, tokio_postgres},
};
use tokio_postgres::NoTls;

const ACCOUNTS: i32 = 10;
const START: i64 = 1_000_000;

/// The transfer of this number: from, to, how much.
fn transfer(n: i32) -> (i32, i32, i64) {
    (n % ACCOUNTS, (n * 7 + 3) % ACCOUNTS, i64::from(n) + 1)
}

/// Makes this many transfers. Its execution metadata is how many are made.
struct Transfers {
    store: PostgresStore,
}

impl Task for Transfers {
    const NAME: &'static str = "transfers";
    type Metadata = i32;
    type ExecutionMetadata = i32;
    type Output = ();
    type Error = AnyError;

    fn options() -> TaskOptions {
        TaskOptions::default().retry(RetryPolicy::default().crashes(10_000))
    }

    async fn execute(&self, ctx: &Context<i32, i32>) -> ExecutionResult<(), AnyError> {
        let mut bank = connect().await?;
        while ctx.read(|made| made < ctx.metadata()) {
            let (from, to, amount) = transfer(ctx.read(|made| *made));
            let tx = bank.transaction().await?;
            // First: an attempt that has lost its claim ends here, and moves nothing.
            let checkpoint = ctx.checkpoint_in(&self.store, &tx, |made| *made += 1).await?;
            let add = "UPDATE bank.account SET amount = amount + $2 WHERE id = $1";
            tx.execute(add, &[&from, &-amount]).await?;
            tx.execute(add, &[&to, &amount]).await?;
            tx.execute("INSERT INTO bank.transfer VALUES ($1)", &[&ctx.read(|made| *made)]).await?;
            tx.commit().await?; // `?`: nobody knows whether it was committed, and the next attempt finds out
            checkpoint.committed()?;
            let made = ctx.read(|made| *made);
            ctx.progress().set(made as u64, *ctx.metadata() as u64);
        }
        let tx = bank.transaction().await?;
        let success = ctx.complete_in(&self.store, &tx, &()).await?;
        tx.execute("INSERT INTO bank.statement VALUES ($1)", &[ctx.metadata()]).await?;
        tx.commit().await?; // `?`: the end of the attempt finds out whether it was committed
        success.committed();
        Success::with_result(()).for_error()
    }
}

fn url() -> String {
    env::var("DATABASE_URL").unwrap_or_else(|_| "host=localhost user=postgres".into())
}

async fn connect() -> Result<tokio_postgres::Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(&url(), NoTls).await?;
    tokio::spawn(async move { drop(connection.await) });
    Ok(client)
}

async fn store() -> Result<PostgresStore, ConnectError> {
    PostgresStore::connect_with(&url(), Options::default().schema("bank_runs").poll(Duration::from_millis(100))).await
}

/// What the process does that is killed.
async fn serve() -> Result<(), Box<dyn Error>> {
    let store = store().await?;
    let task = Transfers { store: store.clone() };
    let server = Longhaul::builder().store(store).task(task).lease(Duration::from_secs(1)).start()?;
    server.run_until_signal().await?;
    Ok(())
}

struct Server(Child);

impl Server {
    fn start() -> Result<Self, std::io::Error> {
        Command::new(env::current_exe()?).arg("serve").spawn().map(Self)
    }
}

impl Drop for Server {
    /// `kill -9`.
    fn drop(&mut self) {
        if self.0.kill().is_ok() {
            _ = self.0.wait();
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let argument = env::args().nth(1);
    if argument.as_deref() == Some("serve") {
        return serve().await;
    }
    let kills: i32 = argument.map_or(Ok(3), |kills| kills.parse())?;
    let bank = connect().await?;
    bank.batch_execute(
        "DROP SCHEMA IF EXISTS bank CASCADE; CREATE SCHEMA bank; \
         CREATE TABLE bank.account (id int4 PRIMARY KEY, amount int8 NOT NULL); CREATE TABLE bank.transfer (n int4); \
         CREATE TABLE bank.statement (transfers int4)",
    )
    .await?;
    for id in 0..ACCOUNTS {
        bank.execute("INSERT INTO bank.account VALUES ($1, $2)", &[&id, &START]).await?;
    }
    // More than can be made before the last kill.
    let transfers = 300 + kills * 200;
    let client = Client::new(Arc::new(store().await?));
    let run = client.enqueue::<Transfers>(transfers).await?;

    let mut progress = run.progress();
    let mut made = 0;
    for n in 0..kills {
        let server = Server::start()?;
        while progress.next().await?.ok_or("it ended before the last kill")?.done <= made {}
        made = run.status().await?.progress().done;
        let moment = RandomState::new().hash_one(n) % 100;
        #[expect(clippy::disallowed_methods, reason = "a random moment, to be killed at")]
        tokio::time::sleep(Duration::from_millis(moment)).await;
        drop(server);
    }
    println!("killed {kills} times, at random moments");

    let server = Server::start()?;
    run.outcome().await?.completed().ok_or("it did not complete")?;
    drop(server);
    let twice_or_never = bank
        .query_one("SELECT count(DISTINCT n) = $1 AND count(*) = $1 FROM bank.transfer", &[&i64::from(transfers)])
        .await?;
    assert!(twice_or_never.get::<_, bool>(0), "each transfer was made once");
    let statements = bank.query("SELECT transfers FROM bank.statement", &[]).await?;
    assert_eq!(statements.iter().map(|row| row.get(0)).collect::<Vec<i32>>(), [transfers], "one statement was made");
    for row in bank.query("SELECT id, amount FROM bank.account", &[]).await? {
        let (id, amount): (i32, i64) = (row.get(0), row.get(1));
        let moved = (0..transfers).map(transfer).map(|(from, to, amount)| {
            let of = |account| if account == id { amount } else { 0 };
            of(to) - of(from)
        });
        assert_eq!(amount, START + moved.sum::<i64>(), "of account {id}");
    }
    println!("{transfers} transfers were made, each exactly once, and every amount is right");
    Ok(())
}
