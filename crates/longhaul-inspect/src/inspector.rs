//! Over a client.

use longhaul::{Client, StoreError, Timestamp, Views};

/// Shows what a store has, and acts on it. Cheap to clone.
///
/// ```
/// use longhaul_inspect::{Inspector, RunQuery};
/// # use longhaul::{Client, testing};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
/// let inspector = Inspector::new(client);
/// let query = RunQuery::parse("state=failed&kind=export&from=1d")?;
/// assert!(inspector.runs(&query).await?.runs.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Inspector {
    client: Client,
    /// Whether names of queues and kinds are taken that nobody knows.
    pub(crate) takes_new_names: bool,
}

impl Inspector {
    /// Shows what this client sees, with the [views](Client::views) that it has.
    pub const fn new(client: Client) -> Self {
        Self { client, takes_new_names: false }
    }

    /// Also pauses and limits queues and kinds that nothing has used yet. Without this, their names are taken for slips.
    #[must_use]
    pub fn with_new_names(self) -> Self {
        Self { takes_new_names: true, ..self }
    }

    /// The client.
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// What can be enqueued here: the kinds whose code is here, and those that the store knows with a form.
    pub(crate) async fn views(&self) -> Result<Views, StoreError> {
        Ok(self.client.views().clone().stored(self.client.kinds().await?))
    }

    /// The time of the store.
    pub fn now(&self) -> Timestamp {
        self.client.store().clock().now()
    }
}
