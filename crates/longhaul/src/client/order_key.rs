//! Keys whose runs go one after the other.

use longhaul_core::{AfterFailure, Key, Ordered, name::NameError};

/// A key whose runs go one after the other, first in, first out, whatever their kinds and queues. By default a run that
/// fails for good stops its key: the runs behind it wait until it is [retried](crate::RunHandle::retry),
/// [dismissed](crate::RunHandle::dismiss) or deleted.
///
/// ```
/// use longhaul::OrderKey;
///
/// let in_order = OrderKey::new("account 7");
/// let newest_state = OrderKey::new("screen 7").skip_failed();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderKey {
    key: String,
    after_failure: AfterFailure,
}

impl OrderKey {
    /// This key: 1 to 256 bytes of any text.
    pub fn new(key: impl Into<String>) -> Self {
        Self { key: key.into(), after_failure: AfterFailure::Stop }
    }

    /// When the run fails for good, the next one goes on.
    #[must_use]
    pub fn skip_failed(mut self) -> Self {
        self.after_failure = AfterFailure::Skip;
        self
    }

    pub(super) fn checked(self) -> Result<Ordered, NameError> {
        Ok(Ordered { key: Key::new(&self.key)?, after_failure: self.after_failure })
    }
}

impl From<String> for OrderKey {
    fn from(key: String) -> Self {
        Self::new(key)
    }
}

impl From<&str> for OrderKey {
    fn from(key: &str) -> Self {
        Self::new(key)
    }
}
