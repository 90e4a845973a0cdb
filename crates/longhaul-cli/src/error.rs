//! Why a command failed, and what the process answers then.

use std::process::ExitCode;

/// Why a command failed. Its `Display` says what to do where something can be done.
///
/// ```
/// use longhaul_cli::CliError;
///
/// let error = CliError::NotFound("there is no run_7".into());
/// assert_eq!(error.exit().code(), 3);
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CliError {
    /// Something failed that is none of the others.
    #[error("{0}")]
    Failed(String),
    /// What was asked cannot be understood.
    #[error("{0}")]
    Usage(String),
    /// There is no such run, schedule, queue, kind or store.
    #[error("{0}")]
    NotFound(String),
    /// The state of a run, or another run, is in the way.
    #[error("{0}")]
    Refused(String),
    /// The store cannot be reached: somebody has it open, or nobody answers.
    #[error("{0}")]
    Unreachable(String),
    /// What was waited for did not happen in time.
    #[error("{0}")]
    TimedOut(String),
    /// The reader of the output went away.
    #[error("{0}")]
    Output(#[from] std::io::Error),
}

impl CliError {
    /// With what to do about a name that nobody knows yet.
    pub(crate) fn or_new(self) -> Self {
        match self {
            Self::NotFound(text) => Self::NotFound(format!("{text}. If it is to come yet: --new")),
            other => other,
        }
    }

    /// What the process answers.
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Failed(_) | Self::Output(_) => Exit::Failed,
            Self::Usage(_) => Exit::Usage,
            Self::NotFound(_) => Exit::NotFound,
            Self::Refused(_) => Exit::Refused,
            Self::Unreachable(_) => Exit::Unreachable,
            Self::TimedOut(_) => Exit::TimedOut,
        }
    }
}

/// How a command ended, as the exit code of the process.
///
/// ```
/// use longhaul_cli::Exit;
///
/// assert_eq!(Exit::Refused.code(), 4);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "scripts branch on these, and a new one is a break")]
pub enum Exit {
    /// 0: done.
    Done,
    /// 1: it failed, or the run that was waited for did, or there are warnings.
    Failed,
    /// 2: the command line is wrong.
    Usage,
    /// 3: there is no such thing.
    NotFound,
    /// 4: the state of a run does not allow it.
    Refused,
    /// 5: the store cannot be reached.
    Unreachable,
    /// 6: what was waited for did not happen in time.
    TimedOut,
}

impl Exit {
    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Refused => 4,
            Self::Unreachable => 5,
            Self::TimedOut => 6,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}
