//! The store in PostgreSQL: one database, any number of servers.
//!
//! - **Claims** are chosen by core's [`Admission::select`](longhaul_core::admission::Admission::select) in the server that
//!   claims, while it holds the lock of one row (the gate): limits and rates hold over all servers.
//! - **Transitions** are decided by core's [`decide`](longhaul_core::decide()) in the process; SQL compares the run's
//!   revision and swaps the row. No rule is written twice.
//! - **Batches**: calls that come at the same time share a transaction.
//! - **Safety** comes from the epoch in the row alone: what an attempt that lost its run writes changes nothing.

#![forbid(unsafe_code)]

mod added_counts;
mod batcher;
mod bell;
mod change;
mod claim_turn;
mod clock;
mod connect;
mod copies;
pub mod driver;
mod due_counts;
mod error;
mod families;
mod handle;
mod held;
mod id;
mod identifier;
mod in_transaction;
mod lane_key;
mod lanes;
mod migrations;
mod ops;
mod options;
mod poller;
mod ring;
mod row;
mod schema;
mod session;
mod settle_in;
mod store;
mod told;
mod topics;
mod value;
mod wake;
mod warnings;

pub use connect::ConnectError;
pub use in_transaction::TransactionError;
pub use migrations::{Migration, Migrations};
pub use options::Options;
pub use settle_in::UncommittedEnd;
pub use store::PostgresStore;
/// The driver, whose transactions [`PostgresStore::enqueue_in`], [`PostgresStore::checkpoint_in`] and
/// [`PostgresStore::settle_in`] write in.
pub use tokio_postgres;
pub use warnings::{DatabaseWarning, WarningLimits};
