//! Damage is told as such, and never as a wrong answer.

use longhaul_core::{Store, StoreError, store::GetError};
use longhaul_testkit::fixture;

use super::kit::{Kit, block_on, open, value};
use crate::{OpenError, keys};

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
        kit.disk.tamper(keys::FORMAT, |bytes| bytes[3] = 2);
        let keys_before = kit.disk.keys();
        let error = open(&kit.disk, &kit.clock).expect_err("it is newer");
        assert!(matches!(error, OpenError::NewerFormat { found: 2, known: 1, .. }), "{error}");
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
