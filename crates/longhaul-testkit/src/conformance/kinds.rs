//! What is known of a kind without its code.

use longhaul_core::{
    Codec, Kind,
    limits::{KIND_SCHEMA_MAX, TITLE_MAX},
    store::KindDescription,
};

use super::Scene;

/// A description with a schema of this many bytes.
fn described(kind: &str, version: u16, schema: usize) -> KindDescription {
    let title = (schema > 0).then(|| "A report".into());
    let schema = (schema > 0).then(|| "s".repeat(schema).into());
    let kind = Kind::new(kind).expect("a kind that can be used");
    KindDescription { title, schema, ..KindDescription::new(kind, version, Codec::Json) }
}

impl Scene {
    async fn describe(&self, kinds: &[KindDescription]) {
        self.store.describe_kinds(kinds.to_vec()).await.expect("the store works");
    }

    async fn kinds(&self) -> Vec<KindDescription> {
        self.store.kinds().await.expect("the store works")
    }
}

pub async fn what_is_said_of_kinds_is_read_back_by_name(scene: Scene) {
    assert_eq!(scene.kinds().await, []);
    let (import, export) = (described("import", 1, 0), described("export", 7, 100));
    let former = KindDescription {
        renamed: Some(export.kind.clone()),
        hides_values: true,
        codec: Codec::Bincode,
        ..described("export-all", 7, 10)
    };
    scene.describe(&[import.clone(), export.clone()]).await;
    scene.describe(std::slice::from_ref(&former)).await;
    scene.describe(&[]).await;
    assert_eq!(scene.kinds().await, [export, former, import]);
}

pub async fn a_kind_is_known_when_its_server_is_gone_and_in_the_next_process(mut scene: Scene) {
    let largest =
        KindDescription { title: Some("t".repeat(TITLE_MAX).into()), ..described("largest", 1, KIND_SCHEMA_MAX) };
    let kinds = [described("empty", 1, 0), largest, described("small", 2, 5000)];
    scene.describe(&kinds).await;
    scene.store.leave(scene.server).await.expect("the store works");
    assert_eq!(scene.kinds().await, kinds);
    scene.crash().await;
    assert_eq!(scene.kinds().await, kinds);
}

pub async fn newer_code_describes_its_kind_anew_and_older_code_does_not(mut scene: Scene) {
    scene.describe(&[described("report", 2, 60_000)]).await;
    scene.describe(&[described("report", 1, 10)]).await;
    assert_eq!(scene.kinds().await, [described("report", 2, 60_000)]);
    // Of the same version: other code, which started later.
    scene.describe(&[described("report", 2, 9000)]).await;
    assert_eq!(scene.kinds().await, [described("report", 2, 9000)]);
    scene.describe(&[described("report", 3, 0)]).await;
    assert_eq!(scene.kinds().await, [described("report", 3, 0)]);
    // Nothing is left of the longer ones.
    scene.crash().await;
    assert_eq!(scene.kinds().await, [described("report", 3, 0)]);
}

pub async fn the_last_of_two_descriptions_in_one_call_is_kept(scene: Scene) {
    scene.describe(&[described("report", 1, 10), described("report", 2, 20), described("report", 1, 30)]).await;
    assert_eq!(scene.kinds().await, [described("report", 2, 20)]);
}
