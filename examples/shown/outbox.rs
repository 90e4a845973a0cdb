//! An outbox beside a folder: what follows from the end of each run is in the program's own database exactly once, though
//! the process that writes it is killed again and again.
//!
//! `./scripts/postgres run -- cargo run -p longhaul-examples --example outbox -- 5`
//!
//! Or with a database of your own in `DATABASE_URL`. The number says how often it is killed. Runs are in a folder, mails are
//! in PostgreSQL; the place up to which ends were read is written in one transaction with the mail.

use std::{
    collections::BTreeSet,
    env,
    error::Error,
    hash::{BuildHasher, RandomState},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use longhaul::{
    AnyError, Client, Context, EndedCursor, ExecutionResult, Failure, Longhaul, RetryPolicy, StateKind, Success, Task,
    UniqueKey, postgres::tokio_postgres,
};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio_postgres::NoTls;

type Done = Result<(), Box<dyn Error>>;

/// Ships an order; each tenth is sold out.
struct Ship;

impl Task for Ship {
    const NAME: &'static str = "ship";
    type Metadata = u64;
    type ExecutionMetadata = ();
    type Output = ();
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<u64, ()>) -> ExecutionResult<(), AnyError> {
        if ctx.metadata().is_multiple_of(10) {
            return Failure::for_empty_result().permanently().with_error(AnyError::msg("sold out"));
        }
        Success::with_empty_result().for_error()
    }
}

/// Writes a mail for each end, with the place of that end, for as long as the process lives.
async fn write_mails(client: &Client, mut database: tokio_postgres::Client) -> Done {
    let mut place: String = database.query_one("SELECT place FROM outbox.reader", &[]).await?.get(0);
    let mut ended = client.ended(if place.is_empty() { EndedCursor::START } else { place.parse()? });
    loop {
        let run = ended.next().await?;
        let subject = if run.state == StateKind::Completed { "it is on its way" } else { "we are sorry" };
        let next = run.cursor.to_string();
        let tx = database.transaction().await?;
        tx.execute("INSERT INTO outbox.mail VALUES ($1, $2)", &[&run.id.to_string(), &subject]).await?;
        // Of two readers that began at one place, one goes on.
        let moved = "UPDATE outbox.reader SET place = $1 WHERE place = $2";
        if tx.execute(moved, &[&next, &place]).await? == 0 {
            return Err("somebody else reads the ends of these runs".into());
        }
        tx.commit().await?; // `?`: nobody knows whether it was committed; the next reader begins where it says
        place = next;
        println!("{place}");
    }
}

/// What the process does that is killed.
async fn serve(folder: &str, orders: u64) -> Done {
    let server = Longhaul::builder().store(longhaul::open(folder)?).task(Ship).start()?;
    let client = server.client();
    let enqueue = async {
        for n in 0..orders {
            // Once, in whichever process.
            let once = UniqueKey::new(format!("order {n}")).for_period(Duration::from_secs(24 * 60 * 60));
            client.enqueue::<Ship>(n).unique(once).retry(RetryPolicy::default().crashes(10_000)).await?;
        }
        Ok(())
    };
    tokio::try_join!(enqueue, async { write_mails(&client, connect().await?).await })?;
    Ok(())
}

async fn connect() -> Result<tokio_postgres::Client, tokio_postgres::Error> {
    let url = env::var("DATABASE_URL").unwrap_or_else(|_| "host=localhost user=postgres".into());
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
    tokio::spawn(async move { drop(connection.await) });
    Ok(client)
}

/// Starts the process, kills it some time after it wrote a mail (`kill -9`), and answers how many mails there are.
async fn kill_one(
    folder: &Path,
    orders: u64,
    database: &tokio_postgres::Client,
    last: bool,
) -> Result<i64, Box<dyn Error>> {
    let mut command = tokio::process::Command::from(Command::new(env::current_exe()?));
    command.arg("serve").arg(folder).arg(orders.to_string()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn()?;
    let mut lines = BufReader::new(child.stdout.take().ok_or("its output is piped")?).lines();
    let count =
        async || Ok::<i64, Box<dyn Error>>(database.query_one("SELECT count(*) FROM outbox.mail", &[]).await?.get(0));
    lines.next_line().await?.ok_or("it ended by itself")?;
    if last {
        while count().await? < orders as i64 {
            lines.next_line().await?.ok_or("it ended by itself")?;
        }
    } else {
        let moment = Duration::from_micros(RandomState::new().hash_one(folder) % 20_000);
        #[expect(clippy::disallowed_methods, reason = "a random moment, to be killed at")]
        tokio::time::sleep(moment).await;
    }
    child.kill().await?;
    count().await
}

#[tokio::main]
async fn main() -> Done {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [serve_it, folder, orders] = &arguments[..]
        && serve_it == "serve"
    {
        return serve(folder, orders.parse()?).await;
    }
    let kills: u64 = arguments.first().map_or(Ok(3), |kills| kills.parse())?;
    let (database, folder) = (connect().await?, tempfile::tempdir()?);
    database
        .batch_execute(
            "DROP SCHEMA IF EXISTS outbox CASCADE; CREATE SCHEMA outbox; \
             CREATE TABLE outbox.mail (run text NOT NULL, subject text NOT NULL); \
             CREATE TABLE outbox.reader (place text NOT NULL); INSERT INTO outbox.reader VALUES ('')",
        )
        .await?;
    let orders = 300 + kills * 200;
    for _ in 0..kills {
        kill_one(folder.path(), orders, &database, false).await?;
    }
    println!("killed {kills} times, at random moments");
    kill_one(folder.path(), orders, &database, true).await?;

    let rows = database.query("SELECT run, subject FROM outbox.mail ORDER BY run", &[]).await?;
    let mails: Vec<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let runs: BTreeSet<&String> = mails.iter().map(|(run, _)| run).collect();
    assert_eq!((runs.len(), mails.len()), (orders as usize, orders as usize), "one mail for each run");
    let sorry = mails.iter().filter(|(_, subject)| subject == "we are sorry").count();
    println!("{orders} orders ended, each has one mail, and {sorry} are sorry");
    Ok(())
}
