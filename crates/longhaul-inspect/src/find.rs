//! Runs by a part of their ids, and runs that change.

use longhaul::{
    GetError, RunId, StoreError,
    store_api::store::{Filter, ListOrder, PageRequest},
};
use serde::Serialize;

use crate::{InspectError, Inspector};

/// So many runs are searched, the newest first: what people name is seldom old, and a store with millions of runs must
/// answer all the same.
const SEARCHED_MAX: usize = 100_000;
/// What a page of the search has.
const PAGE: usize = 1000;
/// Who has to choose among more of them looks elsewhere.
const FOUND_MAX: usize = 20;
/// Shorter parts match anything.
const PART_MIN: usize = 4;

/// The runs whose ids begin or end with something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FoundIds {
    /// At most 20, the newest first.
    pub ids: Vec<RunId>,
    /// How many runs were looked at.
    pub searched: usize,
    /// Whether these were all.
    pub is_complete: bool,
}

impl Inspector {
    /// The runs whose ids begin or end with `part`, with or without `run_`. A whole id is found without a search;
    /// otherwise the newest 100,000 runs are searched.
    ///
    /// ```
    /// # use longhaul::{Client, testing, doc::{Count, CountUp}};
    /// use longhaul_inspect::{Inspector, words::short};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
    /// # let run = client.enqueue::<CountUp>(Count { to: 3 }).await?;
    /// let found = Inspector::new(client).find_ids(short(&run.id().to_string())).await?;
    /// assert_eq!(found.ids, [run.id()]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`InspectError::Invalid`] for less than four characters, or when the store fails.
    pub async fn find_ids(&self, part: &str) -> Result<FoundIds, InspectError> {
        let part = part.trim().to_ascii_lowercase();
        if let Ok(id) = part.parse() {
            return Ok(FoundIds { ids: vec![id], searched: 0, is_complete: true });
        }
        let part = part.strip_prefix("run_").unwrap_or(&part);
        if part.len() < PART_MIN {
            return Err(InspectError::invalid("id", format!("a part of an id has at least {PART_MIN} characters")));
        }
        let mut found = FoundIds { ids: Vec::new(), searched: 0, is_complete: false };
        let (filter, order) = (Filter::default(), ListOrder::NewestFirst);
        let mut request = PageRequest { filter, order, after: None, limit: PAGE };
        while found.searched < SEARCHED_MAX && found.ids.len() < FOUND_MAX {
            let page = self.client().store().list_headers(request.clone()).await?;
            found.searched += page.runs.len();
            for id in page.runs.iter().map(|run| run.id) {
                let text = id.to_string();
                let text = text.strip_prefix("run_").unwrap_or(&text);
                if text.starts_with(part) || text.ends_with(part) {
                    found.ids.push(id);
                }
            }
            request.after = page.next;
            if page.next.is_none() {
                found.is_complete = true;
                break;
            }
        }
        found.ids.truncate(FOUND_MAX);
        Ok(found)
    }

    /// Waits until the revision of the run is above `seen`, or so long that the caller should ask again.
    pub(crate) async fn until_changed(&self, id: RunId, seen: u64) -> Result<(), InspectError> {
        match self.changed(id, seen).await {
            Ok(_) | Err(GetError::Store(StoreError::TimedOut { .. })) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
