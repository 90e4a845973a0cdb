//! Stores that pass calls on to another.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{clock::Clock, store::Store};

/// Implements all traits of the port but [`Store`](crate::store::Store) itself for a type that passes calls on.
///
/// The second argument names a macro that is given `self`, the name of the [`Call`](crate::store::Call), and the call
/// itself. It is the body of an `async` method, so it can wrap the call, and have an arm of its own for a method that
/// needs one. A method that is added to the port is passed on by the last arm.
///
/// ```
/// use async_trait::async_trait;
/// use longhaul_core::{Clock, Store, store::Call};
/// use std::sync::{Arc, atomic::{AtomicUsize, Ordering}};
///
/// /// Counts all calls, and the runs that are inserted.
/// struct Counted { inner: Arc<dyn Store>, calls: AtomicUsize, inserted: AtomicUsize }
///
/// macro_rules! count {
///     ($self:ident, $call:ident, insert($runs:ident)) => {{
///         $self.inserted.fetch_add($runs.len(), Ordering::Relaxed);
///         $self.inner.insert($runs).await
///     }};
///     ($self:ident, $call:ident, $method:ident($($arg:ident),*)) => {{
///         println!("{:?}", Call::$call);
///         $self.calls.fetch_add(1, Ordering::Relaxed);
///         $self.inner.$method($($arg),*).await
///     }};
/// }
///
/// longhaul_core::forward_store!(Counted, count);
///
/// #[async_trait]
/// impl Store for Counted {
///     fn clock(&self) -> Arc<dyn Clock> {
///         self.inner.clock()
///     }
///     async fn close(&self) {
///         self.inner.close().await;
///     }
///     fn is_shared(&self) -> bool {
///         self.inner.is_shared()
///     }
/// }
/// ```
#[macro_export]
macro_rules! forward_store {
    ($store:ty, $pass:ident) => {
        $crate::forward_run_store!($store, $pass);
        $crate::forward_attempt_store!($store, $pass);
        $crate::forward_server_store!($store, $pass);
        $crate::forward_schedule_store!($store, $pass);
        $crate::forward_control_store!($store, $pass);
        $crate::forward_inspect!($store, $pass);
    };
}

#[async_trait]
impl<S: Store + ?Sized> Store for Arc<S> {
    fn clock(&self) -> Arc<dyn Clock> {
        (**self).clock()
    }

    async fn close(&self) {
        (**self).close().await;
    }

    fn is_shared(&self) -> bool {
        Self::strong_count(self) > 1 || (**self).is_shared()
    }
}

#[async_trait]
impl<S: Store + ?Sized> Store for Box<S> {
    fn clock(&self) -> Arc<dyn Clock> {
        (**self).clock()
    }

    async fn close(&self) {
        (**self).close().await;
    }

    fn is_shared(&self) -> bool {
        (**self).is_shared()
    }
}
