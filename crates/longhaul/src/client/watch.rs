//! Watching a run.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use longhaul_core::Progress;

use super::{OutcomeError, RunHandle, RunStatus};
use crate::task::TaskTypes;

impl<T: TaskTypes> RunHandle<T> {
    /// Yields the run each time it changes, until it has ended or the server that this handle belongs to begins to shut
    /// down. See [`Watch`].
    pub fn watch(&self) -> Watch<T> {
        Watch::new(self.clone())
    }

    /// Yields the progress of the run each time it changes, until the run has ended or the server that this handle
    /// belongs to begins to shut down.
    pub fn progress(&self) -> ProgressStream<T> {
        ProgressStream::new(self.watch())
    }
}

/// Yields a run each time it changes. See [`RunHandle::watch`].
///
/// Changes in quick succession may be seen as one; the last one is always seen.
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

    /// Waits until the run differs from what the previous call returned, and returns it; `None` after its end was
    /// returned. The first call returns the run as it is. As soon as the server that the run is watched with begins to
    /// shut down, it is [`OutcomeError::ShuttingDown`], so that open connections of viewers can be closed in time.
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

    /// The same as a [`Stream`], for a web server's response or `StreamExt`. It ends after an error. When the server
    /// begins to shut down, it ends without one: then the last item is not final.
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

/// Yields the progress of a run each time it changes. See [`RunHandle::progress`].
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

    /// Waits until the progress differs from what the previous call returned, and returns it; `None` once the run has
    /// ended. The first call returns the progress as it is. As soon as the server that the run is watched with begins
    /// to shut down, it is [`OutcomeError::ShuttingDown`].
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

/// A stream of the values that a function makes of a state, one after the other.
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
