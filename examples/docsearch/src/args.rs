//! What can be said on the command line.

use std::{num::NonZeroU32, path::PathBuf};

use clap::{Parser, Subcommand};

/// Builds a full-text index of a folder, and answers questions from it. Break it off as you like, with Ctrl-C or
/// kill -9, and run it again: it goes on where it was.
#[derive(Debug, Parser)]
#[command(name = "docsearch", after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The folder to index: its .html, .md, .rs and .toml files [default: the documentation of this Rust toolchain, or
    /// the sources in cargo's registry where that is not installed]
    #[arg(long, value_name = "DIR")]
    pub(crate) input: Option<PathBuf>,

    /// Where the index, and how far it is, are kept
    #[arg(long, value_name = "DIR", default_value = DATA, global = true)]
    pub(crate) data: PathBuf,

    /// Reads no more files than this per second, to have time to break it off
    #[arg(long, value_name = "FILES_PER_SECOND")]
    pub(crate) throttle: Option<NonZeroU32>,

    /// Begins anew, whatever is there. The finished index answers until the new one is
    #[arg(long)]
    pub(crate) fresh: bool,

    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Answers from the finished index, best first
    Query {
        /// What to look for
        #[arg(required = true)]
        words: Vec<String>,
        /// How many pages at most
        #[arg(long, default_value_t = 10)]
        limit: usize,
    },
}

pub(crate) const DATA: &str = "./docsearch-data";

const EXAMPLES: &str = "\
Examples:
  cargo run --release --example docsearch
  cargo run --release --example docsearch -- --throttle 2000
  cargo run --release --example docsearch -- query \"select cancel safe\"
  kill -9 $(cat docsearch-data/pid)      # in another terminal; then run the first line again";
