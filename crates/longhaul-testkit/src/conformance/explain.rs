//! Why a run is not running.

use std::time::Duration;

use longhaul_core::{
    Constraints, ControlChange, Explanation, Label, Limits, NewRun, Paused, Queue, Scope, StateKind, Waiting,
    admission::{BlockedBy, suspects::WINDOW},
    explain::Ahead,
    run::Due,
    store::{GetError, ServerBeat},
};

use super::Scene;
use crate::fixture::{completed, failed, support, suspended};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Scene {
    pub(super) async fn why(&self, id: longhaul_core::RunId) -> Explanation {
        self.store.explain(id).await.expect("the run is there")
    }

    /// The server of the rules says what it takes.
    pub(super) async fn offer(&self, kind: &str, version: u16, labels: &[&str]) {
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
    scene.end(&claimed, failed("no route", claimed.run.attempt(), scene.now())).await;
    assert!(matches!(scene.why(id).await, Explanation::NotDue { after_failure: true, .. }));
    scene.clock.advance(DAY / 2);
    assert_eq!(scene.why(id).await, Explanation::WaitsForSlot { servers: 1, ahead: Ahead::default() });
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
    assert_eq!(scene.why(id).await, Explanation::WaitsForSlot { servers: 1, ahead: Ahead::default() });
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
    assert_eq!(scene.why(id).await, Explanation::BlockedBy { by: held, ahead: Ahead::default() });
    let paused = ControlChange::Pause(Paused::new(scene.now(), "ann", None));
    scene.store.control(scope.clone(), paused).await.expect("the store works");
    assert_eq!(
        scene.why(id).await,
        Explanation::BlockedBy { by: BlockedBy::Paused { scope, until: None, why: None }, ahead: Ahead::default() }
    );
}

pub async fn that_its_only_servers_are_drained_is_told(mut scene: Scene) {
    scene.offer("plain", 1, &[]).await;
    let other = scene.new_server(DAY * 1000).await;
    let offer = ServerBeat { kinds: [support("plain", 1)].into(), ..ServerBeat::new(other, "rules", DAY * 1000) };
    scene.store.heartbeat(offer).await.expect("it lives");
    let id = scene.enqueue().await;
    let until = scene.now().after(DAY);
    for (server, until) in [(scene.server, None), (other, Some(until))] {
        assert_eq!(scene.why(id).await, Explanation::WaitsForSlot { servers: 2, ahead: Ahead::default() });
        let paused = Paused { until, ..Paused::new(scene.now(), "ann", Some("a new release")) };
        let paused = ControlChange::Pause(paused);
        scene.store.control(Scope::Server(server), paused).await.expect("the store works");
    }
    let why = scene.why(id).await;
    let by = BlockedBy::Paused { scope: Scope::Server(other), until: Some(until), why: Some("a new release".into()) };
    assert_eq!(why, Explanation::BlockedBy { by, ahead: Ahead::default() }, "the one that goes on first");
    let told = format!("each server that could execute it is drained, as is {other} until {until}: a new release");
    assert!(why.to_string().contains(&told), "{why}");
    scene.clock.advance(DAY);
    assert_eq!(scene.why(id).await, Explanation::WaitsForSlot { servers: 2, ahead: Ahead::default() });
}

pub async fn what_is_ahead_of_it_is_told(mut scene: Scene) {
    scene.offer("plain", 1, &[]).await;
    let limits = Limits { running: Some(1), ..Limits::NONE };
    let change = ControlChange::Declare(limits);
    scene.store.control(Scope::Queue(Queue::default()), change).await.expect("the store works");
    scene.running().await;
    let own = scene.enqueue().await;
    for priority in [1, 5, 9, 0] {
        let new = NewRun { priority: longhaul_core::Priority(priority), ..scene.new_run() };
        scene.insert(new).await;
    }
    assert_eq!(
        scene.why(own).await.to_string(),
        "1 run of the queue `default` is running, which is the limit; 3 runs of a higher priority are ahead of it"
    );
}

pub async fn what_a_last_try_and_a_suspect_hold_back_is_told(mut scene: Scene) {
    let [last, suspect, other, innocent] =
        [scene.enqueue().await, scene.enqueue().await, scene.enqueue().await, scene.enqueue().await];
    for _ in 0..2 {
        assert_eq!(scene.claim(3).await.len(), 3);
        scene.crash().await;
    }
    // The one that was in the slot of suspects comes to its last try.
    assert_eq!(scene.claim_one().await.run.id, last);
    scene.crash().await;
    scene.offer("plain", 1, &[]).await;
    assert_eq!(scene.claim_one().await.run.id, last);
    let (server, until) = (scene.server, scene.now().after(WINDOW));
    for id in [suspect, other, innocent] {
        let Explanation::BlockedBy { by, .. } = scene.why(id).await else { panic!("it is held back") };
        assert_eq!(by, BlockedBy::LastTry { run: last, server, until });
    }
    scene.clock.advance(WINDOW);
    assert_eq!(scene.claim_one().await.run.id, suspect);
    let until = scene.now().after(WINDOW);
    let Explanation::BlockedBy { by, .. } = scene.why(other).await else { panic!("it is held back") };
    assert_eq!(by, BlockedBy::Suspect { run: suspect, server, until });
    assert!(matches!(scene.why(innocent).await, Explanation::WaitsForSlot { .. }));
}
