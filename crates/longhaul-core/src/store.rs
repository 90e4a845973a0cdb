//! The port to a store: what every store must do, in words of the domain.
//!
//! A store keeps runs and their values, and applies [`decide`](crate::decide()) to them; it decides nothing itself.
//! The port has one trait a subject, each with its messages and errors beside it; [`Store`] is all of them. The suite
//! `longhaul_testkit::conformance` states the rules below as tests.
//!
//! Rules for all methods:
//! - **Durable.** `Ok` means: kept as the store's durability says, so that no crash undoes it, unless the method says
//!   otherwise. `Err` from the store itself ([`StoreError`]) means: perhaps kept, perhaps not; never half.
//! - **Atomic.** What one item of a batch changes is kept together or not at all. A batch is several such items: one
//!   may be refused while the others are kept.
//! - **Fenced.** What an attempt writes carries its epoch; a store refuses an old one, whoever sends it.
//! - **Repeatable.** A call whose answer was lost can be made again: inserts are recognised by their id, checkpoints by
//!   their seq, settlements by their epoch.
//! - **Cancel safe.** A future that is dropped before it is ready leaves the call either made or not made.
//!
//! # Who implements it, and how it grows
//! Anyone may implement the port: the traits are not sealed. They are exempt from semantic versioning, though: a minor
//! release may add a method without a default, because a default would be an answer that no store gave. A crate with a
//! store of its own depends on one minor release (`longhaul-core = "~0.1"`), and runs the conformance suite of the same
//! release: what compiles and passes is a store. A store that only passes calls on to another is written with
//! [`forward_store!`](crate::forward_store), which knows every method of the release that it is compiled with.

#[macro_use]
mod port;

mod attempts;
mod controls;
pub mod copy;
mod error;
mod filter;
mod forward;
mod inspect;
mod kinds;
mod runs;
mod schedules;
mod servers;

use std::{fmt, sync::Arc};

/// For what [`forward_store!`](crate::forward_store) expands to.
#[doc(hidden)]
pub use async_trait::async_trait;

pub use attempts::{
    AttemptStore, Checkpoint, CheckpointError, Checkpointed, ClaimRequest, Claimed, LogPages, SettleError, Settled,
    Settlement,
};
pub use controls::ControlStore;
pub use copy::CopyStore;
pub use error::StoreError;
pub use filter::Filter;
pub use inspect::{
    Damaged, ENDS_PER_POSITION, EndedCursor, EndedError, EndedPage, EndedRequest, EndedRun, Ends, GetError, HeaderPage,
    Inspect, ListOrder, Page, PageRequest, ParseCursorError, QueueDepth, RunHeader,
};
pub use kinds::KindDescription;
pub use runs::{
    CancelError, Cancelled, DeleteError, InsertError, Proceed, ProceedError, Proceeded, Replacement, Retried, Retry,
    RetryError, RetryFrom, RunStore, RunUpdate, Swept, UpdateError,
};
pub use schedules::{
    ScheduleChange, ScheduleChangeError, ScheduleChanged, ScheduleChanges, ScheduleRow, ScheduleRows, ScheduleStore,
};
pub use servers::{RunningRun, ServerBeat, ServerError, ServerInfo, ServerStore, Servers, StopSignal, StopSignals};

use crate::clock::Clock;

/// The traits of the port, for code that uses a store by its own type.
///
/// Behind `dyn Store`, and where a type parameter is bound by [`Store`], their methods need no import.
///
/// ```
/// use longhaul_core::store::{Filter, StoreError, prelude::*};
///
/// async fn is_empty<S: Inspect>(store: &S) -> Result<bool, StoreError> {
///     Ok(store.count(Filter::default()).await? == 0)
/// }
/// ```
pub mod prelude {
    pub use super::{AttemptStore, ControlStore, Inspect, RunStore, ScheduleStore, ServerStore, Store};
}

/// Where runs live: all of the port, and what concerns the handle itself.
///
/// ```no_run
/// use longhaul_core::{Ending, Store, StoreError, doc, limits::CLAIM_MAX, store::{Checkpoint, ClaimRequest, Filter, Settlement}};
///
/// /// What an executor does, in one line each.
/// async fn execute(store: &dyn Store) -> Result<(), Box<dyn std::error::Error>> {
///     store.insert(vec![doc::new_run()]).await?;
///     store.heartbeat(doc::beat()).await?;
///     for claimed in store.claim(ClaimRequest::new(doc::SERVER, doc::kinds().into(), CLAIM_MAX)).await? {
///         let (id, epoch) = (claimed.run.id, claimed.run.epoch);
///         let execution_metadata = Some(doc::value());
///         store.checkpoint(vec![Checkpoint { id, epoch, seq: 1, execution_metadata, taken: Vec::new(), progress: None }]).await?;
///         let ending = Ending::Completed { result: doc::value() };
///         store.settle(vec![Settlement { id, epoch, ending, execution_metadata: None, taken: Vec::new(), progress: None }]).await?;
///         let after = store.changed(id, claimed.run.revision).await?;
///         assert!(after.run.state.is_final());
///         println!("{}", store.explain(id).await?);
///     }
///     println!("{} runs, {} servers declared dead", store.count(Filter::default()).await?, store.expire().await?);
///     Ok(store.leave(doc::SERVER).await?)
/// }
/// ```
#[async_trait]
pub trait Store: RunStore + AttemptStore + ServerStore + ScheduleStore + ControlStore + Inspect {
    /// The clock that the store goes by: what is due, whose lease ran out and when a run changed are said in its time.
    /// Servers plan by it too, unless they were told otherwise, so that servers whose own clocks differ agree.
    fn clock(&self) -> Arc<dyn Clock>;

    /// Closes the store for all handles of it: calls that wait fail as [`StoreError::Closed`], and so does every later
    /// call. When it returns, the store can be opened anew. Repeating it is harmless.
    ///
    /// It takes nothing back: a server that ends in good order settles its attempts and
    /// [leaves](ServerStore::leave) first.
    ///
    /// Callers: whoever opened it; a server that it was handed to by value.
    async fn close(&self);

    /// Whether there are other handles of this store, whose holders may still need it. The server that it was handed to
    /// by value closes it with itself only if there are none.
    fn is_shared(&self) -> bool;
}

/// A method of the port, by name. Equal to itself, and to no other.
///
/// ```
/// use longhaul_core::store::Call;
///
/// assert_eq!(Call::StopRequests.name(), "stop_requests");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Call(&'static str);

#[expect(non_upper_case_globals, reason = "as the others")]
impl Call {
    /// [`Store::close`].
    pub const Close: Self = Self("close");

    /// The name of the method.
    pub const fn name(self) -> &'static str {
        self.0
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
