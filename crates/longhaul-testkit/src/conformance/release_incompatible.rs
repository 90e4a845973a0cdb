//! New chances for runs that other code could not read.

use longhaul_core::{StateKind, code::CodeMark};

use super::{Scene, scene::ids};
use crate::fixture::{MARK, incompatible, support};

pub async fn code_with_another_mark_gets_what_other_code_could_not_read(mut scene: Scene) {
    let claimed = scene.running().await;
    scene.end(&claimed, incompatible(CodeMark(1))).await;
    assert_eq!(scene.claim(1).await, []);
    assert_eq!(scene.store.release_incompatible(vec![support("plain", 1)]).await, Ok(1));
    assert_eq!(ids(&scene.claim(1).await), [claimed.run.id]);
}

pub async fn code_with_the_same_mark_gets_nothing(mut scene: Scene) {
    let claimed = scene.running().await;
    scene.end(&claimed, incompatible(MARK)).await;
    assert_eq!(scene.store.release_incompatible(vec![support("plain", 1)]).await, Ok(0));
    assert_eq!(scene.state(claimed.run.id).await, StateKind::Incompatible);
}

pub async fn other_kinds_stay_parked(mut scene: Scene) {
    let claimed = scene.running().await;
    scene.end(&claimed, incompatible(CodeMark(1))).await;
    assert_eq!(scene.store.release_incompatible(vec![support("other", 1)]).await, Ok(0));
    assert_eq!(scene.store.release_incompatible(vec![]).await, Ok(0));
    assert_eq!(scene.state(claimed.run.id).await, StateKind::Incompatible);
}

pub async fn parked_runs_stay_parked_through_a_crash(mut scene: Scene) {
    let claimed = scene.running().await;
    scene.end(&claimed, incompatible(CodeMark(1))).await;
    scene.crash().await;
    assert_eq!(scene.state(claimed.run.id).await, StateKind::Incompatible);
    assert_eq!(scene.store.release_incompatible(vec![support("plain", 1)]).await, Ok(1));
    assert_eq!(scene.claim_one().await.run.counts.failures, 0);
}
