//! The command line, as people and scripts see it.

mod app;
mod hostile;
mod kit;
#[cfg(feature = "postgres")]
mod many;
mod migrate;
mod shown;
#[cfg(unix)]
mod socket;
