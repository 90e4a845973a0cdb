//! An export that an end user watches: enqueue it, poll how far it is by its id, fetch the typed result.
//!
//! `cargo run -p longhaul-examples --example csv_export`
//!
//! The halves share nothing but the store and the run's id: in a web application, enqueueing is a handler that answers
//! with the id, and polling is one that is asked with it; both may run in processes that execute nothing.

use std::{fmt::Write, fs::OpenOptions, io::Seek, path::PathBuf, sync::Arc};

use longhaul::{AnyError, Client, Context, ExecutionResult, Longhaul, Progress, RunId, Success, Task};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

/// What is asked.
#[derive(Debug, Serialize, Deserialize)]
struct Export {
    customers: u32,
    to: PathBuf,
}

/// How far it is: all that a resumed attempt needs.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Cursor {
    rows: u32,
    bytes: u64,
}

/// What it comes to.
#[derive(Debug, Serialize, Deserialize)]
struct Summary {
    rows: u32,
    bytes: u64,
}

struct ExportCsv {
    /// Lets the export go on page by page, so that this example prints the same on every machine.
    looked: Arc<Semaphore>,
}

/// Rows between two checkpoints.
const PAGE: u32 = 250;

impl Task for ExportCsv {
    const NAME: &'static str = "export-csv";
    type Metadata = Export;
    type ExecutionMetadata = Cursor;
    type Output = Summary;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<Export, Cursor>) -> ExecutionResult<Summary, AnyError> {
        let Export { customers, to } = ctx.metadata();
        ctx.progress().step("exporting customers");
        while ctx.read(|cursor| cursor.rows) < *customers {
            let (from, at) = ctx.read(|cursor| (cursor.rows, cursor.bytes));
            let rows = PAGE.min(customers - from);
            let page = page(from, rows);
            // What a crash left behind the last checkpoint is cut off, so that writing it again is harmless.
            let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(to)?;
            file.set_len(at)?;
            file.seek(std::io::SeekFrom::End(0))?;
            std::io::Write::write_all(&mut file, page.as_bytes())?;
            file.sync_data()?;
            ctx.update(|cursor| *cursor = Cursor { rows: from + rows, bytes: at + page.len() as u64 });
            ctx.progress().set((from + rows).into(), u64::from(*customers)).message("you may close this page");
            ctx.checkpoint().await?; // durable when it returns; `?`: told to stop
            ctx.until_stopped(self.looked.acquire()).await??.forget();
        }
        Success::with_result(ctx.read(|Cursor { rows, bytes }| Summary { rows: *rows, bytes: *bytes })).for_error()
    }
}

fn page(from: u32, rows: u32) -> String {
    (from..from + rows).fold(String::new(), |mut page, n| {
        writeln!(page, "{n},customer {n},{}", n % 7).expect("a string takes all");
        page
    })
}

/// `POST /exports`: answers the id.
async fn export(client: &Client, to: PathBuf) -> Result<RunId, AnyError> {
    let run = client.enqueue::<ExportCsv>(Export { customers: 1000, to }).tag("customer", "ann").await?;
    Ok(run.id())
}

/// `GET /exports/{id}`: what a page shows.
async fn look(client: &Client, id: RunId) -> Result<Progress, AnyError> {
    Ok(client.run::<ExportCsv>(id).status().await?.progress())
}

/// `GET /exports/{id}/result`: waits for it.
async fn result(client: &Client, id: RunId) -> Result<Option<Summary>, AnyError> {
    Ok(client.run::<ExportCsv>(id).outcome().await?.completed())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let looked = Arc::new(Semaphore::new(0));
    let server = Longhaul::builder()
        .store(longhaul::open(folder.path().join("store"))?)
        .task(ExportCsv { looked: looked.clone() })
        .start()?;
    let client = server.client();

    let to = folder.path().join("customers.csv");
    let id = export(&client, to.clone()).await.map_err(|error| error.to_string())?;
    let mut told = client.run::<ExportCsv>(id).progress();
    let mut shown = 0;
    while told.next().await?.is_some() {
        let Progress { step, done, total, message, .. } = look(&client, id).await.map_err(|error| error.to_string())?;
        // A look may see more than what woke it; the next one then sees nothing new.
        if let Some(total) = total.filter(|_| done > shown) {
            println!("{step}: {} % ({done} of {total}), {message}", 100 * done / total);
            shown = done;
            looked.add_permits(1);
        }
    }
    let summary = result(&client, id).await.map_err(|error| error.to_string())?.ok_or("it did not complete")?;
    println!("{} rows, {} bytes; the file has {}", summary.rows, summary.bytes, std::fs::metadata(&to)?.len());
    server.shutdown(std::time::Duration::from_secs(5)).await;
    Ok(())
}
