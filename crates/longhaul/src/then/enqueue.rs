//! A run to be enqueued together with what follows it.

use std::{fmt, future::IntoFuture, pin::Pin};

use longhaul_core::{NewRun, RunId};

use super::{Chain, Step, new_follower};
use crate::{
    children::{ChildOf, insert_children},
    client::{Client, Enqueue, EnqueueError, RunHandle},
    task::TaskDefinition,
};

/// A run to be enqueued with its continuations: await it. Made by [`Enqueue::then`].
///
/// ```
/// use longhaul::{Client, Continuation, EnqueueError, doc::{Count, CountUp}};
///
/// const TWICE: Continuation<CountUp, CountUp> = Continuation::new("twice");
///
/// async fn enqueue(client: &Client) -> Result<(), EnqueueError> {
///     client.enqueue::<CountUp>(Count { to: 3 }).priority(1).then(TWICE.then(TWICE)).await?;
///     Ok(())
/// }
/// ```
#[must_use = "nothing is enqueued before this is awaited"]
pub struct EnqueueThen<A: TaskDefinition, C = Client> {
    first: Enqueue<A, C>,
    chains: Vec<Vec<Step<String>>>,
}

impl<A: TaskDefinition, C> fmt::Debug for EnqueueThen<A, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnqueueThen").field("chains", &self.chains).finish_non_exhaustive()
    }
}

impl<A: TaskDefinition, T> Chain<A, T> {
    fn owned(self) -> Vec<Step<String>> {
        self.steps.into_iter().map(Step::owned).collect()
    }
}

impl<A: TaskDefinition, C> Enqueue<A, C> {
    /// Followed by a run of another task, whose metadata is made from what this run was asked and how it ended, by the
    /// mapping of that name ([`Builder::then`](crate::Builder::then)). It comes last, after all that is to be said of this
    /// run. See [`Continuation`](crate::Continuation) for an example, and the guide, "Runs of runs".
    ///
    /// When the run is enqueued, so is its continuation. A run with a [unique key](Enqueue::unique), and a child, come first:
    /// if the process is killed right after that, enqueueing it again adds what is missing. If the key gives a run that is
    /// there, that one is followed, once for each name.
    pub fn then<T: TaskDefinition>(self, continuation: impl Into<Chain<A, T>>) -> EnqueueThen<A, C> {
        EnqueueThen { first: self, chains: vec![continuation.into().owned()] }
    }
}

impl<A: TaskDefinition, C> EnqueueThen<A, C> {
    /// Followed by another run besides. What is to follow that one is a [chain](crate::Continuation::then).
    pub fn then<T: TaskDefinition>(mut self, continuation: impl Into<Chain<A, T>>) -> Self {
        self.chains.push(continuation.into().owned());
        self
    }

    /// Of a chain that was kept.
    pub(super) fn kept(first: Enqueue<A, C>, chain: Vec<Step<String>>) -> Self {
        Self { first, chains: vec![chain] }
    }
}

impl<A: TaskDefinition> RunHandle<A> {
    /// Has the run followed by another, as [`Enqueue::then`] does, if it is not yet: a name is one continuation of a run. If
    /// the run is final, the other follows at once.
    ///
    /// # Errors
    /// As [`Client::enqueue`].
    ///
    /// # Cancel safety
    /// When the future is dropped before it is ready, the continuation is either enqueued or not; asking again is harmless.
    pub async fn then<T: TaskDefinition>(&self, continuation: impl Into<Chain<A, T>>) -> Result<(), EnqueueError> {
        let chain = continuation.into().owned();
        insert_children(self.client(), vec![new_follower(self.client(), self.id(), &chain)?]).await
    }
}

fn followers(client: &Client, of: RunId, chains: &[Vec<Step<String>>]) -> Result<Vec<NewRun>, EnqueueError> {
    chains.iter().map(|chain| new_follower(client, of, chain)).collect()
}

impl<A: TaskDefinition> IntoFuture for EnqueueThen<A> {
    type Output = Result<RunHandle<A>, EnqueueError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { first, chains } = self;
        let client = first.as_via().clone();
        Box::pin(async move {
            let prepared = first.prepare()?;
            if prepared.new_run().constraints().unique.is_some() {
                let run = prepared.send(&client).await?.run();
                insert_children(&client, followers(&client, run.id(), &chains)?).await?;
                return Ok(run);
            }
            // In one call, and what follows first: where that is cut in two, a continuation may be there without its run,
            // and ends when it finds that, but no run is there without its continuation.
            let mut new = followers(&client, prepared.id(), &chains)?;
            new.push(prepared.new_run().clone());
            let mut answers = client.store().insert(new).await?;
            let inserted = answers.pop().expect("one answer for each run")?;
            answers.into_iter().try_for_each(|answer| answer.map(drop))?;
            Ok(prepared.enqueued(&client, inserted).run())
        })
    }
}

impl<A: TaskDefinition> IntoFuture for EnqueueThen<A, ChildOf> {
    type Output = Result<RunHandle<A>, EnqueueError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { first, chains } = self;
        Box::pin(async move {
            let run = first.await?;
            insert_children(run.client(), followers(run.client(), run.id(), &chains)?).await?;
            Ok(run)
        })
    }
}
