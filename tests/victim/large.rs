//! Many runs with much execution metadata.

use std::{error::Error, time::Duration};

use longhaul::{Context, EmptyError, ExecutionResult, Longhaul, Retention, Success, Task, store_api::store::Filter};
use serde::{Deserialize, Serialize};

use crate::say::say;

/// What the field calls large: a page of a table, a list of what is done.
const SIZE: usize = 100 * 1024;
const CHECKPOINTS: u64 = 10;

#[derive(Default, Serialize, Deserialize)]
struct Heavy {
    nth: u64,
    ballast: Vec<u8>,
}

struct Carry;

impl Task for Carry {
    const NAME: &'static str = "carry";
    type Metadata = u64;
    type ExecutionMetadata = Heavy;
    type Output = u64;
    type Error = EmptyError;

    async fn execute(&self, ctx: &Context<u64, Heavy>) -> ExecutionResult<u64, EmptyError> {
        while ctx.read(|heavy| heavy.nth) < CHECKPOINTS {
            ctx.update(|heavy| {
                heavy.nth += 1;
                let nth = heavy.nth as usize;
                heavy.ballast = (0..SIZE).map(|at| (at * nth) as u8).collect();
            });
            ctx.checkpoint().await?;
        }
        Success::with_result(ctx.read(|heavy| heavy.ballast.iter().map(|&byte| u64::from(byte)).sum())).for_error()
    }
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or_default()
}

pub(crate) async fn large(folder: &str, count: u64) -> Result<(), Box<dyn Error>> {
    let server = Longhaul::builder()
        .store(longhaul::open(folder)?)
        .task(Carry)
        .concurrency(16)
        .retention(Retention::all(Duration::ZERO))
        .start()?;
    let client = server.client();
    let runs = client.enqueue_all::<Carry>(0..count).await?;
    let expected = (0..SIZE).map(|at| (at * CHECKPOINTS as usize) as u8).map(u64::from).sum();
    let store = client.store();
    for (nth, run) in runs.into_iter().enumerate() {
        // One that is gone already has ended well: only that lets go of it here.
        match run.outcome().await {
            Ok(outcome) => assert_eq!(outcome.completed(), Some(expected)),
            Err(longhaul::OutcomeError::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
        // The server looks once a minute, by which time a thousand runs may lie about: the folder would be as large as
        // they are, many times over.
        if nth % 16 == 0 {
            store.sweep(Retention::all(Duration::ZERO).into(), 100).await?;
        }
    }
    while store.sweep(Retention::all(Duration::ZERO).into(), 100).await?.removed > 0 {}
    say!("left {} resident {}", store.count(Filter::default()).await?, resident_kib());
    server.shutdown(Duration::from_secs(5)).await;
    say!("ended");
    Ok(())
}
