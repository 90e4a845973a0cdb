//! Builds a full-text index of the documentation that is on your disk. Break it off as you like; run again, it goes on.
//!
//! ```text
//! cargo run --release --example docsearch
//! cargo run --release --example docsearch -- query "select cancel safe"
//! ```

mod args;
mod build;
mod input;
mod margin;
mod meter;
mod pid;
mod session;
mod terminal;

use std::{
    error::Error,
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use docsearch_engine::search;

use args::{Args, Command};

/// The program: what its arguments ask for. A failure is said on standard error.
pub fn main() -> ExitCode {
    let args = match Args::read() {
        Ok(args) => args,
        Err(error) => {
            eprintln!("error: {error}; `docsearch --help` says what there is");
            return ExitCode::from(2);
        }
    };
    let done = match &args.command {
        Command::Build => build::build(&args),
        Command::Query { words, limit } => query(&args.data, &words.join(" "), *limit),
        Command::Help => {
            println!("{}", args::HELP);
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn query(data: &Path, words: &str, limit: usize) -> Result<(), Box<dyn Error>> {
    let hits = search(&build::index_folder(data), words, limit)?;
    if hits.is_empty() {
        eprintln!("no page has any of these words: {words}");
    }
    let mut out = io::stdout().lock();
    let mut print = || -> io::Result<()> {
        for (hit, rank) in hits.iter().zip(1..) {
            writeln!(out, "{rank:>3}. {}\n     {}", hit.title, hit.path.display())?;
        }
        out.flush()
    };
    match print() {
        // `… | head` has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => Ok(printed?),
    }
}
