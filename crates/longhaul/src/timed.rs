//! A store whose every call has a timeout, and whose new runs are counted.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use longhaul_core::{Clock, Store, StoreError, store::Call};

use crate::{clock, telemetry::metrics::Enqueuing};

/// Passes each call on, and gives up waiting for its answer after `limit`.
pub(crate) struct Timed {
    inner: Arc<dyn Store>,
    limit: Duration,
}

impl Timed {
    /// Longer than any fsync of a disk that still works; shorter than what makes people kill a process.
    pub(crate) const LIMIT: Duration = Duration::from_secs(30);

    pub(crate) fn wrap(inner: Arc<dyn Store>, limit: Duration) -> Arc<dyn Store> {
        Arc::new(Self { inner, limit })
    }

    async fn limited<O, E: From<StoreError>>(
        &self,
        call: Call,
        answer: impl Future<Output = Result<O, E>>,
    ) -> Result<O, E> {
        match clock::within(self.limit, answer).await {
            Some(answer) => answer,
            None => Err(StoreError::TimedOut { call: call.name(), after: self.limit }.into()),
        }
    }
}

/// Calls that wait for something to happen have no timeout: an answer is not late while nothing happens.
macro_rules! limit {
    ($self:ident, $call:ident, insert($runs:ident)) => {{
        let enqueuing = Enqueuing::of(&$runs);
        let answers = $self.limited(Call::$call, $self.inner.insert($runs)).await?;
        enqueuing.answered(&answers);
        Ok(answers)
    }};
    ($self:ident, $call:ident, schedule($change:ident)) => {{
        let enqueuing = Enqueuing::of(&$change.runs);
        let changed = $self.limited(Call::$call, $self.inner.schedule($change)).await?;
        enqueuing.answered(&changed.runs);
        Ok(changed)
    }};
    ($self:ident, $call:ident, claim($request:ident)) => { limit!(@unless $request.wait; $self, $call, claim($request)) };
    ($self:ident, $call:ident, ended($request:ident)) => { limit!(@unless $request.wait; $self, $call, ended($request)) };
    ($self:ident, $call:ident, changed($id:ident, $seen:ident)) => { $self.inner.changed($id, $seen).await };
    ($self:ident, $call:ident, schedules($seen:ident)) => { $self.inner.schedules($seen).await };
    ($self:ident, $call:ident, stop_requests($server:ident, $seen:ident)) => {
        $self.inner.stop_requests($server, $seen).await
    };
    ($self:ident, $call:ident, $method:ident($($arg:ident),*)) => {
        $self.limited(Call::$call, $self.inner.$method($($arg),*)).await
    };
    (@unless $waits:expr; $self:ident, $call:ident, $method:ident($request:ident)) => {
        if $waits {
            $self.inner.$method($request).await
        } else {
            $self.limited(Call::$call, $self.inner.$method($request)).await
        }
    };
}

longhaul_core::forward_store!(Timed, limit);

#[async_trait]
impl Store for Timed {
    fn clock(&self) -> Arc<dyn Clock> {
        self.inner.clock()
    }

    async fn close(&self) {
        if clock::within(self.limit, self.inner.close()).await.is_none() {
            tracing::warn!(after = ?self.limit, "the store did not close in time");
        }
    }

    fn is_shared(&self) -> bool {
        self.inner.is_shared()
    }
}
