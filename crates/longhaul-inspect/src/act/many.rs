//! The same to many runs.

use longhaul::{
    RunId, Selected, StateKind,
    store_api::store::{Filter, ListOrder, PageRequest},
};
use serde::Serialize;

use super::{By, RunAction, report};
use crate::{InspectError, Inspector, RunQuery};

/// At most so many runs are named in one call; more are chosen by a query.
const NAMED_MAX: usize = 1000;

/// What came of it for some of the runs that match.
///
/// ```
/// # use longhaul::{Client, testing, doc::{Count, CountUp}};
/// use longhaul_inspect::{By, Inspector, RunAction, RunQuery};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
/// # client.enqueue::<CountUp>(Count { to: 3 }).await?;
/// # client.enqueue::<CountUp>(Count { to: 4 }).await?;
/// let (inspector, by) = (Inspector::new(client), By::new("ann"));
/// let mut next = Some(RunQuery::parse("state=pending&limit=1")?);
/// let mut cancelled = 0;
/// while let Some(query) = next {
///     let page = inspector.act_on_page(&query, RunAction::Cancel, &by).await?;
///     cancelled += page.selected.done;
///     next = page.next;
/// }
/// assert_eq!(cancelled, 2);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SelectedPage {
    /// To how many of them it was done.
    #[serde(flatten)]
    pub selected: Selected,
    /// The query of those that are left; `None`: there are none. It leaves out what was enqueued after the first page was
    /// asked for.
    #[serde(serialize_with = "as_text")]
    pub next: Option<RunQuery>,
}

#[expect(clippy::ref_option, reason = "serde hands in a reference to the field")]
fn as_text<S: serde::Serializer>(next: &Option<RunQuery>, serializer: S) -> Result<S::Ok, S::Error> {
    next.as_ref().map(ToString::to_string).serialize(serializer)
}

impl Inspector {
    /// The same to several runs, one after the other; each is done or refused by itself.
    ///
    /// # Errors
    /// When more than 1000 are named, or the store fails: then some are done, and some are not.
    pub async fn act_on(&self, ids: &[RunId], action: RunAction, by: &By) -> Result<Selected, InspectError> {
        if ids.len() > NAMED_MAX {
            let why = format!("{} runs are named, of at most {NAMED_MAX}: choose them by filters", ids.len());
            return Err(InspectError::invalid("id", why));
        }
        let mut selected = Selected::default();
        for id in ids {
            selected.matched += 1;
            match self.act(*id, action, by).await {
                Ok(_) => selected.done += 1,
                Err(InspectError::Store(error)) => return Err(error.into()),
                Err(refused) => selected.refused.push((*id, refused.to_string())),
            }
        }
        Ok(selected)
    }

    /// The same to all runs that match, on whatever page they are. A retry is of those that failed or were cancelled, unless
    /// the query names states.
    ///
    /// # Errors
    /// When the store fails: then some are done, and some are not. [`RunAction::RunNow`] and
    /// [`RunAction::Dismiss`] are not done to many.
    pub async fn act_on_matching(
        &self,
        query: &RunQuery,
        action: RunAction,
        by: &By,
    ) -> Result<Selected, InspectError> {
        check_many(action)?;
        let select = self.select(&action.chosen_by(query), &by.actor)?;
        let reason = by.reason.clone().unwrap_or_default();
        let selected = match action {
            RunAction::Suspend => select.suspend().because(reason).await?,
            RunAction::Cancel => select.cancel().because(reason).await?,
            RunAction::Proceed { at: None } => select.proceed().await?,
            RunAction::Proceed { at: Some(at) } => select.proceed_at(at).await?,
            RunAction::Retry { from } => select.retry(from).await?,
            RunAction::Delete => select.delete().await?,
            RunAction::RunNow | RunAction::Dismiss => unreachable!("they are not done to many"),
        };
        report(query, action.as_str(), by);
        Ok(selected)
    }

    /// The same to a page of the runs that match, the oldest first: as many as the query's limit says, after the run that
    /// it names. Who acts on all that match page by page can say how far it is.
    ///
    /// # Errors
    /// As [`act_on_matching`](Self::act_on_matching).
    pub async fn act_on_page(
        &self,
        query: &RunQuery,
        action: RunAction,
        by: &By,
    ) -> Result<SelectedPage, InspectError> {
        check_many(action)?;
        let now = self.now();
        let query = action.chosen_by(query).fixed(now);
        let (selected, next) = self.act_on_some(query.filter(now), query.after, query.limit, None, action, by).await?;
        let next = next.map(|after| query.page_after(Some(after)));
        Ok(SelectedPage { selected, next })
    }

    /// Acts on the oldest `limit` runs of a filter after one, but not on `except`, and tells after which to go on.
    pub(crate) async fn act_on_some(
        &self,
        filter: Filter,
        after: Option<RunId>,
        limit: usize,
        except: Option<RunId>,
        action: RunAction,
        by: &By,
    ) -> Result<(Selected, Option<RunId>), InspectError> {
        let request = PageRequest { filter, order: ListOrder::OldestFirst, after, limit };
        let page = self.client().store().list_headers(request).await?;
        let ids: Vec<RunId> = page.runs.iter().map(|run| run.id).filter(|id| Some(*id) != except).collect();
        let mut selected = self.act_on(&ids, action, by).await?;
        selected.refused.extend(page.damaged.into_iter().map(|damaged| (damaged.id, damaged.to_string())));
        Ok((selected, page.next))
    }

    fn select(&self, query: &RunQuery, actor: &str) -> Result<longhaul::Select, InspectError> {
        let mut select = self.client().acting_as(actor).select();
        let filter = query.filter(self.now());
        for kind in &filter.kinds {
            select = select.kind(kind.as_str())?;
        }
        for queue in &filter.queues {
            select = select.queue(queue.as_str())?;
        }
        for state in filter.states {
            select = select.state(state);
        }
        for tag in &filter.tags {
            select = select.with_tag(&tag.key, &tag.value);
        }
        if let Some(parent) = filter.parent {
            select = select.children_of(parent);
        }
        if let Some(from) = filter.from {
            select = select.enqueued_from(from);
        }
        if let Some(before) = filter.before {
            select = select.enqueued_before(before);
        }
        Ok(select)
    }
}

impl RunAction {
    /// Which runs it is done to where all that match are meant: a retry leaves completed runs alone, unless they are asked
    /// for. Nobody who looks at what went wrong wants what went right once more.
    ///
    /// ```
    /// use longhaul_inspect::{RunAction, RunQuery};
    ///
    /// let (all, retry) = (RunQuery::default(), RunAction::parse("retry").expect("there is one"));
    /// assert_eq!(retry.chosen_by(&all).to_string(), "state=failed&state=cancelled");
    /// assert_eq!(RunAction::Cancel.chosen_by(&all), all);
    /// ```
    #[must_use]
    pub fn chosen_by(self, query: &RunQuery) -> RunQuery {
        let mut query = query.clone();
        if matches!(self, Self::Retry { .. }) && query.states.is_empty() {
            query.states = vec![StateKind::Failed, StateKind::Cancelled];
        }
        query
    }
}

fn check_many(action: RunAction) -> Result<(), InspectError> {
    match action {
        RunAction::RunNow => Err(InspectError::refused("one run at a time can be made due now")),
        RunAction::Dismiss => Err(InspectError::refused("one run at a time can be dismissed")),
        _ => Ok(()),
    }
}
