//! How long pages take in a large store: `scripts/pages` says it, and the short form holds that it still can.

use std::time::Duration;

use longhaul::{Client, Schedule};
use longhaul_dashboard::{Options, Role, dashboard};

use crate::kit::{Fail, Scene, ask_with};

/// How often a page is asked for.
const ASKED: usize = 9;
/// Runs of one call.
const BATCH: usize = 1000;

/// Runs that are cancelled, with kinds, queues and tags of some variety, and others that are due in a year.
async fn fill(client: &Client, ended: usize, waiting: usize) {
    let fill = async |runs: usize| {
        for first in (0..runs).step_by(BATCH) {
            let mut new = Vec::new();
            for n in first..runs.min(first + BATCH) {
                let kind = if n % 3 == 0 { "wait" } else { "fail" };
                let mut run = client.views().new_run(kind, &format!("run {n}").into()).expect("it is known");
                run.queue = longhaul::Queue::new(["default", "mail", "reports"][n % 3]).expect("a queue");
                run.tags = [longhaul::Tag::new("customer", &(n % 100).to_string()).expect("a tag")].into();
                run.due = Some(longhaul::run::Due::After(Duration::from_secs(365 * 86400)));
                new.push(run);
            }
            for answer in client.store().insert(new).await.expect("the store works") {
                answer.expect("it is new");
            }
        }
    };
    fill(ended).await;
    let cancelled = client.select().cancel().await.expect("the store works");
    assert_eq!(cancelled.done, ended as u64);
    fill(waiting).await;
}

#[expect(clippy::disallowed_methods, reason = "it says how long pages take, and decides nothing by it")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}

async fn measured(scene: &Scene, ended: usize, waiting: usize) -> Vec<(String, Duration, usize)> {
    let client = scene.client();
    fill(&client, ended, waiting).await;
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
    let measured = measured(&Scene::in_a_folder().await, 1500, 200).await;
    assert!(measured.len() > 15 && measured.iter().all(|(_, _, bytes)| *bytes > 0), "{measured:?}");
}

/// Prints what it finds: a machine that others use decides nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "scripts/pages runs it: it fills a store with a million runs"]
async fn pages_of_a_store_with_a_million_runs() {
    let number = |name: &str, default| std::env::var(name).map_or(default, |text| text.parse().expect("a number"));
    let (ended, waiting) = (number("LONGHAUL_PAGES_ENDED", 1_000_000), number("LONGHAUL_PAGES_WAITING", 100_000));
    println!("{ended} final and {waiting} waiting runs, in a folder; the median of {ASKED}:");
    for (page, time, bytes) in measured(&Scene::in_a_folder().await, ended, waiting).await {
        println!("{:>9.2} ms {bytes:>7} bytes  {page}", time.as_secs_f64() * 1000.0);
    }
}
