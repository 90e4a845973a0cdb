//! Tests that look below the port.

mod commits;
mod copy;
mod damage;
mod kit;
mod pieces;
mod power;
mod retry;
mod waiting;
