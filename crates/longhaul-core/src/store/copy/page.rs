//! What stands on the pages of a copy.

use std::collections::BTreeMap;

use super::{CopiedRun, CopyCursor, CopyItem, CopyPage, RemovedKey};
use crate::{
    admission::{Bucket, controls::Controls, rate::Starts},
    id::RunId,
    log::LogPage,
    run::Run,
    store::{KindDescription, ScheduleRow},
    stored::StoredRun,
    time::Timestamp,
};

impl CopyPage {
    /// The first page: everything that is no run and no key. What says nothing any more at `now` is left out.
    ///
    /// ```
    /// use longhaul_core::{Controls, doc, store::copy::{CopyCursor, CopyItem, CopyPage}};
    ///
    /// let page = CopyPage::of_settings(doc::NOW, &Controls::default(), [], [], &Default::default(), 7);
    /// assert_eq!(page.items, [CopyItem::RemovedEnds(7)]);
    /// assert_eq!(page.next, Some(CopyCursor::RunsAfter(None)));
    /// ```
    pub fn of_settings(
        now: Timestamp,
        controls: &Controls,
        schedules: impl IntoIterator<Item = ScheduleRow>,
        kinds: impl IntoIterator<Item = KindDescription>,
        starts: &BTreeMap<Bucket, Starts>,
        removed_ends: u64,
    ) -> Self {
        let controls = controls.iter().filter(|(_, control)| !control.is_empty());
        let mut items: Vec<CopyItem> =
            controls.map(|(scope, control)| CopyItem::Control(scope, control.clone())).collect();
        items.extend(schedules.into_iter().map(|row| CopyItem::Schedule(row.name, row.value)));
        items.extend(kinds.into_iter().map(CopyItem::Kind));
        let starts = starts.iter().filter(|(_, starts)| starts.idle_at() > now);
        items.extend(starts.map(|(bucket, starts)| CopyItem::Starts(bucket.clone(), starts.clone())));
        items.extend((removed_ends > 0).then_some(CopyItem::RemovedEnds(removed_ends)));
        Self { items, next: Some(CopyCursor::RunsAfter(None)) }
    }

    /// A page of runs. `last`: others may follow after this one; `None`: there are no more runs, and the keys follow.
    ///
    /// ```
    /// use longhaul_core::store::copy::{CopyCursor, CopyPage};
    ///
    /// assert_eq!(CopyPage::of_runs(vec![], None).next, Some(CopyCursor::KeysAfter(None)));
    /// ```
    pub fn of_runs(runs: impl IntoIterator<Item = CopiedRun>, last: Option<RunId>) -> Self {
        let next = last.map_or(CopyCursor::KeysAfter(None), |last| CopyCursor::RunsAfter(Some(last)));
        Self { items: runs.into_iter().map(|run| CopyItem::Run(Box::new(run))).collect(), next: Some(next) }
    }
}

impl CopiedRun {
    /// A run with the position of its end and the pages of its log, in any order.
    ///
    /// ```
    /// use longhaul_core::{LogPage, StoredRun, doc, store::copy::CopiedRun};
    ///
    /// let log = [(2, 0), (1, 1), (1, 0)].map(|(attempt, number)| (attempt, LogPage { number, ..LogPage::default() }));
    /// let copied = CopiedRun::new(StoredRun::enqueue(doc::NOW, doc::new_run()), None, log.to_vec());
    /// assert_eq!(copied.log.iter().map(|(attempt, page)| (*attempt, page.number)).collect::<Vec<_>>(), [(1, 0), (1, 1), (2, 0)]);
    /// ```
    pub fn new(stored: StoredRun, end: Option<u64>, mut log: Vec<(u32, LogPage)>) -> Self {
        log.sort_unstable_by_key(|(attempt, page)| (*attempt, page.number));
        Self { stored, end, log }
    }
}

impl RemovedKey {
    /// What is left of the unique key of a run that is removed at `now`, if the key outlives it.
    ///
    /// ```
    /// use longhaul_core::{doc, store::copy::RemovedKey};
    ///
    /// assert_eq!(RemovedKey::of(doc::NOW, &doc::run()), None); // it has none
    /// ```
    pub fn of(now: Timestamp, run: &Run) -> Option<Self> {
        let unique = run.constraints().unique.as_ref()?;
        let until = unique.until(run).filter(|until| now < *until)?;
        let (kind, key) = (run.kind.clone(), unique.key.clone());
        Some(Self { kind, key, run: run.id, state: run.state.kind(), until })
    }
}
