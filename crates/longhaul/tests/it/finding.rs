//! Finding runs by what they are and by what is in them.

use longhaul::StateKind;

use crate::kit::{Count, CountUp, Numbers, SECOND, Scene, WORK};
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
