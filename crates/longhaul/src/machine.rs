//! Tasks whose execution metadata is an enum of states: one handler a state, each transition durable.
//!
//! A task is a state machine when its `execute` is one call of [`run`](Context::run_states), with a `match` over the
//! states: the compiler sees to it that none is forgotten.
//!
//! ```
//! use longhaul::{AnyError, Context, ExecutionResult, Step, Task};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
//! enum Order {
//!     #[default]
//!     Placed,
//!     AwaitingPayment { invoice: String },
//!     Paid { invoice: String },
//! }
//!
//! struct Fulfil;
//!
//! impl Task for Fulfil {
//!     const NAME: &'static str = "fulfil";
//!     type Metadata = u64;
//!     type ExecutionMetadata = Order;
//!     type Output = String;
//!     type Error = AnyError;
//!
//!     async fn execute(&self, ctx: &Context<u64, Order>) -> ExecutionResult<String, AnyError> {
//!         ctx.run_states(|state| async move {
//!             Ok(match state {
//!                 Order::Placed => {
//!                     let invoice = format!("invoice of order {}", ctx.metadata());
//!                     Step::to(Order::AwaitingPayment { invoice })
//!                 }
//!                 // Whoever hears of the payment proceeds the run, with `modify(|order| *order = Order::Paid { … })`.
//!                 Order::AwaitingPayment { .. } => Step::suspend(),
//!                 Order::Paid { invoice } => Step::done(format!("{invoice} is paid")),
//!             })
//!         })
//!         .await
//!     }
//! }
//! ```
//!
//! What it guarantees: a transition is durable before the next handler begins, so after a crash the run goes on in the
//! state that it was in, and no handler of an earlier state is executed again. A handler is executed at least once; what
//! it does to the outside world belongs into [`Context::effect`]. The state is the step of the run's progress.

use std::{
    fmt::{self, Write},
    hash::{DefaultHasher, Hash, Hasher},
    time::{Duration, SystemTime},
};

use crate::{
    attempt::StopReason,
    context::Context,
    outcome::{ExecutionResult, Interruption, Outcome, Stopped, Suspension},
    task::Payload,
};

/// How often the same states may follow each other, with the same data and no suspension between, until it counts as
/// going round: a handler that looks twice whether something has come may be right, one that looks a hundred times
/// should suspend.
const ROUNDS_MAX: u32 = 100;
/// States of a round that are told by name.
const TOLD_MAX: usize = 16;

/// What follows a state; what a handler of [`Context::run_states`] returns.
///
/// ```
/// use longhaul::Step;
///
/// #[derive(Debug, PartialEq)]
/// enum Light { Red, Green }
///
/// let step: Step<Light, ()> = Step::to(Light::Green);
/// assert_ne!(step, Step::to(Light::Red));
/// assert_ne!(step, Step::suspend());
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a handler returns it"]
pub struct Step<S, R>(Next<S, R>);

#[derive(Debug, Clone, PartialEq)]
enum Next<S, R> {
    To(S),
    Suspend(Suspension),
    Done(R),
}

impl<S, R> Step<S, R> {
    /// On to another state, at once.
    pub fn to(state: S) -> Self {
        Self(Next::To(state))
    }

    /// Puts the run aside in the state that it is in. A proceed goes on in that state, or in the one that it
    /// [modifies](crate::ProceedRun::modify) it to. What the handler changed of the state's data by
    /// [`Context::update`] is kept.
    pub fn suspend() -> Self {
        Self(Next::Suspend(Suspension::Proceed))
    }

    /// The same, and goes on by itself after `wait`.
    pub fn suspend_for(wait: Duration) -> Self {
        Self(Next::Suspend(Suspension::For(wait)))
    }

    /// The same, and goes on by itself at `time`.
    pub fn suspend_until(time: SystemTime) -> Self {
        Self(Next::Suspend(Suspension::Until(time)))
    }

    /// The run is completed, with this result.
    pub fn done(result: R) -> Self {
        Self(Next::Done(result))
    }
}

impl<M, S: Payload + Clone + PartialEq + fmt::Debug> Context<M, S> {
    /// Executes a state machine: calls `handler` with the state that the run is in, makes the transition durable, and
    /// goes on with the next, until the run suspends or ends. See [`machine`](crate::machine).
    ///
    /// A handler may also change the data of its state with [`update`](Context::update) and make checkpoints, to keep
    /// how far it is within the state.
    ///
    /// # Errors
    /// What `handler` returns by `?`: the run fails, or is interrupted, in the state that it is in, and a retry goes on
    /// there. Going round in a circle of states, a hundred times with the same data and without a suspension, fails the
    /// run permanently, with the names of those states.
    ///
    /// # Cancel safety
    /// When the future is dropped, the run is in the state of the last durable transition.
    pub async fn run_states<R, E, F, Fut>(&self, handler: F) -> ExecutionResult<R, E>
    where
        F: Fn(S) -> Fut,
        Fut: Future<Output = Result<Step<S, R>, Interruption<E>>>,
    {
        let mut circle = Circle::default();
        loop {
            let state = self.read(S::clone);
            self.progress().step(&name(&state));
            match handler(state).await?.0 {
                Next::Done(result) => return Ok(Outcome::Success(result)),
                Next::Suspend(suspension) => return Ok(Outcome::Suspended(suspension)),
                Next::To(next) => {
                    if let Some(names) = circle.closes(&next) {
                        return Err(self.goes_round(&names));
                    }
                    self.update(|state| *state = next);
                    self.checkpoint().await?;
                }
            }
        }
    }

    fn goes_round<E>(&self, names: &[String]) -> Interruption<E> {
        let why = format!(
            "its states go round without getting ahead: {} ({ROUNDS_MAX} times with the same data); suspend where it \
             waits for something, or keep in the state what changes",
            names.join(" → ")
        );
        self.stop_attempt(StopReason::Refused { why: why.into() });
        Interruption::Stopped(Stopped(()))
    }
}

/// Finds out whether the same states follow each other again and again, in constant memory: Brent's algorithm, on what
/// is entered.
#[derive(Debug)]
struct Circle<S> {
    anchor: Option<S>,
    /// States since the anchor was set, and how many there may be until it is set anew.
    since: u64,
    until: u64,
    /// What was entered since the anchor was met, and what was entered between the two times before.
    path: DefaultHasher,
    last: Option<u64>,
    rounds: u32,
    names: Vec<String>,
}

impl<S> Default for Circle<S> {
    fn default() -> Self {
        let path = DefaultHasher::new();
        Self { anchor: None, since: 0, until: 1, path, last: None, rounds: 0, names: Vec::new() }
    }
}

impl<S: Clone + PartialEq + fmt::Debug> Circle<S> {
    /// `state` is entered. The names of the circle's states, if it was gone round too often.
    fn closes(&mut self, state: &S) -> Option<Vec<String>> {
        self.since += 1;
        if self.anchor.as_ref() == Some(state) {
            let path = std::mem::take(&mut self.path).finish();
            self.rounds = if self.last == Some(path) { self.rounds + 1 } else { 1 };
            self.last = Some(path);
            let names = std::mem::take(&mut self.names);
            return (self.rounds >= ROUNDS_MAX).then(|| [name(state)].into_iter().chain(names).collect());
        }
        if self.since > self.until && self.rounds < 2 {
            let until = self.until * 2;
            *self = Self { anchor: Some(state.clone()), until, ..Self::default() };
            return None;
        }
        format!("{state:?}").hash(&mut self.path);
        if self.names.len() < TOLD_MAX {
            self.names.push(name(state));
        }
        None
    }
}

/// The name of an enum's variant: how its `Debug` begins. Not the rest of it, which may be long, and secret.
fn name(state: &impl fmt::Debug) -> String {
    struct First(String);
    impl Write for First {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            for c in text.chars() {
                if !(c.is_alphanumeric() || c == '_') {
                    return Err(fmt::Error);
                }
                self.0.push(c);
            }
            Ok(())
        }
    }
    let mut first = First(String::new());
    // It is broken off on purpose.
    let _ = write!(first, "{state:?}");
    first.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    enum State {
        Idle,
        Copying { done: u64 },
        Sent(String),
    }

    #[test]
    fn the_name_of_a_state_is_that_of_its_variant() {
        assert_eq!(name(&State::Idle), "Idle");
        assert_eq!(name(&State::Copying { done: 7 }), "Copying");
        assert_eq!(name(&State::Sent("secret".into())), "Sent");
    }

    fn entered_until_noticed(states: impl Iterator<Item = u64>) -> Option<(usize, Vec<String>)> {
        let mut circle = Circle::default();
        states.enumerate().find_map(|(at, state)| circle.closes(&state).map(|names| (at, names)))
    }

    #[test]
    fn a_circle_of_any_length_is_noticed_after_a_hundred_rounds_or_a_few_more() {
        for length in [1_u64, 2, 3, 7, 20] {
            for before in [0_u64, 1, 5, 100] {
                let states = (0..before).map(|n| 1000 + n).chain((0..).map(move |n| n % length));
                let (at, names) = entered_until_noticed(states.take(100_000)).expect("it goes round");
                let rounds = (at as u64 - before) / length;
                assert!((100..=450).contains(&rounds), "{rounds} rounds of {length} after {before}");
                assert_eq!(names.len() as u64, length.min(TOLD_MAX as u64 + 1), "{names:?}");
            }
        }
    }

    #[test]
    fn states_that_get_ahead_go_on_for_ever() {
        assert_eq!(entered_until_noticed(0..100_000), None);
        // One that always comes back, with other data between.
        assert_eq!(entered_until_noticed((0..100_000).map(|n| if n % 2 == 0 { 0 } else { n })), None);
    }
}
