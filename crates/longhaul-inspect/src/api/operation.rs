//! What a method and a path ask for.

use longhaul::{Kind, Queue, RunId, ScheduleName, Scope};

use crate::{Role, RunAction, ScheduleAction, ScopeAction};

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
    /// `GET /queues`
    Queues,
    /// `POST /queues/{queue}/{action}`
    ActOnQueue(Queue, ScopeAction),
    /// `GET /servers`
    Servers,
    /// `GET /kinds`
    Kinds,
    /// `GET /kinds/{kind}`
    Kind(Kind),
    /// `POST /kinds/{kind}/{action}`
    ActOnKind(Kind, ScopeAction),
    /// `POST /queues/{queue}/limit`, `POST /kinds/{kind}/limit`
    Limit(Scope),
}

/// There is no such operation.
///
/// ```
/// use longhaul_inspect::api::Operation;
///
/// assert_eq!(Operation::parse("GET", "/nowhere").unwrap_err().status(), 404);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RouteError {
    /// Nothing has this path.
    #[error("there is nothing at this path")]
    NotFound,
    /// Something has this path, for another method.
    #[error("this path takes another method")]
    OtherMethod,
}

impl RouteError {
    /// The status of HTTP that says so.
    pub const fn status(self) -> u16 {
        match self {
            Self::NotFound => 404,
            Self::OtherMethod => 405,
        }
    }
}

impl Operation {
    /// From a method and the path after `/api/v1`. Segments may be percent-encoded.
    ///
    /// # Errors
    /// When there is no such operation: an id, a name or an action that cannot be one is none.
    pub fn parse(method: &str, path: &str) -> Result<Self, RouteError> {
        let segments: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(decoded).collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let found = match method {
            "GET" | "HEAD" => Self::read(&segments),
            "POST" => Self::write(&segments),
            "DELETE" => match segments[..] {
                ["runs", id] => id.parse().ok().map(|id| Self::Act(id, RunAction::Delete)),
                ["schedules", name] => {
                    ScheduleName::new(name).ok().map(|name| Self::ActOnSchedule(name, ScheduleAction::Delete))
                }
                _ => None,
            },
            _ => None,
        };
        found.ok_or_else(|| match Self::read(&segments).or_else(|| Self::write(&segments)) {
            Some(_) => RouteError::OtherMethod,
            None => RouteError::NotFound,
        })
    }

    fn read(segments: &[&str]) -> Option<Self> {
        Some(match *segments {
            ["overview"] => Self::Overview,
            ["doctor"] => Self::Doctor,
            ["ids", part] => Self::FindIds(part.to_owned()),
            ["runs"] => Self::Runs,
            ["runs", id] => Self::Run(id.parse().ok()?),
            ["runs", id, "log"] => Self::Log(id.parse().ok()?),
            ["schedules"] => Self::Schedules,
            ["schedules", name] => Self::Schedule(ScheduleName::new(name).ok()?),
            ["queues"] => Self::Queues,
            ["servers"] => Self::Servers,
            ["kinds"] => Self::Kinds,
            ["kinds", kind] => Self::Kind(Kind::new(kind).ok()?),
            _ => return None,
        })
    }

    fn write(segments: &[&str]) -> Option<Self> {
        Some(match *segments {
            ["runs"] => Self::Enqueue,
            ["runs", "all", action] => Self::ActOnMatching(RunAction::parse(action)?),
            ["runs", id, action] => Self::Act(id.parse().ok()?, RunAction::parse(action)?),
            ["schedules"] => Self::CreateSchedule,
            ["schedules", name] => Self::ChangeSchedule(ScheduleName::new(name).ok()?),
            ["schedules", name, action] => {
                Self::ActOnSchedule(ScheduleName::new(name).ok()?, ScheduleAction::parse(action)?)
            }
            ["queues", queue, "limit"] => Self::Limit(Scope::Queue(Queue::new(queue).ok()?)),
            ["kinds", kind, "limit"] => Self::Limit(Scope::Kind(Kind::new(kind).ok()?)),
            ["queues", queue, action] => Self::ActOnQueue(Queue::new(queue).ok()?, ScopeAction::parse(action)?),
            ["kinds", kind, action] => Self::ActOnKind(Kind::new(kind).ok()?, ScopeAction::parse(action)?),
            _ => return None,
        })
    }

    /// What it takes.
    pub const fn role(&self) -> Role {
        match self {
            Self::Enqueue => Role::Act,
            Self::Act(_, action) | Self::ActOnMatching(action) => action.role(),
            Self::ActOnSchedule(_, action) => action.role(),
            Self::CreateSchedule
            | Self::ChangeSchedule(_)
            | Self::ActOnQueue(..)
            | Self::ActOnKind(..)
            | Self::Limit(_) => Role::Administer,
            _ => Role::View,
        }
    }

    /// Whether it changes anything.
    pub fn is_change(&self) -> bool {
        self.role() > Role::View
    }
}

/// A segment of a path. What is no UTF-8 becomes a replacement character, which no name has.
fn decoded(segment: &str) -> String {
    // A plus is a plus in a path, and a space in a form.
    let segment = segment.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(segment.as_bytes()).next().map(|(text, _)| text.into_owned()).unwrap_or_default()
}
