//! Moving house: one store becomes the exact copy of another.

use super::{CopyCursor, CopyPage, CopyStore, Digest};
use crate::store::{Store, StoreError};

/// What was moved.
///
/// ```
/// use longhaul_core::store::copy::Migrated;
///
/// let nothing = Migrated::default();
/// assert_eq!((nothing.added, nothing.digest.items()), (0, 0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Migrated {
    /// How many items were added; those of an earlier try that was broken off are not counted again.
    pub added: usize,
    /// The digest of both stores.
    pub digest: Digest,
}

/// Why a store was not moved. What was copied before the error is kept: mend what is wrong, and call it again.
///
/// ```
/// use longhaul_core::store::copy::MigrateStoreError;
///
/// let error = MigrateStoreError::ServersLive { names: vec!["worker 1".into()] };
/// assert!(error.to_string().contains("shut them down"), "{error}");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MigrateStoreError {
    /// Servers work with one of the stores.
    #[error("servers work with the store ({}): shut them down first, so that it does not change while it is copied", names.join(", "))]
    ServersLive {
        /// What they are called.
        names: Vec<String>,
    },
    /// The new store does not hold what the old one holds.
    #[error(
        "the stores differ ({from} in the old one, {to} in the new one): something wrote to one of them meanwhile, or the \
        new one was not empty at first"
    )]
    Differs {
        /// Of the old store.
        from: Digest,
        /// Of the new one.
        to: Digest,
    },
    /// The old store cannot be read.
    #[error("the old store: {0}")]
    From(StoreError),
    /// The new store cannot be written, or read.
    #[error("the new store: {0}")]
    To(StoreError),
}

/// Makes `to`, which is empty at first, an exact copy of `from`: see [`CopyStore::copy_in`] for what is exact. Afterwards
/// both are read again, and compared by their digests. `from` is not changed, but that claims of servers whose lease has
/// run out are taken away.
///
/// If it is broken off, or fails, it can be called again: what is there already is not copied twice.
///
/// Nothing may write to the stores meanwhile: no server may live, and no client may enqueue.
///
/// Cancel safe: a copy that is dropped half way can be repeated.
///
/// ```
/// use longhaul_core::store::{CopyStore, Store, copy::{MigrateStoreError, migrate_store}};
///
/// async fn move_house<F: Store + CopyStore, T: Store + CopyStore>(from: &F, to: &T) -> Result<(), MigrateStoreError> {
///     let moved = migrate_store(from, to).await?;
///     println!("{} items were added; both stores have the digest {}", moved.added, moved.digest);
///     Ok(())
/// }
/// ```
pub async fn migrate_store<F, T>(from: &F, to: &T) -> Result<Migrated, MigrateStoreError>
where
    F: Store + CopyStore + ?Sized,
    T: Store + CopyStore + ?Sized,
{
    from.expire().await.map_err(MigrateStoreError::From)?;
    refuse_servers(from, MigrateStoreError::From).await?;
    refuse_servers(to, MigrateStoreError::To).await?;
    let mut added = 0;
    let mut cursor = None;
    loop {
        let CopyPage { items, next } = from.copy_out(cursor).await.map_err(MigrateStoreError::From)?;
        added += to.copy_in(items).await.map_err(MigrateStoreError::To)?;
        match next {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    let (old, new) =
        (digest(from).await.map_err(MigrateStoreError::From)?, digest(to).await.map_err(MigrateStoreError::To)?);
    if old == new {
        Ok(Migrated { added, digest: old })
    } else {
        Err(MigrateStoreError::Differs { from: old, to: new })
    }
}

async fn refuse_servers<S: Store + ?Sized>(
    store: &S,
    failed: impl FnOnce(StoreError) -> MigrateStoreError,
) -> Result<(), MigrateStoreError> {
    let servers = store.servers().await.map_err(failed)?;
    let names: Vec<String> = servers.iter().map(|server| server.beat.name.to_string()).collect();
    if names.is_empty() { Ok(()) } else { Err(MigrateStoreError::ServersLive { names }) }
}

async fn digest<S: CopyStore + ?Sized>(store: &S) -> Result<Digest, StoreError> {
    let mut digest = Digest::default();
    let mut cursor: Option<CopyCursor> = None;
    loop {
        let CopyPage { items, next } = store.copy_out(cursor).await?;
        for item in &items {
            digest.add(item);
        }
        match next {
            Some(next) => cursor = Some(next),
            None => return Ok(digest),
        }
    }
}
