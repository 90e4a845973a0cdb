//! What commands print, word for word: `tests/shown/`. Ids are replaced by others of the same length.

use std::fmt::Write;

use longhaul::StateKind;

use crate::kit::{Approve, Count, CountTo, Fail, Shop};

/// A shop where something of each kind happened.
async fn shop() -> (Shop, [String; 3]) {
    let shop = Shop::open().await;
    let to = CountTo { up_to: 3, customer: Some("ann".into()), password: "secret".into() };
    let count = shop.client().enqueue::<Count>(to).tag("order", 7).await.unwrap().id();
    shop.reaches(count, StateKind::Completed).await;
    shop.advance(60);
    let fail = shop.client().enqueue::<Fail>("the disk is full\nsecond line".into()).await.unwrap().id();
    shop.reaches(fail, StateKind::Failed).await;
    shop.advance(3600);
    let approve = shop.client().enqueue::<Approve>(()).await.unwrap().id();
    shop.reaches(approve, StateKind::Suspended).await;
    shop.advance(125);
    (shop, [count, fail, approve].map(|id| id.to_string()))
}

/// The parts of an id that differ from run to run.
fn steady(text: &str, ids: &[String]) -> String {
    let mut text = text.to_owned();
    for (at, id) in ids.iter().enumerate() {
        let tail = &id[id.len() - 8..];
        text = text.replace(id, &format!("run_{:022}{:04}", 0, at + 1)).replace(tail, &format!("{:08}", at + 1));
    }
    let mut all = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("srv_") {
        write!(all, "{}srv_{:026}", &rest[..at], 1).unwrap();
        rest = &rest[at + 30..];
    }
    all + rest
}

async fn prints(shop: &Shop, ids: &[String], lines: &[&str], expected: &str, name: &str) {
    let mut told = String::new();
    for line in lines {
        let mut typed = (*line).to_owned();
        for (at, id) in ids.iter().enumerate() {
            typed = typed.replace(&format!("${}", at + 1), &id[id.len() - 8..]);
        }
        let ended = shop.on_terminal(&typed).await;
        writeln!(told, "$ longhaul {typed}\n{}{}[{}]\n", ended.out, ended.err, ended.exit.code()).unwrap();
    }
    let told = steady(&told, ids);
    for line in told.lines().filter(|line| !line.contains('"') && !line.starts_with('$') && !line.starts_with("run_")) {
        assert!(line.chars().count() <= 100, "this does not fit: {line}");
    }
    if std::env::var_os("SHOWN_WRITE").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/shown/").to_owned() + name, &told).unwrap();
        return;
    }
    assert_eq!(told, expected, "if this is what it should print: SHOWN_WRITE=1 cargo test -p longhaul-cli shown");
}

#[tokio::test]
async fn runs_are_listed_shown_and_explained() {
    let (shop, ids) = shop().await;
    let lines =
        ["runs ls", "runs ls --state failed -l", "runs show $1", "runs show $2", "runs explain $3", "runs logs $1"];
    prints(&shop, &ids, &lines, include_str!("../shown/runs.txt"), "runs.txt").await;
}

#[tokio::test]
async fn runs_are_acted_on_and_what_is_not_possible_says_why() {
    let (shop, ids) = shop().await;
    let lines = [
        "runs cancel $1 --dry-run",
        "runs suspend $1",
        "runs retry --state failed --dry-run",
        "runs wait $3 --timeout 1s",
        "runs proceed $3 --reason approved",
        "runs wait $3",
        "runs wait $2",
        "runs follow $3",
        "runs rm $1",
        "runs show $1",
    ];
    prints(&shop, &ids, &lines, include_str!("../shown/actions.txt"), "actions.txt").await;
}

#[tokio::test]
async fn schedules_queues_servers_and_kinds_are_listed() {
    let (shop, ids) = shop().await;
    let lines = [
        "schedules ls",
        "schedules show christmas",
        "schedules pause christmas --reason snow",
        "schedules next christmas",
        "schedules rm christmas --dry-run",
        "queues set letters --ageing 10m --fair-by-key",
        "queues set letters --ageing 10m --fair-by-key --new --dry-run",
        "queues set letters --ageing 10m --fair-by-key --new",
        "queues set numbers --running 4 --rate 100/60s",
        "queues set numbers --reset --dry-run",
        "kinds set count --running 2 --per-key 1 --rate-per-key 5/1m",
        "kinds set count",
        "kinds set count --running 2 --reset",
        "queues pause default",
        "kinds pause-key count customer-7 --reason 429",
        "kinds keys",
        "kinds resume-key count customer-7",
        "kinds keys",
        "queues ls",
        "servers ls",
        "kinds ls",
        "kinds set count --reset",
        "queues set letters --reset",
        "kinds schema count",
        "kinds schema pack",
        "store stats",
    ];
    prints(&shop, &ids, &lines, include_str!("../shown/pages.txt"), "pages.txt").await;
}

#[tokio::test]
async fn schedules_are_made_changed_and_removed() {
    let (shop, ids) = shop().await;
    let lines = [
        "schedules add nightly --cron @daily --zone Europe/Berlin count --up-to 7 --password x",
        "schedules set nightly --every 1h30m --overlap queue",
        "schedules add nightly --every 1h count --up-to 7 --password x",
        "schedules add x count --up-to 7",
        "schedules add x --every soon count --up-to 7",
        "schedules add x --cron @daily --zone Berlin count --up-to 7 --password x",
        "schedules add x --dry-run --cron @yearly --ending 2103-06-01T00:00:00Z --except 2100-12-25,2100-12-26 count --up-to 7 --password x",
        "schedules add yearly --cron @yearly --starting 2099-01-01T00:00:00Z count --up-to 7 --password x",
        "schedules skip yearly 2099-01-01T00:00:00Z --reason audit",
        "schedules move yearly 2101-01-01T00:00:00Z 2101-01-02T00:00:00Z",
        "schedules show yearly",
        "schedules restore yearly 2099-01-01T00:00:00Z",
        "schedules set yearly --except none",
        "schedules next yearly",
        "schedules set yearly --except 24.12.2100",
        "schedules set nightly --ending 2105-01-01T00:00:00Z",
        "schedules set nightly --no-ending",
        "schedules set yearly --no-starting",
        "schedules rm nightly --yes",
    ];
    prints(&shop, &ids, &lines, include_str!("../shown/schedules.txt"), "schedules.txt").await;
}

#[tokio::test]
async fn the_latest_runs_of_a_schedule_are_shown_with_their_states() {
    let (shop, ids) = shop().await;
    let schedules = shop.client().schedules();
    let every = longhaul::Schedule::every(std::time::Duration::from_secs(1800)).overlap(longhaul::Overlap::Allow);
    schedules.create::<Fail>("half-hourly", every, "no".into()).await.unwrap();
    for state in [StateKind::Failed, StateKind::Cancelled] {
        let run = schedules.trigger("half-hourly").await.unwrap();
        shop.reaches(run, StateKind::Failed).await;
        if state == StateKind::Cancelled {
            // One that is gone leaves its place.
            shop.client().store().delete(run).await.unwrap();
        }
        shop.advance(60);
    }
    let lines = ["schedules ls", "schedules show half-hourly"];
    prints(&shop, &ids, &lines, include_str!("../shown/latest.txt"), "latest.txt").await;
}

#[tokio::test]
async fn what_is_done_to_all_that_match_says_how_far_it_is_and_what_was_refused() {
    let (shop, ids) = shop().await;
    let late = (0..450).map(|n| {
        let late = shop.client().enqueue::<Fail>("no".into()).after(std::time::Duration::from_secs(3600));
        late.tag("half", n % 2)
    });
    assert!(shop.client().enqueue_many(late).await.iter().all(Result::is_ok));
    shop.advance(1);
    let lines = [
        "runs cancel",
        "runs cancel --kind fail --state pending --dry-run",
        "runs cancel --tag half:1 --reason nobody",
        "runs cancel --kind fail --state pending -o json",
        "runs suspend --kind count",
        "runs rm --kind fail --state cancelled --yes",
        "runs rm --kind fail --state cancelled --yes",
        "runs proceed --kind approve --at 2026-11-20T23:00:00Z",
    ];
    prints(&shop, &ids, &lines, include_str!("../shown/many.txt"), "many.txt").await;
}

#[tokio::test]
async fn a_pause_ends_by_itself_and_a_run_that_stops_its_key_is_dismissed() {
    let (shop, ids) = shop().await;
    let ordered = || shop.client().enqueue::<Fail>("no".into()).ordered_by("account 7");
    let (first, second) = (ordered().await.unwrap().id(), ordered().await.unwrap().id());
    shop.reaches(first, StateKind::Failed).await;
    let ids = [&ids[..], &[first, second].map(|id| id.to_string())].concat();
    let lines = [
        "queues pause letters --for 1h30m --reason paper",
        "queues pause letters --new --for 1h30m --reason paper",
        "queues pause letters --until 2026-11-21T08:00:00Z",
        "kinds pause count --for 90s",
        "kinds pause-key count customer-7 --for 1h",
        "kinds keys",
        "queues pause letters --for soon",
        "queues pause letters --until 2020-01-01T00:00:00Z",
        "runs explain $5",
        "runs dismiss $4 --dry-run",
        "runs dismiss $4",
        "runs wait $5",
        "runs dismiss $4",
    ];
    prints(&shop, &ids, &lines, include_str!("../shown/pauses.txt"), "pauses.txt").await;
}
