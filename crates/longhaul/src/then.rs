//! Continuations: a run of one task after a run of another, whose metadata comes from how that one ended.
//!
//! A closure cannot be kept with a run. So a continuation is a task of its own, registered under a name, and a run of it
//! waits for the run that it follows: it reads the outcome, and enqueues what follows as its child.

mod enqueue;
mod follow;
mod followed;

use std::{fmt, marker::PhantomData};

use longhaul_core::{Key, Kind, NewRun, Parent, RunId, name::is_name};
use serde::{Deserialize, Serialize};

pub use enqueue::EnqueueThen;
#[cfg(feature = "testing")]
pub(crate) use follow::carry_out;
pub use followed::Followed;

use crate::{
    client::{Client, EnqueueError},
    task::{TaskDefinition, TaskFn},
};

/// That a run of `T` follows a run of `A`, under a name. As a constant it serves to register what maps the one to the
/// other ([`Builder::then`](crate::Builder::then)), and to ask for it ([`Enqueue::then`](crate::Enqueue::then)).
///
/// ```
/// use longhaul::{Continuation, RunOutcome, doc::{Count, CountUp}, testing::TestServer};
///
/// const TWICE: Continuation<CountUp, CountUp> = Continuation::new("twice");
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = TestServer::start(|builder| {
///     builder.task(CountUp).then(TWICE, |_asked, outcome| match outcome {
///         RunOutcome::Completed(counted) => Some(Count { to: 2 * counted }),
///         _ => None, // nothing follows
///     })
/// });
/// let run = server.client().enqueue::<CountUp>(Count { to: 3 }).then(TWICE).await?;
/// server.run_until_idle().await;
/// let twice = run.followed_by(TWICE).await?.run().expect("it has followed");
/// assert_eq!(twice.outcome().await?.completed(), Some(6));
/// # Ok(())
/// # }
/// ```
pub struct Continuation<A, T> {
    step: Step<&'static str>,
    types: Types<A, T>,
}

/// Names the types without holding values of them.
type Types<A, T> = PhantomData<fn() -> (A, T)>;

/// Continuations one after the other: what follows is followed by the next. Made by [`Continuation::then`].
///
/// ```
/// use longhaul::{Continuation, doc::CountUp};
///
/// const TWICE: Continuation<CountUp, CountUp> = Continuation::new("twice");
///
/// let four_times = TWICE.then(TWICE);
/// assert_eq!(format!("{four_times:?}"), "twice, twice");
/// ```
pub struct Chain<A, T> {
    steps: Vec<Step<&'static str>>,
    types: Types<A, T>,
}

/// One of a chain. It is kept with the runs before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Step<S> {
    name: S,
    queue: Option<S>,
}

/// What a run is asked that carries a continuation out.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Follows {
    /// The run that it follows.
    of: RunId,
    /// What follows what follows.
    next: Vec<Step<String>>,
}

/// It gives the run that it enqueued.
type Follow = TaskFn<Follows, (), Option<RunId>>;

/// The longest chain: all that is to come is kept with each of it.
const STEPS_MAX: usize = 64;

impl<A: TaskDefinition, T: TaskDefinition> Continuation<A, T> {
    /// A continuation that is registered, and whose runs are stored, under `name`.
    ///
    /// # Panics
    /// When `name` cannot be the name of a kind. In a constant it does not compile then.
    pub const fn new(name: &'static str) -> Self {
        assert!(is_name(name), "the name of a continuation is 1 to 128 ASCII letters, digits and any of - _ . : /");
        Self { step: Step { name, queue: None }, types: PhantomData }
    }

    /// What maps the one to the other is executed in this queue. The run that follows is in the queue of its own task.
    #[must_use]
    pub const fn queue(mut self, queue: &'static str) -> Self {
        self.step.queue = Some(queue);
        self
    }

    /// The run that follows is itself followed.
    pub fn then<U: TaskDefinition>(self, next: Continuation<T, U>) -> Chain<A, U> {
        Chain::from(self).then(next)
    }

    /// What the run is of that carries it out.
    pub(crate) const fn task(self) -> Follow {
        TaskFn::new(self.step.name)
    }
}

impl<A, T> Clone for Continuation<A, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A, T> Copy for Continuation<A, T> {}

impl<A, T> fmt::Debug for Continuation<A, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.step.name)
    }
}

impl<A: TaskDefinition, T: TaskDefinition> Chain<A, T> {
    /// The run that comes last is itself followed. A chain has at most 64 of them.
    ///
    /// # Panics
    /// When it has more.
    #[must_use]
    pub fn then<U: TaskDefinition>(mut self, next: Continuation<T, U>) -> Chain<A, U> {
        self.steps.push(next.step);
        assert!(self.steps.len() <= STEPS_MAX, "a chain has at most {STEPS_MAX} continuations");
        Chain { steps: self.steps, types: PhantomData }
    }
}

impl<A, T> From<Continuation<A, T>> for Chain<A, T> {
    fn from(first: Continuation<A, T>) -> Self {
        Self { steps: vec![first.step], types: PhantomData }
    }
}

impl<A, T> fmt::Debug for Chain<A, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.steps.iter().map(|step| step.name).collect();
        f.write_str(&names.join(", "))
    }
}

impl Step<&'static str> {
    fn owned(self) -> Step<String> {
        Step { name: self.name.to_owned(), queue: self.queue.map(str::to_owned) }
    }
}

/// The run that carries out the first of `steps` after the run `of`. Its id follows from that run and the name.
fn new_follower(client: &Client, of: RunId, steps: &[Step<String>]) -> Result<NewRun, EnqueueError> {
    const ANY: Follow = TaskFn::new("longhaul.then");
    let (first, next) = steps.split_first().expect("a chain has a first");
    let follower = client.enqueue_fn(ANY, Follows { of, next: next.to_vec() }).after_runs([of]);
    let follower = match &first.queue {
        Some(queue) => follower.queue(queue),
        None => follower,
    };
    let new = follower.prepare()?.into_new_run();
    Ok(NewRun { id: follower_id(of, &first.name)?, kind: Kind::new(&first.name)?, ..new })
}

/// Frozen.
fn follower_id(of: RunId, name: &str) -> Result<RunId, longhaul_core::name::NameError> {
    let name = Key::new(&format!("longhaul.then/{name}"))?;
    Ok(Parent { id: of, epoch: None, name, depth: 1 }.child_id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_continuation_follows_from_the_run_and_its_name_for_ever() {
        let of = longhaul_core::doc::run().id;
        assert_eq!(follower_id(of, "invoice").unwrap().to_string(), "run_01mcc5rm00ej0bzyvr16w4j2f9");
        assert_ne!(follower_id(of, "invoice"), follower_id(of, "mail"));
    }
}
