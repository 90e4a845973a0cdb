//! What an operator does to a queue or a kind.

use longhaul_core::{
    Control, ControlChange, Controls, Key, Kind, Limits, Paused, Queue, Scope, ServerId, StoreError, Timestamp,
};

use super::{Client, Request};
use crate::task::TaskDefinition;

/// A queue or a kind, to be paused, resumed and limited. A change holds for all servers at once, and until it is undone;
/// a restart does not undo it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = longhaul::doc::client();
/// use longhaul::Limits;
///
/// let imports = client.queue("imports")?;
/// imports.pause().acting_as("ann").because("the disk is full").await?;
/// assert!(imports.control().await?.paused.is_some_and(|paused| &*paused.by == "ann"));
///
/// imports.limit(Limits { running: Some(2), ..Limits::NONE }).await?;
/// imports.resume().await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// When the store fails: the change may be made or not.
#[derive(Debug, Clone)]
pub struct ScopeControl {
    client: Client,
    scope: Scope,
}

impl ScopeControl {
    /// What this is.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Nothing of it is claimed from now on; what runs already runs on. Await it; see [`Request`] for saying why and in
    /// whose name.
    pub fn pause(&self) -> Request<'_, Result<Control, StoreError>> {
        Request::new(&self.client.by, move |why, by| {
            let by = by.as_str().unwrap_or(super::NOBODY);
            let paused = Paused::new(self.client.inner.clock.now(), by, why.as_deref());
            self.change(ControlChange::Pause(paused))
        })
    }

    /// Nothing of it is claimed before `until`; what runs already runs on. The pause ends by itself, by the store's clock,
    /// also if all servers were restarted meanwhile. It takes the place of a pause that is there. Await it; see [`Request`]
    /// for saying why and in whose name.
    ///
    /// ```
    /// # use longhaul::doc::{Count, CountUp};
    /// # use std::time::{Duration, SystemTime};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = longhaul::doc::client();
    /// let in_an_hour = SystemTime::now() + Duration::from_secs(3600);
    /// let control = client.queue("imports")?.pause_until(in_an_hour).because("the bank is closed").await?;
    /// assert!(control.paused.is_some_and(|paused| paused.until == Some(in_an_hour.into())));
    /// # Ok(())
    /// # }
    /// ```
    pub fn pause_until(&self, until: impl Into<Timestamp>) -> Request<'_, Result<Control, StoreError>> {
        let until = until.into();
        Request::new(&self.client.by, move |why, by| {
            let by = by.as_str().unwrap_or(super::NOBODY);
            let paused = Paused::new(self.client.inner.clock.now(), by, why.as_deref());
            self.change(ControlChange::Pause(Paused { until: Some(until), ..paused }))
        })
    }

    /// It is claimed again.
    pub async fn resume(&self) -> Result<Control, StoreError> {
        self.change(ControlChange::Resume).await
    }

    /// These limits hold in place of those that code declares, also after servers were restarted. What already runs
    /// beyond them runs on.
    pub async fn limit(&self, limits: Limits) -> Result<Control, StoreError> {
        self.change(ControlChange::Set(Some(limits))).await
    }

    /// What code declares holds again.
    pub async fn reset_limits(&self) -> Result<Control, StoreError> {
        self.change(ControlChange::Set(None)).await
    }

    /// What holds now.
    pub async fn control(&self) -> Result<Control, StoreError> {
        Ok(self.client.store().controls().await?.get(&self.scope).cloned().unwrap_or_default())
    }

    async fn change(&self, change: ControlChange) -> Result<Control, StoreError> {
        self.client.store().control(self.scope.clone(), change).await
    }
}

impl Client {
    /// A queue, to be paused, resumed and limited.
    ///
    /// # Errors
    /// When it cannot be the name of a queue.
    pub fn queue(&self, name: &str) -> Result<ScopeControl, longhaul_core::name::NameError> {
        Ok(ScopeControl { client: self.clone(), scope: Scope::Queue(Queue::new(name)?) })
    }

    /// The kind of a task, to be paused, resumed and limited. Runs that were enqueued under a former name
    /// ([`Task::ALIASES`](crate::Task::ALIASES)) are of another kind.
    pub fn kind<T: TaskDefinition>(&self) -> ScopeControl {
        let kind = self.definition::<T>().common.kind().clone();
        ScopeControl { client: self.clone(), scope: Scope::Kind(kind) }
    }

    /// The same, by name: for tools that serve all kinds.
    ///
    /// # Errors
    /// When it cannot be the name of a kind.
    pub fn kind_named(&self, name: &str) -> Result<ScopeControl, longhaul_core::name::NameError> {
        Ok(ScopeControl { client: self.clone(), scope: Scope::Kind(Kind::new(name)?) })
    }

    /// The runs of one kind that share a limit key (one customer, one account), to be paused and resumed. Limits of a key
    /// mean nothing; those of the kind hold for each key.
    ///
    /// A pause of a limit key is swept away after its end. At most 1000 keys are paused at a time: of more, the pause that
    /// ends first gives way, and the answer says whether there is one now.
    ///
    /// ```
    /// # use std::time::{Duration, SystemTime};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = longhaul::doc::client();
    /// let customer = client.limit_key("mail", "customer 7")?;
    /// customer.pause_until(SystemTime::now() + Duration::from_secs(300)).because("too many requests").await?;
    /// assert!(customer.control().await?.paused.is_some());
    /// customer.resume().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When it cannot be the name of a kind, or a key.
    pub fn limit_key(&self, kind: &str, key: &str) -> Result<ScopeControl, longhaul_core::name::NameError> {
        Ok(ScopeControl { client: self.clone(), scope: Scope::LimitKey(Kind::new(kind)?, Key::new(key)?) })
    }

    /// A server, to be drained: a pause lets it claim nothing more, and it finishes what it has. That holds until it is
    /// resumed or ends; a restart begins without it. Limits of a server mean nothing.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = longhaul::doc::client();
    /// for server in client.store().servers().await? {
    ///     client.server(server.beat.server).pause().because("a new release").await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn server(&self, server: ServerId) -> ScopeControl {
        ScopeControl { client: self.clone(), scope: Scope::Server(server) }
    }

    /// All that holds queues, kinds, servers and limit keys back.
    pub async fn controls(&self) -> Result<Controls, StoreError> {
        self.store().controls().await
    }
}
