//! What is done to many runs by a run.

use std::time::Duration;

use longhaul::{RetryFrom, StateKind};
use longhaul_inspect::{BulkActions, By, InspectError, NewRunRequest, RunAction, RunQuery, api::Operation};
use serde_json::json;

use crate::kit::{Fail, on_each_store};

#[tokio::test]
async fn a_run_acts_on_all_that_match_when_it_is_asked_and_tells_how_far_it_is() {
    on_each_store(|scene| async {
        let far = Duration::from_secs(3600);
        let late = scene
            .client()
            .enqueue_many((0..450).map(|n| scene.client().enqueue::<Fail>("no".into()).after(far).tag("half", n % 2)));
        assert!(late.await.iter().all(Result::is_ok));
        let by = By::new("ann").because("all wrong");
        let query = RunQuery::parse("kind=fail&tag=half:1").unwrap();
        let id = scene.inspector.start_matching(&query, RunAction::Cancel, &by).await.unwrap().expect("it is executed");
        let detail = scene.reaches(id, StateKind::Completed).await;
        let told = scene.client().run::<BulkActions>(id).outcome().await.unwrap().completed().unwrap();
        assert_eq!((told.matched, told.done, told.refused.len()), (225, 225, 0));
        assert_eq!(detail.run().progress.as_ref().map(|told| told.done), Some(225));
        let overview = scene.inspector.overview().await.unwrap();
        assert_eq!((overview.states.of(StateKind::Cancelled), overview.states.of(StateKind::Pending)), (225, 225));
        let one = &scene.inspector.runs(&RunQuery::parse("state=cancelled&limit=1").unwrap()).await.unwrap().runs[0];
        let history = scene.inspector.run(one.id).await.unwrap();
        assert!(history.history().lines().any(|line| line.to_string() == "cancelled by ann: all wrong"));

        // Again: what cannot be done is counted, and told for the first.
        let id = scene.inspector.start_matching(&query, RunAction::Suspend, &by).await.unwrap().unwrap();
        scene.reaches(id, StateKind::Completed).await;
        let told = scene.client().run::<BulkActions>(id).outcome().await.unwrap().completed().unwrap();
        assert_eq!((told.matched, told.done, told.refused.len()), (225, 0, 20));
        scene
    })
    .await;
}

#[tokio::test]
async fn what_comes_of_a_retry_is_not_retried_again() {
    on_each_store(|scene| async {
        // More than a page of the store, so that the retried ones have failed before the last page is read.
        for run in scene.client().enqueue_all::<Fail>((0..450).map(|_| "no".into())).await.unwrap() {
            run.outcome().await.unwrap();
        }
        let operation = Operation::parse("POST", "/runs/all/retry").unwrap();
        let (status, answer) =
            scene.inspector.perform(&operation, "state=failed&kind=fail", br#"{"as_run": true}"#, "ann").await;
        assert_eq!(status, 202, "{answer}");
        let id = answer["run"].as_str().unwrap().parse().unwrap();
        scene.reaches(id, StateKind::Completed).await;
        let count = scene.client().select().kind("fail").unwrap().count().await.unwrap();
        assert_eq!(count, 900, "450, and 450 as new runs, though all of them failed again");
        scene
    })
    .await;
}

#[tokio::test]
async fn such_a_run_is_made_in_no_other_way_and_deletes_nothing() {
    on_each_store(|scene| async {
        let by = By::new("ann");
        let deletes = scene.inspector.start_matching(&RunQuery::default(), RunAction::Delete, &by).await;
        assert_eq!(deletes, Ok(None), "a retry of it would not ask for the role");
        let metadata = json!({"query": "", "action": "delete", "by": "eve", "reason": null});
        let request = NewRunRequest::new("longhaul.bulk-action", metadata);
        let refused = scene.inspector.enqueue(&request, &by).await;
        assert!(matches!(refused, Err(InspectError::Refused { .. })), "{refused:?}");
        let kept = scene.client().enqueue::<Fail>("no".into()).await.unwrap();
        kept.outcome().await.unwrap();
        let metadata = serde_json::from_value(request.metadata).unwrap();
        let forged = scene.client().enqueue::<BulkActions>(metadata).await.unwrap();
        forged.outcome().await.ok();
        assert!(kept.status().await.is_ok(), "even a program that enqueues it itself deletes nothing by it");
        scene
    })
    .await;
}

#[tokio::test]
async fn a_retry_from_the_start_is_one_also_by_a_run() {
    on_each_store(|scene| async {
        let fail = scene.client().enqueue::<Fail>("no".into()).await.unwrap();
        fail.outcome().await.unwrap();
        let by = By::new("ann");
        for (from, from_start) in [(RetryFrom::Checkpoint, false), (RetryFrom::TheStart, true)] {
            let query = RunQuery::parse("state=failed&kind=fail").unwrap();
            let id = scene.inspector.start_matching(&query, RunAction::Retry { from }, &by).await.unwrap().unwrap();
            scene.reaches(id, StateKind::Completed).await;
            let asked = scene.client().run::<BulkActions>(id).status().await.unwrap().metadata().unwrap();
            assert_eq!((&*asked.action, asked.from_start), ("retry", from_start));
        }
        scene
    })
    .await;
}

#[tokio::test]
async fn all_that_match_are_acted_on_a_page_at_a_time_and_what_comes_of_it_is_left_alone() {
    on_each_store(|scene| async {
        for run in scene.client().enqueue_all::<Fail>((0..25).map(|_| "no".into())).await.unwrap() {
            run.outcome().await.unwrap();
        }
        let operation = Operation::parse("POST", "/runs/all/retry").unwrap();
        let (mut query, mut pages, mut done) = ("state=failed&kind=fail&limit=10".to_owned(), 0, 0);
        loop {
            let (status, page) = scene.inspector.perform(&operation, &query, br#"{"page": true}"#, "ann").await;
            assert_eq!(status, 200, "{page}");
            pages += 1;
            done += page["done"].as_u64().unwrap();
            // What was retried has failed again before the next page is asked for.
            for run in scene.inspector.runs(&RunQuery::parse("kind=fail&limit=200").unwrap()).await.unwrap().runs {
                scene.reaches(run.id, StateKind::Failed).await;
            }
            match page["next"].as_str() {
                Some(next) => next.clone_into(&mut query),
                None => break,
            }
        }
        assert_eq!((pages, done), (3, 25));
        assert_eq!(scene.client().select().kind("fail").unwrap().count().await.unwrap(), 50);
        for word in ["run-now", "dismiss"] {
            let operation = Operation::parse("POST", &format!("/runs/all/{word}")).unwrap();
            let (status, refused) = scene.inspector.perform(&operation, "all=true", br#"{"page": true}"#, "ann").await;
            assert_eq!(status, 409, "{refused}");
        }
        scene
    })
    .await;
}
