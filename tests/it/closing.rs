//! A folder that servers of one process have, one after the other; and a server on a folder that is dropped.

use std::{future::pending, path::Path, sync::Arc, thread, time::Duration};

use longhaul::{
    AnyError, Builder, Client, Context, Longhaul, ResumedFrom, RunHandle, StateKind, Store, StoreError, Success,
    TaskFn, embedded::OpenError,
};

const GRACE: Duration = Duration::from_secs(25);
const COUNT: TaskFn<(), u64, u64, AnyError> = TaskFn::new("count");

fn completing(builder: Builder) -> Longhaul {
    let run = |ctx: Context<(), u64>| async move { Success::with_result(ctx.read(|count| *count)).for_error() };
    builder.task_fn(COUNT, run).start().expect("it is well put together")
}

fn on(folder: &Path) -> Builder {
    Longhaul::builder().store(longhaul::open(folder).expect("nobody has it open"))
}

async fn reaches(run: &RunHandle<TaskFn<(), u64, u64, AnyError>>, state: StateKind) {
    let mut status = run.status().await.unwrap();
    while status.state() != state {
        status = run.changed(&status).await.unwrap();
    }
}

#[tokio::test]
async fn a_folder_can_be_opened_again_while_clients_of_the_server_before_are_left() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = completing(on(folder.path()));
    let client = server.client();
    let run = client.enqueue_fn(COUNT, ()).await.unwrap();
    run.outcome().await.unwrap();
    server.shutdown(GRACE).await;
    let next = completing(on(folder.path()));
    assert_eq!(run.status().await.unwrap_err(), longhaul::OutcomeError::Store(StoreError::Closed));
    assert_eq!(next.client().run_fn(COUNT, run.id()).status().await.unwrap().state(), StateKind::Completed);
    drop(next);
    // Nor does one that was dropped hold it.
    completing(on(folder.path())).shutdown(GRACE).await;
}

#[tokio::test]
async fn a_folder_that_is_shared_stays_open_until_its_owner_closes_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = longhaul::open(folder.path()).unwrap();
    let client = Client::new(Arc::new(store.clone()));
    for builder in [Longhaul::builder().shared_store(Arc::new(store.clone())), Longhaul::builder().store(store.clone())]
    {
        completing(builder).shutdown(GRACE).await;
        client.enqueue_fn(COUNT, ()).await.unwrap();
    }
    store.close().await;
    assert!(client.enqueue_fn(COUNT, ()).await.is_err());
    drop(longhaul::open(folder.path()).unwrap());
}

#[tokio::test]
async fn a_folder_that_this_very_process_has_open_is_refused_as_such() {
    let folder = tempfile::tempdir().expect("a folder");
    let _store = longhaul::open(folder.path()).unwrap();
    let error = longhaul::open(folder.path()).unwrap_err();
    let OpenError::Locked { holder, .. } = &error else { panic!("{error}") };
    assert!(holder.is_this_process());
    let text = error.to_string();
    assert!(text.contains("this very process") && text.contains("close the store"), "{text}");
    assert!(!text.contains("stop that process"), "{text}");
}

#[tokio::test]
async fn a_dropped_server_on_a_folder_leaves_an_interruption_and_no_crash() {
    let folder = tempfile::tempdir().expect("a folder");
    for before in 0..4 {
        let started = on(folder.path()).task_fn(COUNT, |ctx: Context<(), u64>| async move {
            ctx.update(|count| *count += 1);
            pending().await
        });
        let server = started.start().unwrap();
        let client = server.client();
        let found = client.find_fn(COUNT).all().await.unwrap().pop();
        let run = match found {
            Some(found) => found.run,
            None => client.enqueue_fn(COUNT, ()).await.unwrap(),
        };
        // It has changed its number: the autosave has told.
        let mut status = run.status().await.unwrap();
        while status.execution_metadata().unwrap() == before {
            status = run.changed(&status).await.unwrap();
        }
        assert_eq!(status.run().counts.crashes, 0);
        let came_from = if before == 0 { ResumedFrom::Fresh } else { ResumedFrom::Interruption };
        assert_eq!(status.run().counts.interruptions, u32::try_from(before).unwrap(), "{came_from:?}");
        drop(server);
    }
    let server = completing(on(folder.path()));
    let run = server.client().find_fn(COUNT).all().await.unwrap().remove(0).run;
    assert_eq!(run.outcome().await.unwrap().completed(), Some(4));
    let status = run.status().await.unwrap();
    assert_eq!((status.run().counts.crashes, status.run().suspicion), (0, 0));
    server.shutdown(GRACE).await;
}

/// The store has claimed it for a server whose one thread is busy, and whose next act is to be dropped.
#[tokio::test]
async fn a_claim_that_nobody_looked_at_when_its_server_was_dropped_is_no_crash() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = longhaul::open(folder.path()).unwrap();
    let shared: Arc<dyn Store> = Arc::new(store.clone());
    let server = completing(Longhaul::builder().shared_store(shared.clone()));
    let client = Client::new(shared);
    // The server has asked for runs by the time that a run of it has completed and the next claim waits.
    server.client().enqueue_fn(COUNT, ()).await.unwrap().outcome().await.unwrap();
    tokio::task::yield_now().await;
    let run = thread::scope(|threads| {
        let outside = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let run = client.enqueue_fn(COUNT, ()).await.unwrap();
                reaches(&run, StateKind::Running).await;
                run
            })
        };
        threads.spawn(outside).join().unwrap()
    });
    drop(server);
    let status = run.status().await.unwrap();
    assert_eq!((status.state(), status.run().suspicion, status.run().counts.crashes), (StateKind::Pending, 0, 0));
    let whats: Vec<String> = status.history().lines().map(|line| line.to_string()).collect();
    assert!(!whats.iter().any(|what| what.contains("crash")), "{whats:?}");
}
