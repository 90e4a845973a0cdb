//! What a method and a path ask for.

use longhaul::{Kind, Queue, RunId, ScheduleName, Scope, ServerId};

use crate::{InstantAction, Role, RunAction, ScheduleAction, ScopeAction};

/// What a method and a path ask for.
///
/// ```
/// use longhaul_inspect::{Role, api::Operation};
///
/// let operation = Operation::parse("POST", "/queues/mail/pause")?;
/// assert_eq!(operation.role(), Role::Administer);
/// assert_eq!(Operation::parse("PUT", "/queues").unwrap_err().status(), 405);
/// # Ok::<(), longhaul_inspect::api::RouteError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// `GET /openapi.json`
    OpenApi,
    /// `GET /overview`
    Overview,
    /// `GET /doctor`
    Doctor,
    /// `GET /ids/{part}`
    FindIds(String),
    /// `GET /runs`
    Runs,
    /// `POST /runs`
    Enqueue,
    /// `GET /runs/{id}`
    Run(RunId),
    /// `GET /runs/{id}/log`
    Log(RunId),
    /// `POST /runs/{id}/{action}`
    Act(RunId, RunAction),
    /// `POST /runs/all/{action}`
    ActOnMatching(RunAction),
    /// `GET /schedules`
    Schedules,
    /// `GET /schedules/{name}`
    Schedule(ScheduleName),
    /// `POST /schedules`
    CreateSchedule,
    /// `POST /schedules/{name}`
    ChangeSchedule(ScheduleName),
    /// `POST /schedules/{name}/{action}`
    ActOnSchedule(ScheduleName, ScheduleAction),
    /// `POST /schedules/{name}/instants/{action}`
    ActOnInstant(ScheduleName, InstantAction),
    /// `GET /queues`
    Queues,
    /// `POST /queues/{queue}/{action}`
    ActOnQueue(Queue, ScopeAction),
    /// `GET /servers`
    Servers,
    /// `POST /servers/{id}/drain`, `POST /servers/{id}/resume`
    ActOnServer(ServerId, ScopeAction),
    /// `GET /kinds`
    Kinds,
    /// `GET /kinds/{kind}`
    Kind(Kind),
    /// `POST /kinds/{kind}/{action}`
    ActOnKind(Kind, ScopeAction),
    /// `POST /kinds/{kind}/keys/{key}/{action}`
    ActOnLimitKey(Scope, ScopeAction),
    /// `POST /queues/{queue}/limit`, `POST /kinds/{kind}/limit`
    Limit(Scope),
}

impl Operation {
    /// Whether it has parameters in its query.
    pub(super) const fn takes_query(&self) -> bool {
        matches!(
            self,
            Self::Runs
                | Self::Run(_)
                | Self::Log(_)
                | Self::Schedule(_)
                | Self::Enqueue
                | Self::ActOnMatching(_)
                | Self::CreateSchedule
                | Self::ActOnQueue(..)
                | Self::ActOnKind(..)
                | Self::ActOnLimitKey(..)
                | Self::ActOnServer(..)
                | Self::Limit(_)
        )
    }

    /// What it takes.
    pub const fn role(&self) -> Role {
        match self {
            Self::Enqueue => Role::Act,
            Self::Act(_, action) | Self::ActOnMatching(action) => action.role(),
            Self::ActOnSchedule(_, action) => action.role(),
            Self::CreateSchedule
            | Self::ChangeSchedule(_)
            | Self::ActOnInstant(..)
            | Self::ActOnQueue(..)
            | Self::ActOnKind(..)
            | Self::ActOnServer(..)
            | Self::ActOnLimitKey(..)
            | Self::Limit(_) => Role::Administer,
            _ => Role::View,
        }
    }

    /// Whether it changes anything.
    pub fn is_change(&self) -> bool {
        self.role() > Role::View
    }
}
