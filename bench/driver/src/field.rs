//! Who takes part in a benchmark, and on what ground.

use std::{any::Any, path::Path};

use anyhow::Result;
use bench_harness::{Contender, Scenario};

use crate::size::{Scale, Size};

/// A benchmark: contenders, scenarios, and what ratios refer to.
pub struct Field {
    /// Whom the program itself measures.
    pub contenders: &'static [&'static dyn Contender],
    /// Whom programs of their own measure.
    pub elsewhere: &'static [Elsewhere],
    /// What is measured unless it is said on the command line.
    pub scenarios: &'static [Scenario],
    /// How much of it.
    pub size: fn(Scale, Scenario) -> Size,
    /// The contender that ratios of the column "floor" refer to.
    pub floor: fn(Scenario) -> &'static str,
    /// Those of whom the best is what the column "peer" refers to.
    pub peers: fn(Scenario) -> &'static [&'static str],
    /// Those that do less than the peers, such as keep no rows: the column "any" refers to the best of both.
    pub others: fn(Scenario) -> &'static [&'static str],
    /// Where stores are made.
    pub ground: &'static dyn Ground,
    /// Where the results go unless it is said on the command line.
    pub results: &'static str,
}

/// A contender that cannot share a dependency graph with the others.
#[derive(Debug)]
pub struct Elsewhere {
    /// Its names, which say whether the program is wanted.
    pub contenders: &'static [&'static str],
    /// The folder of its workspace.
    pub folder: &'static str,
    /// The program that is built there.
    pub program: &'static str,
}

/// What stores stand on besides a folder.
pub trait Ground: Sync {
    /// Whether a folder of the machine holds the stores: one in memory is refused then.
    fn is_a_folder(&self) -> bool;

    /// A place where nothing is, for one measurement.
    fn fresh(&self, name: &str) -> Result<Fresh>;

    /// It was filled: nothing that is left to do for that is to fall into the measurement.
    fn filled(&self, _place: &Fresh) -> Result<()> {
        Ok(())
    }

    /// One line on it, for the results.
    fn describe(&self, data: &Path) -> String;
}

/// A place for one store.
#[derive(Default)]
pub struct Fresh {
    /// What the process that measures finds in its environment.
    pub environment: Vec<(String, String)>,
    /// Dropped when the measurement is over.
    pub guard: Option<Box<dyn Any>>,
}

/// The folder of the measurement is all there is.
#[derive(Debug)]
pub struct NoGround;

impl Ground for NoGround {
    fn is_a_folder(&self) -> bool {
        true
    }

    fn fresh(&self, _: &str) -> Result<Fresh> {
        Ok(Fresh::default())
    }

    fn describe(&self, data: &Path) -> String {
        bench_harness::machine::file_system(data).unwrap_or_else(|| "an unknown file system".into())
    }
}
