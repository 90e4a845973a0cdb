//! Ids on their way to and from the database.

use std::{
    error::Error,
    hash::{BuildHasher, RandomState},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::BytesMut;
use longhaul_core::{RunId, ServerId};
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

/// A UUID, as its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Uuid(pub(crate) [u8; 16]);

impl Uuid {
    /// One that no process has made before.
    pub(crate) fn fresh() -> Self {
        // Each process has keys of its own, from the system.
        static KEYS: LazyLock<[RandomState; 2]> = LazyLock::new(|| [RandomState::new(), RandomState::new()]);
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let mut bytes = [0; 16];
        for (half, keys) in bytes.chunks_exact_mut(8).zip(&*KEYS) {
            half.copy_from_slice(&keys.hash_one((std::process::id(), count)).to_be_bytes());
        }
        Self(bytes)
    }

    pub(crate) fn run(self) -> RunId {
        RunId::from_bytes(self.0)
    }

    pub(crate) fn server(self) -> ServerId {
        ServerId::from_bytes(self.0)
    }
}

impl From<RunId> for Uuid {
    fn from(id: RunId) -> Self {
        Self(*id.as_bytes())
    }
}

impl From<ServerId> for Uuid {
    fn from(id: ServerId) -> Self {
        Self(*id.as_bytes())
    }
}

pub(crate) fn uuids(ids: impl IntoIterator<Item = RunId>) -> Vec<Uuid> {
    ids.into_iter().map(Uuid::from).collect()
}

impl<'a> FromSql<'a> for Uuid {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(raw.try_into()?))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::UUID
    }
}

impl ToSql for Uuid {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.extend_from_slice(&self.0);
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::UUID
    }

    to_sql_checked!();
}
