//! From types to stored values and back: the one place where they meet.

use std::{
    any::{TypeId, type_name},
    collections::HashMap,
    sync::{Arc, OnceLock, PoisonError, RwLock},
};

use longhaul_core::{
    Codec, Envelope,
    envelope::{DecodeError, EncodeError, OldValue},
    shape::{self, Fingerprint},
};
use serde::de::DeserializeOwned;

use crate::payload::{MigrateError, Payload};

/// A value that was refused before anything was kept.
///
/// ```
/// # use longhaul::{doc::{Count, CountUp}, Client, testing};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
///
/// use longhaul::{AnyError, EnqueueError, TaskFn, ValueError};
///
/// const STORE: TaskFn<Vec<u8>, (), (), AnyError> = TaskFn::new("store");
/// let refused = client.enqueue_fn(STORE, vec![0; 2 << 20]).await.unwrap_err();
/// assert!(matches!(refused, EnqueueError::Value(ValueError::TooLarge { max: 1_048_576, .. })));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// It cannot be written so that it can be read again.
    #[error("the {what} cannot be kept: {reason}")]
    Encode {
        /// Metadata, execution metadata, result or error.
        what: &'static str,
        /// What is wrong, and the remedy.
        reason: String,
    },
    /// It is too large.
    #[error(
        "the {what} (a {of}) has {size} bytes, of at most {max}: keep what is large elsewhere, in a file or a table, and its address in here"
    )]
    TooLarge {
        /// Metadata, execution metadata, result or error.
        what: &'static str,
        /// The type.
        of: &'static str,
        /// Its size, encoded, in bytes.
        size: usize,
        /// The limit in bytes.
        max: usize,
    },
}

/// A stored value that cannot be read as the type at hand.
///
/// ```
/// # use longhaul::{doc::{Count, CountUp}, Client, testing};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
///
/// use longhaul::{AnyError, ReadError, TaskFn};
///
/// // The same name, and another type behind it.
/// const NUMBER: TaskFn<u64, (), (), AnyError> = TaskFn::new("work");
/// const TEXT: TaskFn<String, (), (), AnyError> = TaskFn::new("work");
/// let run = client.enqueue_fn(NUMBER, 7).await?;
/// let unread = client.run_fn(TEXT, run.id()).status().await?.metadata().unwrap_err();
/// assert!(matches!(unread, ReadError::Decode { what: "metadata", .. }));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The value and the type do not fit.
    #[error("the stored {what} cannot be read: {reason}")]
    Decode {
        /// Metadata, execution metadata, result or error.
        what: &'static str,
        /// What does not fit, and the remedy.
        reason: String,
    },
    /// The value is of an older version, and the task's `migrate` does not read it.
    #[error("the stored {what} cannot be migrated: {reason}")]
    Migrate {
        /// Metadata or execution metadata.
        what: &'static str,
        /// What `migrate` said.
        reason: MigrateError,
    },
}

/// How values of one type are encoded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ValueFormat {
    pub(crate) what: &'static str,
    pub(crate) codec: Codec,
    pub(crate) version: u16,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) max: usize,
}

impl ValueFormat {
    pub(crate) fn encode<T: Payload>(&self, value: &T) -> Result<Envelope, ValueError> {
        self.encode_with(value, &[])
    }

    /// The same, with something attached that counts towards its size.
    pub(crate) fn encode_with<T: Payload>(&self, value: &T, attachment: &[u8]) -> Result<Envelope, ValueError> {
        let mut envelope = Envelope::encode(value, self.codec, self.version, self.fingerprint)
            .map_err(|error: EncodeError| ValueError::Encode { what: self.what, reason: error.to_string() })?;
        if !attachment.is_empty() {
            envelope = envelope.with_attachment(attachment);
        }
        let size = envelope.len();
        if size > self.max {
            return Err(ValueError::TooLarge { what: self.what, of: type_name::<T>(), size, max: self.max });
        }
        Ok(envelope)
    }

    /// Reads a value of this version, or an older one of the same shape; `migrate` reads the others.
    pub(crate) fn decode<T: Payload>(
        &self,
        envelope: &Envelope,
        migrate: fn(OldValue<'_>) -> Result<T, MigrateError>,
    ) -> Result<T, ReadError> {
        match envelope.decode_checked(self.version, self.fingerprint) {
            Ok(value) => Ok(value),
            Err(DecodeError::Older { .. }) if envelope.fingerprint() == self.fingerprint => {
                envelope.decode().map_err(|error| self.unreadable(&error))
            }
            Err(DecodeError::Older { .. }) => {
                migrate(OldValue::new(envelope)).map_err(|reason| ReadError::Migrate { what: self.what, reason })
            }
            Err(error) => Err(self.unreadable(&error)),
        }
    }

    /// Reads a value that has no `migrate`: a result, an error, or what was sent with a proceed.
    pub(crate) fn decode_plain<T: DeserializeOwned>(&self, envelope: &Envelope) -> Result<T, ReadError> {
        match envelope.decode_checked(self.version, self.fingerprint) {
            Err(DecodeError::Older { .. }) if envelope.fingerprint() == self.fingerprint => envelope.decode(),
            other => other,
        }
        .map_err(|error| match error {
            DecodeError::ShapeChanged { type_name, .. } | DecodeError::Older { type_name, .. } => {
                let (what, other) = (self.what, "read it with code that has the type that was stored");
                let reason = format!("it is no `{type_name}`, and a {what} is not migrated: {other}");
                ReadError::Decode { what, reason }
            }
            error => self.unreadable(&error),
        })
    }

    fn unreadable(&self, error: &DecodeError) -> ReadError {
        ReadError::Decode { what: self.what, reason: error.to_string() }
    }
}

/// Remembers the fingerprint of each type: finding one takes many passes over the type.
#[derive(Debug, Clone, Default)]
pub(crate) struct FingerprintCache(Arc<RwLock<HashMap<TypeId, Fingerprint>>>);

impl FingerprintCache {
    /// For code that belongs to no client and no server.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<FingerprintCache> = OnceLock::new();
        SHARED.get_or_init(Self::default)
    }

    pub(crate) fn of<T: Payload>(&self) -> Fingerprint {
        let id = TypeId::of::<T>();
        // Both sides only ever add the one right value, so a poisoned lock hides nothing.
        if let Some(known) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return *known;
        }
        let fingerprint = shape::fingerprint_of::<T>();
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(id, fingerprint);
        fingerprint
    }
}
