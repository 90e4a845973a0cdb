//! What a client asks for, with the reason and the name that go into the history.

use std::{fmt, future::IntoFuture, pin::Pin};

use longhaul_core::Actor;

type Answer<'a, O> = Pin<Box<dyn Future<Output = O> + Send + 'a>>;
type Ask<'a, O> = Box<dyn FnOnce(Option<Box<str>>, Actor) -> Answer<'a, O> + Send + 'a>;

/// Something that is about to be done to runs, a queue or a schedule: await it. Before that, say why and in whose name,
/// for the people who read the history later.
///
/// ```
/// # use longhaul::{doc::{Count, CountUp}, Client, testing};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
/// let run = client.enqueue::<CountUp>(Count { to: 3 }).await?;
/// run.cancel().because("the customer has left").acting_as("ann").await?;
/// assert_eq!(run.status().await?.cancel_reason(), Some("the customer has left"));
/// # Ok(())
/// # }
/// ```
///
/// # Cancel safety
/// When the future is dropped before it is ready, it is either done or not.
#[must_use = "nothing is done before this is awaited"]
pub struct Request<'a, O> {
    reason: Option<Box<str>>,
    by: Actor,
    send: Ask<'a, O>,
}

impl<'a, O> Request<'a, O> {
    pub(super) fn new<F>(by: &Actor, send: impl FnOnce(Option<Box<str>>, Actor) -> F + Send + 'a) -> Self
    where
        F: Future<Output = O> + Send + 'a,
    {
        let send = Box::new(move |reason, by| Box::pin(send(reason, by)) as Answer<'a, O>);
        Self { reason: None, by: by.clone(), send }
    }

    /// Says why, for people; at most 256 bytes are kept. An empty text says nothing.
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        self.reason = (!reason.is_empty()).then(|| reason.into());
        self
    }

    /// In the name of somebody, in place of the one that the [client](super::Client::acting_as) names. The name is cut to
    /// 128 bytes; nobody checks it.
    pub fn acting_as(mut self, name: &str) -> Self {
        self.by = Actor::named(name);
        self
    }
}

impl<O> fmt::Debug for Request<'_, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("reason", &self.reason).field("by", &self.by).finish_non_exhaustive()
    }
}

impl<'a, O> IntoFuture for Request<'a, O> {
    type Output = O;
    type IntoFuture = Answer<'a, O>;

    fn into_future(self) -> Self::IntoFuture {
        (self.send)(self.reason, self.by)
    }
}
