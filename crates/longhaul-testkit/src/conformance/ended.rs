//! The ends of runs, in the order in which they were kept.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use longhaul_core::{
    Actor, Clock, Retention, Retentions, RunId, StateKind,
    store::{Cancelled, ENDS_PER_POSITION, EndedCursor, EndedError, EndedPage, EndedRequest, StoreError},
};

use super::{Scene, scene::settlement};
use crate::fixture::{completed, interrupted};

async fn read(scene: &Scene, after: EndedCursor, limit: usize) -> Result<EndedPage, EndedError> {
    scene.store.ended(EndedRequest { after, limit, wait: false }).await
}

/// All that ended after `cursor`, page by page, and the cursor after them.
async fn all_after(scene: &Scene, mut cursor: EndedCursor, limit: usize) -> (Vec<RunId>, EndedCursor) {
    let mut all = Vec::new();
    loop {
        let page = read(scene, cursor, limit).await.expect("nothing was removed");
        assert!(page.runs.len() <= limit && page.damaged.is_empty());
        cursor = page.next;
        all.extend(page.runs.iter().map(|run| run.id));
        if page.runs.is_empty() {
            assert_eq!(cursor, page.latest);
            return (all, cursor);
        }
    }
}

async fn ended(scene: &mut Scene) -> RunId {
    let claimed = scene.running().await;
    scene.end(&claimed, completed(1)).await;
    claimed.run.id
}

async fn cancelled_while_it_waited(scene: &mut Scene) -> RunId {
    let id = scene.enqueue().await;
    scene.store.cancel(id, None, Actor::UNKNOWN).await.expect("it waits");
    id
}

pub async fn each_end_is_told_once_in_its_order_whatever_ended_the_run(mut scene: Scene) {
    let mut expected = vec![cancelled_while_it_waited(&mut scene).await];
    expected.push(ended(&mut scene).await);
    // One that does not end.
    let claimed = scene.running().await;
    scene.end(&claimed, interrupted()).await;
    scene.store.delete(claimed.run.id).await.expect("it waits");
    expected.push(cancelled_while_it_waited(&mut scene).await);
    let page = read(&scene, EndedCursor::START, 10).await.expect("nothing was removed");
    let told: Vec<_> = page.runs.iter().map(|run| (run.id, run.state, run.kind.as_str(), run.at)).collect();
    let states = [StateKind::Cancelled, StateKind::Completed, StateKind::Cancelled];
    let now = scene.now();
    let runs: Vec<_> = expected.iter().zip(states).map(|(id, state)| (*id, state, "plain", now)).collect();
    assert_eq!(told, runs);
    assert_eq!(read(&scene, page.next, 10).await.expect("nothing was removed").runs, []);
    let after_first = page.runs[0].cursor;
    assert_eq!(all_after(&scene, after_first, 10).await.0, expected[1..]);
}

pub async fn a_position_has_no_more_ends_than_any_store_can_keep(mut scene: Scene) {
    let batch: Vec<_> = (0..300).map(|_| scene.new_run()).collect();
    scene.store.insert(batch).await.expect("the store works");
    let mut claimed = Vec::new();
    while claimed.len() < 300 {
        claimed.extend(scene.claim(300).await);
    }
    let settlements = claimed.iter().map(|claimed| settlement(claimed, completed(1))).collect();
    scene.store.settle(settlements).await.expect("the store works");
    let page = read(&scene, EndedCursor::START, 1000).await.expect("nothing was removed");
    let mut ends: BTreeMap<u64, usize> = BTreeMap::new();
    for run in &page.runs {
        *ends.entry(run.cursor.position).or_default() += 1;
    }
    assert_eq!(page.runs.len(), 300);
    assert!(ends.values().all(|ends| *ends <= ENDS_PER_POSITION), "{ends:?}");
}

pub async fn pages_of_ends_skip_none_and_repeat_none(mut scene: Scene) {
    let batch: Vec<_> = (0..7).map(|_| scene.new_run()).collect();
    scene.store.insert(batch).await.expect("the store works");
    let claimed = scene.claim(7).await;
    let settlements = claimed.iter().map(|claimed| settlement(claimed, completed(1))).collect();
    scene.store.settle(settlements).await.expect("the store works");
    let last = ended(&mut scene).await;
    let mut expected: Vec<RunId> = claimed.iter().map(|claimed| claimed.run.id).collect();
    expected.sort_unstable();
    for limit in [1, 2, 3, 100] {
        let (mut all, cursor) = all_after(&scene, EndedCursor::START, limit).await;
        assert_eq!(all.pop(), Some(last));
        all.sort_unstable();
        assert_eq!(all, expected, "{limit} at a time");
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
    }
}

pub async fn an_end_serves_who_waits_for_it(mut scene: Scene) {
    ended(&mut scene).await;
    let (_, cursor) = all_after(&scene, EndedCursor::START, 10).await;
    let store = Arc::clone(&scene.store);
    let request = EndedRequest { after: cursor, limit: 10, wait: true };
    let waiting = scene.parked(async move { store.ended(request).await }).await;
    let live = scene.enqueue().await;
    scene.still_waits(&waiting).await;
    scene.store.cancel(live, None, Actor::UNKNOWN).await.expect("it waits");
    let page = waiting.answer().await.expect("the store works");
    assert_eq!(page.runs.iter().map(|run| run.id).collect::<Vec<_>>(), [live]);
    // What is there already is answered at once.
    let at_once = scene.store.ended(EndedRequest { after: cursor, limit: 1, wait: true }).await;
    assert_eq!(at_once.expect("the store works").runs, page.runs);
}

pub async fn a_wait_for_ends_ends_when_the_store_is_closed(scene: Scene) {
    let store = Arc::clone(&scene.store);
    let request = EndedRequest { after: EndedCursor::START, limit: 10, wait: true };
    let waiting = scene.parked(async move { store.ended(request).await }).await;
    scene.store.close().await;
    assert_eq!(waiting.answer().await, Err(EndedError::Store(StoreError::Closed)));
}

pub async fn ends_are_told_in_their_order_when_the_clock_goes_back(mut scene: Scene) {
    let mut expected = Vec::new();
    for back in [0, 60, 3600] {
        scene.clock.set(longhaul_core::Timestamp::from_micros(scene.now().as_micros() - back * 1_000_000));
        expected.push(ended(&mut scene).await);
        expected.push(cancelled_while_it_waited(&mut scene).await);
    }
    assert_eq!(all_after(&scene, EndedCursor::START, 2).await.0, expected);
    scene.crash().await;
    expected.push(ended(&mut scene).await);
    assert_eq!(all_after(&scene, EndedCursor::START, 2).await.0, expected, "nor after a new process");
}

pub async fn a_cursor_goes_on_in_the_next_process(mut scene: Scene) {
    let mut expected = vec![ended(&mut scene).await, ended(&mut scene).await];
    let (all, cursor) = all_after(&scene, EndedCursor::START, 10).await;
    assert_eq!(all, expected);
    scene.crash().await;
    assert_eq!(all_after(&scene, cursor, 10).await.0, []);
    let last = cancelled_while_it_waited(&mut scene).await;
    assert_eq!(all_after(&scene, cursor, 10).await.0, [last]);
    expected.push(last);
    assert_eq!(all_after(&scene, EndedCursor::START, 10).await.0, expected);
}

pub async fn a_cursor_that_a_removal_has_overtaken_is_told_so_and_goes_on_with_what_is_left(mut scene: Scene) {
    let first = ended(&mut scene).await;
    let (_, after_first) = all_after(&scene, EndedCursor::START, 10).await;
    let (second, third) = (ended(&mut scene).await, ended(&mut scene).await);
    // Before it: that harms nobody.
    scene.store.delete(first).await.expect("it is final");
    assert_eq!(all_after(&scene, after_first, 10).await.0, [second, third]);
    scene.store.delete(second).await.expect("it is final");
    for process in 0..2 {
        let Err(EndedError::Overtaken { resume }) = read(&scene, after_first, 10).await else {
            panic!("an end after it can be told no more")
        };
        assert_eq!(all_after(&scene, resume, 10).await.0, [third], "process {process}");
        assert_eq!(all_after(&scene, EndedCursor::START, 10).await.0, [third]);
        scene.crash().await;
    }
}

pub async fn the_retention_overtakes_cursors_too(mut scene: Scene) {
    ended(&mut scene).await;
    let (_, early) = all_after(&scene, EndedCursor::START, 10).await;
    let gone: Vec<RunId> = vec![ended(&mut scene).await, cancelled_while_it_waited(&mut scene).await];
    let (_, late) = all_after(&scene, early, 10).await;
    let week = Duration::from_secs(7 * 24 * 3600);
    scene.clock.advance(week);
    let left = ended(&mut scene).await;
    let swept = scene.store.sweep(Retentions::from(Retention::default()), 100).await.expect("the store works");
    assert_eq!(swept.removed, 3, "{gone:?}");
    assert!(matches!(read(&scene, early, 10).await, Err(EndedError::Overtaken { .. })));
    assert_eq!(all_after(&scene, late, 10).await.0, [left]);
    assert_eq!(all_after(&scene, EndedCursor::START, 10).await.0, [left]);
    assert!(scene.clock.now() > longhaul_core::Timestamp::EPOCH);
}

pub async fn what_an_opening_ends_comes_after_the_place_that_it_gives(mut scene: Scene) {
    let before = ended(&mut scene).await;
    let claimed = scene.running().await;
    let cancel = scene.store.cancel(claimed.run.id, None, Actor::UNKNOWN).await.expect("it runs");
    assert_eq!(cancel, Cancelled::Requested);
    let (all, _) = all_after(&scene, EndedCursor::START, 10).await;
    assert_eq!(all, [before]);
    scene.crash().await;
    let opened = read(&scene, EndedCursor::START, 1).await.expect("nothing was removed").opened;
    assert_eq!(all_after(&scene, opened, 10).await.0, [claimed.run.id]);
    let last = cancelled_while_it_waited(&mut scene).await;
    let page = read(&scene, opened, 10).await.expect("nothing was removed");
    assert_eq!((page.opened, page.runs.len(), page.runs[1].id), (opened, 2, last));
}
