//! The promises of the executor and the client, each as a sentence, on the store in memory.

mod kit;

mod endings;
mod faults;
mod fence;
mod keeping;
mod shutdown;
mod values;
