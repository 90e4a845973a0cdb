//! `longhaul`: see [`longhaul_cli`].

use std::{io::Write, process::ExitCode};

use clap::{CommandFactory, Parser, Subcommand};
use longhaul::Views;
use longhaul_cli::{Command, EXIT_CODES, Options, Terminal};

/// Looks at background tasks, and acts on them.
///
/// It asks the program that has the store, if that listens; otherwise it opens the store.
#[derive(Parser)]
#[command(name = "longhaul", version, after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Top,
}

const EXAMPLES: &str = "\
Examples:
  longhaul --store ./data runs ls --state failed
  longhaul runs show 6f8h0j2k          the end of an id is enough
  longhaul runs retry --state failed --from 1d --dry-run
  longhaul doctor";

#[derive(Subcommand)]
enum Top {
    #[command(flatten)]
    Command(Box<Command>),
    /// Writes the completions of a shell.
    #[command(after_help = "Example:\n  longhaul completions bash > /etc/bash_completion.d/longhaul")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

fn main() -> ExitCode {
    let Cli { options, command } = Cli::parse();
    match command {
        Top::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "longhaul", &mut script);
            match std::io::stdout().write_all(&script) {
                Ok(()) => ExitCode::SUCCESS,
                Err(_) => ExitCode::FAILURE,
            }
        }
        Top::Command(command) => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            match runtime {
                Ok(runtime) => runtime
                    .block_on(longhaul_cli::run(
                        *command,
                        &options,
                        Views::new(),
                        "longhaul",
                        &mut Terminal::of_process(),
                    ))
                    .into(),
                Err(error) => {
                    eprintln!("error: no runtime can be started: {error}");
                    ExitCode::FAILURE
                }
            }
        }
    }
}
