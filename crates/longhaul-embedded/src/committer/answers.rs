//! Answers that are held back until what they say holds.

use longhaul_core::StoreError;

use super::command::Reply;
use crate::{
    engine::kv::KvError,
    error::{Fault, broken},
};

/// When an answer may be given, the earliest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum After {
    /// What it says survives the death of the process.
    Flush,
    /// What it says is as durable as it gets. A task begins with this answer, so it does not wait for the witness.
    SyncToStart,
    /// The same, and the witness knows of it.
    Sync,
}

type Give = Box<dyn FnOnce(Option<&StoreError>) + Send>;

#[derive(Default)]
pub(super) struct Answers(Vec<(After, Give)>);

impl Answers {
    /// Holds the answer to a write.
    ///
    /// # Errors
    /// The engine failed. The answer is held until [`refuse`](Self::refuse).
    pub(super) fn answer<T: Send + 'static>(
        &mut self,
        after: After,
        reply: Reply<T>,
        outcome: Result<T, Fault>,
    ) -> Result<(), KvError> {
        let (outcome, failed) = match outcome {
            Ok(answer) => (Ok(answer), Ok(())),
            Err(Fault::Damage(damage)) => (Err(damage.into()), Ok(())),
            Err(Fault::Engine(cause)) => (Err(broken(&cause)), Err(cause)),
        };
        let give = move |broken: Option<&StoreError>| {
            // A caller that no longer waits needs no answer; what it asked for is done all the same.
            _ = reply.send(match broken {
                None => outcome,
                Some(error) => Err(error.clone()),
            });
        };
        self.0.push((after, Box::new(give)));
        failed
    }

    /// Answers a read at once. If the engine fails, it may work the next time, unless it panicked or did not come back.
    ///
    /// # Errors
    /// It did. The answer is held until [`refuse`](Self::refuse).
    pub(super) fn answer_read<T: Send + 'static>(
        &mut self,
        reply: Reply<T>,
        outcome: Result<T, Fault>,
    ) -> Result<(), KvError> {
        let answer = match outcome {
            Ok(answer) => Ok(answer),
            Err(Fault::Damage(damage)) => Err(damage.into()),
            Err(Fault::Engine(cause)) if cause.ends_engine() => {
                return self.answer(After::Flush, reply, Err(cause.into()));
            }
            Err(Fault::Engine(cause)) => Err(StoreError::Unavailable { reason: cause.to_string().into() }),
        };
        _ = reply.send(answer);
        Ok(())
    }

    /// Gives those answers that may be given now.
    pub(super) fn give(&mut self, now: After) {
        for (_, give) in self.0.extract_if(.., |(after, _)| *after <= now) {
            give(None);
        }
    }

    /// Nothing of it is known to hold.
    pub(super) fn refuse(&mut self, error: &StoreError) {
        self.0.drain(..).for_each(|(_, give)| give(Some(error)));
    }
}

/// Answers at once. A caller that no longer waits needs no answer.
pub(super) fn reply_now<T>(reply: Reply<T>, answer: T) {
    _ = reply.send(Ok(answer));
}
