//! What is shown and done, on a server in memory and on one over sled.

mod acting;
mod api;
mod bulk;
mod doctor;
mod kit;
mod query;
mod showing;
