//! Signals: a run is sent something by name, whatever it is doing.

use std::{future::IntoFuture, pin::Pin};

use longhaul_core::{
    Envelope, Key, RunId,
    limits::PROCEED_VALUE_MAX,
    store::{Proceed, ProceedError, Proceeded},
};

use super::{RunHandle, SignalError, find::Find};
use crate::{
    definition::Definition,
    payload::Payload,
    task::TaskTypes,
    values::{FingerprintCache, ValueError, ValueFormat},
};

impl<T: TaskTypes> RunHandle<T> {
    /// Sends the run a signal. It is stored with the run, and durable when this returns, whatever the run is doing, as long
    /// as it is not final; the task takes it with [`Context::signal`](crate::Context::signal). It lets the run go on only
    /// if that is suspended [for this signal](crate::SuspendedFor::on_signal).
    ///
    /// The name is 1 to 256 bytes of any text. A run holds at most 16 signals and values that it has not taken, of at most
    /// 64 KiB each and 256 KiB together; beyond that the sender is refused.
    ///
    /// ```
    /// # use longhaul::{doc::{Count, CountUp}, Client, testing};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
    /// use longhaul::Proceeded;
    ///
    /// let run = client.enqueue::<CountUp>(Count { to: 3 }).unique("order 7").await?;
    /// let sent = run.signal("paid", "card".to_owned()).idempotency_key("evt_123").await?;
    /// assert_eq!(sent, Proceeded::Kept); // it has not begun: it finds the signal when it does
    ///
    /// // Who does not know the run knows its unique key.
    /// let run = client.find_by_key::<CountUp>("order 7").await?.expect("it is not final");
    /// let again = run.signal("paid", "card".to_owned()).idempotency_key("evt_123").await?;
    /// assert_eq!(again, Proceeded::Repeated);
    /// # Ok(())
    /// # }
    /// ```
    #[expect(clippy::needless_pass_by_value, reason = "what is sent is given away")]
    pub fn signal<V: Payload>(&self, name: impl Into<String>, value: V) -> SignalRun<T> {
        let value = encode(&self.definition, &self.client.inner.shapes, &value);
        SignalRun { run: self.clone(), signal: Signal { name: name.into(), value, key: None } }
    }
}

impl<T: TaskTypes> Find<T> {
    /// Sends a signal to the one run that matches, and is not final; see [`RunHandle::signal`]. It is an error if none
    /// matches, or more than one.
    ///
    /// ```
    /// # use longhaul::{doc::{Count, CountUp}, Client, testing};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
    /// use longhaul::SignalError;
    ///
    /// let nobody = client.find::<CountUp>().with_tag("order", 7).signal("paid", ()).await;
    /// assert_eq!(nobody, Err(SignalError::NotFound));
    /// # Ok(())
    /// # }
    /// ```
    #[expect(clippy::needless_pass_by_value, reason = "what is sent is given away")]
    pub fn signal<V: Payload>(self, name: impl Into<String>, value: V) -> SignalFound<T> {
        let value = encode(self.definition(), &self.client().inner.shapes, &value);
        SignalFound { find: self, signal: Signal { name: name.into(), value, key: None }, all: false }
    }

    /// Sends a signal to each run that matches, and is not final. The answer names those that have it. A run that ended
    /// meanwhile is left out; any other refusal ends it there, with some of the runs signalled: send it again with the same
    /// idempotency key.
    #[expect(clippy::needless_pass_by_value, reason = "what is sent is given away")]
    pub fn signal_all<V: Payload>(self, name: impl Into<String>, value: V) -> SignalFound<T> {
        let value = encode(self.definition(), &self.client().inner.shapes, &value);
        SignalFound { find: self, signal: Signal { name: name.into(), value, key: None }, all: true }
    }
}

struct Signal {
    name: String,
    value: Result<Envelope, ValueError>,
    key: Option<String>,
}

fn encode<T: TaskTypes, V: Payload>(
    definition: &Definition<T>,
    shapes: &FingerprintCache,
    value: &V,
) -> Result<Envelope, ValueError> {
    let common = &definition.common;
    let format = ValueFormat {
        what: "value of a signal",
        codec: common.execution_metadata.codec,
        version: common.version,
        fingerprint: shapes.of::<V>(),
        max: PROCEED_VALUE_MAX,
    };
    format.encode(value)
}

/// A signal to one run: set its options, and await it. Made by [`RunHandle::signal`].
///
/// ```
/// # use longhaul::{doc::CountUp, RunHandle};
/// # async fn on_payment(run: RunHandle<CountUp>) -> Result<(), longhaul::SignalError> {
/// run.signal("paid", "card".to_owned()).idempotency_key("evt_123").await?;
/// # Ok(())
/// # }
/// ```
///
/// # Cancel safety
/// When the future is dropped before it is ready, the run has the signal or not.
#[must_use = "nothing is sent before this is awaited"]
pub struct SignalRun<T: TaskTypes> {
    run: RunHandle<T>,
    signal: Signal,
}

impl<T: TaskTypes> std::fmt::Debug for SignalRun<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SignalRun({}, {:?})", self.run.id(), self.signal.name)
    }
}

impl<T: TaskTypes> SignalRun<T> {
    /// Identifies the signal: another one with the same key changes nothing and returns [`Proceeded::Repeated`], even if
    /// the run is final by then. A run remembers the latest 32 keys of signals and proceeds. Give the id of the event
    /// (`evt_123`), in at most 256 bytes.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.signal.key = Some(key.into());
        self
    }

    async fn send(self) -> Result<Proceeded, SignalError> {
        let Self { run, signal: Signal { name, value, key } } = self;
        let key = key.map(|key| Key::new(&key)).transpose()?;
        let signal = Proceed::signal(run.id(), Key::new(&name)?, value?);
        let signal = Proceed { key, by: run.client.by.clone(), ..signal };
        Ok(run.client.store().proceed(signal).await?)
    }
}

impl<T: TaskTypes> IntoFuture for SignalRun<T> {
    type Output = Result<Proceeded, SignalError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

/// A signal to the runs that match. Made by [`Find::signal`] and [`Find::signal_all`].
///
/// ```
/// # use longhaul::{doc::{Count, CountUp}, Client, testing};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
/// client.enqueue_all::<CountUp>((1..=3).map(|to| Count { to })).await?;
/// let signalled = client.find::<CountUp>().signal_all("prices changed", ()).await?;
/// assert_eq!(signalled.len(), 3);
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is sent before this is awaited"]
pub struct SignalFound<T: TaskTypes> {
    find: Find<T>,
    signal: Signal,
    all: bool,
}

impl<T: TaskTypes> std::fmt::Debug for SignalFound<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignalFound").field("name", &self.signal.name).finish_non_exhaustive()
    }
}

impl<T: TaskTypes> SignalFound<T> {
    /// See [`SignalRun::idempotency_key`].
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.signal.key = Some(key.into());
        self
    }

    async fn send(self) -> Result<Vec<(RunId, Proceeded)>, SignalError> {
        let Self { find, signal: Signal { name, value, key }, all } = self;
        let value = value?;
        let found = match find.not_final() {
            Some(find) => find.all().await?,
            None => Vec::new(),
        };
        match found.len() {
            0 if !all => return Err(SignalError::NotFound),
            2.. if !all => return Err(SignalError::Several(found.iter().map(|found| found.run.id()).collect())),
            _ => {}
        }
        let mut sent = Vec::with_capacity(found.len());
        for found in found {
            let signal = Signal { name: name.clone(), value: Ok(value.clone()), key: key.clone() };
            let id = found.run.id();
            match (SignalRun { run: found.run, signal }).send().await {
                Err(SignalError::Final { .. } | SignalError::NotFound) if all => {}
                answer => sent.push((id, answer?)),
            }
        }
        Ok(sent)
    }
}

impl<T: TaskTypes> IntoFuture for SignalFound<T> {
    type Output = Result<Vec<(RunId, Proceeded)>, SignalError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

impl From<ProceedError> for SignalError {
    fn from(error: ProceedError) -> Self {
        match error {
            ProceedError::NotFound(_) => Self::NotFound,
            ProceedError::NotSuspended { id, state } => Self::Final { id, state },
            ProceedError::BeingCancelled(id) => Self::BeingCancelled(id),
            ProceedError::InboxFull { id, messages } => Self::InboxFull { id, messages },
            ProceedError::Conflict(id) => unreachable!("a signal to {id} replaces nothing"),
            ProceedError::Store(error) => Self::Store(error),
        }
    }
}
