//! Queues, as a server takes from them.

use longhaul_core::{Ageing, Limits, Queue, Rate, name::NameError};

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

    /// The priority of a run that waits in this queue grows by a level each so long, so that one of low priority begins in
    /// bounded time, whatever comes with a higher one. Without it, a low one waits as long as there are higher ones.
    ///
    /// A run waits since it is due; where keys [take turns](Self::fair_by_key) too, since the last turn of its key at its
    /// priority if that was later.
    ///
    /// ```
    /// use longhaul::{Ageing, QueueOptions};
    /// use std::time::Duration;
    ///
    /// let ten_minutes = Ageing::new(Duration::from_secs(600))?;
    /// let queue = QueueOptions::new("mail").ageing(ten_minutes);
    /// # Ok::<(), longhaul_core::control::AgeingError>(())
    /// ```
    pub fn ageing(mut self, ageing: Ageing) -> Self {
        self.limits.ageing = Some(ageing);
        self
    }

    /// Runs of the same priority with different limit keys take turns, on all servers together: a key with a million runs
    /// holds up another one for one run. Runs without a key have turns as if they had one in common.
    ///
    /// The key whose last turn is longest ago goes first. A key that is new comes after all others that wait, and not
    /// after what they have behind their first run.
    pub fn fair_by_key(mut self) -> Self {
        self.limits.fair_by_key = true;
        self
    }

    pub(crate) fn checked(self) -> Result<QueueSetting, NameError> {
        Ok(QueueSetting { name: Queue::new(&self.name)?, here: self.here, limits: self.limits })
    }
}
