//! What holds the next instant of a schedule back.

use std::fmt;

use longhaul_core::{RunId, StateKind};

/// A run of a schedule that is not finished, so that the next instant gets no run, or its run waits. Its `Display` says so,
/// and what can be done.
///
/// ```
/// use longhaul::{Schedule, doc::{Count, CountUp}};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let client = longhaul::doc::client();
/// let never = Schedule::once("2099-01-01T00:00:00Z".parse()?);
/// client.schedules().create::<CountUp>("count", never, Count { to: 3 }).await?;
/// assert_eq!(client.schedules().held_back("count").await?, None);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeldBack {
    /// The run.
    pub run: RunId,
    /// The state that it is in.
    pub state: StateKind,
}

impl HeldBack {
    /// What can be done, in a few words.
    pub const fn advice(&self) -> &'static str {
        match self.state {
            StateKind::Suspended => "let it proceed, or cancel it",
            StateKind::Retrying => "retry it now, or cancel it",
            StateKind::Pending => "ask `explain` what it waits for, or cancel it",
            StateKind::Running => "wait for it, or cancel it",
            StateKind::Incompatible => "start a server whose code reads it, or cancel it",
            StateKind::Completed | StateKind::Failed | StateKind::Cancelled => "it is finished",
        }
    }
}

impl fmt::Display for HeldBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}, so it is not finished: {}", self.run, self.state, self.advice())
    }
}
