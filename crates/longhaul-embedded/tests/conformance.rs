//! The store in a folder keeps the rules of every store.

mod common;

longhaul_testkit::conformance!(common::embedded);
