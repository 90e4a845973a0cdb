//! The store in PostgreSQL keeps the rules of every store.

mod common;

longhaul_testkit::conformance!(common::postgres);
