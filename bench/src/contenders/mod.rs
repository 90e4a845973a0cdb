//! Who is measured in this process; `apalis/` has one more, for a reason that Cargo.toml gives.

mod effectum;
mod floor_file;
mod floor_sled;
mod longhaul;
mod persistent_queue;

use bench_harness::{Contender, Measure};

/// All of them, the floors first.
pub(crate) static ALL: [&dyn Contender; 11] = [
    &floor_file::FloorFile,
    &floor_sled::FloorSled::POWER,
    &floor_sled::FloorSled::PROCESS,
    &floor_sled::FloorHandoff,
    &Measure::<longhaul::Longhaul<{ longhaul::PLAIN }>>::new(),
    &Measure::<longhaul::Longhaul<{ longhaul::CONTROLLED }>>::new(),
    &Measure::<longhaul::Longhaul<{ longhaul::BESIDE_WAITING }>>::new(),
    &Measure::<longhaul::Longhaul<{ longhaul::SCHEDULED }>>::new(),
    &Measure::<longhaul::Longhaul<{ longhaul::CHILDREN }>>::new(),
    &Measure::<effectum::Effectum>::new(),
    &Measure::<persistent_queue::PersistentQueue>::new(),
];

/// The name of the contender that ratios of the column "floor" refer to.
pub(crate) const FLOOR: &str = floor_sled::FloorSled::POWER.name;

/// The peer that the targets name.
pub(crate) const PEER: &str = <effectum::Effectum as bench_harness::Queue>::NAME;
