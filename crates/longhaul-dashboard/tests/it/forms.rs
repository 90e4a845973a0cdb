//! Forms of schemas, without a script: variants, lists, durations, and what becomes of marked fields.

use std::time::Duration;

use longhaul::RunId;
use longhaul_dashboard::Role;

use crate::kit::{Answer, Day, Deliver, Delivery, Scene, Target, ask};

fn enqueued(answer: &Answer) -> RunId {
    assert_eq!(answer.status, 303, "{}", answer.text);
    answer.header("location").trim_start_matches("/runs/").split('?').next().unwrap().parse().unwrap()
}

async fn metadata(scene: &Scene, id: RunId) -> Delivery {
    scene.client().run::<Deliver>(id).status().await.unwrap().metadata().unwrap()
}

const DOOR: &str = "kind=deliver&m.parcel=7&m.to=door&m.to.door.street=High+Street&m.to.door.floor=2&m.days=Monday&\
                    m.days=Tuesday&m.notes=ring%0D%0Atwice&m.within=1h30m&m.code=1234-secret";

#[tokio::test]
async fn variants_lists_and_durations_are_filled_in_and_come_back() {
    let scene = Scene::in_memory();
    let app = scene.with_token(Role::Act);
    let empty = ask(&app, "GET /runs/new?kind=deliver", "").await.text;
    for part in [
        "type=\"radio\" name=\"m.to\" value=\"door\"",
        "To a door.",
        "name=\"m.to.door.floor\"",
        "name=\"m.to.shop.name\"",
        "type=\"checkbox\" name=\"m.days\" value=\"Tuesday\"",
        "<textarea name=\"m.notes\"",
        "placeholder=\"90s, 15m, 1h30m\"",
    ] {
        assert!(empty.contains(part), "{part}: {empty}");
    }
    let id = enqueued(&ask(&app, "POST /runs", DOOR).await);
    let made = metadata(&scene, id).await;
    assert_eq!(made.to, Target::Door { street: "High Street".into(), floor: 2 });
    assert_eq!(
        (&*made.days, &*made.notes),
        (&[Day::Monday, Day::Tuesday][..], &["ring".to_owned(), "twice".into()][..])
    );
    assert_eq!((made.within, &*made.code), (Some(Duration::from_secs(5400)), "1234-secret"));

    let like = ask(&app, &format!("GET /runs/new?like={id}"), "").await.text;
    for part in [
        "value=\"door\" checked",
        "name=\"m.to.door.street\" value=\"High Street\"",
        "value=\"Monday\" checked",
        "value=\"Tuesday\" checked",
        ">ring\ntwice</textarea>",
        "value=\"5400s\"",
    ] {
        assert!(like.contains(part), "{part}: {like}");
    }
    // What is filled in for another variant is not meant.
    let sender = DOOR.replace("m.to=door", "m.to=sender");
    assert_eq!(metadata(&scene, enqueued(&ask(&app, "POST /runs", &sender).await)).await.to, Target::Sender);
}

#[tokio::test]
async fn what_is_wrong_is_said_at_the_field_also_in_a_variant() {
    let scene = Scene::in_memory();
    let app = scene.with_token(Role::Act);
    for (from, to, field) in [
        ("m.to=door", "m.to=pigeon", "m.to"),
        ("m.to=door&", "", "m.to"),
        ("floor=2", "floor=high", "m.to.door.floor"),
        ("m.within=1h30m", "m.within=soon", "m.within"),
        ("m.days=Monday", "m.days=Never", "m.days"),
        ("floor=2", "floor=999", "m.to.door.floor"),
        // Only the type knows it: a character is not empty.
        ("m.to=door", "m.to=shop&m.to.shop.name=High+Street&m.to.shop.shelf=", "m.to.shop.shelf"),
        ("m.parcel=7", "m.parcel=-7", "m.parcel"),
    ] {
        let answer = ask(&app, "POST /runs", &DOOR.replace(from, to)).await;
        assert_eq!(answer.status, 422, "{to}: {}", answer.text);
        assert!(answer.text.contains(&format!("id=\"wrong-{field}\"")), "{to}: {}", answer.text);
        assert!(answer.text.contains("High Street"), "what was typed stays: {}", answer.text);
    }
}

#[tokio::test]
async fn marked_fields_title_a_run_and_find_it_and_no_secret_is_shown() {
    for scene in Scene::on_all_stores().await {
        let app = scene.with_token(Role::Administer);
        let id = enqueued(&ask(&app, "POST /runs", DOOR).await);
        let other = DOOR.replace("m.parcel=7", "m.parcel=8");
        enqueued(&ask(&app, "POST /runs", &other).await);
        let list = ask(&app, "GET /runs?tag=parcel:7", "").await.text;
        assert!(list.contains("Parcel 7 ([redacted])") && !list.contains("Parcel 8"), "{list}");
        assert!(list.contains("<option value=\"parcel:\">"), "the filter offers what can be found: {list}");
        let page = ask(&app, &format!("GET /runs/{id}"), "").await.text;
        assert!(page.contains("<h1>deliver Parcel 7 ([redacted])") && !page.contains("1234-secret"), "{page}");
        let api = ask(&app, "GET /api/v1/runs?tag=parcel:7", "").await.text;
        assert!(api.contains("Parcel 7") && !api.contains("1234-secret"), "{api}");

        // Asked again with changes, it is called by what it is asked then.
        let like = ask(&app, &format!("GET /runs/new?like={id}"), "").await.text;
        assert!(!like.contains("Parcel 7") && !like.contains("parcel:7"), "{like}");
        let body = r#"{"kind": "deliver", "metadata": {"parcel": 9, "to": {"type": "sender"}, "code": "5678"}, "title": "Mine"}"#;
        assert_eq!(ask(&app, "POST /api/v1/runs", body).await.status, 201);
        let list = ask(&app, "GET /runs?tag=parcel:9", "").await.text;
        assert!(list.contains("Mine") && !list.contains("Parcel 9"), "{list}");
    }
}
