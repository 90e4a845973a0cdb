//! What the example programs do, as a library, so that tests can run their tasks without a terminal.

pub mod docsearch;
