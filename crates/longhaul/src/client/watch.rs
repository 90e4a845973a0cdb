//! Looking on while a run goes on.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use longhaul_core::Progress;

use super::{OutcomeError, RunHandle, RunStatus};
use crate::task::TaskTypes;

/// A run, each time that anything of it changed. See [`RunHandle::watch`].
///
/// Changes that follow each other quickly may be seen as one; the last one is always seen.
///
/// ```
/// # use longhaul::{doc::CountUp, RunHandle};
/// # async fn watch(run: RunHandle<CountUp>) -> Result<(), longhaul::OutcomeError> {
/// let mut changes = run.watch();
/// while let Some(status) = changes.next().await? {
///     println!("{} is {}, attempt {}", status.id(), status.state(), status.attempts());
/// }
/// # Ok(())
/// # }
/// ```
pub struct Watch<T: TaskTypes> {
    run: RunHandle<T>,
    seen: Option<RunStatus<T>>,
}

impl<T: TaskTypes> fmt::Debug for Watch<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Watch of {:?}", self.run)
    }
}

impl<T: TaskTypes> Watch<T> {
    pub(super) fn new(run: RunHandle<T>) -> Self {
        Self { run, seen: None }
    }

    /// The run as soon as it differs from what was given before; `None` once its end was given. The first call gives
    /// what there is. When the server that the run was watched with begins to shut down, it is
    /// [`OutcomeError::ShuttingDown`] at once, so that whoever shows it to others lets go of them in time.
    ///
    /// Cancel safe. After an error it may be called again.
    pub async fn next(&mut self) -> Result<Option<RunStatus<T>>, OutcomeError> {
        let status = match &self.seen {
            None => self.run.status().await?,
            Some(seen) if seen.state().is_final() => return Ok(None),
            Some(seen) => self.run.changed_until(&self.run.client.inner.life.stopping, seen).await?,
        };
        self.seen = Some(status.clone());
        Ok(Some(status))
    }

    /// The same as a [`Stream`], for what wants one: an answer of a web server, `StreamExt`. It ends after an error, and
    /// without one when the server begins to shut down: then what it gave last is not final.
    ///
    /// ```
    /// # use longhaul::{doc::CountUp, RunHandle, RunStatus, OutcomeError};
    /// use futures_core::Stream;
    ///
    /// fn changes(run: RunHandle<CountUp>) -> impl Stream<Item = Result<RunStatus<CountUp>, OutcomeError>> {
    ///     run.watch().stream()
    /// }
    /// ```
    pub fn stream(self) -> impl Stream<Item = Result<RunStatus<T>, OutcomeError>> + Send + Unpin + 'static {
        Unfold::new(self, |mut watch| async move {
            let next = watch.next().await;
            (watch, next)
        })
    }
}

/// How far a run is, each time that it tells. See [`RunHandle::progress`].
///
/// ```
/// # use longhaul::{doc::CountUp, RunHandle};
/// # async fn watch(run: RunHandle<CountUp>) -> Result<(), longhaul::OutcomeError> {
/// let mut progress = run.progress();
/// while let Some(told) = progress.next().await? {
///     println!("{}: {} of {:?} {}, {:?} left", told.step, told.done, told.total, told.unit, told.time_left());
/// }
/// # Ok(())
/// # }
/// ```
pub struct ProgressStream<T: TaskTypes> {
    watch: Watch<T>,
    told: Option<Progress>,
}

impl<T: TaskTypes> fmt::Debug for ProgressStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProgressStream of {:?}", self.watch.run)
    }
}

impl<T: TaskTypes> ProgressStream<T> {
    pub(super) fn new(watch: Watch<T>) -> Self {
        Self { watch, told: None }
    }

    /// The progress as soon as it differs from what was given before; `None` once the run ended. The first call
    /// gives what there is. When the server that the run is watched with begins to shut down, it is
    /// [`OutcomeError::ShuttingDown`] at once.
    ///
    /// Cancel safe. After an error it may be called again.
    pub async fn next(&mut self) -> Result<Option<Progress>, OutcomeError> {
        while let Some(status) = self.watch.next().await? {
            let progress = status.progress();
            if self.told.as_ref() != Some(&progress) {
                self.told = Some(progress.clone());
                return Ok(Some(progress));
            }
        }
        Ok(None)
    }

    /// The same as a [`Stream`]; see [`Watch::stream`].
    ///
    /// ```
    /// # use longhaul::{doc::CountUp, RunHandle, Progress, OutcomeError};
    /// use futures_core::Stream;
    ///
    /// fn progress(run: RunHandle<CountUp>) -> impl Stream<Item = Result<Progress, OutcomeError>> {
    ///     run.progress().stream()
    /// }
    /// ```
    pub fn stream(self) -> impl Stream<Item = Result<Progress, OutcomeError>> + Send + Unpin + 'static {
        Unfold::new(self, |mut progress| async move {
            let next = progress.next().await;
            (progress, next)
        })
    }
}

type UnderWay<S, O> = Pin<Box<dyn Future<Output = (S, Result<Option<O>, OutcomeError>)> + Send>>;

/// A stream of what a function makes of a state, again and again.
struct Unfold<S, O, F> {
    step: F,
    /// `None`: it ended.
    under_way: Option<UnderWay<S, O>>,
}

impl<S, O, F, Fut> Unfold<S, O, F>
where
    F: Fn(S) -> Fut,
    Fut: Future<Output = (S, Result<Option<O>, OutcomeError>)> + Send + 'static,
{
    fn new(state: S, step: F) -> Self {
        Self { under_way: Some(Box::pin(step(state))), step }
    }
}

impl<S, O, F, Fut> Stream for Unfold<S, O, F>
where
    F: Fn(S) -> Fut + Unpin,
    Fut: Future<Output = (S, Result<Option<O>, OutcomeError>)> + Send + 'static,
{
    type Item = Result<O, OutcomeError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(under_way) = &mut self.under_way else { return Poll::Ready(None) };
        let (state, next) = ready!(under_way.as_mut().poll(cx));
        self.under_way = None;
        Poll::Ready(match next {
            Ok(Some(item)) => {
                self.under_way = Some(Box::pin((self.step)(state)));
                Some(Ok(item))
            }
            Ok(None) | Err(OutcomeError::ShuttingDown) => None,
            Err(error) => Some(Err(error)),
        })
    }
}
