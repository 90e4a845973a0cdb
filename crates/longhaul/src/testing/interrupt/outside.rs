//! What comes from outside to a run that is broken off: played by the test.

use std::sync::Arc;

use longhaul_core::{
    Envelope, Key, Snapshot,
    store::{Proceed, Replacement},
};

use super::Interruptions;
use crate::{
    Payload, Task,
    definition::Definition,
    values::{FingerprintCache, ValueFormat},
};

/// How a suspended run is proceeded.
pub(super) type Outside = Arc<dyn Fn(&Snapshot) -> Proceed + Send + Sync>;

/// As it is: for tasks that wait for nothing but a proceed.
pub(super) fn plain() -> Outside {
    Arc::new(|snapshot| Proceed::new(snapshot.run.id))
}

impl<F> Interruptions<F> {
    /// Plays the outside for a task that waits for data: each time that the run is suspended until a proceed, its
    /// execution metadata is changed like this, as with [`proceed().modify(…)`](crate::ProceedRun::modify).
    ///
    /// The closure is called again when a run is broken off and suspends once more, so it should go by what it finds.
    ///
    /// ```
    /// # use longhaul::{AnyError, Context, ExecutionResult, Success, Suspended, Task};
    /// # struct Pay;
    /// # impl Task for Pay {
    /// #     const NAME: &'static str = "pay";
    /// #     type Metadata = ();
    /// #     type ExecutionMetadata = Option<String>;
    /// #     type Output = String;
    /// #     type Error = AnyError;
    /// #     async fn execute(&self, ctx: &Context<(), Option<String>>) -> ExecutionResult<String, AnyError> {
    /// #         match ctx.read(Clone::clone) {
    /// #             Some(receipt) => Success::with_result(receipt).for_error(),
    /// #             None => Suspended::for_result().for_error(),
    /// #         }
    /// #     }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use longhaul::testing::Interruptions;
    ///
    /// Interruptions::fresh(|| Pay).on_suspend(|receipt| *receipt = Some("R-7".into())).check(()).await;
    /// # }
    /// ```
    ///
    /// # Panics
    /// When what the task says of itself cannot be used.
    #[must_use]
    pub fn on_suspend<T: Task>(mut self, play: impl Fn(&mut T::ExecutionMetadata) + Send + Sync + 'static) -> Self
    where
        F: Fn() -> T,
    {
        let definition = definition::<T>();
        self.outside = Arc::new(move |snapshot| {
            let stored = snapshot.execution_metadata.as_ref();
            let mut value = definition.read_execution_metadata(stored).unwrap_or_else(|error| panic!("{error}"));
            play(&mut value);
            let effects = stored.and_then(Envelope::attachment).unwrap_or_default();
            let format = &definition.common.execution_metadata;
            let execution_metadata = format.encode_with(&value, effects).unwrap_or_else(|error| panic!("{error}"));
            let replacement = Some(Replacement { execution_metadata, revision: snapshot.run.revision });
            Proceed { replacement, ..Proceed::new(snapshot.run.id) }
        });
        self
    }

    /// The same for a task that takes what it waits for with
    /// [`proceeded_with`](crate::Context::proceeded_with): each time that the run is suspended until a proceed, it is sent
    /// a value, by what its execution metadata says it waits for.
    ///
    /// ```
    /// # use longhaul::{AnyError, Context, ExecutionResult, Success, Suspended, Task};
    /// # struct Pay;
    /// # impl Task for Pay {
    /// #     const NAME: &'static str = "pay";
    /// #     type Metadata = ();
    /// #     type ExecutionMetadata = Option<String>;
    /// #     type Output = String;
    /// #     type Error = AnyError;
    /// #     async fn execute(&self, ctx: &Context<(), Option<String>>) -> ExecutionResult<String, AnyError> {
    /// #         if let Some(receipt) = ctx.proceeded_with::<String>()? {
    /// #             ctx.update(|x| *x = Some(receipt));
    /// #         }
    /// #         ctx.checkpoint().await?;
    /// #         match ctx.read(Clone::clone) {
    /// #             Some(receipt) => Success::with_result(receipt).for_error(),
    /// #             None => Suspended::for_result().for_error(),
    /// #         }
    /// #     }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use longhaul::testing::Interruptions;
    ///
    /// Interruptions::fresh(|| Pay).on_suspend_send(|_| "R-7".to_owned()).check(()).await;
    /// # }
    /// ```
    ///
    /// # Panics
    /// When what the task says of itself cannot be used.
    #[must_use]
    pub fn on_suspend_send<T: Task, V: Payload>(
        mut self,
        play: impl Fn(&T::ExecutionMetadata) -> V + Send + Sync + 'static,
    ) -> Self
    where
        F: Fn() -> T,
    {
        let definition = definition::<T>();
        let format = ValueFormat {
            what: "value of a proceed",
            fingerprint: longhaul_core::shape::fingerprint_of::<V>(),
            max: longhaul_core::limits::PROCEED_VALUE_MAX,
            ..definition.common.execution_metadata
        };
        self.outside = Arc::new(move |snapshot| {
            let stored = snapshot.execution_metadata.as_ref();
            let value = definition.read_execution_metadata(stored).unwrap_or_else(|error| panic!("{error}"));
            let value = format.encode(&play(&value)).unwrap_or_else(|error| panic!("{error}"));
            Proceed { value: Some(value), ..Proceed::new(snapshot.run.id) }
        });
        self
    }
}

impl<F> Interruptions<F> {
    /// The same for a task that waits for [signals](crate::Context::signal): each time that the run is suspended without a
    /// time at which it goes on, it is sent one; `play` says which, by what the execution metadata says it waits for.
    ///
    /// ```
    /// # use longhaul::{AnyError, Context, ExecutionResult, Success, Suspended, Task};
    /// # struct Pay;
    /// # impl Task for Pay {
    /// #     const NAME: &'static str = "pay";
    /// #     type Metadata = ();
    /// #     type ExecutionMetadata = ();
    /// #     type Output = String;
    /// #     type Error = AnyError;
    /// #     async fn execute(&self, ctx: &Context<(), ()>) -> ExecutionResult<String, AnyError> {
    /// #         match ctx.signal::<String>("paid")? {
    /// #             Some(receipt) => Success::with_result(receipt).for_error(),
    /// #             None => Suspended::for_result().on_signal("paid").for_error(),
    /// #         }
    /// #     }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use longhaul::testing::Interruptions;
    ///
    /// Interruptions::fresh(|| Pay).on_suspend_signal(|()| ("paid", "R-7".to_owned())).check(()).await;
    /// # }
    /// ```
    ///
    /// # Panics
    /// When what the task says of itself, or the name of a signal, cannot be used.
    #[must_use]
    pub fn on_suspend_signal<T: Task, V: Payload>(
        self,
        play: impl Fn(&T::ExecutionMetadata) -> (&'static str, V) + Send + Sync + 'static,
    ) -> Self
    where
        F: Fn() -> T,
    {
        let play = Arc::new(play);
        let named = Arc::clone(&play);
        let mut with_value = self.on_suspend_send(move |x| play(x).1);
        let (definition, send) = (definition::<T>(), Arc::clone(&with_value.outside));
        with_value.outside = Arc::new(move |snapshot| {
            let stored = snapshot.execution_metadata.as_ref();
            let value = definition.read_execution_metadata(stored).unwrap_or_else(|error| panic!("{error}"));
            let name = Key::new(named(&value).0).unwrap_or_else(|error| panic!("{error}"));
            Proceed { signal: Some(name), ..send(snapshot) }
        });
        with_value
    }
}

fn definition<T: Task>() -> Definition<T> {
    Definition::of_task(&FingerprintCache::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// Rounds in which a run waited for a proceed, or for a time, and nothing of it changed.
#[derive(Debug, Default)]
pub(super) struct Standstill {
    execution_metadata: Option<Envelope>,
    proceeds: usize,
    waits: usize,
}

/// A run that comes back so often from a proceed with the execution metadata that it had waits for something that no
/// proceed brings. More than one, because a run that was broken off repeats its last step.
const PROCEEDS_MAX: usize = 5;
/// The same for a time: a task may look now and then whether something came.
const WAITS_MAX: usize = 1000;

impl Standstill {
    /// `Some`: how it stands still, for people.
    pub(super) fn note(&mut self, snapshot: &Snapshot, for_a_time: bool) -> Option<String> {
        if self.execution_metadata != snapshot.execution_metadata {
            *self = Self { execution_metadata: snapshot.execution_metadata.clone(), ..Self::default() };
        }
        let (count, max) = if for_a_time { (&mut self.waits, WAITS_MAX) } else { (&mut self.proceeds, PROCEEDS_MAX) };
        *count += 1;
        (*count > max).then(|| {
            let what = if for_a_time { "a time" } else { "a proceed" };
            format!(
                "it was suspended until {what} {count} times in a row, and each time came back with the execution \
                 metadata that it had (attempt {})",
                snapshot.run.epoch
            )
        })
    }
}
