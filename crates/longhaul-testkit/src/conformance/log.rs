//! What attempts say.

use std::time::Duration;

use longhaul_core::{
    Log, LogLevel, LogLine, LogPage, LogRequest, Retention, RunId, StateKind, Timestamp,
    limits::{LOG_ATTEMPTS_MAX, LOG_PAGES_MAX},
    store::{CheckpointError, Claimed, GetError, LogPages},
};

use super::Scene;
use crate::fixture::{completed, interrupted};

fn line(text: &str) -> LogLine {
    LogLine::new(Timestamp::from_micros(1), LogLevel::Info, "rules", text)
}

/// A page with one line, which is the line of its number.
fn page(number: u32, text: &str) -> LogPage {
    LogPage { number, first: u64::from(number), lines: vec![line(text)] }
}

async fn say(scene: &Scene, claimed: &Claimed, pages: Vec<LogPage>) -> Result<(), CheckpointError> {
    let (id, epoch) = (claimed.run.id, claimed.run.epoch);
    let answers = scene.store.log(vec![LogPages { id, epoch, pages }]).await.expect("the store works");
    assert_eq!(answers.len(), 1);
    answers.into_iter().next().expect("there is one")
}

async fn read(scene: &Scene, id: RunId) -> Log {
    scene.store.read_log(LogRequest::of(id)).await.expect("the run is kept")
}

/// What each line of it says.
fn texts(log: &Log) -> Vec<&str> {
    log.lines.iter().map(|line| &*line.text).collect()
}

pub async fn what_attempts_say_is_read_back_by_attempt(mut scene: Scene) {
    let first = scene.running().await;
    let id = first.run.id;
    assert_eq!(say(&scene, &first, vec![page(0, "one"), page(1, "two")]).await, Ok(()));
    scene.end(&first, interrupted()).await;
    let second = scene.claim_one().await;
    assert_eq!(say(&scene, &second, vec![page(0, "three")]).await, Ok(()));

    let log = read(&scene, id).await;
    assert_eq!((log.attempts.as_slice(), log.attempt), (&[1, 2][..], Some(2)));
    assert_eq!(log.lines, [line("three")]);
    let request = LogRequest { attempt: Some(1), ..LogRequest::of(id) };
    assert_eq!(texts(&scene.store.read_log(request).await.expect("the run is kept")), ["one", "two"]);
    let rest = scene.store.read_log(LogRequest { from: 1, ..request }).await.expect("the run is kept");
    assert_eq!((rest.first, texts(&rest)), (1, vec!["two"]));
}

pub async fn a_page_that_is_written_again_is_there_once(mut scene: Scene) {
    let claimed = scene.running().await;
    say(&scene, &claimed, vec![page(0, "one")]).await.expect("the attempt holds the run");
    let both = LogPage { lines: vec![line("one"), line("two")], ..page(0, "") };
    for _ in 0..2 {
        say(&scene, &claimed, vec![both.clone()]).await.expect("the attempt holds the run");
    }
    assert_eq!(texts(&read(&scene, claimed.run.id).await), ["one", "two"]);
}

pub async fn only_so_many_pages_and_attempts_are_kept(mut scene: Scene) {
    let id = scene.enqueue().await;
    for attempt in 1..=LOG_ATTEMPTS_MAX + 2 {
        let claimed = scene.claim_one().await;
        for number in 0..LOG_PAGES_MAX + attempt {
            say(&scene, &claimed, vec![page(number, &number.to_string())]).await.expect("the attempt holds the run");
        }
        let log = read(&scene, id).await;
        assert_eq!((log.first, log.lines.len()), (u64::from(attempt), LOG_PAGES_MAX as usize));
        scene.end(&claimed, interrupted()).await;
    }
    let log = read(&scene, id).await;
    assert_eq!(log.attempts, [3, 4, 5, 6]);
    // Fewer pages than the attempt had that was in this place before.
    let claimed = scene.claim_one().await;
    say(&scene, &claimed, vec![page(0, "begun")]).await.expect("the attempt holds the run");
    let log = read(&scene, id).await;
    assert_eq!((log.attempts, log.lines), (vec![4, 5, 6, 7], vec![line("begun")]));
}

pub async fn an_attempt_that_was_overtaken_says_nothing_more(mut scene: Scene) {
    let first = scene.running().await;
    let (id, epoch) = (first.run.id, first.run.epoch);
    scene.end(&first, interrupted()).await;
    let second = scene.claim_one().await;
    assert_eq!(say(&scene, &first, vec![page(0, "late")]).await, Err(CheckpointError::EpochLost { id, epoch }));
    let missing = scene.new_run().id;
    let unknown = LogPages { id: missing, epoch, pages: vec![page(0, "lost")] };
    let good = LogPages { id, epoch: second.run.epoch, pages: vec![page(0, "good")] };
    let answers = scene.store.log(vec![unknown, good]).await;
    assert_eq!(answers, Ok(vec![Err(CheckpointError::NotFound(missing)), Ok(())]));
    assert_eq!(texts(&read(&scene, id).await), ["good"]);
}

pub async fn an_attempt_that_has_just_ended_may_still_say_something(mut scene: Scene) {
    let claimed = scene.running().await;
    scene.end(&claimed, completed(1)).await;
    assert_eq!(say(&scene, &claimed, vec![page(0, "done")]).await, Ok(()));
    assert_eq!(texts(&read(&scene, claimed.run.id).await), ["done"]);
}

pub async fn a_run_that_said_nothing_has_an_empty_log(mut scene: Scene) {
    let claimed = scene.running().await;
    assert_eq!(read(&scene, claimed.run.id).await, Log::default());
    let missing = scene.new_run().id;
    assert_eq!(scene.store.read_log(LogRequest::of(missing)).await, Err(GetError::NotFound(missing)));
}

pub async fn a_log_outlives_the_process(mut scene: Scene) {
    let claimed = scene.running().await;
    say(&scene, &claimed, vec![page(0, "last words")]).await.expect("the attempt holds the run");
    scene.crash().await;
    assert_eq!(texts(&read(&scene, claimed.run.id).await), ["last words"]);
}

pub async fn a_log_goes_with_its_run(mut scene: Scene) {
    let (deleted, swept) = (scene.running().await, scene.running().await);
    for claimed in [&deleted, &swept] {
        let pages = (0..LOG_PAGES_MAX).map(|number| page(number, "words")).collect();
        say(&scene, claimed, pages).await.expect("the attempt holds the run");
        scene.end(claimed, completed(1)).await;
    }
    scene.store.delete(deleted.run.id).await.expect("it does not run");
    scene.clock.advance(Duration::from_secs(60));
    let kept = Retention::all(Duration::from_secs(30));
    assert_eq!(scene.store.sweep(kept.into(), 10).await.map(|swept| swept.removed), Ok(1));
    for claimed in [deleted, swept] {
        let id = claimed.run.id;
        assert_eq!(scene.store.read_log(LogRequest::of(id)).await, Err(GetError::NotFound(id)));
        // One with its id, as a repeated insert of an import may bring, begins with an empty log.
        let again = longhaul_core::NewRun { id, ..scene.new_run() };
        assert!(scene.store.insert(vec![again]).await.expect("the store works")[0].is_ok());
        assert_eq!(scene.state(id).await, StateKind::Pending);
        assert_eq!(read(&scene, id).await, Log::default());
    }
}
