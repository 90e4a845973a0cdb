//! Queues, kinds, limit keys and servers: paused and resumed.

use std::collections::BTreeSet;

use longhaul::{Control, Kind, Queue, Scope, ScopeControl, Timestamp};

use super::{By, report};
use crate::{InspectError, Inspector};

/// So many names are offered in the place of one that nobody knows.
const OFFERED_MAX: usize = 10;

/// What is done to a queue or to a kind.
///
/// ```
/// use longhaul_inspect::ScopeAction;
///
/// assert_eq!(ScopeAction::parse("pause"), Some(ScopeAction::Pause { until: None }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScopeAction {
    /// Nothing of it starts any more; what runs goes on.
    Pause {
        /// When it ends by itself; `None`: when somebody resumes it.
        until: Option<Timestamp>,
    },
    /// Runs start again.
    Resume,
}

impl ScopeAction {
    /// All, with their usual arguments.
    pub const ALL: [Self; 2] = [Self::Pause { until: None }, Self::Resume];

    /// Its word in a path: `pause`, `resume`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pause { .. } => "pause",
            Self::Resume => "resume",
        }
    }

    /// From its word, with the usual arguments.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == word)
    }
}

impl Inspector {
    /// Pauses or resumes a queue, a kind or a limit key, or drains a server. A pause keeps who it was, and why.
    ///
    /// # Errors
    /// [`InspectError::NotFound`] for a queue or a kind that nobody knows, because a slip would pause nothing
    /// ([`with_new_names`](Inspector::with_new_names) takes them), and for a server that does not live; [`InspectError::Invalid`] for a pause that ends in the past.
    pub async fn act_on_scope(&self, scope: &Scope, action: ScopeAction, by: &By) -> Result<Control, InspectError> {
        let control = self.control_of(scope, by).await?;
        let reason = by.reason.clone().unwrap_or_default();
        let now = match action {
            ScopeAction::Pause { until: None } => control.pause().because(reason).await?,
            ScopeAction::Pause { until: Some(until) } if until <= self.now() => {
                return Err(InspectError::invalid("until", "this time has passed"));
            }
            ScopeAction::Pause { until: Some(until) } => control.pause_until(until).because(reason).await?,
            ScopeAction::Resume => control.resume().await?,
        };
        report(scope, action.as_str(), by);
        Ok(now)
    }

    /// What acts on something that is there.
    pub(super) async fn control_of(&self, scope: &Scope, by: &By) -> Result<ScopeControl, InspectError> {
        let client = self.client().acting_as(&by.actor);
        Ok(match scope {
            Scope::Queue(queue) => {
                self.check_queue(queue).await?;
                client.queue(queue.as_str())?
            }
            Scope::Kind(kind) => {
                self.check_kind(kind).await?;
                client.kind_named(kind.as_str())?
            }
            Scope::LimitKey(kind, key) => {
                self.check_kind(kind).await?;
                client.limit_key(kind.as_str(), key.as_str())?
            }
            Scope::Server(server) => {
                let servers = self.client().store().servers().await?;
                if !servers.iter().any(|info| info.beat.server == *server) {
                    return Err(InspectError::not_found(format!("no server {server} lives")));
                }
                client.server(*server)
            }
        })
    }

    /// A queue that has runs, or that somebody paused or limited, or into which the runs of a kind go.
    async fn check_queue(&self, queue: &Queue) -> Result<(), InspectError> {
        let (queues, kinds) = (self.queues().await?, self.client().kinds().await?);
        let of_kinds = kinds.iter().filter_map(|kind| kind.queue().cloned());
        let known: BTreeSet<Queue> = queues.into_iter().map(|view| view.queue).chain(of_kinds).collect();
        self.check_known("queue", queue.as_str(), known.iter().map(Queue::as_str))
    }

    async fn check_kind(&self, kind: &Kind) -> Result<(), InspectError> {
        self.check_known("kind", kind.as_str(), self.kinds().await?.iter().map(|view| view.kind.as_str()))
    }

    fn check_known<'a>(
        &self,
        what: &str,
        name: &str,
        known: impl Iterator<Item = &'a str>,
    ) -> Result<(), InspectError> {
        let known: Vec<&str> = known.collect();
        if self.takes_new_names || known.contains(&name) {
            return Ok(());
        }
        let more = if known.len() > OFFERED_MAX { ", …" } else { "" };
        let there_are = match &known[..known.len().min(OFFERED_MAX)] {
            [] => "none has been used yet".to_owned(),
            some => format!("there are: {}{more}", some.join(", ")),
        };
        Err(InspectError::not_found(format!("there is no {what} `{name}`; {there_are}")))
    }
}
