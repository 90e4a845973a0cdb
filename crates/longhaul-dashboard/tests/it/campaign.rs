//! How long pages take in a large store: `scripts/pages` says it, and the short form holds that it still can.

use std::time::Duration;

use longhaul::{
    Actor, CopyStore as _, Schedule,
    store_api::store::{
        copy::{CopyCursor, CopyItem},
        prelude::*,
    },
    testing::{self, MemoryStore},
};
use longhaul_dashboard::{Options, Role, dashboard};

use crate::kit::{Fail, Scene, ask_with};

/// How often a page is asked for.
const ASKED: usize = 9;
/// Runs of one call.
const BATCH: usize = 1000;

/// Runs that are cancelled, with kinds, queues and tags of some variety, and others that are due in a year. They are made
/// elsewhere and copied in, a thousand at a time, as a store moves house.
async fn fill(scene: &Scene, ended: usize, waiting: usize) {
    let (views, mut position) = (scene.client().views().clone(), 0);
    for first in (0..ended + waiting).step_by(BATCH) {
        let elsewhere = testing::memory_store();
        let last = (first + BATCH).min(ended + waiting);
        let mut new = Vec::new();
        for n in first..last {
            let kind = if n % 3 == 0 { "wait" } else { "fail" };
            let mut run = views.new_run(kind, &format!("run {n}").into()).expect("it is known");
            run.queue = longhaul::Queue::new(["default", "mail", "reports"][n % 3]).expect("a queue");
            run.tags = [longhaul::Tag::new("customer", &(n % 100).to_string()).expect("a tag")].into();
            run.due = Some(longhaul::run::Due::After(Duration::from_secs(365 * 86400)));
            new.push(run);
        }
        let ids: Vec<_> = new.iter().map(|run| run.id).collect();
        for answer in elsewhere.insert(new).await.expect("the store works") {
            answer.expect("it is new");
        }
        for id in ids.into_iter().take(ended.saturating_sub(first)) {
            elsewhere.cancel(id, None, Actor::UNKNOWN).await.expect("it waits");
        }
        position = copy(&elsewhere, scene, position).await;
    }
}

/// Copies all runs, whose ends get positions after `position`. Answers the last one.
async fn copy(from: &MemoryStore, scene: &Scene, position: u64) -> u64 {
    let (mut at, mut last) = (Some(CopyCursor::RunsAfter(None)), position);
    while let Some(cursor) = at {
        let mut page = from.copy_out(Some(cursor)).await.expect("the store works");
        for item in &mut page.items {
            if let CopyItem::Run(run) = item {
                run.end = run.end.map(|end| position + end);
                last = last.max(run.end.unwrap_or(0));
            }
        }
        scene.copy.copy_in(page.items).await.expect("the store works");
        at = page.next;
    }
    last
}

#[expect(clippy::disallowed_methods, reason = "it says how long pages take, and decides nothing by it")]
pub(crate) fn now() -> std::time::Instant {
    std::time::Instant::now()
}

async fn measured(scene: &Scene, ended: usize, waiting: usize) -> Vec<(String, Duration, usize)> {
    let client = scene.client();
    fill(scene, ended, waiting).await;
    let (failed, waits) = (scene.failed("no").await, scene.waiting("x").await);
    let every = Schedule::every(Duration::from_secs(3600));
    client.schedules().create::<Fail>("hourly", every, "no".into()).await.expect("it is new");
    let app = dashboard::<()>(client, Options::new().open_to_everyone(Role::Administer));
    let mut pages: Vec<String> = [
        "/",
        "/runs",
        "/runs?state=pending",
        "/runs?state=cancelled&kind=wait",
        "/runs?tag=customer:7",
        "/runs?kind=fail&queue=mail&from=1h",
        "/runs?order=oldest",
        "/runs?tag=customer:none",
        "/runs/new?kind=charge",
        "/schedules",
        "/schedules/new?kind=charge",
        "/queues",
        "/servers",
        "/kinds",
        "/kinds/charge",
        "/api/v1/overview",
        "/api/v1/doctor",
    ]
    .map(str::to_owned)
    .to_vec();
    pages.extend([failed, waits].map(|id| format!("/runs/{id}")));
    let mut all = Vec::new();
    for page in pages {
        let mut times = Vec::new();
        let mut bytes = 0;
        for _ in 0..ASKED {
            let begin = now();
            let answer = ask_with(&app, &format!("GET {page}"), &[("host", "localhost")], "").await;
            times.push(begin.elapsed());
            assert_eq!(answer.status, 200, "{page}: {}", answer.text);
            bytes = answer.text.len();
        }
        times.sort_unstable();
        all.push((page, times[ASKED / 2], bytes));
    }
    all
}

#[tokio::test]
async fn pages_of_a_filled_store_can_be_measured() {
    for scene in Scene::on_all_stores().await {
        let measured = measured(&scene, 1500, 200).await;
        assert!(measured.len() > 15 && measured.iter().all(|(_, _, bytes)| *bytes > 0), "{measured:?}");
        let counts = scene.client().store().statistics().await.unwrap().counts;
        assert_eq!(counts.rows().map(|row| row.runs).sum::<i64>(), 1702, "1700, and two that the pages show");
    }
}

/// Prints what it finds: a machine that others use decides nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "scripts/pages runs it: it fills a store with a million runs"]
async fn pages_of_a_store_with_a_million_runs() {
    let number = |name: &str, default| std::env::var(name).map_or(default, |text| text.parse().expect("a number"));
    let (ended, waiting) = (number("LONGHAUL_PAGES_ENDED", 1_000_000), number("LONGHAUL_PAGES_WAITING", 100_000));
    let scene = match Scene::in_postgres().await.filter(|_| std::env::var("DATABASE_URL").is_ok()) {
        Some(scene) => scene,
        None => Scene::in_a_folder().await,
    };
    println!("{ended} final and {waiting} waiting runs; the median of {ASKED}:");
    for (page, time, bytes) in measured(&scene, ended, waiting).await {
        println!("{:>9.2} ms {bytes:>7} bytes  {page}", time.as_secs_f64() * 1000.0);
    }
    super::load::streams(&scene).await;
    super::load::claims(&scene).await;
}
