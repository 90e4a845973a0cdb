//! How pages look to those who see them, and to those who do not.

use longhaul::Schedule;
use longhaul_dashboard::{Options, Role};
use serde_json::{Value, json};

use super::{
    driver::{Browser, Script},
    site::Site,
};
use crate::kit::{Fail, Wait};

/// What axe finds, as sentences, where `LONGHAUL_AXE` names its script (`scripts/axe` fetches it); the test says so
/// where it does not. It looks at what our own audit does not know, roles and their owners for example.
fn axe() -> Option<String> {
    let Ok(file) = std::env::var("LONGHAUL_AXE") else {
        let what = "SKIPPED, axe: LONGHAUL_AXE=$(./scripts/axe) cargo test\n";
        // Not through the harness, which would keep it to itself.
        std::io::Write::write_all(&mut std::io::stderr(), what.as_bytes()).expect("there is a standard error");
        return None;
    };
    let script = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
    let run = "return axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.map(
        ({ id, help, nodes }) => `${id}, ${help}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`))";
    Some(format!("{script}\n;{run}"))
}

/// The most that a page may weigh with all that it needs, in bytes.
const WEIGHT_MAX: u64 = 100 << 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_is_light_silent_named_and_readable_in_light_and_in_dark() {
    let Some(browser) = Browser::open(Script::On) else { return };
    let site = Site::open(Options::new().open_to_everyone(Role::Administer)).await;
    let (client, axe) = (site.server.client(), axe());
    let failed = client.enqueue::<Fail>("no space left".into()).tag("customer", "7").await.unwrap();
    failed.outcome().await.unwrap();
    let waits = client.enqueue::<Wait>("x".into()).await.unwrap();
    let every = Schedule::every(std::time::Duration::from_secs(3600));
    client.schedules().create::<Fail>("hourly", every, "no".into()).await.unwrap();
    let done = client.schedules().trigger("hourly").await.unwrap();
    client.run::<Fail>(done).outcome().await.unwrap();
    client.queue("mail").unwrap().pause().because("paper").await.unwrap();
    let mut pages: Vec<String> = [
        "",
        "/runs",
        "/runs/new?kind=export",
        "/runs/new?kind=wait",
        "/runs/new?kind=deliver",
        "/runs/new?kind=deliver&m.to=door",
        "/runs/new?kind=invite&m.people.0.email=ann&m.people.0.gifts=0&m.people.1.email=bob",
        "/schedules",
        "/schedules/new?kind=export",
        "/schedules/hourly",
        "/queues",
        "/servers",
        "/kinds",
    ]
    .map(str::to_owned)
    .to_vec();
    pages.extend(["/kinds/export", "/nowhere"].map(str::to_owned));
    pages.extend([failed.id(), waits.id()].map(|id| format!("/runs/{id}")));
    for page in pages {
        browser.go(&site.at(&page));
        for scheme in ["light", "dark"] {
            browser.prefer(scheme);
            let problems = browser.run(include_str!("audit.js"), &json!([]));
            assert_eq!(problems, Value::Array(Vec::new()), "{page} in {scheme}");
            if let Some(axe) = &axe {
                let problems = browser.run(axe, &json!([]));
                assert_eq!(problems, Value::Array(Vec::new()), "axe on {page} in {scheme}");
            }
        }
        let weight = "return performance.getEntries().reduce((sum, entry) => sum + (entry.decodedBodySize ?? 0), 0)";
        let weight = browser.run(weight, &json!([])).as_u64().expect("bytes");
        assert!(weight > 0 && weight < WEIGHT_MAX, "{page} weighs {weight} bytes");
        browser.assert_silent_but(if page == "/nowhere" { &["404 (Not Found)"] } else { &[] });
    }
}
