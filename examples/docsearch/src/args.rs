//! What can be said on the command line.

use std::{num::NonZeroU32, path::PathBuf};

use lexopt::{
    Arg::{Long, Short, Value},
    Error, Parser, ValueExt,
};

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) input: Option<PathBuf>,
    pub(crate) data: PathBuf,
    pub(crate) throttle: Option<NonZeroU32>,
    pub(crate) fresh: bool,
    pub(crate) command: Command,
}

#[derive(Debug)]
pub(crate) enum Command {
    Build,
    Query { words: Vec<String>, limit: usize },
    Help,
}

pub(crate) const DATA: &str = "./docsearch-data";

pub(crate) const HELP: &str = "\
Builds a full-text index of a folder, and answers questions from it. Break it off as you like, with Ctrl-C or kill -9, \
and run it again: it goes on where it was.

Usage: docsearch [OPTIONS]
       docsearch query [OPTIONS] <WORDS>...      answers from the finished index, best first

Options:
      --input <DIR>                    the folder to index: its .html, .md, .rs and .toml files [default: the
                                       documentation of this Rust toolchain, or the sources in cargo's registry where
                                       that is not installed]
      --data <DIR>                     where the index, and how far it is, are kept [default: ./docsearch-data]
      --throttle <FILES_PER_SECOND>    reads no more files than this per second, to have time to break it off
      --fresh                          begins anew, whatever is there; the finished index answers until the new one is
      --limit <PAGES>                  with query: how many pages at most [default: 10]
  -h, --help                           shows this

Examples:
  cargo run --release --example docsearch
  cargo run --release --example docsearch -- --throttle 2000
  cargo run --release --example docsearch -- query \"select cancel safe\"
  kill -9 $(cat docsearch-data/pid)      # in another terminal; then run the first line again";

impl Args {
    /// Reads the arguments of this program.
    pub(crate) fn read() -> Result<Self, Error> {
        let mut parser = Parser::from_env();
        let mut args = Self { input: None, data: DATA.into(), throttle: None, fresh: false, command: Command::Build };
        let mut limit = None;
        while let Some(argument) = parser.next()? {
            match argument {
                Long("input") => args.input = Some(parser.value()?.into()),
                Long("data") => args.data = parser.value()?.into(),
                Long("throttle") => args.throttle = Some(parser.value()?.parse()?),
                Long("fresh") => args.fresh = true,
                Long("limit") => limit = Some(parser.value()?.parse()?),
                Long("help") | Short('h') => args.command = Command::Help,
                Value(value) => match &mut args.command {
                    Command::Build if value == "query" => {
                        args.command = Command::Query { words: Vec::new(), limit: 10 }
                    }
                    Command::Query { words, .. } => words.push(value.string()?),
                    Command::Build | Command::Help => return Err(Value(value).unexpected()),
                },
                _ => return Err(argument.unexpected()),
            }
        }
        match (&mut args.command, limit) {
            (Command::Query { words, .. }, _) if words.is_empty() => Err("query needs words to look for".into()),
            (Command::Query { limit, .. }, Some(asked)) => {
                *limit = asked;
                Ok(args)
            }
            (Command::Build, Some(_)) => Err("--limit belongs to query".into()),
            _ => Ok(args),
        }
    }
}
