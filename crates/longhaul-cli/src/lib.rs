//! The command line of longhaul, `longhaul`, and the same commands for a program of your own.
//!
//! A command asks whoever has the store: the program that listens in its folder
//! ([`Inspect::inspect`](longhaul_inspect::Inspect)), a dashboard (`--url`), or the store itself, if no program has it
//! open. The answers are the same.
//!
//! A program of your own takes the commands up with [`Tasks`], and knows its own types then:
//!
//! ```
//! use clap::Parser;
//! use longhaul::Views;
//! # use longhaul::doc::CountUp;
//!
//! #[derive(Parser)]
//! enum MyApp {
//!     /// Serves the shop.
//!     Serve,
//!     /// Looks at background tasks, and acts on them.
//!     Tasks(longhaul_cli::Tasks),
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::process::ExitCode {
//! # let arguments = ["myapp", "tasks", "--store", "/nowhere", "runs", "ls"];
//! match MyApp::parse_from(arguments) {
//!     MyApp::Serve => std::process::ExitCode::SUCCESS,
//!     MyApp::Tasks(tasks) => {
//!         let exit = tasks.run(Views::new().task::<CountUp>(), "myapp tasks").await;
//!         # assert_eq!(exit, longhaul_cli::Exit::NotFound);
//!         # std::process::ExitCode::SUCCESS
//!         # /*
//!         exit.into()
//!         # */
//!     }
//! }
//! # }
//! ```
//!
//! Exit codes are those of [`Exit`].

mod api;
mod command;
mod error;
mod escape;
mod place;
mod session;
mod table;
mod terminal;

/// The page of the guide, whose examples are tested here.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/20-command-line.md")]
struct Guide;

use longhaul::Views;
use longhaul_inspect::Inspector;

pub use command::Command;
pub use error::{CliError, Exit};
pub use terminal::Terminal;

use crate::{place::Place, session::Output};

/// The heading in `--help` of the options that every command has.
const STORE_AND_ANSWER: &str = "Which store, and how it answers";

/// What the help says of exit codes.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  it failed, or the run that was waited for did, or `doctor` has warnings
  2  the command line is wrong
  3  there is no such run, schedule, queue, kind or store
  4  the state of the run does not allow it, or that of none of the runs that match
  5  the store cannot be reached
  6  --timeout was over before the run was final";

/// The commands with the options that all of them have, as arguments of a subcommand of your own.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = EXIT_CODES)]
pub struct Tasks {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Command,
}

/// The options that all commands have: which store, and how answers are written.
#[derive(clap::Args, Clone, Debug)]
pub struct Options {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    output: Output,
}

impl Tasks {
    /// Carries it out on the terminal of the process. `views`: the kinds whose values are shown and started where this
    /// process has the store. `program`: how people call it, for hints.
    pub async fn run(self, views: Views, program: &str) -> Exit {
        self.run_on(views, program, &mut Terminal::of_process()).await
    }

    /// The same on another terminal.
    pub async fn run_on(self, views: Views, program: &str, terminal: &mut Terminal) -> Exit {
        run(self.command, &self.options, views, program, terminal).await
    }

    /// The same over a client that the program has already: `--store`, `--url` and `--token` mean nothing then.
    pub async fn run_over(self, inspector: Inspector, program: &str, terminal: &mut Terminal) -> Exit {
        let result = self.command.run_over(inspector, &self.options.output, program, terminal).await;
        exit(result, terminal)
    }
}

/// Carries a command out. An error is written to the terminal.
pub async fn run(command: Command, options: &Options, views: Views, program: &str, terminal: &mut Terminal) -> Exit {
    let result = command.run(&options.place, &options.output, views, program, terminal).await;
    exit(result, terminal)
}

fn exit(result: Result<Exit, CliError>, terminal: &mut Terminal) -> Exit {
    match result {
        Ok(exit) => exit,
        // Whoever read the output has seen enough.
        Err(CliError::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => Exit::Done,
        Err(error) => {
            // Where even this cannot be written, the exit code is all that is left.
            terminal.remark(&format!("error: {}", escape::lines(&error.to_string()))).ok();
            error.exit()
        }
    }
}
