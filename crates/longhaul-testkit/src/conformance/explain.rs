//! Why a run is not running.

use std::time::Duration;

use longhaul_core::{
    Constraints, ControlChange, Explanation, Label, Limits, NewRun, Paused, Queue, Scope, StateKind, Waiting,
    admission::BlockedBy,
    run::Due,
    store::{GetError, ServerBeat},
};

use super::Scene;
use crate::fixture::{completed, failed, support, suspended};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Scene {
    async fn why(&self, id: longhaul_core::RunId) -> Explanation {
        self.store.explain(id).await.expect("the run is there")
    }

    /// The server of the rules says what it takes.
    async fn offer(&self, kind: &str, version: u16, labels: &[&str]) {
        let labels = labels.iter().map(|label| Label::new(label).expect("a label that can be used")).collect();
        let kinds = [support(kind, version)].into();
        let beat = ServerBeat { kinds, labels, ..ServerBeat::new(self.server, "rules", DAY * 1000) };
        self.store.heartbeat(beat).await.expect("it lives");
    }
}

pub async fn states_explain_themselves(mut scene: Scene) {
    scene.offer("plain", 1, &[]).await;
    let later = NewRun { due: Some(Due::After(DAY)), ..scene.new_run() };
    let later = scene.insert(later).await;
    let due = scene.now().after(DAY);
    assert_eq!(scene.why(later).await, Explanation::NotDue { due, after_failure: false });
    let claimed = scene.running().await;
    let id = claimed.run.id;
    assert_eq!(scene.why(id).await, Explanation::Running { server: scene.server, asked_to_stop: false });
    scene.end(&claimed, failed("no route", claimed.run.epoch, scene.now())).await;
    assert!(matches!(scene.why(id).await, Explanation::NotDue { after_failure: true, .. }));
    scene.clock.advance(DAY / 2);
    assert_eq!(scene.why(id).await, Explanation::WaitsForSlot { servers: 1 });
    let claimed = scene.claim_one().await;
    scene.end(&claimed, suspended()).await;
    assert_eq!(scene.why(id).await, Explanation::Suspended(Waiting::Proceed));
    let claimed = scene.running().await;
    scene.end(&claimed, completed(1)).await;
    assert_eq!(scene.why(claimed.run.id).await, Explanation::Final(StateKind::Completed));
    let missing = scene.new_run().id;
    assert_eq!(scene.store.explain(missing).await, Err(GetError::NotFound(missing)));
}

pub async fn the_lack_of_a_server_is_told(mut scene: Scene) {
    let requires = vec![Label::new("gpu").expect("a label")];
    let constraints = Some(Constraints { requires: requires.clone(), ..Constraints::default() }.into());
    let new = NewRun { constraints, version: 3, ..scene.new_run() };
    let kind = new.kind.clone();
    let id = scene.insert(new).await;
    assert_eq!(scene.why(id).await, Explanation::NoServerForKind(kind.clone()));
    scene.offer("plain", 2, &[]).await;
    assert_eq!(scene.why(id).await, Explanation::NoServerForVersion { version: 3, newest: 2 });
    scene.offer("plain", 3, &["ssd"]).await;
    assert_eq!(scene.why(id).await, Explanation::NoServerWithLabels(requires));
    scene.offer("plain", 3, &["ssd", "gpu"]).await;
    assert_eq!(scene.why(id).await, Explanation::WaitsForSlot { servers: 1 });
    scene.store.leave(scene.server).await.expect("the store works");
    assert_eq!(scene.why(id).await, Explanation::NoServerForKind(kind));
}

pub async fn what_holds_it_back_is_told(mut scene: Scene) {
    scene.offer("plain", 1, &[]).await;
    let scope = Scope::Queue(Queue::default());
    let limits = Limits { running: Some(1), ..Limits::NONE };
    scene.store.control(scope.clone(), ControlChange::Declare(limits)).await.expect("the store works");
    let claimed = scene.running().await;
    scene.checkpoint(&claimed, 1, 1).await.expect("the attempt holds the run");
    let id = scene.enqueue().await;
    let held = BlockedBy::Running { scope: scope.clone(), key: None, max: 1 };
    assert_eq!(scene.why(id).await, Explanation::BlockedBy(held));
    let paused = ControlChange::Pause(Paused::new(scene.now(), "ann", None));
    scene.store.control(scope.clone(), paused).await.expect("the store works");
    assert_eq!(scene.why(id).await, Explanation::BlockedBy(BlockedBy::Paused(scope)));
}
