//! Reading what the attempts of a run said.

use std::{future::IntoFuture, pin::Pin};

use longhaul_core::{Log, LogRequest, RunId, store::GetError};

use super::{Client, RunHandle};
use crate::task::TaskTypes;

/// Reads the log of a run; await it. Of its latest attempt that said something, unless told otherwise.
///
/// A server keeps it if it was given [`RunLogs`](https://docs.rs/longhaul/latest/longhaul/struct.RunLogs.html) (feature
/// `logs`); reading needs no feature.
///
/// ```
/// # use longhaul::{doc::{Count, CountUp}, Client, testing};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
/// let run = client.enqueue::<CountUp>(Count { to: 3 }).await?;
/// let log = run.log().attempt(1).await?;
/// for line in &log.lines {
///     println!("{line}");
/// }
/// let more = run.log().attempt(1).from(log.next()).await?; // what came since
/// # assert!(more.lines.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is read until it is awaited"]
pub struct ReadLog {
    client: Client,
    request: LogRequest,
}

impl ReadLog {
    /// Of this attempt, numbered from 1.
    pub fn attempt(mut self, attempt: u32) -> Self {
        self.request.attempt = Some(attempt);
        self
    }

    /// From this line on, counted from 0. [`Log::next`] says where a reader goes on; if [`Log::first`] is above what was
    /// asked for, lines between them are not kept any more.
    pub fn from(mut self, line: u64) -> Self {
        self.request.from = line;
        self
    }
}

impl IntoFuture for ReadLog {
    type Output = Result<Log, GetError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.client.store().read_log(self.request).await })
    }
}

impl Client {
    /// What the attempts of a run said, of whatever kind it is. See [`ReadLog`].
    pub fn log(&self, id: RunId) -> ReadLog {
        ReadLog { client: self.clone(), request: LogRequest::of(id) }
    }
}

impl<T: TaskTypes> RunHandle<T> {
    /// What its attempts said. See [`ReadLog`].
    pub fn log(&self) -> ReadLog {
        self.client.log(self.id())
    }
}
