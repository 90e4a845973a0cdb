//! What goes wrong between the store and its database.

use longhaul_core::{StoreError, record::Damage};
use tokio_postgres::error::SqlState;

use crate::{driver::Refused, lane_key::LaneKey};

/// What says that there is one already. Two who create the same table at once also meet at its type.
const IS_THERE: [SqlState; 4] =
    [SqlState::UNIQUE_VIOLATION, SqlState::DUPLICATE_SCHEMA, SqlState::DUPLICATE_TABLE, SqlState::DUPLICATE_OBJECT];

/// Why a transaction did not come to its end.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Told to the caller.
    Store(StoreError),
    /// The database could not order it among others: it can be made again.
    Again(String),
    /// A run was not as it had been read.
    Moved,
    /// It needs lanes that are not there yet: it is made again once they are.
    Lanes(Vec<LaneKey>),
    /// There is a row with this key already.
    Unique(String),
    /// The user may not do this.
    Denied(String),
}

impl Fault {
    /// Others did the same at the same time.
    pub(crate) fn is_collision(&self) -> bool {
        matches!(self, Self::Unique(_) | Self::Again(_))
    }

    /// What a caller is told when nothing else can be done about it.
    pub(crate) fn into_store(self) -> StoreError {
        match self {
            Self::Store(error) => error,
            Self::Again(reason) | Self::Unique(reason) | Self::Denied(reason) => {
                StoreError::Unavailable { reason: reason.into() }
            }
            Self::Moved => StoreError::Unavailable { reason: "runs were changed again and again".into() },
            Self::Lanes(_) => StoreError::Unavailable { reason: "lanes were removed again and again".into() },
        }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Damage> for Fault {
    fn from(damage: Damage) -> Self {
        Self::Store(damage.into())
    }
}

impl From<deadpool_postgres::PoolError> for Fault {
    fn from(error: deadpool_postgres::PoolError) -> Self {
        match error {
            deadpool_postgres::PoolError::Backend(error) => error.into(),
            deadpool_postgres::PoolError::Closed => Self::Store(StoreError::Closed),
            other => Self::Store(StoreError::Unavailable { reason: other.to_string().into() }),
        }
    }
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(db) => Self::refused(Some(db.code().code()), db.message()),
            None => Self::refused(None, &error.to_string()),
        }
    }
}

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Self {
        Self::refused(refused.code.as_deref(), &refused.reason)
    }
}

impl Fault {
    /// A statement failed; with the SQLSTATE, if the database has said one.
    fn refused(code: Option<&str>, message: &str) -> Self {
        let Some(code) = code else {
            return Self::Store(StoreError::Unavailable { reason: message.into() });
        };
        let (reason, state) = (format!("{code}: {message}"), SqlState::from_code(code));
        match state {
            SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => Self::Again(reason),
            // Nothing else is divided: see `UPDATE_ALL`.
            SqlState::DIVISION_BY_ZERO => Self::Moved,
            state if IS_THERE.contains(&state) => Self::Unique(reason),
            SqlState::INSUFFICIENT_PRIVILEGE => Self::Denied(reason),
            _ => Self::Store(StoreError::Unavailable { reason: reason.into() }),
        }
    }
}
