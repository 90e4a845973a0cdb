//! The JSON API, without a web framework.
//!
//! A server of any kind takes a method and a path apart with [`Operation::parse`], checks that its caller has the
//! [role](Operation::role), and hands the query and the body to [`Inspector::perform`]. Paths are those after
//! `/api/v1`.
//!
//! | method and path | what |
//! | --- | --- |
//! | `GET /overview` | the first page |
//! | `GET /runs?…` | runs that match a [`RunQuery`] |
//! | `POST /runs` | enqueues a run: a [`NewRunRequest`] |
//! | `GET /runs/{id}` | one run, with its values |
//! | `GET /runs/{id}/log?attempt=&from=` | what an attempt said |
//! | `POST /runs/{id}/{action}` | `suspend`, `proceed`, `run-now`, `retry`, `cancel`, `delete` |
//! | `DELETE /runs/{id}` | the same as `delete` |
//! | `POST /runs/all/{action}?…` | the same to all runs that match |
//! | `GET /schedules`, `GET /schedules/{name}` | schedules |
//! | `POST /schedules/{name}/{action}` | `pause`, `resume`, `run-now`, `delete` |
//! | `GET /queues`, `GET /servers`, `GET /kinds`, `GET /kinds/{kind}` | the other pages |
//! | `POST /queues/{queue}/{action}`, `POST /kinds/{kind}/{action}` | `pause`, `resume` |
//!
//! The body of an action is empty, or an object with `reason`, `at` (of a proceed) and `from` (`checkpoint` or `start`,
//! of a retry).

mod operation;

use longhaul::{Scope, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use operation::{Operation, RouteError};

use crate::{By, InspectError, Inspector, NewRunRequest, RunAction, RunQuery, act};

/// What the body of an action says.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ActionBody {
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    at: Option<String>,
    #[serde(default)]
    from: Option<act::From>,
}

impl ActionBody {
    fn parse(body: &[u8]) -> Result<Self, InspectError> {
        if body.iter().all(u8::is_ascii_whitespace) { Ok(Self::default()) } else { json(body) }
    }

    fn by(&self, actor: &str) -> By {
        By::new(actor).because(self.reason.clone().unwrap_or_default())
    }

    fn action(&self, action: RunAction) -> Result<RunAction, InspectError> {
        Ok(match action {
            RunAction::Proceed { .. } => {
                let at = self.at.as_deref().map(str::parse::<Timestamp>).transpose();
                RunAction::Proceed { at: at.map_err(|error| InspectError::invalid("at", error))? }
            }
            RunAction::Retry { .. } => RunAction::Retry { from: self.from.unwrap_or_default().retry() },
            other => other,
        })
    }
}

fn json<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, InspectError> {
    serde_json::from_slice(body).map_err(|error| InspectError::Invalid { field: None, why: error.to_string() })
}

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
        let value = match operation {
            Operation::Overview => answer(&self.overview().await?),
            Operation::Runs => answer(&self.runs(&RunQuery::parse(query)?).await?),
            Operation::Run(id) => answer(&self.run(*id).await?),
            Operation::Log(id) => {
                let (attempt, from) = log_query(query)?;
                answer(&self.log(*id, attempt, from).await?)
            }
            Operation::Schedules => answer(&self.schedules().await?),
            Operation::Schedule(name) => answer(&self.schedule(name).await?),
            Operation::Queues => answer(&self.queues().await?),
            Operation::Servers => answer(&self.servers().await?),
            Operation::Kinds => answer(&self.kinds().await?),
            Operation::Kind(kind) => answer(&self.kind(kind).await?),
            Operation::Enqueue => {
                let request: NewRunRequest = json(body)?;
                let id = self.enqueue(&request, &By::new(actor)).await?;
                return Ok((201, serde_json::json!({ "run": id })));
            }
            Operation::Act(id, action) => {
                let body = ActionBody::parse(body)?;
                answer(&self.act(*id, body.action(*action)?, &body.by(actor)).await?)
            }
            Operation::ActOnMatching(action) => {
                let body = ActionBody::parse(body)?;
                let query = RunQuery::parse(query)?;
                answer(&self.act_on_matching(&query, body.action(*action)?, &body.by(actor)).await?)
            }
            Operation::ActOnSchedule(name, action) => {
                let by = ActionBody::parse(body)?.by(actor);
                answer(&self.act_on_schedule(name, *action, &by).await?)
            }
            Operation::ActOnQueue(queue, action) => {
                let by = ActionBody::parse(body)?.by(actor);
                answer(&self.act_on_scope(&Scope::Queue(queue.clone()), *action, &by).await?)
            }
            Operation::ActOnKind(kind, action) => {
                let by = ActionBody::parse(body)?.by(actor);
                answer(&self.act_on_scope(&Scope::Kind(kind.clone()), *action, &by).await?)
            }
        };
        Ok((200, value))
    }
}

fn log_query(query: &str) -> Result<(Option<u32>, u64), InspectError> {
    let (mut attempt, mut from) = (None, 0);
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        let wrong = |error: std::num::ParseIntError| InspectError::invalid(&key, error);
        match &*key {
            "attempt" => attempt = Some(value.parse().map_err(wrong)?),
            "from" => from = value.parse().map_err(wrong)?,
            _ => return Err(InspectError::invalid(&key, "there is no such parameter")),
        }
    }
    Ok((attempt, from))
}
