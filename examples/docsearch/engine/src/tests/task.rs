//! The task, on a server in memory.

use std::sync::atomic::{AtomicU32, Ordering};

use longhaul::{
    ResumedFrom, StateKind,
    testing::{Interruptions, TestServer, interrupt_everywhere},
};

use super::*;
use crate::{Folder, IndexDocs, published};

fn folder(bench: &Bench) -> Folder {
    Folder { input: bench.input() }
}

fn task(bench: &Bench, batch: u32) -> IndexDocs {
    IndexDocs { index: bench.index(), pace: Pace { files_per_second: NonZeroU32::new(batch) } }
}

#[tokio::test]
async fn the_task_can_be_broken_off_anywhere() {
    let bench = Bench::of_seven_pages();
    let rounds = AtomicU32::new(0);
    let fresh = || IndexDocs {
        index: bench.folder.path().join(format!("round-{}", rounds.fetch_add(1, Ordering::Relaxed))),
        pace: Pace::default(),
    };
    let report = Interruptions::fresh(fresh).check(folder(&bench)).await;
    assert_eq!(report.checkpoints, 62, "the list, one segment, thirty parts merged and thirty verified");
    assert!(report.interruptions >= 4 * report.checkpoints, "{report:?}");
    for round in 0..rounds.load(Ordering::Relaxed) {
        let published = published(&bench.folder.path().join(format!("round-{round}"))).unwrap().unwrap();
        assert_eq!(published.summary, bench.build("expected", 3));
    }
}

#[tokio::test]
async fn the_task_can_be_broken_off_anywhere_on_what_earlier_runs_left() {
    let bench = Bench::of_seven_pages();
    let pace = Pace::default();
    interrupt_everywhere(IndexDocs { index: bench.index(), pace }, folder(&bench)).await;
}

#[tokio::test]
async fn a_run_whose_input_cannot_be_indexed_fails_for_good_with_a_typed_error() {
    let bench = Bench::new([]);
    let task = task(&bench, 1);
    let server = TestServer::start(|builder| builder.task(task));
    let run = server.client().enqueue::<IndexDocs>(folder(&bench)).await.unwrap();
    server.run_until_idle().await;
    let error = run.outcome().await.unwrap().error().unwrap();
    assert!(matches!(error, IndexError::NothingToIndex { .. }), "{error}");
}

#[tokio::test]
async fn a_run_that_a_disk_held_up_goes_on_where_it_was_once_it_is_retried() {
    let bench = Bench::of_seven_pages();
    // A file where the folder of the index should be: it can be mended, like a full disk.
    let data = bench.folder.path().join("data");
    fs::write(&data, "").unwrap();
    let task = task(&bench, 500);
    let server = TestServer::start(|builder| builder.task(task));
    let run = server.client().enqueue::<IndexDocs>(folder(&bench)).await.unwrap();
    server.run_until_idle().await;
    let status = run.status().await.unwrap();
    assert_eq!((status.state(), status.resumes_from()), (StateKind::Retrying, ResumedFrom::Failure));
    assert!(status.last_error().unwrap().contains("run the same command to go on"), "{:?}", status.last_error());

    fs::remove_file(&data).unwrap();
    run.retry(longhaul::RetryFrom::Checkpoint).await.unwrap();
    server.run_until_idle().await;
    let summary = run.outcome().await.unwrap().completed().unwrap();
    assert_eq!(summary, bench.build("expected", 2));
}
