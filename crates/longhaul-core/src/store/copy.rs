//! Exact copies: what a store holds, read out in pages and kept in another one.

mod digest;
mod migrate;
mod page;

pub use self::{
    digest::Digest,
    migrate::{MigrateStoreError, Migrated, migrate_store},
};

use std::sync::Arc;

use crate::{
    admission::{
        Bucket,
        controls::{Control, Scope},
        rate::Starts,
    },
    id::RunId,
    log::LogPage,
    name::{Key, Kind, ScheduleName},
    state::StateKind,
    store::{KindDescription, StoreError},
    stored::StoredRun,
    time::Timestamp,
};

port! {
    ($) forward_copy_store;

    /// What moving house needs: everything that a store holds, read out and kept in another store as it is.
    ///
    /// It is not part of [`Store`](super::Store): no executor and no client calls it.
    pub trait CopyStore {
        /// The next page of what is kept. `from`: where it begins; `None`: at the first page. The order is the same in every
        /// store: settings (controls, schedules, kinds, starts of rates, the positions of ends), then runs in the order
        /// of their ids, then keys that outlive their runs.
        ///
        /// Starts of rates and keys whose time has passed are left out.
        ///
        /// Each item is as it is when its page is read, so a copy is of one moment only if nothing writes meanwhile. A
        /// run that cannot be read is an error that names it: set it aside or delete it first.
        CopyOut: async fn copy_out(&self, from: Option<CopyCursor>) -> Result<CopyPage, StoreError>;

        /// Keeps items of another store exactly: final runs with their ends and their positions, histories, results of
        /// effects, unique keys, logs. What is there already under the same name or id stays as it is, so a copy that was
        /// broken off can be repeated. Answers how many items were added.
        ///
        /// A run that was executing goes on as after a shutdown. Revisions of schedules are those of the new store, and
        /// what happened in each minute is not copied.
        CopyIn: async fn copy_in(&self, items: Vec<CopyItem>) -> Result<usize, StoreError>;
    }
}

/// Where a page of a copy begins.
///
/// ```
/// use longhaul_core::store::copy::CopyCursor;
///
/// assert_ne!(CopyCursor::RunsAfter(None), CopyCursor::KeysAfter(None));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub enum CopyCursor {
    /// Runs after this one; `None`: at the first.
    RunsAfter(Option<RunId>),
    /// Keys that outlive their runs, after this one; `None`: at the first.
    KeysAfter(Option<(Kind, Key)>),
}

/// A page of a copy.
///
/// ```
/// assert_eq!(longhaul_core::store::copy::CopyPage::default().next, None); // it was the last
/// ```
#[derive(Clone, Debug, PartialEq, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub struct CopyPage {
    /// What it holds.
    pub items: Vec<CopyItem>,
    /// Where the next page begins; `None`: there is none.
    pub next: Option<CopyCursor>,
}

/// One thing that a store holds.
///
/// ```
/// use longhaul_core::{StoredRun, doc, store::copy::{CopiedRun, CopyItem}};
///
/// let stored = StoredRun::enqueue(doc::NOW, doc::new_run());
/// let item = CopyItem::Run(Box::new(CopiedRun { stored, end: None, log: vec![] }));
/// assert_eq!(item, item.clone());
/// ```
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a store that leaves one out would lose it, and should not compile")]
pub enum CopyItem {
    /// The pause and the limits of a queue or a kind.
    Control(Scope, Control),
    /// A schedule, as the server that made it has encoded it.
    Schedule(ScheduleName, Arc<[u8]>),
    /// What is known of a kind without its code.
    Kind(KindDescription),
    /// The recent starts of a rate.
    Starts(Bucket, Starts),
    /// Up to which position ends were removed.
    RemovedEnds(u64),
    /// A run.
    Run(Box<CopiedRun>),
    /// A unique key that outlives its run.
    Key(RemovedKey),
}

/// A run with everything that is kept of it.
///
/// ```
/// use longhaul_core::{StoredRun, doc, store::copy::CopiedRun};
///
/// let stored = StoredRun::enqueue(doc::NOW, doc::new_run());
/// assert_eq!(CopiedRun { stored, end: None, log: vec![] }.end, None); // it is not final
/// ```
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "a store that leaves a part out would lose it, and should not compile")]
pub struct CopiedRun {
    /// The run and its values.
    pub stored: StoredRun,
    /// The [position](super::EndedCursor::position) of its end, if it has one.
    pub end: Option<u64>,
    /// The pages of its log, each with the number of its attempt, in order.
    pub log: Vec<(u32, LogPage)>,
}

/// A unique key that is taken for a period, though its run was removed.
///
/// ```
/// use longhaul_core::{Key, Kind, StateKind, doc, store::copy::RemovedKey};
///
/// let (kind, key, run) = (Kind::new("mail")?, Key::new("customer 7")?, doc::run().id);
/// let removed = RemovedKey { kind, key, run, state: StateKind::Completed, until: doc::NOW };
/// assert_eq!(removed.run, run);
/// # Ok::<(), longhaul_core::name::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a store that leaves a part out would lose it, and should not compile")]
pub struct RemovedKey {
    /// The kind of the run.
    pub kind: Kind,
    /// The key.
    pub key: Key,
    /// The run that is gone.
    pub run: RunId,
    /// The state that it was in.
    pub state: StateKind,
    /// Until when the key is taken.
    pub until: Timestamp,
}
