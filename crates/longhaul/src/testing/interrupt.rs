//! Breaks a task off at every point, and compares how it ends.

mod outside;
mod round;
mod yielding;

use std::{fmt::Write as _, sync::Arc};

use longhaul_core::{Cause, Ended, Envelope};

use crate::{
    Continuation, Payload, RunOutcome, Task, TaskDefinition, TaskTypes, definition::Definition, registry::Registered,
    then::carry_out, values::FingerprintCache,
};
use outside::Outside;
use round::{Child, Finished, Round, Scenario};

/// Points that are tried, unless said otherwise. A task with more of them is tried at as many, evenly spread.
const POINTS_MAX: usize = 1000;

/// Runs `task` once undisturbed, then again and again: stopped and killed at each of its checkpoints, dropped and
/// killed at each of its awaits, and resumed each time. Panics unless each of these runs comes to the same result and
/// the same execution metadata as the undisturbed one.
///
/// *Stopped* is what a shutdown does; *dropped* is what it does when the grace is over; *killed* is `kill -9`: the run
/// goes on from its last checkpoint. An await that is ready at once cannot be told from plain code, so it is no point
/// of its own.
///
/// A task that suspends is proceeded as it is, or as [`Interruptions::on_suspend`] plays the outside; one that fails or
/// panics is retried as its policy says, with the clock moved. The same `task` serves all runs: when it changes something
/// outside, like a folder, that is shared by all of them, which proves that repeating its steps is harmless. For a fresh
/// outside each time, and more, see [`Interruptions`].
///
/// # Panics
/// When a run comes to another end, with the point at which it was broken off and both ends; and when a run stands still:
/// it comes back again and again from a proceed, and nothing of it changes.
///
/// ```
/// # use longhaul::doc::{Count, CountUp};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let report = longhaul::testing::interrupt_everywhere(CountUp, Count { to: 5 }).await;
/// assert_eq!(report.checkpoints, 5);
/// # }
/// ```
pub async fn interrupt_everywhere<T: Task>(task: T, metadata: T::Metadata) -> InterruptionReport {
    let task = Arc::new(task);
    Interruptions::of(move || Shared(task.clone())).run_as::<T>(metadata).await
}

/// What was tried.
///
/// ```
/// # use longhaul::doc::{Count, CountUp};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let report = longhaul::testing::interrupt_everywhere(CountUp, Count { to: 2 }).await;
/// assert!(report.interruptions >= 2 * report.checkpoints);
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InterruptionReport {
    /// Checkpoints of an undisturbed run.
    pub checkpoints: usize,
    /// Awaits of an undisturbed run that had to wait.
    pub awaits: usize,
    /// Runs that were broken off and resumed.
    pub interruptions: usize,
}

/// Where, and how, a run is broken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Interruption {
    StopAtCheckpoint(usize),
    KillAtCheckpoint(usize),
    DropAtAwait(usize),
    KillAtAwait(usize),
}

impl std::fmt::Display for Interruption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::StopAtCheckpoint(nth) => write!(f, "stopped at checkpoint {nth}"),
            Self::KillAtCheckpoint(nth) => write!(f, "killed after checkpoint {nth}"),
            Self::DropAtAwait(nth) => write!(f, "dropped at await {nth}"),
            Self::KillAtAwait(nth) => write!(f, "killed at await {nth}"),
        }
    }
}

struct Shared<T>(Arc<T>);

/// Like [`interrupt_everywhere`], with more to say.
///
/// ```
/// # use longhaul::doc::{Count, CountUp};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use longhaul::testing::Interruptions;
///
/// let report = Interruptions::fresh(|| CountUp).at_most(8).check(Count { to: 100 }).await;
/// assert_eq!(report.interruptions, 8);
/// # }
/// ```
pub struct Interruptions<F> {
    make: F,
    points_max: usize,
    compare_execution_metadata: bool,
    outside: Outside,
    children: Vec<Child>,
}

impl<F> std::fmt::Debug for Interruptions<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Interruptions").field("points_max", &self.points_max).finish_non_exhaustive()
    }
}

impl<F> Interruptions<F> {
    fn of(make: F) -> Self {
        Self {
            make,
            points_max: POINTS_MAX,
            compare_execution_metadata: true,
            outside: outside::plain(),
            children: Vec::new(),
        }
    }

    /// Every run gets a task of its own from `make`, which sets up the outside that it works on.
    pub fn fresh(make: F) -> Self {
        Self::of(make)
    }

    /// At most so many points, evenly spread over all that there are. The default is 1000.
    #[must_use]
    pub fn at_most(mut self, points: usize) -> Self {
        self.points_max = points;
        self
    }

    /// Only the result has to be the same: for tasks that count their attempts, or note times.
    #[must_use]
    pub fn result_only(mut self) -> Self {
        self.compare_execution_metadata = false;
        self
    }

    /// Executes children of the run with this task, each time that the run waits for them. They are not broken off: test
    /// them by themselves.
    ///
    /// ```
    /// # use longhaul::{AnyError, Context, ExecutionResult, Success, Suspended, Task, doc::{Count, CountUp}};
    /// # struct Both;
    /// # impl Task for Both {
    /// #     const NAME: &'static str = "both";
    /// #     type Metadata = ();
    /// #     type ExecutionMetadata = ();
    /// #     type Output = u64;
    /// #     type Error = AnyError;
    /// #     async fn execute(&self, ctx: &Context<(), ()>) -> ExecutionResult<u64, AnyError> {
    /// #         ctx.enqueue_child::<CountUp>("low", Count { to: 3 }).await?;
    /// #         ctx.enqueue_child::<CountUp>("high", Count { to: 4 }).await?;
    /// #         match ctx.children().await? {
    /// #             children if children.open() > 0 => Suspended::for_result().on_all_children().for_error(),
    /// #             children => Success::with_result(children.completed).for_error(),
    /// #         }
    /// #     }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use longhaul::testing::Interruptions;
    ///
    /// let report = Interruptions::fresh(|| Both).child(CountUp).check(()).await;
    /// assert!(report.interruptions > 4); // also between the two
    /// # }
    /// ```
    ///
    /// # Panics
    /// When what the task says of itself cannot be used.
    #[must_use]
    pub fn child<C: Task>(mut self, task: C) -> Self {
        let definition =
            Definition::<C>::of_task(&FingerprintCache::default()).unwrap_or_else(|error| panic!("{error}"));
        let kinds = definition.common.support().collect();
        self.children.push(Child { task: registered(definition, Arc::new(task)), kinds });
        self
    }

    /// Carries out a continuation of the children, as [`Builder::then`](crate::Builder::then) says, undisturbed. What follows
    /// is executed if its task is one of those handed to [`child`](Self::child).
    #[must_use]
    pub fn then<A: TaskDefinition, N: TaskDefinition>(
        mut self,
        continuation: Continuation<A, N>,
        mapping: impl Fn(A::Metadata, RunOutcome<A::Output, A::Error>) -> Option<N::Metadata> + Send + Sync + 'static,
    ) -> Self {
        let definition = Definition::of_fn(continuation.task(), &FingerprintCache::default());
        let kinds = definition.common.support().collect();
        let task = crate::registry::registered(definition, carry_out(continuation, mapping));
        self.children.push(Child { task, kinds });
        self
    }

    /// Does it.
    ///
    /// # Panics
    /// As [`interrupt_everywhere`].
    pub async fn check<T: Task>(self, metadata: T::Metadata) -> InterruptionReport
    where
        F: Fn() -> T,
    {
        let Self { make, points_max, compare_execution_metadata, outside, children } = self;
        let make = move || Shared(Arc::new(make()));
        Interruptions { make, points_max, compare_execution_metadata, outside, children }.run_as::<T>(metadata).await
    }

    async fn run_as<T: Task>(self, metadata: T::Metadata) -> InterruptionReport
    where
        F: Fn() -> Shared<T>,
    {
        let definition =
            Definition::<T>::of_task(&FingerprintCache::default()).unwrap_or_else(|error| panic!("{error}"));
        let metadata = definition.common.metadata.encode(&metadata).unwrap_or_else(|error| panic!("{error}"));
        let round = |interruption| {
            let task = (self.make)().0;
            let (metadata, outside) = (metadata.clone(), self.outside.clone());
            let scenario = Scenario { metadata, outside, interruption, children: self.children.clone() };
            Round::new(registered(definition.clone(), task), &definition.common, scenario).run()
        };
        let undisturbed = round(None).await;
        let points = points(&undisturbed, self.points_max);
        for &point in &points {
            let resumed = round(Some(point)).await;
            if let Some(difference) = self.difference(&definition, &undisturbed, &resumed) {
                panic!("`{}` comes to another end when it is {point}: {difference}", T::NAME);
            }
        }
        InterruptionReport {
            checkpoints: undisturbed.checkpoints,
            awaits: undisturbed.awaits,
            interruptions: points.len(),
        }
    }

    fn difference<T: TaskTypes>(
        &self,
        definition: &Definition<T>,
        undisturbed: &Finished,
        resumed: &Finished,
    ) -> Option<String> {
        let (expected, found) = (told::<T>(undisturbed.ended.as_ref()), told::<T>(resumed.ended.as_ref()));
        if expected != found {
            return Some(format!("undisturbed it {expected}, resumed it {found}"));
        }
        if !self.compare_execution_metadata {
            return None;
        }
        let show = |stored: &Option<Envelope>| match definition.read_execution_metadata(stored.as_ref()) {
            Ok(value) => shown(&value),
            Err(error) => error.to_string(),
        };
        let (expected, found) = (show(&undisturbed.execution_metadata), show(&resumed.execution_metadata));
        (expected != found)
            .then(|| format!("undisturbed it leaves the execution metadata {expected}, resumed it leaves {found}"))
    }
}

fn registered<T: Task>(definition: Definition<T>, task: Arc<T>) -> Arc<dyn Registered> {
    crate::registry::registered(definition, move |ctx: crate::Context<T::Metadata, T::ExecutionMetadata>| {
        let task = task.clone();
        async move { task.execute(&ctx).await }
    })
}

fn points(undisturbed: &Finished, max: usize) -> Vec<Interruption> {
    let checkpoints = (1..=undisturbed.checkpoints)
        .flat_map(|nth| [Interruption::StopAtCheckpoint(nth), Interruption::KillAtCheckpoint(nth)]);
    let awaits =
        (1..=undisturbed.awaits).flat_map(|nth| [Interruption::DropAtAwait(nth), Interruption::KillAtAwait(nth)]);
    let all: Vec<_> = checkpoints.chain(awaits).collect();
    let kept = all.len().min(max);
    (0..kept).map(|nth| all[nth * all.len() / kept]).collect()
}

/// How a run ended, so that two can be compared, and a person can read the difference. A panic's backtrace and the
/// number of the attempt belong to the attempt, not to the outcome.
fn told<T: TaskTypes>(ended: Option<&Ended>) -> String {
    fn value<V: Payload>(stored: &Envelope) -> String {
        stored.decode::<V>().map_or_else(|error| error.to_string(), |value| shown(&value))
    }
    let mut text = String::new();
    let typed = |error: &Option<Envelope>| error.as_ref().map(value::<T::Error>);
    let written = match ended {
        Some(Ended::Completed(result)) => write!(text, "completed with {}", value::<T::Output>(result)),
        Some(Ended::Failed(failure)) if failure.cause == Cause::Crash => write!(text, "crashed"),
        Some(Ended::Failed(failure)) => {
            write!(text, "failed with {}: {} ({:?})", failure.cause, failure.message, typed(&failure.error))
        }
        Some(Ended::Cancelled { reason, error }) => write!(text, "was cancelled: {reason:?} ({:?})", typed(error)),
        Some(Ended::Incompatible(why)) => write!(text, "could not read its values: {why}"),
        None => write!(text, "did not end"),
    };
    written.expect("writing to a string does not fail");
    text
}

/// As JSON, with the keys of maps in order; types that JSON has no place for, as bytes.
fn shown<V: Payload>(value: &V) -> String {
    match serde_json::to_value(value) {
        Ok(value) => value.to_string(),
        Err(_) => Envelope::encode(value, longhaul_core::Codec::Bincode, 0, longhaul_core::shape::Fingerprint(0))
            .map_or_else(|error| error.to_string(), |envelope| format!("{:x?}", envelope.body())),
    }
}
