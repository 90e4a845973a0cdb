//! The command line, as people and scripts see it.

mod app;
mod hostile;
mod kit;
mod shown;
#[cfg(unix)]
mod socket;
