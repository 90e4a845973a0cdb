//! How many runs match, before something is done to all of them.

use std::collections::BTreeMap;

use longhaul_inspect::RunQuery;

use super::list::PAGE;
use crate::{
    error::CliError,
    session::{Session, items, plain},
};

/// So many pages are read to count what the store does not.
const COUNTED_PAGES: usize = 50;

/// How many runs match.
#[derive(Default)]
pub(super) struct Matching {
    /// By state; none of a state without runs.
    pub(super) states: BTreeMap<String, u64>,
    /// Whether all were counted.
    pub(super) is_complete: bool,
}

impl Matching {
    /// As the store has counted them, or counted here.
    pub(super) async fn count(mut query: RunQuery, session: &Session<'_>) -> Result<Self, CliError> {
        query.limit = PAGE;
        let mut page = session.api.get("/runs", &query.to_string()).await?;
        let mut this = Self::default();
        if let Some(counts) = page["states"].as_object() {
            let meant = |state: &str| query.states.is_empty() || query.states.iter().any(|of| of.as_str() == state);
            let counts = counts.iter().filter(|(state, _)| meant(state));
            let counts = counts.map(|(state, runs)| (state.clone(), runs.as_u64().unwrap_or(0)));
            this.states = counts.filter(|(_, runs)| *runs > 0).collect();
            this.is_complete = true;
            return Ok(this);
        }
        // Tags and times are not counted by the store. So far is fast enough, and says enough.
        for _ in 0..COUNTED_PAGES {
            for run in items(&page["runs"]) {
                *this.states.entry(plain(&run["state"])).or_default() += 1;
            }
            let Some(after) = page["next"].as_str().and_then(|next| next.parse().ok()) else {
                this.is_complete = true;
                break;
            };
            page = session.api.get("/runs", &query.page_after(Some(after)).to_string()).await?;
        }
        Ok(this)
    }

    pub(super) fn total(&self) -> u64 {
        self.states.values().sum()
    }

    /// `412 runs (400 failed, 12 cancelled)`
    pub(super) fn text(&self) -> String {
        let (total, runs) = (self.total(), if self.total() == 1 { "run" } else { "runs" });
        let at_least = if self.is_complete { "" } else { "at least " };
        let states: Vec<String> = self.states.iter().map(|(state, runs)| format!("{runs} {state}")).collect();
        let states = if states.is_empty() { String::new() } else { format!(" ({})", states.join(", ")) };
        format!("{at_least}{total} {runs}{states}")
    }
}
