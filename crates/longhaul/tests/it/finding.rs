//! Finding runs by what they are and by what is in them.

use longhaul::{AnyError, OutcomeError, RunId, StateKind, TaskFn};

use crate::kit::{Count, CountUp, Numbers, SECOND, START, Scene, WORK};
use crate::proceed::{suspended, suspends_once};

#[tokio::test]
async fn runs_are_found_by_state_tag_and_what_is_in_them() {
    let scene = Scene::new();
    let _server = suspends_once(&scene);
    for order in [7, 8, 17] {
        suspended(&scene, order).await;
    }
    let client = scene.client();
    let later = client.enqueue_fn(WORK, 27).tag("order", 7).tag("vip", true).after(SECOND).await.unwrap();
    // Another kind, with the same tags.
    client.enqueue::<CountUp>(Count { to: 1 }).tag("order", 7).await.unwrap();
    let orders = |found: Vec<longhaul::Found<Numbers>>| -> Vec<u64> {
        found.iter().map(|found| found.status.metadata().unwrap()).collect()
    };
    let find = || client.find_fn(WORK);
    assert_eq!(orders(find().all().await.unwrap()), [7, 8, 17, 27]);
    assert_eq!(orders(find().with_tag("order", 7).all().await.unwrap()), [7, 17, 27]);
    assert_eq!(orders(find().with_tag("order", 7).suspended().all().await.unwrap()), [7, 17]);
    assert_eq!(orders(find().with_tag("order", 7).with_tag("vip", true).all().await.unwrap()), [27]);
    assert_eq!(orders(find().state(StateKind::Pending).suspended().all().await.unwrap()), [7, 8, 17, 27]);
    assert_eq!(orders(find().matching(|_, x| *x > 70).all().await.unwrap()), [8, 17]);
    assert_eq!(find().suspended().count().await.unwrap(), 3);
    assert_eq!(find().matching(|order, _| *order > 10).count().await.unwrap(), 2);
    let found = find().with_tag("vip", true).all().await.unwrap();
    assert_eq!(found[0].run.id(), later.id());
}

#[tokio::test]
async fn more_runs_than_a_page_holds_are_all_found() {
    let scene = Scene::new();
    let client = scene.client();
    client.enqueue_all::<CountUp>((0..2500).map(|to| Count { to })).await.unwrap();
    let found = client.find::<CountUp>().matching(|count, _| count.to % 2 == 0).all().await.unwrap();
    assert_eq!(found.len(), 1250);
    assert_eq!(client.find::<CountUp>().count().await.unwrap(), 2500);
}

/// What is on each page, in the order of the pages.
async fn pages(find: &longhaul::Find<Numbers>, n: usize) -> Vec<Vec<u64>> {
    let (mut all, mut after) = (Vec::new(), None::<RunId>);
    loop {
        let page = find.page(after, n).await.unwrap();
        all.push(page.runs.iter().map(|found| found.status.metadata().unwrap()).collect());
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

#[tokio::test]
async fn typed_lists_are_read_page_by_page_the_newest_first_if_asked() {
    let scene = Scene::new();
    let client = scene.client();
    for n in 1..=7 {
        client.enqueue_fn(WORK, n).await.unwrap();
    }
    client.enqueue::<CountUp>(Count { to: 1 }).await.unwrap();
    let find = || client.find_fn(WORK);
    assert_eq!(pages(&find(), 3).await, [vec![1, 2, 3], vec![4, 5, 6], vec![7]]);
    assert_eq!(pages(&find().newest_first(), 3).await, [vec![7, 6, 5], vec![4, 3, 2], vec![1]]);
    assert_eq!(pages(&find().newest_first(), 7).await, [vec![7, 6, 5, 4, 3, 2, 1]]);
    let odd = || find().newest_first().matching(|n, _| n % 2 == 1);
    assert_eq!(pages(&odd(), 2).await, [vec![7, 5], vec![3, 1]]);
    assert_eq!(pages(&odd(), 3).await, [vec![7, 5, 3], vec![1]]);
    assert_eq!(pages(&odd(), 9).await, [vec![7, 5, 3, 1]]);
    // One that is enqueued between two pages is newer than both: it is on neither, and no other is met twice.
    let first = find().newest_first().page(None, 2).await.unwrap();
    client.enqueue_fn(WORK, 8).await.unwrap();
    let second = find().newest_first().page(first.next, 2).await.unwrap();
    assert_eq!(second.runs.iter().map(|found| found.status.metadata().unwrap()).collect::<Vec<_>>(), [5, 4]);
}

#[tokio::test]
async fn runs_are_found_by_whether_they_live_and_when_they_are_due() {
    let scene = Scene::new();
    let client = scene.client();
    let at = |seconds: u32| START.after(SECOND * seconds);
    for n in 1..=4 {
        client.enqueue_fn(WORK, n).at(at(n as u32 * 10)).await.unwrap();
    }
    client.find_fn(WORK).all().await.unwrap()[0].run.cancel().await.unwrap();
    let find = || client.find_fn(WORK);
    assert_eq!(pages(&find().live(), 9).await, [vec![2, 3, 4]]);
    assert_eq!(pages(&find().live().newest_first(), 2).await, [vec![4, 3], vec![2]]);
    assert_eq!(pages(&find().due_before(at(30)), 9).await, [vec![2]]);
    assert_eq!(pages(&find().due_before(at(31)), 9).await, [vec![2, 3]]);
    assert_eq!(find().live().count().await.unwrap(), 3);
    assert_eq!(client.select().due_before(at(31)).count().await.unwrap(), 2);
    assert_eq!(client.select().live().count().await.unwrap(), 3);
}

#[tokio::test]
async fn a_selection_lists_what_it_counts_and_each_can_be_read_typed() {
    let scene = Scene::new();
    let client = scene.client();
    for n in 1..=5 {
        client.enqueue_fn(WORK, n).tag("even", n % 2 == 0).await.unwrap();
    }
    client.enqueue::<CountUp>(Count { to: 3 }).tag("even", true).await.unwrap();
    let even = || client.select().with_tag("even", true);
    assert_eq!(even().count().await.unwrap(), 3);
    let page = even().newest_first().page(None, 2).await.unwrap();
    let rest = even().newest_first().page(page.next, 2).await.unwrap();
    assert_eq!((page.runs.len(), rest.runs.len(), rest.next), (2, 1, None));
    let [count, work] = page.runs.try_into().unwrap();
    assert_eq!(client.typed::<CountUp>(count.clone()).unwrap().metadata().unwrap().to, 3);
    assert_eq!(client.typed_fn(WORK, work).unwrap().metadata().unwrap(), 4);
    let other = client.typed_fn(WORK, count).unwrap_err();
    assert!(matches!(other, OutcomeError::OtherKind { .. }), "{other}");
    // The predicate of a typed selection counts as well.
    let large = client.find_fn(WORK).matching(|n, _| *n > 3).select();
    assert_eq!(large.page(None, 10).await.unwrap().runs.len() as u64, large.count().await.unwrap());
}

#[tokio::test]
async fn runs_of_several_kinds_are_found_together_and_their_handles_serve_them() {
    const OTHER: TaskFn<u64, u64, u64, AnyError> = TaskFn::new("other-work");
    let scene = Scene::new();
    let client = scene.client();
    client.enqueue_fn(WORK, 1).await.unwrap();
    client.enqueue_fn(OTHER, 2).await.unwrap();
    client.enqueue::<CountUp>(Count { to: 3 }).await.unwrap();
    let both = client.find_fn(WORK).also_kind("other-work").unwrap();
    assert_eq!(pages(&both, 9).await, [vec![1, 2]]);
    let found = both.all().await.unwrap();
    assert_eq!(found[1].run.status().await.unwrap().metadata().unwrap(), 2);
    assert!(client.find_fn(WORK).also_kind("two words").is_err());
}
