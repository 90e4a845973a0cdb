//! What crosses crates, in one program.

mod circles;
mod closing;
mod damaged;
mod decoders;
mod dependencies;
mod edges;
mod engine;
mod full_disk;
mod killed;
mod large;
mod ledger;
mod links;
mod opening;
mod signals;
mod soak;
mod suicide;
mod synced;
mod trees;
mod victim;
mod web;
mod words;
