//! The commands, one subject a file.

mod doctor;
mod flags;
mod kinds;
mod limiting;
mod metadata;
#[cfg(all(feature = "postgres", feature = "sled"))]
mod migrate;
mod pausing;
mod queues;
mod runs;
mod schedules;
mod servers;
#[cfg(feature = "sled")]
mod store;
#[cfg(feature = "top")]
mod top;

use clap::{ArgMatches, FromArgMatches, Subcommand};
use longhaul::Views;
use longhaul_inspect::Inspector;

use crate::{
    error::{CliError, Exit},
    place::{Place, Reached},
    session::{Output, Session},
    terminal::Terminal,
};

/// What can be done, as a subcommand for `clap`. Which commands there are is not part of the API of this crate.
///
/// ```
/// use clap::Parser;
///
/// #[derive(Parser)]
/// struct Cli {
///     #[command(flatten)]
///     options: longhaul_cli::Options,
///     #[command(subcommand)]
///     command: longhaul_cli::Command,
/// }
///
/// assert!(Cli::try_parse_from(["tasks", "runs", "ls", "--state", "failed"]).is_ok());
/// assert!(Cli::try_parse_from(["tasks", "runs", "explode"]).is_err());
/// ```
#[derive(Clone, Debug)]
pub struct Command(Subject);

impl FromArgMatches for Command {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Subject::from_arg_matches(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.update_from_arg_matches(matches)
    }
}

impl Subcommand for Command {
    fn augment_subcommands(command: clap::Command) -> clap::Command {
        Subject::augment_subcommands(command)
    }

    fn augment_subcommands_for_update(command: clap::Command) -> clap::Command {
        Subject::augment_subcommands_for_update(command)
    }

    fn has_subcommand(name: &str) -> bool {
        Subject::has_subcommand(name)
    }
}

#[derive(Subcommand, Clone, Debug)]
enum Subject {
    /// Runs: list, show, start, follow, and act on them.
    #[command(subcommand, visible_alias = "run")]
    Runs(runs::Runs),
    /// Schedules: list, show, make, change, pause, resume, trigger, delete.
    #[command(subcommand, visible_alias = "schedule")]
    Schedules(schedules::Schedules),
    /// Queues: list, pause, resume, limit.
    #[command(subcommand, visible_alias = "queue")]
    Queues(queues::Queues),
    /// Servers: who lives, and what they execute.
    #[command(subcommand, visible_alias = "server")]
    Servers(servers::Servers),
    /// Kinds: what can be run, and what it is asked.
    #[command(subcommand, visible_alias = "kind")]
    Kinds(kinds::Kinds),
    /// The store itself: check, export, import, statistics, migrations.
    #[cfg(feature = "sled")]
    #[command(subcommand)]
    Store(store::StoreCommand),
    /// Shows what goes on, live, and acts on it by keys: `?` lists them.
    #[cfg(feature = "top")]
    #[command(after_help = "Example:\n  longhaul top --state failed")]
    Top(top::Top),
    /// Says what needs a look, and what to do. Exits with 1 if anything does.
    #[command(after_help = "Example, for a monitor:\n  longhaul doctor -o jsonl || alert")]
    Doctor,
}

impl Command {
    pub(crate) async fn run(
        self,
        place: &Place,
        output: &Output,
        views: Views,
        program: &str,
        terminal: &mut Terminal,
    ) -> Result<Exit, CliError> {
        #[cfg(all(feature = "postgres", feature = "sled"))]
        if let Subject::Store(store::StoreCommand::Migrate(command)) = self.0 {
            return migrate::run(command, place, output, terminal).await;
        }
        #[cfg(feature = "sled")]
        if let Subject::Store(command) = &self.0
            && command.needs_folder()
        {
            return store::on_folder(command, place, output, terminal).await;
        }
        let reached = place.reach(views).await?;
        let result = self.0.on(&reached, output, program, terminal).await;
        reached.close().await;
        result
    }

    pub(crate) async fn run_over(
        self,
        inspector: Inspector,
        output: &Output,
        program: &str,
        terminal: &mut Terminal,
    ) -> Result<Exit, CliError> {
        #[cfg(feature = "sled")]
        if let Subject::Store(command) = &self.0
            && command.needs_folder()
        {
            return Err(CliError::Usage("this works on a store in a folder that no program has open".into()));
        }
        self.0.on(&Reached::by(inspector), output, program, terminal).await
    }
}

impl Subject {
    async fn on(
        self,
        reached: &Reached,
        output: &Output,
        program: &str,
        terminal: &mut Terminal,
    ) -> Result<Exit, CliError> {
        let session = &mut Session::new(&reached.api, terminal, output, program);
        session.has_folder = reached.has_opened_folder();
        match self {
            Self::Runs(command) => runs::run(command, session).await,
            Self::Schedules(command) => schedules::run(command, session).await,
            Self::Queues(command) => queues::run(command, session).await,
            Self::Servers(command) => servers::run(&command, session).await,
            Self::Kinds(command) => kinds::run(command, session).await,
            #[cfg(feature = "sled")]
            Self::Store(_) => store::statistics(session, &reached.way).await,
            #[cfg(feature = "top")]
            Self::Top(top) => top::run(&top, session).await,
            Self::Doctor => doctor::run(session, reached.folder.as_deref(), reached.database_warnings().await).await,
        }
    }
}
