//! What a dashboard asks: servers, counts, headers, the last day, one schedule.

use std::{sync::Arc, time::Duration};

use longhaul_core::{
    Actor, Label, Queue, Retention, ScheduleName, StateKind, Timestamp,
    counts::{MinuteCounts, RunCounts},
    limits::PAGE_MAX,
    store::{Filter, ListOrder, PageRequest, RunHeader, RunningRun, ScheduleChange, ServerBeat, ServerInfo},
};

use super::scene::{Scene, settlement};
use crate::fixture::{self, completed, support, suspended};

const MINUTE: Duration = Duration::from_secs(60);

/// What is kept is what a look at every run finds.
async fn counts_are_those_of_a_scan(scene: &Scene) -> RunCounts {
    let (mut scanned, mut request) = (RunCounts::default(), PageRequest { limit: PAGE_MAX, ..PageRequest::default() });
    loop {
        let page = scene.store.list_headers(request.clone()).await.expect("the store works");
        for run in &page.runs {
            scanned.add(run.state, &run.kind, &run.queue, 1);
        }
        request.after = page.next;
        if request.after.is_none() {
            break;
        }
    }
    let kept = scene.store.statistics().await.expect("the store works").counts;
    assert_eq!(kept, scanned);
    for row in kept.rows() {
        let filter =
            Filter { states: vec![row.state], kinds: vec![row.kind], queues: vec![row.queue], ..Filter::default() };
        assert_eq!(scene.store.count(filter).await, Ok(row.runs.unsigned_abs()));
    }
    kept
}

pub async fn counts_are_kept_by_state_kind_and_queue(mut scene: Scene) {
    let night = Queue::new("night").expect("a queue that can be used");
    for n in 0..7 {
        let mut new = scene.new_run_of(if n % 2 == 0 { "plain" } else { "other" });
        if n % 3 == 0 {
            new.queue = night.clone();
        }
        scene.insert(new).await;
    }
    assert_eq!(counts_are_those_of_a_scan(&scene).await.rows().count(), 4);
    let claimed = scene.claim(5).await;
    scene.end(&claimed[0], completed(1)).await;
    scene.end(&claimed[1], suspended()).await;
    scene.fail(&claimed[2], "no route").await;
    let removed = scene.end(&claimed[3], completed(2)).await.run.id;
    counts_are_those_of_a_scan(&scene).await;
    scene.store.cancel(claimed[1].run.id, None, Actor::UNKNOWN).await.expect("it is suspended");
    scene.store.delete(removed).await.expect("it is final");
    counts_are_those_of_a_scan(&scene).await;
    scene.clock.advance(Duration::from_secs(3600));
    let keep = Retention { completed: Some(MINUTE), ..Retention::default() };
    let swept = scene.store.sweep(keep.into(), 100).await.expect("the store works");
    assert_eq!(swept.removed, 1);
    let kept = counts_are_those_of_a_scan(&scene).await;
    assert_eq!(kept.count(&Filter { states: vec![StateKind::Completed], ..Filter::default() }), Some(0));
    assert_eq!(kept.count(&Filter { states: vec![StateKind::Cancelled], ..Filter::default() }), Some(1));
    assert_eq!(kept.count(&Filter::default()), Some(5));
}

pub async fn counts_outlive_the_process(mut scene: Scene) {
    for _ in 0..300 {
        let claimed = scene.running().await;
        scene.end(&claimed, completed(1)).await;
    }
    scene.running().await;
    scene.enqueue().await;
    let before = counts_are_those_of_a_scan(&scene).await;
    scene.crash().await;
    let after = counts_are_those_of_a_scan(&scene).await;
    let completed = Filter { states: vec![StateKind::Completed], ..Filter::default() };
    assert_eq!((before.count(&completed), after.count(&completed)), (Some(300), Some(300)));
    assert_eq!(after.count(&Filter { states: vec![StateKind::Pending], ..Filter::default() }), Some(2));
    scene.crash().await;
    assert_eq!(counts_are_those_of_a_scan(&scene).await, after);
}

pub async fn each_minute_of_the_last_day_has_its_counters(mut scene: Scene) {
    let minute = |at: Timestamp| at.as_micros().div_euclid(60_000_000);
    let first = minute(scene.now());
    for _ in 0..3 {
        scene.enqueue().await;
    }
    let claimed = scene.claim(3).await;
    scene.end(&claimed[0], completed(1)).await;
    scene.clock.advance(MINUTE);
    scene.fail(&claimed[1], "no route").await;
    scene.settle(settlement(&claimed[2], suspended())).await.expect("the attempt holds its run");
    scene.store.cancel(claimed[2].run.id, None, Actor::UNKNOWN).await.expect("it is suspended");
    let minutes = async |scene: &Scene| -> Vec<MinuteCounts> {
        let throughput = scene.store.statistics().await.expect("the store works").throughput;
        throughput.minutes(scene.now()).cloned().collect()
    };
    let zero = MinuteCounts::default();
    let expected = [
        MinuteCounts { minute: first, enqueued: 3, started: 3, completed: 1, ..zero.clone() },
        MinuteCounts { minute: first + 1, retried: 1, cancelled: 1, ..zero },
    ];
    assert_eq!(minutes(&scene).await, expected);
    scene.clock.advance(MINUTE * (60 * 24 - 1));
    assert_eq!(minutes(&scene).await, expected[1..]);
}

pub async fn servers_are_shown_with_what_they_said_and_what_they_execute(mut scene: Scene) {
    let others: Vec<_> = scene.store.servers().await.expect("the store works");
    assert_eq!(others.iter().map(|info| info.beat.server).collect::<Vec<_>>(), [scene.server]);
    let server = fixture::server_id(scene.now(), 77);
    let beat = ServerBeat {
        labels: Arc::new([Label::new("gpu").expect("a label that can be used")]),
        kinds: Arc::new([support("plain", 3)]),
        ..ServerBeat::new(server, "worker 1", MINUTE)
    };
    scene.store.heartbeat(beat.clone()).await.expect("a new server may live");
    let first = scene.now();
    scene.clock.advance(MINUTE / 2);
    let claimed = scene.running().await;
    let find = async |scene: &Scene, id| -> Option<ServerInfo> {
        let servers = scene.store.servers().await.expect("the store works");
        servers.into_iter().find(|info| info.beat.server == id)
    };
    let info = ServerInfo { beat: beat.clone(), last_beat: first, running: vec![] };
    assert_eq!(find(&scene, server).await, Some(info.clone()));
    scene.store.heartbeat(beat.clone()).await.expect("it lives");
    assert_eq!(find(&scene, server).await, Some(ServerInfo { last_beat: scene.now(), ..info }));
    let executes = find(&scene, scene.server).await.expect("it lives").running;
    assert_eq!(executes, [RunningRun::of(&scene.get(claimed.run.id).await.run)]);

    scene.end(&claimed, completed(1)).await;
    assert_eq!(find(&scene, scene.server).await.expect("it lives").running, []);
    scene.store.leave(server).await.expect("the store works");
    assert_eq!(find(&scene, server).await, None);
}

pub async fn headers_are_the_runs_of_a_page_without_their_values(mut scene: Scene) {
    for n in 0..5 {
        let new = scene.new_run_of(if n % 2 == 0 { "plain" } else { "other" });
        scene.insert(new).await;
    }
    let claimed = scene.claim(2).await;
    scene.end(&claimed[0], completed(1)).await;
    for order in [ListOrder::OldestFirst, ListOrder::NewestFirst] {
        for states in [vec![], vec![StateKind::Pending], vec![StateKind::Completed, StateKind::Running]] {
            let filter = Filter { states, ..Filter::default() };
            let mut request = PageRequest { filter, order, after: None, limit: 2 };
            loop {
                let page = scene.store.list(request.clone()).await.expect("the store works");
                let headers = scene.store.list_headers(request.clone()).await.expect("the store works");
                let expected: Vec<_> = page.runs.iter().map(|snapshot| RunHeader::of(&snapshot.run)).collect();
                assert_eq!((&headers.runs, headers.next), (&expected, page.next));
                request.after = page.next;
                if request.after.is_none() {
                    break;
                }
            }
        }
    }
}

pub async fn a_list_of_more_runs_than_a_page_may_hold_is_whole_in_both_orders(mut scene: Scene) {
    let mut all = Vec::new();
    for _ in 0..5 {
        let new: Vec<_> = std::iter::repeat_with(|| scene.new_run()).take(260).collect();
        all.extend(new.iter().map(|new| new.id));
        scene.store.insert(new).await.expect("the store works");
    }
    // Final ones stand apart from live ones in some stores.
    for claimed in scene.claim(100).await {
        scene.end(&claimed, completed(1)).await;
    }
    for order in [ListOrder::OldestFirst, ListOrder::NewestFirst] {
        let mut request = PageRequest { order, limit: PAGE_MAX, ..PageRequest::default() };
        let mut found = Vec::new();
        loop {
            let page = scene.store.list_headers(request.clone()).await.expect("the store works");
            found.extend(page.runs.iter().map(|run| run.id));
            request.after = page.next;
            if request.after.is_none() {
                break;
            }
        }
        if order == ListOrder::NewestFirst {
            found.reverse();
        }
        assert!(found == all, "{order:?}: {} of {}", found.len(), all.len());
    }
}

pub async fn headers_are_read_by_ids_in_their_order_and_what_is_not_there_is_left_out(mut scene: Scene) {
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(scene.enqueue().await);
    }
    let claimed = scene.claim(2).await;
    scene.end(&claimed[0], completed(1)).await;
    let removed = scene.end(&claimed[1], completed(2)).await.run.id;
    scene.store.delete(removed).await.expect("it is final");
    let nobody = fixture::run_id(scene.now(), 4711);
    let asked = vec![ids[3], removed, claimed[0].run.id, nobody, ids[2], ids[3]];
    let found = scene.store.headers(asked).await.expect("the store works");
    let mut expected = Vec::new();
    for id in [ids[3], claimed[0].run.id, ids[2], ids[3]] {
        expected.push(RunHeader::of(&scene.get(id).await.run));
    }
    assert_eq!(found, expected);
    assert_eq!(found[1].state, StateKind::Completed);
    assert_eq!(scene.store.headers(vec![]).await, Ok(vec![]));
}

pub async fn one_schedule_is_read_by_its_name(scene: Scene) {
    let name = |name| ScheduleName::new(name).expect("a name that can be used");
    assert_eq!(scene.store.get_schedule(name("nightly")).await, Ok(None));
    let change = |seen, value| ScheduleChange { name: name("nightly"), seen, value, runs: vec![] };
    let made = scene.store.schedule(change(None, Some((*b"{}").into()))).await.expect("it is new");
    let row = scene.store.get_schedule(name("nightly")).await.expect("the store works").expect("it is there");
    assert_eq!((row.revision, &*row.value), (made.revision, &b"{}"[..]));
    assert_eq!(scene.store.get_schedule(name("night")).await, Ok(None));
    scene.store.schedule(change(Some(made.revision), None)).await.expect("it was seen");
    assert_eq!(scene.store.get_schedule(name("nightly")).await, Ok(None));
}
