//! A retry by hand changes two runs, in one transaction.

use longhaul_core::store::prelude::*;
use longhaul_core::{
    Actor, Constraints, Ending, Inserted, Key, NewRun, OnConflict, Retention, RunId, Unique, UniqueScope,
    store::{GetError, Retried, Retry, RetryFrom},
};

use super::kit::{Kit, block_on, number, value};
use crate::engine::kv::sim::{Cut, End};

/// A final run, with values of this size, a long history and a unique key.
async fn final_run(kit: &mut Kit, size: usize) -> RunId {
    let scope = UniqueScope::For(std::time::Duration::from_secs(1000));
    let unique = Some(Unique { key: Key::new("k").expect("a key"), scope, on_conflict: OnConflict::Refuse });
    let constraints = Some(Constraints { unique, ..Constraints::default() }.into());
    let new = NewRun { metadata: value(1, size), constraints, ..kit.new_run() };
    let id = new.id;
    assert_eq!(kit.store.insert(vec![new]).await, Ok(vec![Ok(Inserted::New)]));
    for round in 0..20_u64 {
        let claimed = kit.claim(1).await.remove(0);
        if round == 19 {
            kit.save(&claimed, 1, value(2, size)).await;
        }
        let why = "a deploy that took its time".repeat(5).into();
        let ending =
            if round == 19 { Ending::Completed { result: value(3, size) } } else { Ending::Interrupted { why } };
        kit.settle(&claimed, ending).await;
    }
    id
}

fn retry_of(kit: &mut Kit, id: RunId) -> Retry {
    Retry { id, successor: kit.new_run().id, from: RetryFrom::Checkpoint, by: Actor::named("ann") }
}

#[test]
fn a_retry_and_its_link_are_kept_together_or_not_at_all() {
    // The pieces of the larger come first, in batches of their own.
    for (size, end) in [(10, End::Killed), (10, End::PowerCut), (420_000, End::PowerCut)] {
        let (mut after, mut kept_whole) = (0, false);
        while !kept_whole {
            for in_effect in [false, true] {
                kept_whole = block_on(cut_off(size, end, Cut { after, in_effect }));
            }
            after += 1;
        }
        assert!(after > 1 && after < 20, "{after} calls to the disk");
    }
}

/// Whether the retry was answered before the disk was cut off.
async fn cut_off(size: usize, end: End, cut: Cut) -> bool {
    let mut kit = Kit::new();
    let id = final_run(&mut kit, size).await;
    let retry = retry_of(&mut kit, id);
    kit.disk.cut(cut);
    let answer = kit.store.retry(retry.clone()).await;
    kit.end(end, 0.5).await;
    kit.assert_sound().await;
    let before = kit.get(id).await;
    assert_eq!(before.metadata, value(1, size));
    assert_eq!(before.ended, Some(longhaul_core::Ended::Completed(value(3, size))));
    if let Some(successor) = before.run.lineage.successor {
        assert_eq!(successor, retry.successor);
        let there = kit.get(successor).await;
        assert_eq!(there.run.lineage.predecessor, Some(id));
        assert_eq!(there.execution_metadata.as_ref().map(number), Some(2));
        assert_eq!(kit.claim(9).await.len(), 1);
    } else {
        assert!(answer.is_err(), "it was acknowledged");
        assert_eq!(kit.store.get(retry.successor).await, Err(GetError::NotFound(retry.successor)));
        assert_eq!(kit.store.retry(retry).await, Ok(Retried::New), "its key is its own");
    }
    answer.is_ok()
}

#[test]
fn a_retried_run_leaves_nothing_behind_when_both_are_gone() {
    block_on(async {
        let mut kit = Kit::new();
        let id = final_run(&mut kit, 500_000).await;
        let retry = retry_of(&mut kit, id);
        assert_eq!(kit.store.retry(retry.clone()).await, Ok(Retried::New));
        kit.end(End::Killed, 1.0).await;
        kit.store.delete(retry.successor).await.expect("it waits");
        let swept = kit.store.sweep(Retention::all(std::time::Duration::ZERO).into(), 9).await;
        assert_eq!(swept.map(|swept| swept.removed), Ok(1), "it stands in one list of the retention");
        kit.assert_sound().await;
        kit.store.close().await;
        let left: Vec<_> = kit.disk.keys().into_iter().filter(|key| ![b'm', b'c', b't'].contains(&key[0])).collect();
        assert_eq!(left, Vec::<Vec<u8>>::new());
    });
}

#[test]
fn keys_that_outlive_their_runs_are_let_go_of_by_a_sweep() {
    block_on(async {
        let mut kit = Kit::new();
        final_run(&mut kit, 10).await;
        let keys = |kit: &Kit| kit.disk.keys().iter().filter(|key| key[0] == b'u').count();
        let sweep = async |kit: &Kit| {
            kit.store.sweep(Retention::all(std::time::Duration::ZERO).into(), 9).await.expect("the store works").removed
        };
        assert_eq!((sweep(&kit).await, keys(&kit)), (1, 1));
        kit.clock.advance(std::time::Duration::from_secs(1000));
        assert_eq!((sweep(&kit).await, keys(&kit)), (0, 0));
    });
}
