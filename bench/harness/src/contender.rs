//! Who is measured.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use crate::Scenario;

/// Somebody who is measured.
pub trait Contender: Sync {
    /// The name on the command line and in the results.
    fn name(&self) -> &'static str;

    /// What has survived when a call returns, as it really is, not as its documentation has it.
    fn durability(&self) -> &'static str;

    /// What it can do; the others are shown as not supported.
    fn scenarios(&self) -> Vec<Scenario>;

    /// Fills the store for [`Scenario::needs_fill`], and closes it.
    fn fill(&self, order: &Order) -> Result<()> {
        bail!("{} cannot be filled for {}", self.name(), order.scenario)
    }

    /// Does the work once.
    fn measure(&self, order: &Order) -> Result<Measured>;
}

/// What the parent says of a contender without running it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Card {
    /// [`Contender::name`].
    pub name: String,
    /// [`Contender::durability`].
    pub durability: String,
    /// [`Contender::scenarios`].
    pub scenarios: Vec<Scenario>,
}

impl Card {
    /// The card of `contender`.
    pub fn of(contender: &dyn Contender) -> Self {
        Self {
            name: contender.name().into(),
            durability: contender.durability().into(),
            scenarios: contender.scenarios(),
        }
    }
}

/// One measurement, as it is ordered from a child process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    /// Whom.
    pub contender: String,
    /// What.
    pub scenario: Scenario,
    /// How many: runs, samples, checkpoints a run.
    pub count: usize,
    /// Final runs in the store beforehand, for [`Scenario::needs_fill`].
    pub finals: usize,
    /// Waiting runs in the store beforehand, for [`Scenario::Open`].
    pub waiting: usize,
    /// After this the work is cut off, and the figure is what was done until then.
    pub limit: Duration,
    /// An empty folder on the disk that is measured, or the one which was filled.
    pub dir: PathBuf,
    /// Where the answer goes.
    pub answer: PathBuf,
}

/// What came out.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Measured {
    /// The figure, in [`Scenario::unit`].
    pub value: f64,
    /// Cut off by [`Order::limit`] before [`Order::count`] was done.
    pub cut: bool,
    /// What else is worth a look: percentiles, memory, CPU.
    #[serde(default)]
    pub also: BTreeMap<String, f64>,
}

impl Measured {
    /// A figure and nothing else.
    pub fn of(value: f64) -> Self {
        Self { value, ..Self::default() }
    }

    /// Adds a side figure.
    #[must_use]
    pub fn and(mut self, name: &str, value: f64) -> Self {
        self.also.insert(name.into(), value);
        self
    }
}
