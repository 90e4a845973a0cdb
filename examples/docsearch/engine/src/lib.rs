//! The work of the demo `docsearch`: a full-text index of a folder of pages, built in steps that can be broken off
//! anywhere.
//!
//! [`IndexDocs`] is the task; its execution metadata is a [`Progress`]. The work is done by [`Engine::advance`], which
//! takes a progress and gives the next one, with what it claims already durable on disk. It knows nothing of tasks and
//! stores. Doing a step again changes nothing, so it does not matter how often, or how roughly, the work is broken off
//! between two of them.
//!
//! ```text
//! INDEX/build-LABEL/files          every file to read, sorted, numbered from 1
//! INDEX/build-LABEL/seg-00000501   what the files from number 501 on say, sorted by term
//! INDEX/build-LABEL/part-07        the merged index, terms that begin with `f`
//! INDEX/build-LABEL/docs           path, title and length of every file
//! INDEX/current.json               which build answers queries; written last
//! ```

#![expect(clippy::exhaustive_enums, clippy::exhaustive_structs, reason = "one program uses it")]

mod documents;
mod durable;
mod engine;
mod error;
mod files;
mod merge;
mod pace;
mod page;
mod part;
mod progress;
mod publish;
mod query;
mod segment;
mod task;
mod tokens;
mod verify;
mod wire;

pub use engine::Engine;
pub use error::IndexError;
pub use files::ENDINGS;
pub use pace::Pace;
pub use progress::{Progress, Step, Summary, Verified};
pub use publish::{Published, published, sweep};
pub use query::{Hit, search};
pub use task::{Folder, IndexDocs};

#[cfg(test)]
mod tests;
