//! Calls that come at the same time share a transaction.

use tokio::sync::{mpsc, oneshot};

use longhaul_core::StoreError;

/// A call: what it brings, and who waits for the answers.
pub(crate) struct Call<I, O> {
    pub(crate) items: Vec<I>,
    pub(crate) answer: oneshot::Sender<Result<Vec<O>, StoreError>>,
}

/// Where calls wait for the next transaction.
#[derive(Debug)]
pub(crate) struct Batcher<I, O>(mpsc::UnboundedSender<Call<I, O>>);

/// The other end of a [`Batcher`].
pub(crate) struct Calls<I, O>(mpsc::UnboundedReceiver<Call<I, O>>);

pub(crate) fn batcher<I, O>() -> (Batcher<I, O>, Calls<I, O>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Batcher(sender), Calls(receiver))
}

impl<I, O> Batcher<I, O> {
    /// Answers when the transaction that has these items is at its end. A call that is dropped is made all the same.
    pub(crate) async fn call(&self, items: Vec<I>) -> Result<Vec<O>, StoreError> {
        if items.is_empty() {
            return Ok(Vec::new());
        }
        let (answer, answered) = oneshot::channel();
        self.0.send(Call { items, answer }).map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }
}

impl<I, O> Calls<I, O> {
    /// The calls that are there, up to `max` items, as soon as there is one; `None`: there will be none any more.
    pub(crate) async fn next(&mut self, max: usize) -> Option<Vec<Call<I, O>>> {
        let mut calls = vec![self.0.recv().await?];
        // Those who were just answered may have something to say: it costs less now than with a transaction of its own.
        tokio::task::yield_now().await;
        let mut count = calls[0].items.len();
        while count < max
            && let Ok(call) = self.0.try_recv()
        {
            count += call.items.len();
            calls.push(call);
        }
        Some(calls)
    }
}

/// Those who wait for the answers of a batch, each with the number of its items.
pub(crate) struct Waiting<O>(Vec<(usize, Answer<O>)>);

type Answer<O> = oneshot::Sender<Result<Vec<O>, StoreError>>;

/// The items of all calls as one batch.
pub(crate) fn join<I, O>(calls: Vec<Call<I, O>>) -> (Vec<I>, Waiting<O>) {
    let (mut items, mut waiting) = (Vec::new(), Vec::new());
    for mut call in calls {
        waiting.push((call.items.len(), call.answer));
        items.append(&mut call.items);
    }
    (items, Waiting(waiting))
}

impl<O> Waiting<O> {
    /// Gives each call its answers. A caller that was dropped needs none.
    pub(crate) fn answer(self, outcome: Result<Vec<O>, StoreError>) {
        match outcome {
            Ok(answers) => {
                let mut answers = answers.into_iter();
                for (count, answer) in self.0 {
                    _ = answer.send(Ok(answers.by_ref().take(count).collect()));
                }
            }
            Err(error) => self.0.into_iter().for_each(|(_, answer)| _ = answer.send(Err(error.clone()))),
        }
    }
}
