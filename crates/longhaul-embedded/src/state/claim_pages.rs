//! Who has which run. A claim rewrites a page of claims, not the records of the runs: one key for a batch of claims.
//!
//! An entry names the run and the epoch of its claim. It is valid while the run's record is that of the epoch before. Once
//! the record is written again, the entry is stale, even while it is still in the file.

use std::collections::BTreeSet;

use longhaul_core::RunId;

use super::run_map::RunMap;
use crate::format::claim_page::{self, ClaimEntry};

/// Claims on a page: 64 × 45 bytes stay well below a value's limit.
const PER_PAGE: usize = 64;

#[derive(Debug, Default)]
struct ClaimPage {
    held: Vec<ClaimEntry>,
    /// What the file shows, stale or not.
    written: Vec<RunId>,
}

/// All pages of claims. A store begins with none: opening takes all claims back.
#[derive(Debug, Default)]
pub(crate) struct ClaimPages {
    pages: Vec<ClaimPage>,
    page_of: RunMap<u16>,
    /// Pages to be written with the next batch.
    touched: BTreeSet<u16>,
}

impl ClaimPages {
    pub(crate) fn touched(&self) -> usize {
        self.touched.len()
    }

    /// How many keys `more` claims may touch at most.
    pub(crate) fn keys_for(more: usize) -> usize {
        // The first may go into the rest of a page that is in use.
        more.div_ceil(PER_PAGE) + 1
    }

    pub(crate) fn hold(&mut self, slot: ClaimEntry) {
        // The page that this batch writes anyway, as long as it has room; then the emptiest.
        let has_room = |page: &ClaimPage| page.held.len() < PER_PAGE;
        let touched = self.touched.iter().copied().find(|page| has_room(&self.pages[usize::from(*page)]));
        let page = touched.unwrap_or_else(|| self.emptiest());
        self.pages[usize::from(page)].held.push(slot);
        self.page_of.insert(slot.id, page);
        self.touched.insert(page);
    }

    fn emptiest(&mut self) -> u16 {
        let emptiest = (0..self.pages.len()).min_by_key(|page| self.pages[*page].held.len());
        if let Some(page) = emptiest.filter(|page| self.pages[*page].held.len() < PER_PAGE / 2) {
            page as u16
        } else {
            self.pages.push(ClaimPage::default());
            u16::try_from(self.pages.len() - 1).expect("fewer than two million runs execute at once")
        }
    }

    /// Its execution begins. Returns whether an entry says that it is claimed.
    pub(crate) fn begin(&mut self, id: RunId) -> bool {
        let Some(page) = self.page_of.get(&id).copied() else { return false };
        let slots = &mut self.pages[usize::from(page)].held;
        let slot = slots.iter_mut().find(|slot| slot.id == id).expect("the page holds it");
        slot.begun = true;
        self.touched.insert(page);
        true
    }

    /// The claim is over. Its entry stays in the file, stale, until the page is written again.
    pub(crate) fn free(&mut self, id: RunId) {
        if let Some(page) = self.page_of.remove(&id) {
            let held = &mut self.pages[usize::from(page)].held;
            let there = held.iter().position(|slot| slot.id == id).expect("the page holds it");
            held.swap_remove(there);
        }
    }

    /// A run of this id starts again at epoch 0: no stale entry of an earlier run may match it.
    pub(crate) fn forget_stale(&mut self, id: RunId) {
        let shown = self.pages.iter().enumerate().filter(|(_, page)| page.written.contains(&id));
        self.touched.extend(shown.map(|(number, _)| number as u16));
    }

    /// The pages to be written now.
    pub(crate) fn take_touched(&mut self) -> Vec<(u16, Vec<u8>)> {
        let touched = std::mem::take(&mut self.touched);
        touched.into_iter().map(|page| (page, self.write(page))).collect()
    }

    fn write(&mut self, number: u16) -> Vec<u8> {
        let page = &mut self.pages[usize::from(number)];
        page.written.clear();
        page.written.extend(page.held.iter().map(|slot| slot.id));
        claim_page::write(&page.held)
    }
}

#[cfg(test)]
mod tests {
    use longhaul_core::{Epoch, ServerId, Timestamp};

    use super::*;
    use crate::format::claim_page::read;

    fn slot(n: u8) -> ClaimEntry {
        ClaimEntry {
            id: RunId::from_bytes([n; 16]),
            epoch: Epoch(3),
            claimed: Timestamp::from_micros(-7),
            server: ServerId::from_bytes([9; 16]),
            begun: n.is_multiple_of(2),
        }
    }

    #[test]
    fn the_claims_of_a_batch_share_a_page_and_are_read_back() {
        let mut claim_pages = ClaimPages::default();
        (0..10).for_each(|n| claim_pages.hold(slot(n)));
        let pages = claim_pages.take_touched();
        assert_eq!(pages.len(), 1);
        assert_eq!(read(&pages[0].1), Ok((0..10).map(slot).collect()));
        assert_eq!(claim_pages.touched(), 0);
    }

    #[test]
    fn a_freed_slot_is_left_in_the_file_until_its_run_begins_anew() {
        let mut claim_pages = ClaimPages::default();
        claim_pages.hold(slot(1));
        claim_pages.take_touched();
        claim_pages.free(slot(1).id);
        assert_eq!(claim_pages.touched(), 0);

        claim_pages.forget_stale(slot(1).id);
        let pages = claim_pages.take_touched();
        assert_eq!(read(&pages[0].1), Ok(vec![]));
        claim_pages.forget_stale(slot(1).id);
        assert_eq!(claim_pages.touched(), 0);
    }

    #[test]
    fn more_claims_than_a_page_holds_touch_no_more_pages_than_foretold() {
        let mut claim_pages = ClaimPages::default();
        claim_pages.hold(slot(0));
        claim_pages.take_touched();
        (0..=200).for_each(|n| claim_pages.hold(slot(n)));
        assert!(claim_pages.touched() <= ClaimPages::keys_for(201));
    }

    #[test]
    fn a_page_of_claims_that_is_cut_is_noticed() {
        let mut claim_pages = ClaimPages::default();
        claim_pages.hold(slot(1));
        let (_, bytes) = claim_pages.take_touched().remove(0);
        let whole: Vec<usize> = (0..=bytes.len()).filter(|end| read(&bytes[..*end]).is_ok()).collect();
        assert_eq!(whole, [1, bytes.len()]);
    }

    #[test]
    fn a_mark_that_an_execution_begins_is_kept_and_a_page_of_version_1_has_none_that_has_not() {
        let mut claim_pages = ClaimPages::default();
        claim_pages.hold(slot(1));
        claim_pages.take_touched();
        assert!(claim_pages.begin(slot(1).id) && !claim_pages.begin(slot(2).id));
        let (_, bytes) = claim_pages.take_touched().remove(0);
        assert_eq!(read(&bytes), Ok(vec![ClaimEntry { begun: true, ..slot(1) }]));

        let version_1 = [&[1], &bytes[1..bytes.len() - 1]].concat();
        assert_eq!(read(&version_1), read(&bytes));
    }
}
