//! Why something was not shown or not done.

use longhaul::{
    CancelError, DeleteError, EnqueueError, EnqueueJsonError, GetError, NameError, RetryRunError, SchedulesError,
    StoreError, UpdateError, store_api::store::ProceedError,
};
use serde::{Serialize, Serializer};

use crate::query::QueryError;

/// Why something was not shown or not done.
///
/// ```
/// use longhaul_inspect::InspectError;
///
/// let error = InspectError::NotFound { what: "there is no run_7".into() };
/// assert_eq!((error.code(), error.status()), ("not_found", 404));
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InspectError {
    /// There is no such run, schedule, kind or page.
    #[error("{what}")]
    NotFound {
        /// What was looked for.
        what: String,
    },
    /// It is there, but its state does not allow what was asked.
    #[error("{why}")]
    Refused {
        /// What is in the way.
        why: String,
    },
    /// What was asked cannot be understood.
    #[error("{why}")]
    Invalid {
        /// The field that is wrong, where it is one.
        field: Option<String>,
        /// What is wrong.
        why: String,
    },
    /// The store failed. Whether something was changed is not known.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl InspectError {
    /// The word that programs branch on: `not_found`, `refused`, `invalid`, `store`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "not_found",
            Self::Refused { .. } => "refused",
            Self::Invalid { .. } => "invalid",
            Self::Store(_) => "store",
        }
    }

    /// The status of HTTP that says so.
    pub const fn status(&self) -> u16 {
        match self {
            Self::NotFound { .. } => 404,
            Self::Refused { .. } => 409,
            Self::Invalid { .. } => 422,
            Self::Store(_) => 503,
        }
    }

    pub(crate) fn invalid(field: &str, why: impl std::fmt::Display) -> Self {
        Self::Invalid { field: Some(field.to_owned()), why: why.to_string() }
    }

    pub(crate) fn not_found(what: impl std::fmt::Display) -> Self {
        Self::NotFound { what: what.to_string() }
    }

    pub(crate) fn refused(why: impl std::fmt::Display) -> Self {
        Self::Refused { why: why.to_string() }
    }
}

#[derive(Serialize)]
struct View<'a> {
    code: &'static str,
    field: Option<&'a str>,
    text: String,
}

/// `{"error": {"code": …, "field": …, "text": …}}`
impl Serialize for InspectError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let field = match self {
            Self::Invalid { field, .. } => field.as_deref(),
            _ => None,
        };
        let view = View { code: self.code(), field, text: self.to_string() };
        std::collections::BTreeMap::from([("error", view)]).serialize(serializer)
    }
}

/// The errors of the store's calls: each has a variant for a missing run, one for the store, and what refuses.
macro_rules! of_a_run {
    ($($error:ident)*) => {$(
        impl From<$error> for InspectError {
            fn from(error: $error) -> Self {
                match error {
                    $error::Store(error) => Self::Store(error),
                    $error::NotFound(_) => Self::not_found(error),
                    #[allow(unreachable_patterns, reason = "some have no other variant")]
                    _ => Self::refused(error),
                }
            }
        }
    )*};
}

of_a_run! { GetError CancelError DeleteError ProceedError UpdateError RetryRunError }

impl From<NameError> for InspectError {
    fn from(error: NameError) -> Self {
        Self::Invalid { field: None, why: error.to_string() }
    }
}

impl From<QueryError> for InspectError {
    fn from(error: QueryError) -> Self {
        Self::invalid(error.field(), &error)
    }
}

impl From<SchedulesError> for InspectError {
    fn from(error: SchedulesError) -> Self {
        match error {
            SchedulesError::Store(error) => Self::Store(error),
            SchedulesError::NotFound(_) => Self::not_found(error),
            SchedulesError::Name(error) => error.into(),
            _ => Self::refused(error),
        }
    }
}

impl From<EnqueueJsonError> for InspectError {
    fn from(error: EnqueueJsonError) -> Self {
        match error {
            EnqueueJsonError::UnknownKind { .. } => Self::not_found(error),
            EnqueueJsonError::Enqueue(EnqueueError::Store(error)) => Self::Store(error),
            EnqueueJsonError::Json { ref reason, .. } => Self::invalid("metadata", reason),
            EnqueueJsonError::Schema { ref found, .. } => match found.first() {
                Some(wrong) if !wrong.path.is_empty() => Self::invalid(&format!("metadata.{}", wrong.path), &wrong.why),
                wrong => Self::invalid("metadata", wrong.map_or("", |wrong| &wrong.why)),
            },
            _ => Self::Invalid { field: None, why: error.to_string() },
        }
    }
}
