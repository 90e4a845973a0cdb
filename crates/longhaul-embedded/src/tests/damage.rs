//! Damage is an error, and never a wrong answer.

use longhaul_core::store::prelude::*;
use std::{sync::Arc, time::Duration};

use longhaul_core::{
    Constraints, Key, NewRun, Retention, RunId, StateKind, StoreError,
    order::{AfterFailure, Ordered},
    store::{Filter, GetError, PageRequest},
};
use longhaul_testkit::fixture;

use super::kit::{Kit, block_on, open, over, settlement, value};
use crate::{
    OpenError, Options,
    engine::kv::sim::{End, SimDisk},
    format::keys,
};

#[test]
fn a_flipped_bit_anywhere_in_a_record_is_found_when_it_is_read_and_when_the_store_opens() {
    block_on(async {
        let mut kit = Kit::new();
        let id = kit.insert(value(1, 50)).await;
        let claimed = kit.claim(1).await.remove(0);
        kit.save(&claimed, 1, value(2, 50)).await;
        kit.settle(&claimed, fixture::completed(1)).await;
        let key = keys::done(id);
        let mut length = 0;
        kit.disk.tamper(&key, |bytes| length = bytes.len());
        for bit in 0..length * 8 {
            kit.disk.tamper(&key, |bytes| bytes[bit / 8] ^= 1 << (bit % 8));
            let read = kit.store.get(id).await;
            assert!(matches!(read, Err(GetError::Store(StoreError::Corrupt { .. }))), "bit {bit}: {read:?}");
            kit.disk.tamper(&key, |bytes| bytes[bit / 8] ^= 1 << (bit % 8));
        }
        kit.get(id).await;
        kit.assert_sound().await;
    });
}

#[test]
fn a_store_with_a_damaged_live_record_does_not_open_and_says_what_to_do() {
    block_on(async {
        let mut kit = Kit::new();
        kit.insert(value(1, 50)).await;
        let page = keys::page(0);
        kit.store.close().await;
        for at in [0, 1, 17, 18, 19, 40] {
            kit.disk.tamper(&page, |bytes| bytes[at] ^= 1);
            let error = open(&kit.disk, &kit.clock).expect_err("it is damaged");
            assert!(matches!(error, OpenError::Corrupt { .. }), "byte {at}: {error}");
            assert!(error.to_string().contains("import"), "{error}");
            kit.disk.tamper(&page, |bytes| bytes[at] ^= 1);
        }
        open(&kit.disk, &kit.clock).expect("it is whole again");
    });
}

#[test]
fn a_run_whose_values_are_damaged_is_set_aside_and_holds_up_nobody() {
    block_on(async {
        let mut kit = Kit::new();
        let damaged = kit.insert(value(1, 20_000)).await;
        let whole = kit.insert(value(2, 50)).await;
        kit.disk.forget(&keys::chunk(damaged, 0, 0, 2));
        let claimed = kit.claim(10).await;
        assert_eq!(claimed.iter().map(|claimed| claimed.run.id).collect::<Vec<_>>(), [whole]);
        assert!(matches!(kit.store.get(damaged).await, Err(GetError::Store(StoreError::Corrupt { .. }))));
        let report = kit.store.verify().await.expect("the store works");
        assert_eq!(report.problems.len(), 1, "{report:?}");
        assert!(report.problems[0].contains(&damaged.to_string()), "{report:?}");
    });
}

#[test]
fn a_check_finds_what_is_missing_and_what_is_too_much() {
    block_on(async {
        let mut kit = Kit::new();
        let id = kit.insert(value(1, 50)).await;
        let claimed = kit.claim(1).await.remove(0);
        kit.settle(&claimed, fixture::completed(1)).await;
        kit.insert(value(1, 2000)).await;
        kit.assert_sound().await;

        let list = kit.disk.keys().into_iter().find(|key| key[0] == keys::ENDED).expect("a list");
        kit.disk.forget(&list);
        let report = kit.store.verify().await.expect("the store works");
        assert!(report.problems[0].contains("no list of final runs has it"), "{report:?}");
        kit.disk.forget(&keys::done(id));
        let live = kit.disk.keys().into_iter().find(|key| key[0] == keys::LIVE || key[0] == keys::PAGE).expect("a run");
        kit.disk.forget(&live);
        let report = kit.store.verify().await.expect("the store works");
        assert!(!report.problems.is_empty(), "{report:?}");
    });
}

#[test]
fn a_store_of_a_newer_format_is_left_alone() {
    block_on(async {
        let kit = Kit::new();
        kit.store.close().await;
        kit.disk.tamper(keys::FORMAT, |bytes| bytes[3] = 3);
        let keys_before = kit.disk.keys();
        let error = open(&kit.disk, &kit.clock).expect_err("it is newer");
        assert!(matches!(error, OpenError::NewerFormat { found: 3, known: 2, .. }), "{error}");
        assert_eq!(kit.disk.keys(), keys_before);
    });
}

#[test]
fn an_export_leaves_out_what_is_damaged_says_so_and_goes_on() {
    block_on(async {
        let mut kit = Kit::new();
        let mut ids = Vec::new();
        for n in 0..5 {
            ids.push(kit.insert(value(n, 20_000)).await);
        }
        let claimed = kit.claim(1).await.remove(0);
        kit.settle(&claimed, fixture::completed(1)).await;
        kit.disk.forget(&keys::chunk(ids[2], 0, 0, 1));
        kit.disk.tamper(&keys::done(claimed.run.id), |bytes| bytes[9] ^= 1);
        let mut lines = Vec::new();
        let backup = kit.store.export(&mut lines).await.expect("the store works");
        let damaged: Vec<_> = backup.damaged.iter().map(|(id, _)| *id).collect();
        assert_eq!((backup.runs, damaged), (3, vec![claimed.run.id, ids[2]]));
        let whole = Kit::new();
        let imported = whole.store.import(&mut lines.as_slice()).await.expect("it is an export");
        assert_eq!(imported.added, 3);
    });
}

#[test]
fn a_list_names_what_cannot_be_read_and_goes_on() {
    block_on(async {
        let mut kit = Kit::new();
        let mut ids = Vec::new();
        for n in 0..6 {
            ids.push(kit.insert(value(n, 20_000)).await);
        }
        for claimed in kit.claim(2).await {
            kit.settle(&claimed, fixture::completed(1)).await;
        }
        kit.disk.tamper(&keys::done(ids[1]), |bytes| bytes[9] ^= 1);
        kit.disk.forget(&keys::chunk(ids[4], 0, 0, 1));
        let (mut runs, mut damaged, mut after) = (Vec::new(), Vec::new(), None);
        loop {
            let request = PageRequest { after, limit: 2, ..PageRequest::default() };
            let page = kit.store.list(request).await.expect("the store works");
            runs.extend(page.runs.iter().map(|found| found.run.id));
            damaged.extend(page.damaged.iter().map(|one| one.id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(runs, [ids[0], ids[2], ids[3], ids[5]]);
        assert_eq!(damaged, [ids[1], ids[4]]);
        let finished = Filter { states: vec![StateKind::Completed], ..Filter::default() };
        assert_eq!(kit.store.count(finished.clone()).await, Ok(2), "what is kept in numbers reads no run");
        let looked_at = Filter { from: Some(longhaul_core::Timestamp::EPOCH), ..finished };
        assert_eq!(kit.store.count(looked_at).await, Ok(1));
    });
}

#[test]
fn a_run_that_cannot_be_read_can_be_deleted_and_leaves_nothing() {
    block_on(async {
        let mut kit = Kit::new();
        let ended = kit.insert(value(1, 20_000)).await;
        let with_it = kit.insert(value(2, 50)).await;
        let waits = kit.insert(value(3, 20_000)).await;
        let claimed = kit.claim(2).await;
        let settlements = claimed.iter().map(|one| settlement(one, fixture::completed(1))).collect();
        kit.store.settle(settlements).await.expect("the store works");
        kit.disk.tamper(&keys::done(ended), |bytes| bytes[9] ^= 1);
        kit.disk.forget(&keys::chunk(waits, 0, 0, 1));
        for id in [ended, waits] {
            assert_eq!(kit.store.delete(id).await, Ok(()));
            assert_eq!(kit.store.get(id).await, Err(GetError::NotFound(id)));
        }
        kit.get(with_it).await;
        kit.assert_sound().await;
        assert_eq!(kit.disk.keys().iter().filter(|key| key[0] == keys::CHUNK).count(), 0);
    });
}

#[test]
fn a_damaged_run_holds_up_no_retention_and_goes_when_its_time_has_come() {
    block_on(async {
        let mut kit = Kit::new();
        let mut ids = Vec::new();
        for n in 0..3 {
            ids.push(kit.insert(value(n, 20_000)).await);
            let claimed = kit.claim(1).await.remove(0);
            kit.settle(&claimed, fixture::completed(1)).await;
        }
        kit.disk.tamper(&keys::done(ids[0]), |bytes| bytes[9] ^= 1);
        let swept = kit.store.sweep(Retention::all(Duration::ZERO).into(), 10).await.expect("the store works");
        assert_eq!((swept.removed, swept.next), (3, None));
        kit.assert_sound().await;
        assert_eq!(kit.disk.keys().iter().filter(|key| key[0] == keys::CHUNK).count(), 0);
    });
}

/// What is left of `kit` after it was killed, opened with damaged runs set aside.
async fn reopened(kit: &mut Kit, damage: impl FnOnce(&SimDisk)) {
    let disk = kit.disk.after(End::Killed, 1.0);
    kit.store.close().await;
    damage(&disk);
    assert!(matches!(open(&disk, &kit.clock), Err(OpenError::Corrupt { .. })), "not without being told to");
    let options = Options::new(Arc::new(kit.clock.clone())).set_aside_damaged();
    kit.store = over(Box::new(disk.clone()), options).expect("the rest opens");
    kit.disk = disk;
}

#[test]
fn an_opening_that_is_told_to_sets_damaged_runs_aside_and_keeps_the_others() {
    block_on(async {
        let mut kit = Kit::new();
        // On a page together, and one under a key of its own.
        let [first, second, third] = [kit.new_run(), kit.new_run(), kit.new_run()];
        let [one, two, three] = [first.id, second.id, third.id];
        kit.store.insert(vec![first, second, third]).await.expect("the store works");
        let own = {
            let new = NewRun { priority: longhaul_core::Priority(1), ..kit.new_run() };
            kit.store.insert(vec![new]).await.expect("the store works");
            let claimed = kit.claim(1).await.remove(0);
            kit.settle(&claimed, fixture::interrupted()).await;
            claimed.run.id
        };
        reopened(&mut kit, |disk| {
            let page = disk.keys().into_iter().find(|key| key[0] == keys::PAGE).expect("a page");
            disk.tamper(&page, |bytes| {
                let at = bytes.windows(16).position(|window| window == two.as_bytes()).expect("it is on the page");
                bytes[at + 30] ^= 1;
            });
            disk.tamper(&keys::live(own), |bytes| bytes[20] ^= 1);
        })
        .await;
        let told: Vec<_> = kit.store.set_aside().iter().map(|aside| aside.what.clone()).collect();
        assert_eq!(told, [two.to_string(), own.to_string()]);
        for gone in [two, own] {
            assert_eq!(kit.store.get(gone).await, Err(GetError::NotFound(gone)));
        }
        let claimed: Vec<_> = kit.claim(10).await.iter().map(|claimed| claimed.run.id).collect();
        assert_eq!(claimed, [one, three]);
        let report = kit.store.verify().await.expect("the store works");
        assert_eq!((report.problems.len(), report.live), (2, 2), "{report:?}");
        assert!(report.problems[0].contains("was set aside"), "{report:?}");

        // The next opening finds nothing that is damaged.
        kit.end(End::Killed, 1.0).await;
        assert_eq!(kit.store.set_aside(), []);
        assert_eq!(kit.store.verify().await.expect("the store works").problems.len(), 2, "and it is not forgotten");
    });
}

#[test]
fn a_page_that_is_no_page_any_more_and_a_claimed_run_without_its_values_end_no_opening_that_is_told_so() {
    block_on(async {
        let mut kit = Kit::new();
        let large = kit.insert(value(1, 20_000)).await;
        let claimed = kit.claim(1).await.remove(0);
        assert_eq!(claimed.run.id, large);
        let lost = kit.insert(value(2, 50)).await;
        reopened(&mut kit, |disk| {
            let page = disk.keys().into_iter().rfind(|key| key[0] == keys::PAGE).expect("a page");
            disk.tamper(&page, |bytes| bytes[0] = 9);
            disk.forget(&keys::chunk(large, 0, 0, 1));
        })
        .await;
        let told: Vec<_> = kit.store.set_aside().iter().map(|aside| aside.what.clone()).collect();
        assert_eq!(told.len(), 2);
        assert!(told[0].starts_with("page ") && told[1] == large.to_string(), "{told:?}");
        assert_eq!(kit.store.get(lost).await, Err(GetError::NotFound(lost)));
        assert_eq!(kit.claim(10).await, []);
        // It is still there, to be looked at and deleted.
        assert!(matches!(kit.store.get(large).await, Err(GetError::Store(StoreError::Corrupt { .. }))));
        assert_eq!(kit.store.delete(large).await, Ok(()));
        let next = kit.insert(value(3, 50)).await;
        assert_eq!(kit.claim(10).await[0].run.id, next);
    });
}

/// Runs of one order key, whose metadata has about `size` bytes.
async fn in_order<const N: usize>(kit: &mut Kit, size: usize) -> [RunId; N] {
    let key = Key::new("account 7").expect("a key");
    let ordered = Some(Ordered { key, after_failure: AfterFailure::Skip });
    let constraints: Arc<_> = Constraints { ordered, ..Constraints::default() }.into();
    let runs = [(); N].map(|()| NewRun {
        constraints: Some(Arc::clone(&constraints)),
        metadata: value(7, size),
        ..kit.new_run()
    });
    let ids = std::array::from_fn(|n| runs[n].id);
    kit.store.insert(runs.into()).await.expect("the store works");
    ids
}

fn damage_on_page(disk: &SimDisk, id: RunId) {
    let page = disk.keys().into_iter().find(|key| key[0] == keys::PAGE).expect("a page");
    disk.tamper(&page, |bytes| {
        let at = bytes.windows(16).position(|window| window == id.as_bytes()).expect("it is on the page");
        bytes[at + 30] ^= 1;
    });
}

#[test]
fn a_damaged_run_that_is_next_in_its_order_lets_none_pass_until_it_is_removed() {
    block_on(async {
        let mut kit = Kit::new();
        let [first, damaged, last] = in_order(&mut kit, 20_000).await;
        let claimed = kit.claim(10).await.remove(0);
        assert_eq!(claimed.run.id, first);
        kit.disk.forget(&keys::chunk(damaged, 0, 0, 1));
        kit.settle(&claimed, fixture::completed(1)).await;
        assert_eq!(kit.claim(10).await, [], "whether the damaged one was done is not known");
        let why = kit.store.explain(last).await.expect("it is there").to_string();
        assert!(why.contains(&damaged.to_string()), "{why}");
        assert_eq!(kit.store.delete(damaged).await, Ok(()));
        assert_eq!(kit.claim(10).await.remove(0).run.id, last);
    });
}

#[test]
fn the_turn_of_a_damaged_run_that_is_set_aside_goes_to_the_next() {
    block_on(async {
        let mut kit = Kit::new();
        let [damaged, next] = in_order(&mut kit, 50).await;
        reopened(&mut kit, |disk| damage_on_page(disk, damaged)).await;
        assert_eq!(kit.store.get(damaged).await, Err(GetError::NotFound(damaged)));
        assert_eq!(kit.claim(10).await.remove(0).run.id, next);
    });
}
