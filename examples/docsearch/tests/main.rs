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
