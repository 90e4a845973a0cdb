//! Who is measured in this process; the folders beside this one have the others.

mod floor;
mod longhaul;
mod notify;

use bench_harness::{Contender, Measure};

pub(crate) static ALL: [&dyn Contender; 6] = [
    &floor::Floor,
    &floor::Copy,
    &notify::Notify,
    &Measure::<longhaul::Longhaul<{ longhaul::PLAIN }>>::new(),
    &Measure::<longhaul::Longhaul<{ longhaul::POLLING }>>::new(),
    &Measure::<longhaul::Longhaul<{ longhaul::TWO_SERVERS }>>::new(),
];

/// Raw statements, in batches.
pub(crate) const FLOOR: &str = "floor";

/// The same as a stream.
pub(crate) const COPY: &str = "floor-copy";

/// A start that another connection hears of.
pub(crate) const NOTIFY: &str = "floor-notify";
