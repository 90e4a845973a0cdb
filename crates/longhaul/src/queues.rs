//! Queues, as a server takes from them.

use longhaul_core::{Limits, Queue, Rate, name::NameError};

/// How a server, and all servers together, take runs from a queue. Handed to [`Builder::queue`](crate::Builder::queue).
///
/// ```
/// use longhaul::{Longhaul, QueueOptions};
///
/// let builder = Longhaul::builder()
///     .queue(QueueOptions::new("imports").local_max(2))
///     .queue(QueueOptions::new("mail").running_max(10).weight(3));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "it says nothing before it is handed to a builder"]
pub struct QueueOptions {
    name: String,
    here: Option<usize>,
    limits: Limits,
}

/// Checked.
#[derive(Clone, Debug)]
pub(crate) struct QueueSetting {
    pub(crate) name: Queue,
    pub(crate) here: Option<usize>,
    pub(crate) limits: Limits,
}

impl QueueOptions {
    /// Of this queue.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), here: None, limits: Limits::NONE }
    }

    /// At most so many runs of this queue at the same time on this server, within its concurrency.
    pub fn local_max(mut self, max: usize) -> Self {
        self.here = Some(max);
        self
    }

    /// At most so many runs of this queue at the same time on all servers together.
    ///
    /// A server declares this, and what follows, when it starts; an operator may set others in their place.
    pub fn running_max(mut self, max: u32) -> Self {
        self.limits.running = Some(max);
        self
    }

    /// So many runs of this queue start in a period, on all servers together: no period, wherever it
    /// begins, has more of them.
    pub fn rate(mut self, rate: Rate) -> Self {
        self.limits.rate = Some(rate);
        self
    }

    /// How large the share of this queue is where several have due runs: with 3 it gets three times as many claims as a
    /// queue with 1, which is the default. A queue that was empty for a while has saved nothing up.
    pub fn weight(mut self, weight: u16) -> Self {
        self.limits.weight = Some(weight);
        self
    }

    pub(crate) fn checked(self) -> Result<QueueSetting, NameError> {
        Ok(QueueSetting { name: Queue::new(&self.name)?, here: self.here, limits: self.limits })
    }
}
