//! Tests that look below the port.

mod commits;
mod copy;
mod counts;
mod damage;
mod failing;
mod families;
mod kit;
mod pieces;
mod power;
mod retry;
mod sealed;
mod waiting;
