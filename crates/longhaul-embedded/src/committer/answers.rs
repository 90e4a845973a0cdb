//! Answers that are held back until what they say holds.

use longhaul_core::StoreError;

use crate::committer::command::Reply;

/// When an answer may be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// What it tells survives the death of the process.
    Flush,
    /// What it tells is as durable as it gets.
    Sync,
    /// The same, and ahead of the others: a task begins with this answer, where the others only go on.
    SyncToStart,
}

type Tell = Box<dyn FnOnce(Option<&StoreError>) + Send>;

#[derive(Default)]
pub(super) struct Answers(Vec<(After, Tell)>);

impl Answers {
    pub(super) fn hold<T: Send + 'static>(&mut self, after: After, reply: Reply<T>, outcome: Result<T, StoreError>) {
        self.0.push((
            after,
            Box::new(move |broken| {
                // Whoever does not wait any more needs no answer; what it asked for is done all the same.
                _ = reply.send(match broken {
                    None => outcome,
                    Some(error) => Err(error.clone()),
                });
            }),
        ));
    }

    /// Gives those answers that may be given now.
    pub(super) fn tell(&mut self, now: After) {
        if now == After::Sync {
            let (starts, others): (Vec<_>, Vec<_>) =
                self.0.drain(..).partition(|(after, _)| *after == After::SyncToStart);
            return starts.into_iter().chain(others).for_each(|(_, tell)| tell(None));
        }
        let (ready, held): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.0).into_iter().partition(|(after, _)| *after == now);
        self.0 = held;
        for (_, tell) in ready {
            tell(None);
        }
    }

    /// Nothing of it is known to hold.
    pub(super) fn refuse(&mut self, error: &StoreError) {
        self.0.drain(..).for_each(|(_, tell)| tell(Some(error)));
    }
}
