//! The examples are the programs beside this file; there is nothing in here.
