//! The JSON API, without a web framework.
//!
//! A server of any kind takes a method and a path apart with [`Operation::parse`], checks that its caller has the
//! [role](Operation::role), and hands the query and the body to [`Inspector::perform`]. Paths are those after
//! `/api/v1`.
//!
//! | method and path | what |
//! | --- | --- |
//! | `GET /openapi.json` | this table as an `OpenAPI` 3.1 document, with what each kind that has a schema is asked |
//! | `GET /overview` | the first page |
//! | `GET /doctor` | everything that needs a look: the warnings of the overview, and those that take longer to find |
//! | `GET /ids/{part}` | the runs whose ids begin or end with `part` |
//! | `GET /runs?…` | runs that match a [`RunQuery`] |
//! | `POST /runs` | enqueues a run: a [`NewRunRequest`] |
//! | `GET /runs/{id}?seen=` | one run, with its values; with `seen` as soon as its revision is above that |
//! | `GET /runs/{id}/log?attempt=&from=` | what an attempt said |
//! | `POST /runs/{id}/{action}` | `suspend`, `proceed`, `run-now`, `retry`, `dismiss`, `cancel`, `delete` |
//! | `DELETE /runs/{id}` | the same as `delete` |
//! | `POST /runs/all/{action}?…` | the same to all runs that match; without a filter only with `all=true` |
//! | `GET /schedules`, `GET /schedules/{name}?next=` | schedules, with the next five instants, or more |
//! | `POST /schedules`, `POST /schedules/{name}` | makes a schedule, or changes one: a [`ScheduleRequest`] |
//! | `DELETE /schedules/{name}` | the same as its `delete` |
//! | `POST /schedules/{name}/{action}` | `pause`, `resume`, `run-now`, `delete` |
//! | `POST /schedules/{name}/instants/{action}` | `skip`, `move`, `restore` one instant: an [`InstantRequest`] |
//! | `GET /queues`, `GET /servers`, `GET /kinds`, `GET /kinds/{kind}` | the other pages |
//! | `POST /queues/{queue}/{action}`, `POST /kinds/{kind}/{action}` | `pause`, `resume` |
//! | `POST /kinds/{kind}/keys/{key}/{action}` | `pause`, `resume` of a limit key |
//! | `POST /servers/{id}/drain`, `POST /servers/{id}/resume` | a server claims nothing more and finishes what it has; or claims again |
//! | `POST /queues/{queue}/limit`, `POST /kinds/{kind}/limit` | sets limits: a [`LimitRequest`]; `null`: those that code declares |
//!
//! The body of an action is empty, or an object with `reason`, `at` (of a proceed), `from` (`checkpoint` or `start`, of a
//! retry), `until` (of a pause of a queue or a kind, which ends by itself then). Of what is done to all that match it may
//! say `as_run`: a [run](crate::BulkActions) does it, whose id is answered with 202. Or `page`: it is done to as many as
//! `limit` says, the oldest first, and `next` is the query of the rest.
//!
//! `POST /runs?dry_run=true` and `POST /schedules?dry_run=true` check a request, and say what would come of it.
//!
//! A queue or a kind that nobody knows is taken for a slip: to pause or limit one before it is used, add `?new=true`.

mod answers;
mod openapi;
mod operation;
mod request;
mod routes;

use longhaul::Scope;
use serde::Serialize;
use serde_json::{Value, json};

pub use operation::Operation;
use request::{ActionBody, are_names_new, is_dry_run, matching, numbers, read};
pub use routes::RouteError;

use crate::{
    By, InspectError, Inspector, InstantRequest, LimitRequest, NewRunRequest, RunQuery, ScheduleRequest, ScopeAction,
};

/// The version of the API, as it stands in paths: `/api/v1/…`.
pub const VERSION: &str = "v1";
/// Why no run does it.
const NO_BULK: &str =
    "no server that lives executes `longhaul.bulk-action`, or the action is done at once: ask without `as_run`";
/// The header in which a caller on a socket says in whose name it acts.
pub const ACTOR_HEADER: &str = "longhaul-actor";

fn answer(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("what is shown is JSON")
}

impl Inspector {
    /// Does what an operation says, in the name of `actor`, and answers the status and the body. `query` is what
    /// follows `?`. Who calls this has checked [`Operation::role`].
    ///
    /// ```
    /// use longhaul_inspect::{Inspector, api::Operation};
    /// # use longhaul::{Client, testing};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
    /// let inspector = Inspector::new(client);
    /// let operation = Operation::parse("GET", "/runs")?;
    /// let (status, body) = inspector.perform(&operation, "state=running", b"", "ann").await;
    /// assert_eq!((status, body["runs"].as_array().map(Vec::len)), (200, Some(0)));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancel safety
    /// When the future is dropped, an action is done or not.
    pub async fn perform(&self, operation: &Operation, query: &str, body: &[u8], actor: &str) -> (u16, Value) {
        match self.performed(operation, query, body, actor).await {
            Ok(answer) => answer,
            Err(error) => (error.status(), answer(&error)),
        }
    }

    async fn performed(
        &self,
        operation: &Operation,
        query: &str,
        body: &[u8],
        actor: &str,
    ) -> Result<(u16, Value), InspectError> {
        if !operation.takes_query() {
            let [] = numbers(query, [])?;
        }
        let value = match operation {
            Operation::OpenApi => openapi::document(&self.views().await?),
            Operation::Overview => answer(&self.overview().await?),
            Operation::Runs => answer(&self.runs(&RunQuery::parse(query)?).await?),
            Operation::Doctor => answer(&self.doctor().await?),
            Operation::FindIds(part) => answer(&self.find_ids(part).await?),
            Operation::Run(id) => {
                if let [Some(seen)] = numbers(query, ["seen"])? {
                    self.until_changed(*id, seen).await?;
                }
                answer(&self.run(*id).await?)
            }
            Operation::Log(id) => {
                let [attempt, from] = numbers(query, ["attempt", "from"])?;
                let attempt = attempt.map(u32::try_from).transpose();
                let attempt = attempt.map_err(|error| InspectError::invalid("attempt", error))?;
                answer(&self.log(*id, attempt, from.unwrap_or(0)).await?)
            }
            Operation::Schedules => answer(&self.schedules().await?),
            Operation::Schedule(name) => {
                let [next] = numbers(query, ["next"])?;
                let schedule = self.schedule(name).await?;
                answer(&match next {
                    Some(next) => schedule.ahead(next)?,
                    None => schedule,
                })
            }
            Operation::Queues => answer(&self.queues().await?),
            Operation::Servers => answer(&self.servers().await?),
            Operation::Kinds => answer(&self.kinds().await?),
            Operation::Kind(kind) => answer(&self.kind(kind).await?),
            Operation::Enqueue => {
                let request: NewRunRequest = read(body)?;
                if is_dry_run(query)? {
                    return Ok((200, answer(&self.check_run(&request).await?)));
                }
                let id = self.enqueue(&request, &By::new(actor)).await?;
                return Ok((201, json!({ "run": id })));
            }
            Operation::Act(id, action) => {
                let body = ActionBody::parse(body)?.of_one()?;
                answer(&self.act(*id, body.action(*action)?, &body.by(actor)).await?)
            }
            Operation::ActOnMatching(action) => {
                let body = ActionBody::parse(body)?;
                let query = matching(query, body.page)?;
                let action = &body.action(*action)?;
                if body.as_run {
                    let run = self.start_matching(&query, *action, &body.by(actor)).await?;
                    let run = run.ok_or_else(|| InspectError::refused(NO_BULK))?;
                    return Ok((202, json!({ "run": run })));
                }
                if body.page {
                    return Ok((200, answer(&self.act_on_page(&query, *action, &body.by(actor)).await?)));
                }
                answer(&self.act_on_matching(&query, *action, &body.by(actor)).await?)
            }
            Operation::CreateSchedule => {
                let request: ScheduleRequest = read(body)?;
                if is_dry_run(query)? {
                    let next = self.check_schedule(&request).await?;
                    return Ok((200, json!({ "next": next.map(|next| next.to_string()) })));
                }
                return Ok((201, answer(&self.create_schedule(&request, &By::new(actor)).await?)));
            }
            Operation::ChangeSchedule(name) => {
                let request: ScheduleRequest = read(body)?;
                answer(&self.change_schedule(name, &request, &By::new(actor)).await?)
            }
            Operation::ActOnSchedule(name, action) => {
                let by = ActionBody::parse(body)?.with_reason_alone()?.by(actor);
                answer(&self.act_on_schedule(name, *action, &by).await?)
            }
            Operation::ActOnInstant(name, action) => {
                let request: InstantRequest = read(body)?;
                answer(&self.act_on_instant(name, *action, &request, &By::new(actor)).await?)
            }
            Operation::ActOnQueue(queue, action) => {
                self.on_scope(&Scope::Queue(queue.clone()), *action, query, body, actor).await?
            }
            Operation::ActOnKind(kind, action) => {
                self.on_scope(&Scope::Kind(kind.clone()), *action, query, body, actor).await?
            }
            Operation::ActOnLimitKey(of, action) => self.on_scope(of, *action, query, body, actor).await?,
            Operation::ActOnServer(server, action) => {
                self.on_scope(&Scope::Server(*server), *action, query, body, actor).await?
            }
            Operation::Limit(scope) => {
                let request: Option<LimitRequest> = if body.trim_ascii() == b"null" { None } else { Some(read(body)?) };
                answer(&self.taking(are_names_new(query)?).limit(scope, request, &By::new(actor)).await?)
            }
        };
        Ok((200, value))
    }
}

impl Inspector {
    async fn on_scope(
        &self,
        scope: &Scope,
        action: ScopeAction,
        query: &str,
        body: &[u8],
        actor: &str,
    ) -> Result<Value, InspectError> {
        let (this, body) = (self.taking(are_names_new(query)?), ActionBody::parse(body)?.of_scope()?);
        let control = this.act_on_scope(scope, body.scope_action(action)?, &body.by(actor)).await?;
        Ok(match scope {
            // A server has no limits: those that stand beside the pause of a queue are none of its own.
            Scope::Server(server) => json!({ "server": server, "draining": control.paused }),
            _ => answer(&control),
        })
    }

    /// Also names that nothing has used yet.
    fn taking(&self, new_names: bool) -> Self {
        if new_names { self.clone().with_new_names() } else { self.clone() }
    }
}
