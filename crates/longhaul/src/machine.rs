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
//! state that it was in, and no handler of an earlier state is executed again. A handler is executed at least once; wrap
//! what it does to the outside world in [`Context::effect`]. The state is the step of the run's progress.

use std::{
    fmt::{self, Write},
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use longhaul_core::Timestamp;

use crate::{
    any_error::AnyError,
    attempt::StopReason,
    context::Context,
    outcome::{ExecutionResult, Interruption, Outcome, Stopped, Suspension, When},
    payload::Payload,
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
/// assert_ne!(step, Step::to(Light::Green).and_suspend());
/// ```
///
/// `to` another state, or an end of the attempt (`suspend`, `done`, `fail`, `cancel`, or any other by
/// [`end`](Step::end)), or both: `Step::to(state).and_suspend()` is one durable write, and the run is never seen in the
/// new state without its end.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a handler returns it"]
pub struct Step<S, R, E = AnyError>(Next<S, R, E>);

/// What a handler of [`Context::run_states`] returns in all: `?` works in it as it does in a task.
///
/// ```
/// use longhaul::{AnyError, Step, StepResult};
///
/// enum Order { Placed, Paid { cents: u64 } }
///
/// /// A handler that is a function of its own.
/// async fn placed(cents: &str) -> StepResult<Order, u64, AnyError> {
///     Ok(Step::to(Order::Paid { cents: cents.parse()? }))
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert!(placed("700").await.is_ok() && placed("x").await.is_err());
/// # }
/// ```
pub type StepResult<S, R, E> = Result<Step<S, R, E>, Interruption<E>>;

#[derive(Debug, Clone, PartialEq)]
enum Next<S, R, E> {
    To(S),
    /// The attempt ends, in this state if there is one, else in the one that it is in.
    End(Option<S>, ExecutionResult<R, E>),
}

impl<S, R, E> Step<S, R, E> {
    /// On to another state, at once; or, with one of the methods `and_…`, to end in it.
    pub fn to(state: S) -> Self {
        Self(Next::To(state))
    }

    /// Puts the run aside in the state that it is in. A proceed goes on in that state, or in the one that it
    /// [modifies](crate::ProceedRun::modify) it to. What the handler changed of the state's data by
    /// [`Context::update`] is kept.
    pub fn suspend() -> Self {
        Self::end(Ok(Outcome::Suspended(Suspension::PROCEED)))
    }

    /// The same, and goes on by itself after `wait`.
    pub fn suspend_for(wait: Duration) -> Self {
        Self::end(Ok(Outcome::Suspended(Suspension::until(When::After(wait)))))
    }

    /// The same, and goes on by itself at `time`.
    pub fn suspend_until(time: impl Into<Timestamp>) -> Self {
        Self::end(Ok(Outcome::Suspended(Suspension::until(When::At(time.into().into())))))
    }

    /// The run is completed, with this result, in the state that it is in: the execution metadata of the completed run
    /// says which that was.
    pub fn done(result: R) -> Self {
        Self::end(Ok(Outcome::Success(result)))
    }

    /// The attempt fails in the state that it is in, and a retry goes on there; the run's retry policy says whether one
    /// follows.
    ///
    /// ```
    /// use longhaul::{AnyError, Step, StepResult};
    ///
    /// fn pay(cents: u64) -> StepResult<&'static str, (), AnyError> {
    ///     Ok(match cents {
    ///         0 => Step::cancel("there is nothing to pay"),
    ///         1..10_000 => Step::to("paid").and_done(()),
    ///         _ => Step::fail(AnyError::msg("too much for this card")),
    ///     })
    /// }
    /// # assert!(pay(7).is_ok());
    /// ```
    pub fn fail(error: E) -> Self {
        Self::end(Err(Interruption::failed(error)))
    }

    /// The run is cancelled from within, in the state that it is in. `reason` is for people, and may be empty.
    pub fn cancel(reason: impl Into<String>) -> Self {
        Self::end(Err(Interruption::cancelled(reason)))
    }

    /// Ends the attempt as one of the four builders says, for what has no method of its own here.
    ///
    /// ```
    /// use longhaul::{AnyError, Failure, Step, Suspended};
    /// use std::time::Duration;
    ///
    /// let no_more: Step<(), u64> = Step::end(Failure::for_result().permanently().with_error(AnyError::msg("gone")));
    /// let a_minute: Step<(), u64> = Step::end(Suspended::for_result().after(Duration::from_secs(60)).for_error());
    /// assert_eq!(a_minute, Step::suspend_for(Duration::from_secs(60)));
    /// ```
    pub fn end(end: ExecutionResult<R, E>) -> Self {
        Self(Next::End(None, end))
    }

    /// Puts the run aside in the new state: a proceed goes on there.
    ///
    /// ```
    /// # use longhaul::Step;
    /// let step: Step<&str, ()> = Step::to("awaiting payment").and_suspend();
    /// ```
    pub fn and_suspend(self) -> Self {
        self.and_end(Ok(Outcome::Suspended(Suspension::PROCEED)))
    }

    /// The same, and goes on by itself after `wait`.
    pub fn and_suspend_for(self, wait: Duration) -> Self {
        self.and_end(Ok(Outcome::Suspended(Suspension::until(When::After(wait)))))
    }

    /// The same, and goes on by itself at `time`.
    pub fn and_suspend_until(self, time: impl Into<Timestamp>) -> Self {
        self.and_end(Ok(Outcome::Suspended(Suspension::until(When::At(time.into().into())))))
    }

    /// The run is completed in the new state, so that its execution metadata tells where it ended.
    pub fn and_done(self, result: R) -> Self {
        self.and_end(Ok(Outcome::Success(result)))
    }

    /// The attempt fails in the new state: a retry goes on there.
    pub fn and_fail(self, error: E) -> Self {
        self.and_end(Err(Interruption::failed(error)))
    }

    /// The run is cancelled in the new state.
    pub fn and_cancel(self, reason: impl Into<String>) -> Self {
        self.and_end(Err(Interruption::cancelled(reason)))
    }

    /// Ends the attempt in the new state as one of the four builders says. Of several ends the last one counts.
    pub fn and_end(self, end: ExecutionResult<R, E>) -> Self {
        let state = match self.0 {
            Next::To(state) => Some(state),
            Next::End(state, _) => state,
        };
        Self(Next::End(state, end))
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
        Fut: Future<Output = StepResult<S, R, E>>,
    {
        self.run_states_in(|state| state, handler).await
    }
}

impl<M, X: Payload> Context<M, X> {
    /// The same as [`run_states`](Context::run_states), where the state is only a part of the execution metadata:
    /// `state` says which. The rest is the handlers' to read and [`update`](Context::update), and is kept with each
    /// transition.
    ///
    /// ```
    /// use longhaul::{AnyError, Context, ExecutionResult, Step};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    /// enum State {
    ///     #[default]
    ///     Copying,
    ///     Copied,
    /// }
    ///
    /// #[derive(Default, Serialize, Deserialize)]
    /// struct Import {
    ///     state: State,
    ///     rows: u64,
    /// }
    ///
    /// async fn execute(ctx: &Context<u64, Import>) -> ExecutionResult<u64, AnyError> {
    ///     ctx.run_states_in(
    ///         |import| &mut import.state,
    ///         |state| async move {
    ///             Ok(match state {
    ///                 State::Copying => {
    ///                     ctx.update(|import| import.rows = *ctx.metadata());
    ///                     Step::to(State::Copied) // one durable write with the rows
    ///                 }
    ///                 State::Copied => Step::done(ctx.read(|import| import.rows)),
    ///             })
    ///         },
    ///     )
    ///     .await
    /// }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # let (ctx, attempt) = longhaul::testing::context(7, Import::default()).await;
    /// # assert!(matches!(execute(&ctx).await, Ok(longhaul::Outcome::Success(7))));
    /// # assert_eq!(attempt.kept::<Import>().await.rows, 7);
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`run_states`](Context::run_states).
    ///
    /// # Panics
    /// When a closure handed to [`update`](Context::update) panicked before.
    ///
    /// # Cancel safety
    /// As [`run_states`](Context::run_states).
    pub async fn run_states_in<S, R, E, L, F, Fut>(&self, state: L, handler: F) -> ExecutionResult<R, E>
    where
        S: Clone + PartialEq + fmt::Debug,
        L: Fn(&mut X) -> &mut S,
        F: Fn(S) -> Fut,
        Fut: Future<Output = StepResult<S, R, E>>,
    {
        let mut circle = Circle::default();
        loop {
            let present = self.look(|metadata| state(metadata).clone());
            self.progress().step(&name(&present));
            match handler(present).await?.0 {
                Next::End(next, end) => {
                    if let Some(next) = next {
                        self.progress().step(&name(&next));
                        // Kept by the same write that keeps the end.
                        self.update(|metadata| *state(metadata) = next);
                    }
                    return end;
                }
                Next::To(next) => {
                    if let Some(names) = circle.closes(&next) {
                        return Err(self.goes_round(&names));
                    }
                    self.update(|metadata| *state(metadata) = next);
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
