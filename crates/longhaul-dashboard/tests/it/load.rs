//! What a dashboard costs the others: streams while nothing changes, and claims while pages are asked for.

use std::time::Duration;

use axum::{Router, body::Body};
use futures_util::StreamExt;
use longhaul_dashboard::{Options, Role, dashboard};

use crate::{
    campaign::now,
    kit::{Fail, Scene, ask_with, open},
};

const STREAMS: usize = 200;
const SECONDS: u64 = 10;
/// Runs of one round.
const RUNS: usize = 10_000;
/// Pairs of rounds.
const ROUNDS: usize = 9;

fn app(scene: &Scene) -> Router {
    dashboard(scene.client(), Options::new().open_to_everyone(Role::Administer))
}

/// The processor time of this process so far, in hundredths of a second.
fn ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux has it");
    let fields: Vec<&str> = stat.rsplit_once(')').expect("a name").1.split_whitespace().collect();
    fields[11].parse::<u64>().expect("a number") + fields[12].parse::<u64>().expect("a number")
}

#[expect(clippy::disallowed_methods, reason = "it measures what happens in a time")]
async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}

async fn cost() -> f64 {
    let before = ticks();
    pause(Duration::from_secs(SECONDS)).await;
    (ticks() - before) as f64 / SECONDS as f64
}

/// The share of a core that streams take while nothing changes.
pub(crate) async fn streams(scene: &Scene) {
    let app = app(scene);
    let alone = cost().await;
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        let mut body =
            Body::into_data_stream(open(&app, "GET /events", &[("host", "localhost")], "").await.into_body());
        streams.push(tokio::spawn(async move { while body.next().await.is_some() {} }));
    }
    let with = cost().await;
    streams.iter().for_each(tokio::task::JoinHandle::abort);
    println!("{STREAMS} streams: {with:.1} % of a core in {SECONDS} s without a change; without them {alone:.1} %");
}

async fn round(scene: &Scene) -> Duration {
    let begin = now();
    let runs = scene.client().enqueue_all::<Fail>((0..RUNS).map(|n| n.to_string())).await.expect("enqueued");
    for run in runs {
        run.outcome().await.expect("it ends");
    }
    begin.elapsed()
}

/// A round while somebody looks at pages.
async fn watched_round(scene: &Scene, app: Router) -> Duration {
    let somebody = tokio::spawn(async move {
        // A page that is open asks for itself once a second at most.
        for page in ["/", "/runs", "/queues", "/kinds", "/servers"].into_iter().cycle() {
            ask_with(&app, &format!("GET {page}"), &[("host", "localhost")], "").await;
            pause(Duration::from_secs(1)).await;
        }
    });
    let took = round(scene).await;
    somebody.abort();
    took
}

/// How long runs take from the enqueue to their ends, with and without somebody who looks at pages, in pairs of which each
/// begins with the other one.
pub(crate) async fn claims(scene: &Scene) {
    let app = app(scene);
    let (mut alone, mut watched, mut slower) = (Vec::new(), Vec::new(), Vec::new());
    for pair in 0..ROUNDS {
        let first = if pair % 2 == 0 { Some(round(scene).await) } else { None };
        let with = watched_round(scene, app.clone()).await;
        let without = match first {
            Some(first) => first,
            None => round(scene).await,
        };
        slower.push(with.as_secs_f64() / without.as_secs_f64());
        alone.push(without);
        watched.push(with);
    }
    alone.sort_unstable();
    watched.sort_unstable();
    slower.sort_unstable_by(f64::total_cmp);
    let percent = |ratio: f64| (ratio - 1.0) * 100.0;
    println!(
        "{RUNS} runs in {:.2} s; with a page that is watched {:.2} s; in pairs {:+.1} % ({:+.1} to {:+.1})",
        alone[ROUNDS / 2].as_secs_f64(),
        watched[ROUNDS / 2].as_secs_f64(),
        percent(slower[ROUNDS / 2]),
        percent(slower[0]),
        percent(slower[ROUNDS - 1]),
    );
}
