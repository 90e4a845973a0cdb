//! The demo `docsearch` as people run it: real processes, broken off in every way, and what they say.
#![cfg(unix)]

mod gate;
mod program;
mod site;

mod finished;
mod full_disk;
mod killed;
mod refused;
mod shown;
mod signals;
mod undisturbed;

// An example has no tests of its own when it is to be built as a program, so those of the meter run here.
#[path = "../../docsearch/meter.rs"]
mod meter;
