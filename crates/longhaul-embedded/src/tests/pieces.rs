//! Values that are too large to stand in their run's record.

use longhaul_core::store::prelude::*;
use longhaul_core::{
    NewRun,
    limits::{EXECUTION_METADATA_MAX, METADATA_MAX, RESULT_MAX},
};
use longhaul_testkit::fixture;

use super::kit::{Kit, block_on, number, value};
use crate::{engine::kv::sim::End, format::keys};

fn pieces(kit: &Kit) -> usize {
    kit.disk.keys().iter().filter(|key| key[0] == keys::CHUNK).count()
}

fn marks(kit: &Kit) -> usize {
    kit.disk.keys().iter().filter(|key| key[0] == keys::MARK).count()
}

#[test]
fn the_largest_values_come_back_whole_and_go_without_a_trace() {
    block_on(async {
        let mut kit = Kit::new();
        let metadata = value(1, METADATA_MAX - 100);
        let initial = value(2, EXECUTION_METADATA_MAX - 100);
        let new = NewRun { metadata: metadata.clone(), execution_metadata: Some(initial.clone()), ..kit.new_run() };
        let id = new.id;
        kit.store.insert(vec![new]).await.expect("the store works")[0].clone().expect("it is new");
        kit.assert_sound().await;

        let claimed = kit.claim(1).await.remove(0);
        for n in 3..7 {
            kit.save(&claimed, n as u32, value(n, EXECUTION_METADATA_MAX - 100)).await;
            assert_eq!(number(&kit.get(id).await.execution_metadata.expect("it was saved")), n);
        }
        let result = value(9, RESULT_MAX - 100);
        kit.settle(&claimed, longhaul_core::Ending::Completed { result: result.clone() }).await;
        kit.end(End::PowerCut, 0.0).await;

        let snapshot = kit.get(id).await;
        assert_eq!(snapshot.metadata, metadata);
        assert_eq!(snapshot.initial, Some(initial));
        assert_eq!(number(&snapshot.execution_metadata.expect("it was saved")), 6);
        assert_eq!(snapshot.ended, Some(longhaul_core::Ended::Completed(result)));
        // 256 pieces each of metadata, initial and last execution metadata, 1024 of the result.
        assert_eq!(pieces(&kit), 3 * 256 + 1024);
        kit.assert_sound().await;

        kit.store.delete(id).await.expect("it is final");
        let minute = keys::minute(longhaul_core::Clock::now(&kit.clock).as_micros() / 60_000_000);
        assert_eq!(kit.disk.keys(), [keys::COUNTED, keys::REMOVED_ENDS, keys::FORMAT, &minute]);
    });
}

#[test]
fn execution_metadata_that_shrinks_leaves_no_pieces_behind() {
    block_on(async {
        let mut kit = Kit::new();
        kit.insert(value(1, 10)).await;
        let claimed = kit.claim(1).await.remove(0);
        kit.save(&claimed, 1, value(1, 40_000)).await;
        kit.save(&claimed, 2, value(2, 40_000)).await;
        assert_eq!(pieces(&kit), 20);
        kit.save(&claimed, 3, value(3, 10_000)).await;
        assert_eq!(pieces(&kit), 13);
        kit.save(&claimed, 4, value(4, 9_000)).await;
        assert_eq!(pieces(&kit), 6);
        kit.save(&claimed, 5, value(5, 100)).await;
        assert_eq!(pieces(&kit), 0);
        kit.assert_sound().await;
    });
}

#[test]
fn a_final_run_keeps_one_generation_only() {
    block_on(async {
        let mut kit = Kit::new();
        kit.insert(value(1, 10)).await;
        let claimed = kit.claim(1).await.remove(0);
        kit.save(&claimed, 1, value(1, 40_000)).await;
        kit.save(&claimed, 2, value(2, 40_000)).await;
        kit.settle(&claimed, fixture::completed(1)).await;
        assert_eq!(pieces(&kit), 10);
        kit.assert_sound().await;
    });
}

#[test]
fn pieces_of_a_write_that_was_cut_off_are_removed_by_the_next_opening() {
    block_on(async {
        let mut kit = Kit::new();
        kit.insert(value(1, 10)).await;
        let claimed = kit.claim(1).await.remove(0);
        kit.save(&claimed, 1, value(1, 500_000)).await;
        let before = pieces(&kit);
        // Three batches of pieces, of which one is written, before the one with the record.
        kit.disk.cut(crate::engine::kv::sim::Cut { after: 1, in_effect: false });
        let checkpoint = super::kit::checkpoint(&claimed, 2, value(2, EXECUTION_METADATA_MAX - 100));
        kit.store.checkpoint(vec![checkpoint]).await.expect_err("the power is cut");
        assert!(pieces(&kit) > before);
        assert_eq!(marks(&kit), 1);

        kit.end(End::Killed, 1.0).await;
        assert_eq!(number(&kit.get(claimed.run.id).await.execution_metadata.expect("the old value")), 1);
        assert_eq!((pieces(&kit), marks(&kit)), (before, 0));
        kit.assert_sound().await;
    });
}

#[test]
fn a_record_full_of_small_parts_lets_the_largest_stand_apart() {
    block_on(async {
        let mut kit = Kit::new();
        let tags: Vec<_> = (0..3)
            .map(|n| longhaul_core::Tag::new(&format!("{n}{}", "k".repeat(120)), &"v".repeat(120)).expect("a tag"))
            .collect();
        let new = NewRun {
            metadata: value(1, 900),
            execution_metadata: Some(value(2, 900)),
            tags: tags.clone().into(),
            ..kit.new_run()
        };
        let id = new.id;
        kit.store.insert(vec![new]).await.expect("the store works")[0].clone().expect("it is new");
        let claimed = kit.claim(1).await.remove(0);
        kit.save(&claimed, 1, value(3, 900)).await;
        let failure = fixture::failed(&"x".repeat(900), claimed.run.attempt(), claimed.run.since);
        kit.settle(&claimed, failure).await;
        kit.end(End::PowerCut, 0.0).await;
        let snapshot = kit.get(id).await;
        assert_eq!(*snapshot.run.tags, *tags);
        let numbers = [Some(&snapshot.metadata), snapshot.initial.as_ref(), snapshot.execution_metadata.as_ref()];
        assert_eq!(numbers.map(|value| value.map(number)), [Some(1), Some(2), Some(3)]);
        assert!(pieces(&kit) > 0);
        kit.assert_sound().await;
    });
}
