//! Reading lists of runs, page by page.

use longhaul_core::{
    RunId, Snapshot, StateKind, StoreError,
    limits::PAGE_MAX,
    store::{Filter, ListOrder, Page, PageRequest},
};

use super::Client;

/// A list that is read: which runs, and in which order.
#[derive(Clone, Debug, Default)]
pub(super) struct List {
    pub(super) filter: Filter,
    pub(super) order: ListOrder,
}

impl List {
    /// The states that are not final, beside those that are asked for already.
    pub(super) fn live(&mut self) {
        self.filter.states.extend(StateKind::ALL.into_iter().filter(|state| !state.is_final()));
    }

    /// The first `n` after `after` for which `keep` holds, and where to go on. A store answers as much as it likes; this
    /// asks until there are `n`, or no more.
    pub(super) async fn read(
        &self,
        client: &Client,
        mut after: Option<RunId>,
        n: usize,
        keep: Option<impl Fn(&Snapshot) -> bool>,
    ) -> Result<Page, StoreError> {
        assert!(n > 0, "a page of no runs was asked for");
        let mut all = Page::default();
        loop {
            // Of those that are looked at, few may be kept.
            let limit = if keep.is_some() { PAGE_MAX } else { (n - all.runs.len()).min(PAGE_MAX) };
            let request = PageRequest { filter: self.filter.clone(), order: self.order, after, limit };
            let page = client.store().list(request).await?;
            all.damaged.extend(page.damaged);
            all.runs.extend(page.runs.into_iter().filter(|snapshot| keep.as_ref().is_none_or(|keep| keep(snapshot))));
            all.next = page.next;
            after = page.next;
            if all.runs.len() > n {
                all.runs.truncate(n);
                all.next = all.runs.last().map(|last| last.run.id);
                all.damaged.retain(|one| all.next.is_none_or(|next| self.order.compare(one.id, next).is_lt()));
            }
            if all.next.is_none() || all.runs.len() == n {
                return Ok(all);
            }
        }
    }
}
