//! All paths, in one table: what takes requests apart and what describes the API read it both.

use longhaul::{Key, Kind, Queue, ScheduleName, Scope};

use super::operation::Operation;
use crate::{InstantAction, RunAction, ScheduleAction, ScopeAction};

/// One path with one method.
#[derive(Clone, Copy)]
pub(super) struct Route {
    pub(super) method: &'static str,
    /// Segments in braces are captured.
    pub(super) path: &'static str,
    /// What it answers, as [`answers`](super::answers) writes types.
    pub(super) answer: &'static str,
    pub(super) about: &'static str,
    /// Parameters of the query: a name, and what it says.
    pub(super) query: &'static [(&'static str, &'static str)],
    pub(super) body: Body,
    /// From what was captured. `None`: it cannot be one.
    make: fn(&[&str]) -> Option<Operation>,
}

/// What the body of a request holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    None,
    /// A reason, and more for some actions. It may be empty.
    Action,
    NewRun,
    NewSchedule,
    Instant,
    Limits,
}

const MATCH: &[(&str, &str)] = &[
    ("kind", "one of these kinds; may be repeated"),
    ("state", "one of these states; may be repeated"),
    ("queue", "one of these queues; may be repeated"),
    ("tag", "`key:value`, all of these; may be repeated"),
    ("parent", "children of this run"),
    ("from", "enqueued at this time or later: RFC 3339, or `2d` for two days ago"),
    ("before", "enqueued before this time"),
];
/// The last two are of one page.
const MATCH_PAGE: &[(&str, &str)] = &[
    ("all", "`true`: all runs are meant, where there is no filter"),
    MATCH[0],
    MATCH[1],
    MATCH[2],
    MATCH[3],
    MATCH[4],
    MATCH[5],
    MATCH[6],
    ("after", "of one page: those after this run"),
    ("limit", "of one page: how many runs, at most 200"),
];
const LIST: &[(&str, &str)] = &[
    MATCH[0],
    MATCH[1],
    MATCH[2],
    MATCH[3],
    MATCH[4],
    MATCH[5],
    MATCH[6],
    ("order", "`oldest`: the oldest first"),
    ("after", "the page after this run"),
    ("limit", "how many runs a page has, at most 200"),
];

const DRY: &[(&str, &str)] = &[("dry_run", "`true`: it is checked, and nothing is made")];
const NEW: &[(&str, &str)] = &[("new", "`true`: also one that nothing has used yet")];

type Make = fn(&[&str]) -> Option<Operation>;

const fn get(path: &'static str, answer: &'static str, about: &'static str, make: Make) -> Route {
    Route { method: "GET", path, answer, about, query: &[], body: Body::None, make }
}

const fn post(path: &'static str, answer: &'static str, about: &'static str, body: Body, make: Make) -> Route {
    Route { method: "POST", path, answer, about, query: &[], body, make }
}

const fn delete(path: &'static str, answer: &'static str, about: &'static str, make: Make) -> Route {
    Route { method: "DELETE", path, answer, about, query: &[], body: Body::None, make }
}

const fn asking(route: Route, query: &'static [(&'static str, &'static str)]) -> Route {
    Route { query, ..route }
}

/// The first that fits holds.
pub(super) const ROUTES: &[Route] = &[
    get("/openapi.json", "any", "This description.", |_| Some(Operation::OpenApi)),
    get("/overview", "Overview", "The first page.", |_| Some(Operation::Overview)),
    get("/doctor", "Doctor", "Everything that needs a look.", |_| Some(Operation::Doctor)),
    get("/ids/{part}", "FoundIds", "The runs whose ids begin or end with a part.", |at| {
        Some(Operation::FindIds(at[0].into()))
    }),
    asking(get("/runs", "RunList", "Runs that match, a page of them.", |_| Some(Operation::Runs)), LIST),
    asking(post("/runs", "Enqueued", "Enqueues a run.", Body::NewRun, |_| Some(Operation::Enqueue)), DRY),
    asking(
        post("/runs/all/{action}", "Selected", "Does something to all runs that match.", Body::Action, |at| {
            Some(Operation::ActOnMatching(RunAction::parse(at[0])?))
        }),
        MATCH_PAGE,
    ),
    asking(
        get("/runs/{id}", "RunDetail", "One run, with its values.", |at| Some(Operation::Run(at[0].parse().ok()?))),
        &[("seen", "a revision: the answer comes as soon as the run's is above it")],
    ),
    asking(
        get("/runs/{id}/log", "Log", "What an attempt logged.", |at| Some(Operation::Log(at[0].parse().ok()?))),
        &[("attempt", "which; without it, the latest"), ("from", "the first line")],
    ),
    post("/runs/{id}/{action}", "Done", "Does something to a run.", Body::Action, |at| {
        Some(Operation::Act(at[0].parse().ok()?, RunAction::parse(at[1])?))
    }),
    delete("/runs/{id}", "Done", "Removes a run.", |at| Some(Operation::Act(at[0].parse().ok()?, RunAction::Delete))),
    get("/schedules", "[Schedule]", "All schedules, with their next five instants.", |_| Some(Operation::Schedules)),
    asking(
        post("/schedules", "Schedule", "Makes a schedule.", Body::NewSchedule, |_| Some(Operation::CreateSchedule)),
        DRY,
    ),
    asking(
        get("/schedules/{name}", "Schedule", "One schedule.", |at| {
            Some(Operation::Schedule(ScheduleName::new(at[0]).ok()?))
        }),
        &[("next", "how many instants ahead, at most 1000")],
    ),
    post("/schedules/{name}", "Schedule", "Changes a schedule. What is left out stays.", Body::NewSchedule, |at| {
        Some(Operation::ChangeSchedule(ScheduleName::new(at[0]).ok()?))
    }),
    delete("/schedules/{name}", "Done", "Removes a schedule.", |at| {
        Some(Operation::ActOnSchedule(ScheduleName::new(at[0]).ok()?, ScheduleAction::Delete))
    }),
    post("/schedules/{name}/{action}", "Done", "Does something to a schedule.", Body::Action, |at| {
        Some(Operation::ActOnSchedule(ScheduleName::new(at[0]).ok()?, ScheduleAction::parse(at[1])?))
    }),
    post(
        "/schedules/{name}/instants/{action}",
        "Schedule",
        "Leaves one instant of a schedule out, moves it, or puts it back.",
        Body::Instant,
        |at| Some(Operation::ActOnInstant(ScheduleName::new(at[0]).ok()?, InstantAction::parse(at[1])?)),
    ),
    get("/queues", "[Queue]", "All queues.", |_| Some(Operation::Queues)),
    asking(
        post(
            "/queues/{queue}/limit",
            "Control",
            "Sets the limits of a queue; `null`: those that code declares.",
            Body::Limits,
            |at| Some(Operation::Limit(Scope::Queue(Queue::new(at[0]).ok()?))),
        ),
        NEW,
    ),
    asking(
        post("/queues/{queue}/{action}", "Control", "Pauses or resumes a queue.", Body::Action, |at| {
            Some(Operation::ActOnQueue(Queue::new(at[0]).ok()?, ScopeAction::parse(at[1])?))
        }),
        NEW,
    ),
    get("/servers", "[Server]", "All servers that live.", |_| Some(Operation::Servers)),
    post("/servers/{id}/drain", "Drain", "Lets a server claim nothing more.", Body::Action, |at| {
        Some(Operation::ActOnServer(at[0].parse().ok()?, ScopeAction::Pause { until: None }))
    }),
    post("/servers/{id}/resume", "Drain", "Lets a server claim again.", Body::Action, |at| {
        Some(Operation::ActOnServer(at[0].parse().ok()?, ScopeAction::Resume))
    }),
    get("/kinds", "[Kind]", "All kinds.", |_| Some(Operation::Kinds)),
    get("/kinds/{kind}", "Kind", "One kind, with its schemas.", |at| Some(Operation::Kind(Kind::new(at[0]).ok()?))),
    asking(
        post(
            "/kinds/{kind}/limit",
            "Control",
            "Sets the limits of a kind; `null`: those that code declares.",
            Body::Limits,
            |at| Some(Operation::Limit(Scope::Kind(Kind::new(at[0]).ok()?))),
        ),
        NEW,
    ),
    asking(
        post("/kinds/{kind}/keys/{key}/{action}", "Control", "Pauses or resumes a limit key.", Body::Action, |at| {
            let of = Scope::LimitKey(Kind::new(at[0]).ok()?, key(at[1])?);
            Some(Operation::ActOnLimitKey(of, ScopeAction::parse(at[2])?))
        }),
        NEW,
    ),
    asking(
        post("/kinds/{kind}/{action}", "Control", "Pauses or resumes a kind.", Body::Action, |at| {
            Some(Operation::ActOnKind(Kind::new(at[0]).ok()?, ScopeAction::parse(at[1])?))
        }),
        NEW,
    ),
];

/// There is no such operation.
///
/// ```
/// use longhaul_inspect::api::Operation;
///
/// assert_eq!(Operation::parse("GET", "/nowhere").unwrap_err().status(), 404);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RouteError {
    /// Nothing has this path.
    #[error("there is nothing at this path")]
    NotFound,
    /// Something has this path, for another method.
    #[error("this path takes another method")]
    OtherMethod,
    /// The path has a name that is none.
    #[error("{why}")]
    Name {
        /// What it would name: `queue`, `kind`, `key`, `name` (of a schedule).
        field: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

impl RouteError {
    /// The status of HTTP that says so.
    pub const fn status(&self) -> u16 {
        match self {
            Self::NotFound => 404,
            Self::OtherMethod => 405,
            Self::Name { .. } => 422,
        }
    }

    /// The part of the path that is wrong, where it is one.
    pub const fn field(&self) -> Option<&'static str> {
        match self {
            Self::Name { field, .. } => Some(field),
            Self::NotFound | Self::OtherMethod => None,
        }
    }

    /// The word that programs branch on: `not_found`, `method_not_allowed`, `invalid`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::OtherMethod => "method_not_allowed",
            Self::Name { .. } => "invalid",
        }
    }
}

impl Operation {
    /// From a method and the path after `/api/v1`. Segments may be percent-encoded.
    ///
    /// # Errors
    /// When there is no such operation: an id or an action that cannot be one is none. A name that cannot be one is said
    /// to be wrong.
    pub fn parse(method: &str, path: &str) -> Result<Self, RouteError> {
        let segments: Vec<String> = path.strip_prefix('/').unwrap_or(path).split('/').map(decoded).collect();
        let method = if method == "HEAD" { "GET" } else { method };
        let found = |route: &Route| (route.make)(&route.captures(&segments)?);
        let of_method = || ROUTES.iter().filter(|route| route.method == method);
        if let Some(operation) = of_method().find_map(found) {
            return Ok(operation);
        }
        let wrong = of_method().find_map(|route| route.wrong_name(&route.captures(&segments)?));
        let other = || {
            if ROUTES.iter().any(|route| found(route).is_some()) {
                RouteError::OtherMethod
            } else {
                RouteError::NotFound
            }
        };
        Err(wrong.unwrap_or_else(other))
    }
}

impl Route {
    /// The segments that stand in braces, if all others are the same.
    fn captures<'a>(&self, segments: &'a [String]) -> Option<Vec<&'a str>> {
        let ours = self.path.split('/').skip(1);
        if ours.clone().count() != segments.len() {
            return None;
        }
        let mut captured = Vec::new();
        for (ours, theirs) in ours.zip(segments) {
            if ours.starts_with('{') {
                captured.push(theirs.as_str());
            } else if ours != theirs {
                return None;
            }
        }
        Some(captured)
    }
}

impl Route {
    /// The first of the captured names that is none.
    fn wrong_name(&self, captured: &[&str]) -> Option<RouteError> {
        let names = self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        names.zip(captured).find_map(|(name, text)| {
            let wrong = |field, error: longhaul::NameError| RouteError::Name { field, why: error.to_string() };
            match name {
                "queue" => Queue::new(text).err().map(|error| wrong("queue", error)),
                "kind" => Kind::new(text).err().map(|error| wrong("kind", error)),
                "name" => ScheduleName::new(text).err().map(|error| wrong("name", error)),
                "key" if text.contains(char::REPLACEMENT_CHARACTER) => {
                    Some(RouteError::Name { field: "key", why: "the key is no UTF-8".into() })
                }
                "key" => Key::new(text).err().map(|error| wrong("key", error)),
                _ => None,
            }
        })
    }
}

/// What is no UTF-8 became a replacement character, which a key could have.
fn key(text: &str) -> Option<Key> {
    Key::new(text).ok().filter(|_| !text.contains(char::REPLACEMENT_CHARACTER))
}

/// A segment of a path. What is no UTF-8 becomes a replacement character, which no name has.
fn decoded(segment: &str) -> String {
    // A plus is a plus in a path, and a space in a form.
    let segment = segment.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(segment.as_bytes()).next().map(|(text, _)| text.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_the_module_names_every_route() {
        let page = include_str!("../api.rs");
        for Route { method, path, .. } in ROUTES {
            // Those of an action stand together.
            let path = path.trim_end_matches("/{action}");
            let is_there =
                page.lines().any(|line| line.starts_with("//! |") && line.contains(method) && line.contains(path));
            assert!(is_there, "{method} {path}");
        }
    }
}
