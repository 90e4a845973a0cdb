//! Tests that look below the port.

mod commits;
mod copy;
mod damage;
mod failing;
mod kit;
mod pieces;
mod power;
mod sealed;
mod waiting;
