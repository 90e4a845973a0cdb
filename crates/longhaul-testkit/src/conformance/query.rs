//! Reading: one run, its changes, pages, counts.

use std::{collections::BTreeMap, time::Duration};

use longhaul_core::{
    Actor, Ending, Kind, Priority, Queue, Retention, RunId, StateKind, Tag,
    run::Due,
    store::{Filter, GetError, ListOrder, PageRequest, QueueDepth, RunUpdate},
};

use super::{Scene, scene::proceed};
use crate::fixture::{completed, interrupted, suspended};

/// All that match, page by page; no page may be longer than asked for.
async fn all(scene: &Scene, filter: &Filter, limit: usize) -> Vec<RunId> {
    ordered(scene, filter, ListOrder::OldestFirst, limit).await
}

async fn ordered(scene: &Scene, filter: &Filter, order: ListOrder, limit: usize) -> Vec<RunId> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = scene.store.list(PageRequest { filter: filter.clone(), order, after, limit }).await;
        let page = page.expect("the store works");
        assert!(page.runs.len() <= limit);
        found.extend(page.runs.iter().map(|snapshot| snapshot.run.id));
        match page.next {
            None => return found,
            next => after = next,
        }
    }
}

pub async fn pages_follow_each_other_without_gap_or_repeat(mut scene: Scene) {
    let mut inserted = Vec::new();
    for _ in 0..7 {
        inserted.push(scene.enqueue().await);
        scene.clock.advance(Duration::from_millis(3));
    }
    for limit in [1, 2, 3, 7, 1000] {
        assert_eq!(all(&scene, &Filter::default(), limit).await, inserted, "{limit} a page");
    }
    let page = PageRequest { after: Some(inserted[4]), limit: 10, ..PageRequest::default() };
    let rest = scene.store.list(page).await.expect("the store works");
    assert_eq!(rest.runs.iter().map(|snapshot| snapshot.run.id).collect::<Vec<_>>(), inserted[5..]);
}

pub async fn the_newest_come_first_when_that_is_asked_for(mut scene: Scene) {
    // Some of them final, which a store may keep elsewhere; some with a tag.
    let mut inserted = Vec::new();
    for n in 0..9 {
        let mut new = scene.new_run();
        if n % 2 == 0 {
            new.tags = [Tag::new("even", "yes").expect("a tag")].into();
        }
        inserted.push(scene.insert(new).await);
        if n % 3 == 0 {
            let claimed = scene.claim_one().await;
            scene.end(&claimed, completed(1)).await;
        }
        scene.clock.advance(Duration::from_millis(3));
    }
    let newest_first: Vec<_> = inserted.iter().rev().copied().collect();
    for limit in [1, 2, 3, 9, 1000] {
        let found = ordered(&scene, &Filter::default(), ListOrder::NewestFirst, limit).await;
        assert_eq!(found, newest_first, "{limit} a page");
        let filter = Filter { tags: vec![Tag::new("even", "yes").expect("a tag")], ..Filter::default() };
        let even: Vec<_> = newest_first.iter().copied().step_by(2).collect();
        assert_eq!(ordered(&scene, &filter, ListOrder::NewestFirst, limit).await, even, "{limit} a page");
    }
    let page =
        PageRequest { after: Some(inserted[4]), limit: 10, order: ListOrder::NewestFirst, ..PageRequest::default() };
    let rest = scene.store.list(page).await.expect("the store works");
    assert_eq!(rest.runs.iter().map(|snapshot| snapshot.run.id).collect::<Vec<_>>(), newest_first[5..]);
    assert_eq!(rest.next, None);
}

pub async fn filters_choose_by_when_a_run_was_enqueued_and_when_it_is_due(mut scene: Scene) {
    let second = Duration::from_secs(1);
    let start = scene.now();
    let mut inserted = Vec::new();
    // Enqueued one after the other, due in the opposite order; the first is final, the second waits for no time.
    for n in 0..4 {
        let mut new = scene.new_run();
        if n > 1 {
            new.due = Some(Due::At(start.after(second * (100 - n))));
        }
        inserted.push(scene.insert(new).await);
        if n < 2 {
            let claimed = scene.claim_one().await;
            scene.end(&claimed, if n == 0 { completed(1) } else { suspended() }).await;
        }
        scene.clock.advance(second);
    }
    let at = |n: u32| Some(start.after(second * n));
    let none = Filter::default;
    let cases = [
        (Filter { from: at(1), ..none() }, vec![inserted[1], inserted[2], inserted[3]]),
        (Filter { before: at(2), ..none() }, vec![inserted[0], inserted[1]]),
        (Filter { from: at(1), before: at(3), ..none() }, vec![inserted[1], inserted[2]]),
        (Filter { from: at(4), ..none() }, vec![]),
        (Filter { due_before: at(98), ..none() }, vec![inserted[3]]),
        (Filter { due_before: at(99), ..none() }, vec![inserted[2], inserted[3]]),
        (Filter { due_before: at(97), ..none() }, vec![]),
        (Filter { due_before: at(99), before: at(3), ..none() }, vec![inserted[2]]),
        (Filter { due_before: at(99), states: vec![StateKind::Completed], ..none() }, vec![]),
    ];
    for (filter, expected) in cases {
        for limit in [1, 10] {
            assert_eq!(all(&scene, &filter, limit).await, expected, "{filter:?}");
        }
        assert_eq!(scene.store.count(filter.clone()).await, Ok(expected.len() as u64), "{filter:?}");
    }
}

pub async fn a_listed_run_is_the_run_that_get_gives(mut scene: Scene) {
    let claimed = scene.running().await;
    scene.checkpoint(&claimed, 1, 10).await.expect("the attempt holds the run");
    scene.end(&claimed, completed(7)).await;
    let page = scene.store.list(PageRequest { limit: 5, ..PageRequest::default() }).await.expect("the store works");
    assert_eq!(page.runs, [scene.get(claimed.run.id).await]);
}

pub async fn an_empty_store_has_an_empty_page(scene: Scene) {
    assert_eq!(all(&scene, &Filter::default(), 10).await, []);
    assert_eq!(scene.store.count(Filter::default()).await, Ok(0));
}

pub async fn filters_choose_by_kind_state_queue_and_tags_together(mut scene: Scene) {
    let tags = |pairs: &[(&str, &str)]| -> Vec<Tag> {
        pairs.iter().map(|(key, value)| Tag::new(key, value).expect("a tag")).collect()
    };
    let (red, both) = (tags(&[("colour", "red")]), tags(&[("colour", "red"), ("size", "7")]));
    let mail = Queue::new("mail").expect("a name");

    let mut done = scene.new_run();
    done.tags = red.clone().into();
    let done = scene.insert(done).await;
    let claimed = scene.claim_one().await;
    scene.end(&claimed, completed(1)).await;
    let mut tagged = scene.new_run_of("other");
    tagged.tags = both.clone().into();
    let tagged = scene.insert(tagged).await;
    let mut mailed = scene.new_run();
    mailed.queue = mail.clone();
    let mailed = scene.insert(mailed).await;

    let kind = |kind| vec![Kind::new(kind).expect("a name")];
    let none = Filter::default;
    let cases = [
        (Filter { kinds: kind("plain"), ..none() }, vec![done, mailed]),
        (Filter { kinds: [kind("plain"), kind("other")].concat(), ..none() }, vec![done, tagged, mailed]),
        (Filter { states: vec![StateKind::Completed], ..none() }, vec![done]),
        (Filter { states: vec![StateKind::Completed, StateKind::Pending], ..none() }, vec![done, tagged, mailed]),
        (Filter { queues: vec![mail], ..none() }, vec![mailed]),
        (Filter { tags: red.clone(), ..none() }, vec![done, tagged]),
        (Filter { tags: both, ..none() }, vec![tagged]),
        (Filter { tags: red, states: vec![StateKind::Pending], ..none() }, vec![tagged]),
        (Filter { kinds: kind("other"), states: vec![StateKind::Completed], ..none() }, vec![]),
        (Filter { kinds: kind("never"), ..none() }, vec![]),
    ];
    for (filter, expected) in cases {
        for limit in [1, 10] {
            assert_eq!(all(&scene, &filter, limit).await, expected, "{filter:?}");
        }
        assert_eq!(scene.store.count(filter.clone()).await, Ok(expected.len() as u64), "{filter:?}");
    }
}

pub async fn counts_follow_the_states(mut scene: Scene) {
    let count = async |scene: &Scene, state| {
        let filter = Filter { states: vec![state], ..Filter::default() };
        scene.store.count(filter).await.expect("the store works")
    };
    let claimed = scene.running().await;
    scene.enqueue().await;
    assert_eq!(count(&scene, StateKind::Running).await, 1);
    assert_eq!(count(&scene, StateKind::Pending).await, 1);
    scene.end(&claimed, suspended()).await;
    assert_eq!(count(&scene, StateKind::Running).await, 0);
    assert_eq!(count(&scene, StateKind::Suspended).await, 1);
    scene.crash().await;
    assert_eq!(count(&scene, StateKind::Pending).await, 1);
    assert_eq!(count(&scene, StateKind::Suspended).await, 1);
}

/// What all runs say together that can be read.
async fn depths_of_runs(scene: &Scene) -> Vec<QueueDepth> {
    let request = PageRequest { filter: Filter::default(), order: ListOrder::OldestFirst, after: None, limit: 1000 };
    let mut depths: BTreeMap<Queue, QueueDepth> = BTreeMap::new();
    for run in scene.store.list(request).await.expect("the store works").runs.into_iter().map(|snapshot| snapshot.run) {
        let Some(due) = run.due().filter(|due| *due <= scene.now()) else { continue };
        let depth = depths.entry(run.queue.clone()).or_insert(QueueDepth { queue: run.queue, due: 0, oldest: due });
        (depth.due, depth.oldest) = (depth.due + 1, depth.oldest.min(due));
    }
    depths.into_values().collect()
}

async fn depths_agree(scene: &Scene, after: &str) {
    assert_eq!(scene.store.queues().await, Ok(depths_of_runs(scene).await), "{after}");
}

pub async fn depths_of_queues_follow_whatever_happens_to_a_run(mut scene: Scene) {
    let (second, mail) = (Duration::from_secs(1), Queue::new("mail").expect("a good name"));
    let update = async |scene: &Scene, id: RunId, update: RunUpdate| {
        scene.store.update(id, update, Actor::UNKNOWN).await.expect("it waits");
    };
    // Many at once, some in an hour, and some again with ids that are there.
    let mut news: Vec<_> = (0..40).map(|_| scene.new_run()).collect();
    for (nth, new) in news.iter_mut().enumerate() {
        new.due = (nth % 4 == 1).then_some(Due::After(second * 3600));
        new.queue = if nth % 2 == 0 { mail.clone() } else { Queue::default() };
    }
    let ids: Vec<RunId> = news.iter().map(|new| new.id).collect();
    scene.store.insert(news.clone()).await.expect("the store works");
    scene.store.insert(news.clone()).await.expect("the store works");
    depths_agree(&scene, "an insert").await;
    let twice = scene.new_run();
    scene.store.insert(vec![twice.clone(), twice]).await.expect("the store works");
    depths_agree(&scene, "an insert of one run twice").await;
    update(&scene, ids[0], RunUpdate::Reschedule(scene.now().after(second * 10))).await;
    update(&scene, ids[1], RunUpdate::RunNow).await;
    update(&scene, ids[5], RunUpdate::Reschedule(scene.now().after(second * 20))).await;
    depths_agree(&scene, "new times").await;
    for id in [ids[5], ids[2]] {
        scene.store.delete(id).await.expect("it does not run");
    }
    for id in [ids[9], ids[4]] {
        scene.store.cancel(id, None, Actor::UNKNOWN).await.expect("it waits");
    }
    update(&scene, ids[13], RunUpdate::Suspend { reason: None }).await;
    depths_agree(&scene, "runs that went").await;

    let claimed = scene.claim(6).await;
    depths_agree(&scene, "a claim").await;
    scene.end(&claimed[0], completed(1)).await;
    scene.fail(&claimed[1], "no route").await;
    let until = scene.now().after(second * 15);
    scene.end(&claimed[2], Ending::Suspended { until: Some(Due::At(until)), deadline: None }).await;
    scene.end(&claimed[3], interrupted()).await;
    scene.store.proceed(proceed(ids[13])).await.expect("it is suspended");
    depths_agree(&scene, "ends").await;
    let far = scene.store.get(claimed[1].run.id).await.expect("it is there").run;
    update(&scene, far.id, RunUpdate::RunNow).await;
    scene.store.sweep(Retention::all(Duration::ZERO).into(), 100).await.expect("the store works");
    depths_agree(&scene, "a sweep").await;
    for time in [5, 10, 3600, 7200] {
        scene.clock.advance(second * time);
        depths_agree(&scene, "some time").await;
        scene.store.sweep(Retention::all(Duration::ZERO).into(), 100).await.expect("the store works");
        depths_agree(&scene, "some time and a sweep").await;
    }
    scene.crash().await;
    depths_agree(&scene, "a crash").await;
    while let [claimed, ..] = &scene.claim(1).await[..] {
        scene.end(claimed, completed(1)).await;
    }
    assert_eq!(scene.store.queues().await, Ok(vec![]));
}

pub async fn a_change_that_was_not_seen_is_answered_at_once(mut scene: Scene) {
    let id = scene.enqueue().await;
    let snapshot = scene.store.changed(id, 0).await.expect("the run is kept");
    assert_eq!(snapshot, scene.get(id).await);
}

pub async fn a_watcher_sees_each_change_and_each_has_a_higher_revision(mut scene: Scene) {
    async fn watch(scene: &Scene, id: RunId) -> super::scene::Parked<Result<longhaul_core::Snapshot, GetError>> {
        let (store, seen) = (scene.store.clone(), scene.get(id).await.run.revision);
        scene.parked(async move { store.changed(id, seen).await }).await
    }
    async fn sees(scene: &Scene, watcher: super::scene::Parked<Result<longhaul_core::Snapshot, GetError>>) {
        let seen = watcher.answer().await.expect("the run is kept");
        assert_eq!(seen, scene.get(seen.run.id).await);
    }
    let id = scene.enqueue().await;

    let watcher = watch(&scene, id).await;
    let claimed = scene.claim_one().await;
    sees(&scene, watcher).await;

    let watcher = watch(&scene, id).await;
    scene.checkpoint(&claimed, 1, 10).await.expect("the attempt holds the run");
    sees(&scene, watcher).await;

    let watcher = watch(&scene, id).await;
    scene.end(&claimed, suspended()).await;
    sees(&scene, watcher).await;

    let watcher = watch(&scene, id).await;
    scene.store.proceed(proceed(id)).await.expect("it is suspended");
    sees(&scene, watcher).await;

    let watcher = watch(&scene, id).await;
    scene.store.cancel(id, None, Actor::UNKNOWN).await.expect("it is not final");
    sees(&scene, watcher).await;
}

pub async fn a_watcher_of_a_run_that_is_removed_is_told(mut scene: Scene) {
    let id = scene.enqueue().await;
    let (store, seen) = (scene.store.clone(), scene.get(id).await.run.revision);
    let watcher = scene.parked(async move { store.changed(id, seen).await }).await;
    scene.store.delete(id).await.expect("it does not run");
    assert_eq!(watcher.answer().await, Err(GetError::NotFound(id)));
}

pub async fn a_watcher_is_not_woken_by_other_runs(mut scene: Scene) {
    let id = scene.enqueue().await;
    let (store, seen) = (scene.store.clone(), scene.get(id).await.run.revision);
    let watcher = scene.parked(async move { store.changed(id, seen).await }).await;
    let other = scene.enqueue().await;
    scene.store.cancel(other, None, Actor::UNKNOWN).await.expect("it is not final");
    scene.still_waits(&watcher).await;
    watcher.drop_call().await;
}

pub async fn queues_tell_how_many_runs_are_due_and_since_when(mut scene: Scene) {
    let second = Duration::from_secs(1);
    assert_eq!(scene.store.queues().await, Ok(vec![]));
    let start = scene.now();
    let mail = Queue::new("mail").expect("a good name");
    // Queue, priority, and after how many seconds it is due.
    let runs =
        [(&mail, 0, 7), (&mail, 5, 9), (&mail, -5, 3), (&mail, -5, 4), (&mail, 0, 60), (&Queue::default(), 0, 8)];
    for (queue, priority, due) in runs {
        let mut new = scene.new_run();
        new.queue = queue.clone();
        new.priority = Priority(priority);
        new.due = Some(Due::After(second * due));
        scene.insert(new).await;
    }
    assert_eq!(scene.store.queues().await, Ok(vec![]), "none is due yet");
    scene.clock.advance(second * 10);
    let default = QueueDepth { queue: Queue::default(), due: 1, oldest: start.after(second * 8) };
    let all = QueueDepth { queue: mail, due: 4, oldest: start.after(second * 3) };
    assert_eq!(scene.store.queues().await, Ok(vec![default, all]));

    // What runs does not wait.
    let claimed = scene.claim(9).await;
    assert_eq!(claimed.len(), 5);
    assert_eq!(scene.store.queues().await, Ok(vec![]));
    scene.clock.advance(second);
    let again = scene.end(&claimed[0], interrupted()).await.run;
    let oldest = again.state.due().expect("it waits again");
    assert_eq!(scene.store.queues().await, Ok(vec![QueueDepth { queue: again.queue, due: 1, oldest }]));
}
