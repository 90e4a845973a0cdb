//! The ends of runs, one after the other, from where somebody stopped reading.

use std::{collections::VecDeque, fmt};

use longhaul_core::{
    StoreError,
    limits::PAGE_MAX,
    store::{EndedCursor, EndedError, EndedRequest, EndedRun},
};

use super::Client;

/// The runs that ended, in the order in which their ends were kept. See [`Client::ended`].
///
/// ```
/// # use longhaul::{doc::{Count, CountUp}, Client, testing};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
/// use longhaul::{EndedCursor, StateKind};
///
/// let run = client.enqueue::<CountUp>(Count { to: 3 }).await?;
/// run.cancel().because("the order was withdrawn").await?;
///
/// let mut ended = client.ended(EndedCursor::START); // or `text.parse()?` of what was kept before
/// let first = ended.next().await?;
/// assert_eq!((first.id, first.state), (run.id(), StateKind::Cancelled));
/// let keep = first.cursor.to_string(); // with what was done about it, in one transaction if you can
/// # assert_eq!(keep.parse(), Ok(first.cursor));
/// # Ok(())
/// # }
/// ```
pub struct EndedRuns {
    client: Client,
    cursor: EndedCursor,
    read: VecDeque<EndedRun>,
}

impl fmt::Debug for EndedRuns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EndedRuns({})", self.cursor)
    }
}

/// Why no run that ended was told.
///
/// ```
/// use longhaul::EndedRunsError;
///
/// assert!(EndedRunsError::ShuttingDown.to_string().contains("shuts down"));
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EndedRunsError {
    /// Runs that ended after the cursor were removed before they were read: by retention, if the reader was away for
    /// longer than runs are kept, or by hand. The next call goes on with what is left.
    #[error("runs that ended were removed before they were read; the next call goes on with what is left")]
    Overtaken,
    /// The server that this client is of shuts down. Go on from the last cursor in the next process.
    #[error("the server shuts down; go on from the last cursor in the next process")]
    ShuttingDown,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl EndedRuns {
    pub(super) fn new(client: Client, after: EndedCursor) -> Self {
        Self { client, cursor: after, read: VecDeque::new() }
    }

    /// The next run that ended, as soon as there is one. Keep its cursor when you have dealt with it.
    ///
    /// Cancel safe. After an error it may be called again.
    pub async fn next(&mut self) -> Result<EndedRun, EndedRunsError> {
        let stopping = self.client.inner.life.stopping.clone();
        while self.read.is_empty() {
            let request = EndedRequest { after: self.cursor, limit: PAGE_MAX, wait: true };
            let page = tokio::select! {
                biased;
                page = self.client.store().ended(request) => page,
                () = stopping.cancelled() => return Err(EndedRunsError::ShuttingDown),
            };
            match page {
                Ok(page) => {
                    for damaged in &page.damaged {
                        tracing::error!(run.id = %damaged.id, why = %damaged.why, "a run that ended cannot be read");
                    }
                    self.cursor = page.next;
                    self.read.extend(page.runs);
                }
                Err(EndedError::Overtaken { resume }) => {
                    self.cursor = resume;
                    return Err(EndedRunsError::Overtaken);
                }
                Err(EndedError::Store(StoreError::Closed)) if stopping.is_cancelled() => {
                    return Err(EndedRunsError::ShuttingDown);
                }
                Err(EndedError::Store(error)) => return Err(error.into()),
            }
        }
        Ok(self.read.pop_front().expect("it is not empty"))
    }
}
