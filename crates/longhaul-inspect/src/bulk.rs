//! What is done to many runs, as a run of its own: with progress, and going on where it was after a crash.

use longhaul::{
    AnyError, Client, Codec, Context, ExecutionResult, Failure, RetryFrom, RunId, Success, TITLE_TAG, Task,
    TaskOptions, store_api::store::Filter,
};
use serde::{Deserialize, Serialize};

use crate::{By, InspectError, Inspector, RunAction, RunQuery, TimeBound};

/// Runs between two checkpoints: after a crash so many may be acted on twice, which is refused or changes nothing.
const PAGE: usize = 200;
/// So many refusals are told; the rest is counted.
const TOLD_MAX: usize = 20;

/// A task that does something to all runs that match, in place of a request that waits for it. Register it where such
/// runs are to be executed; [`Inspector::start_matching`] enqueues them.
///
/// ```
/// use longhaul::{Client, Longhaul, testing};
/// use longhaul_inspect::BulkActions;
/// use std::sync::Arc;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store: Arc<dyn longhaul::Store> = Arc::new(testing::memory_store());
/// let server =
///     Longhaul::builder().shared_store(store.clone()).task(BulkActions::new(Client::new(store))).start()?;
/// # drop(server);
/// # Ok(())
/// # }
/// ```
///
/// It looks at runs that were there when it was enqueued, the oldest first, and leaves itself out. Each run is acted on
/// by itself, in the name of who asked: its history says so. What its state does not allow is counted, and told for the
/// first 20.
#[derive(Clone, Debug)]
pub struct BulkActions {
    inspector: Inspector,
}

/// What is done to which runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BulkRequest {
    /// The filters, as they stand in a URL.
    pub query: String,
    /// `suspend`, `proceed`, `cancel`, `retry`.
    pub action: String,
    /// Whether a retry begins at the start, and not at the last checkpoint.
    #[serde(default)]
    pub from_start: bool,
    /// In whose name.
    pub by: String,
    /// Why.
    pub reason: Option<String>,
}

/// How far it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BulkProgress {
    /// The last run that was acted on.
    pub after: Option<RunId>,
    /// How many there were to act on, where that is counted.
    pub total: Option<u64>,
    /// How many matched so far.
    pub matched: u64,
    /// To how many of them it was done.
    pub done: u64,
    /// The first that were refused, each with why.
    pub refused: Vec<(RunId, String)>,
}

impl BulkActions {
    /// Acts through this client.
    pub fn new(client: Client) -> Self {
        Self { inspector: Inspector::new(client) }
    }
}

impl Task for BulkActions {
    const NAME: &'static str = "longhaul.bulk-action";
    type Metadata = BulkRequest;
    type ExecutionMetadata = BulkProgress;
    type Output = BulkProgress;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<BulkRequest, BulkProgress>) -> ExecutionResult<BulkProgress, AnyError> {
        let BulkRequest { query, action, from_start, by, reason } = ctx.metadata();
        let (query, action) = match checked(query, action, *from_start) {
            Ok(asked) => asked,
            // No attempt would read it otherwise.
            Err(why) => return Failure::for_result().permanently().with_error(AnyError::msg(why)),
        };
        let by = By::new(by).because(reason.clone().unwrap_or_default());
        let store = self.inspector.client().store();
        let filter = query.filter(self.inspector.now());
        // It is known for filters that are counted; others show how many were done. What is new since is not told apart.
        let counted = Filter { before: None, ..filter.clone() };
        let total = match ctx.read(|at| at.total) {
            Some(total) => Some(total),
            None => store.statistics().await?.counts.count(&counted),
        };
        ctx.update(|at| at.total = total);
        loop {
            let after = ctx.read(|at| at.after);
            let this = Some(ctx.attempt().run);
            let (selected, next) = self.inspector.act_on_some(filter.clone(), after, PAGE, this, action, &by).await?;
            let matched = ctx.update(|at| {
                at.matched += selected.matched;
                at.done += selected.done;
                at.refused.extend(selected.refused);
                at.refused.truncate(TOLD_MAX);
                at.after = next;
                at.matched
            });
            ctx.progress().step(action.as_str()).unit("runs").set(matched, total.map(|total| total.max(matched)));
            ctx.checkpoint().await?;
            if next.is_none() {
                return Success::with_result(ctx.read(Clone::clone)).for_error();
            }
        }
    }

    fn options() -> TaskOptions {
        TaskOptions::default().title("Act on many runs").codec(Codec::Json)
    }
}

/// What is asked for, if a run may do it.
fn checked(query: &str, action: &str, from_start: bool) -> Result<(RunQuery, RunAction), String> {
    let query = RunQuery::parse(query).map_err(|error| error.to_string())?;
    let action = match RunAction::parse(action) {
        Some(RunAction::Retry { .. }) if from_start => RunAction::Retry { from: RetryFrom::TheStart },
        Some(action) => action,
        None => return Err(format!("there is no action `{action}`")),
    };
    match (action, query.before) {
        (RunAction::RunNow | RunAction::Dismiss | RunAction::Delete, _) => {
            Err(format!("{} is not done by a run", action.as_str()))
        }
        (_, Some(TimeBound::At(_))) => Ok((query, action)),
        _ => Err("`before` has to be a time, or it would act on what comes of it".into()),
    }
}

impl Inspector {
    /// Enqueues a run that does something to all runs that match now: see [`BulkActions`]. `None`: no server that lives
    /// executes such runs, or the action is one that is done at once ([`RunAction::Delete`] takes a role that a retry of
    /// such a run would not ask for); [`act_on_matching`](Self::act_on_matching) does it then.
    ///
    /// # Errors
    /// When the store fails.
    ///
    /// # Cancel safety
    /// When the future is dropped, the run is enqueued or not.
    pub async fn start_matching(
        &self,
        query: &RunQuery,
        action: RunAction,
        by: &By,
    ) -> Result<Option<RunId>, InspectError> {
        let is_ours = matches!(
            action,
            RunAction::Suspend | RunAction::Proceed { at: None } | RunAction::Cancel | RunAction::Retry { .. }
        );
        let servers = if is_ours { self.client().store().servers().await? } else { Vec::new() };
        let executes = |kind: &longhaul::Kind| kind.as_str() == BulkActions::NAME;
        if !servers.iter().any(|server| server.beat.kinds.iter().any(|support| executes(&support.kind))) {
            return Ok(None);
        }
        let fixed = action.chosen_by(query).page_after(None).fixed(self.now());
        let from_start = matches!(action, RunAction::Retry { from: RetryFrom::TheStart });
        let (action, by_name, reason) = (action.as_str().to_owned(), by.actor.clone(), by.reason.clone());
        let title = format!("{action} all that match");
        let request = BulkRequest { query: fixed.to_string(), action, from_start, by: by_name, reason };
        let client = self.client().acting_as(&by.actor);
        let run = client.enqueue::<BulkActions>(request).tag(TITLE_TAG, title).await;
        Ok(Some(run.map_err(InspectError::refused)?.id()))
    }
}

/// Whether runs of this kind are enqueued by [`Inspector::start_matching`] alone, which looks at the role for its action.
pub(crate) fn is_reserved(kind: &str) -> bool {
    kind == BulkActions::NAME
}
