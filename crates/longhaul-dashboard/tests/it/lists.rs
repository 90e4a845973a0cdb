//! Lists of what has fields of its own, without a script: items are added and removed by buttons that send the form.

use longhaul::RunId;
use longhaul_dashboard::Role;

use crate::kit::{Answer, Gift, Invitation, Invite, Person, Scene, ask};

const PEOPLE: &str = "kind=invite&m.subject=Party&m.people=0&m.people.0.email=ann&m.people.0.guests=2&\
                      m.people.0.speaks=true&m.people.0.code=4111-secret&m.people=1&m.people.1.email=bob&m.people.1.guests=0&\
                      m.people.1.gifts=0&m.people.1.gifts.0=novel&m.people.1.gifts.0.novel.title=Cosmos&\
                      m.people.1.gifts.0.novel.pages=9&m.people.1.gifts.0.novel.mark=x&m.people.1.gifts=1&m.people.1.gifts.1=flowers";

fn enqueued(answer: &Answer) -> RunId {
    assert_eq!(answer.status, 303, "{}", answer.text);
    answer.header("location").trim_start_matches("/runs/").split('?').next().unwrap().parse().unwrap()
}

async fn metadata(scene: &Scene, id: RunId) -> Invitation {
    scene.client().run::<Invite>(id).status().await.unwrap().metadata().unwrap()
}

fn person(email: &str, guests: u32) -> Person {
    Person { email: email.into(), guests, speaks: false, code: None, gifts: Vec::new() }
}

fn assert_has(answer: &Answer, parts: &[&str]) {
    for part in parts {
        assert!(answer.text.contains(part), "{part}: {}", answer.text);
    }
}

fn assert_has_not(answer: &Answer, parts: &[&str]) {
    for part in parts {
        assert!(!answer.text.contains(part), "{part}: {}", answer.text);
    }
}

async fn runs(scene: &Scene) -> u64 {
    scene.client().select().count().await.unwrap()
}

#[tokio::test]
async fn items_are_filled_in_and_come_back_when_a_run_is_asked_again() {
    for scene in Scene::on_all_stores().await {
        let app = scene.with_token(Role::Act);
        let id = enqueued(&ask(&app, "POST /runs", PEOPLE).await);
        let made = metadata(&scene, id).await;
        let pages = std::num::NonZeroU8::new(9).unwrap();
        let gifts = vec![Gift::Novel { title: "Cosmos".into(), pages, mark: 'x' }, Gift::Flowers];
        let ann = Person { speaks: true, code: Some("4111-secret".into()), ..person("ann", 2) };
        assert_eq!(made.people, [ann, Person { gifts, ..person("bob", 0) }]);
        assert!(!made.politely, "a box that is not ticked says no, whatever holds without it");

        let like = ask(&app, &format!("GET /runs/new?like={id}"), "").await;
        assert_has(
            &like,
            &[
                "name=\"m.people.0.email\" value=\"ann\"",
                "name=\"m.people.0.speaks\" value=\"true\" checked",
                "name=\"m.people.1.email\" value=\"bob\"",
                "name=\"m.people.1.gifts.0.novel.title\" value=\"Cosmos\"",
                "name=\"m.people.1.gifts.1\" value=\"flowers\" checked",
                "name=\"m.politely\" value=\"true\">",
            ],
        );
        assert_has_not(&like, &["4111-secret", "name=\"m.people.2"]);
        let changed = ask(&app, &format!("GET /runs/new?like={id}&m.people.1.email=eve"), "").await;
        assert_has(&changed, &["name=\"m.people.0.email\" value=\"ann\"", "name=\"m.people.1.email\" value=\"eve\""]);
    }
}

#[tokio::test]
async fn a_form_has_as_many_items_at_first_as_there_have_to_be_and_holds_what_defaults_say() {
    let scene = Scene::in_memory();
    let app = scene.with_token(Role::Act);
    let empty = ask(&app, "GET /runs/new?kind=invite", "").await;
    assert_has(
        &empty,
        &[
            "<legend>People 1</legend>",
            "name=\"m.people.0.guests\" value=\"1\"",
            "name=\"m.politely\" value=\"true\" checked",
            "name=\"add\" value=\"people\" formaction=\"/runs#m.people.1\"",
            "name=\"add\" value=\"people.0.gifts\"",
        ],
    );
    assert_has_not(&empty, &["People 2", "name=\"remove\"", ">[]</textarea>"]);
    // An address need not number items, and says what is not the default.
    let by_address = "GET /runs/new?kind=invite&m.people.0.email=ann&m.people.7.email=bob&m.politely=false";
    let by_address = ask(&app, by_address, "").await;
    assert_has(
        &by_address,
        &[
            "<legend>People 2</legend>",
            "name=\"m.people.7.email\" value=\"bob\"",
            "name=\"m.people.7.guests\" value=\"1\"",
            "name=\"m.politely\" value=\"true\">",
        ],
    );
}

#[tokio::test]
async fn buttons_add_and_remove_an_item_and_keep_what_was_typed() {
    let scene = Scene::in_memory();
    let app = scene.with_token(Role::Act);
    let added = ask(&app, "POST /runs", &format!("{PEOPLE}&add=people")).await;
    assert_eq!((added.status.as_u16(), runs(&scene).await), (200, 0), "nothing is enqueued by it");
    assert_has(
        &added,
        &[
            "value=\"Party\"",
            "name=\"m.people.0.email\" value=\"ann\"",
            "name=\"m.people.1.gifts.0.novel.title\" value=\"Cosmos\"",
            "id=\"m.people.2\"",
            "name=\"m.people.2.guests\" value=\"1\"",
            // A box that was not ticked stays so.
            "name=\"m.politely\" value=\"true\">",
        ],
    );
    assert_has_not(&added, &["wrong-", "4111-secret"]);
    let deeper = ask(&app, "POST /runs", &format!("{PEOPLE}&add=people.0.gifts")).await;
    assert_has(&deeper, &["id=\"m.people.0.gifts.0\"", "id=\"m.people.1.gifts.1\""]);

    let removed = ask(&app, "POST /runs", &format!("{PEOPLE}&remove=people.0")).await;
    assert_eq!(removed.status, 200);
    assert_has(&removed, &["<legend>People 1</legend>", "name=\"m.people.1.email\" value=\"bob\""]);
    assert_has_not(&removed, &["m.people.0", "People 2", "value=\"ann\""]);
    let deeper = ask(&app, "POST /runs", &format!("{PEOPLE}&remove=people.1.gifts.0")).await;
    assert_has(&deeper, &["name=\"m.people.1.gifts.1\" value=\"flowers\" checked"]);
    assert_has_not(&deeper, &["Cosmos"]);

    // What is left has its numbers, and is taken in its order.
    let rest = PEOPLE.replace("m.people=0&m.people.0.email=ann&m.people.0.guests=2&", "");
    let rest = rest.replace("m.people.0.speaks=true&m.people.0.code=4111-secret&", "");
    let made = metadata(&scene, enqueued(&ask(&app, "POST /runs", &rest).await)).await;
    assert_eq!(made.people.iter().map(|person| &*person.email).collect::<Vec<_>>(), ["bob"]);

    let full = "kind=invite&m.people=0&m.people=1&m.people=2&m.people=3&add=people";
    let full = ask(&app, "POST /runs", full).await;
    assert_has_not(&full, &["m.people.4", "name=\"add\" value=\"people\""]);
    for strange in
        ["add=nothing", "remove=people.x", "remove=subject", "remove=people", "add=people.0.gifts.0.x", "add="]
    {
        let answer = ask(&app, "POST /runs", &format!("{PEOPLE}&{strange}&m.politely=true")).await;
        assert!(answer.status == 200 || answer.status == 303, "{strange}: {}", answer.text);
    }
}

#[tokio::test]
async fn what_is_wrong_with_an_item_is_said_at_its_field_whoever_finds_it() {
    let scene = Scene::in_memory();
    let app = scene.with_token(Role::Act);
    for (from, to, field) in [
        ("m.people.0.guests=2", "m.people.0.guests=many", "m.people.0.guests"),
        ("m.people.0.guests=2", "m.people.0.guests=10", "m.people.0.guests"),
        ("m.people.1.gifts.0=novel", "m.people.1.gifts.0=car", "m.people.1.gifts.0"),
        ("m.people.1.gifts.0.novel.pages=9", "m.people.1.gifts.0.novel.pages=", "m.people.1.gifts.0.novel.pages"),
        ("m.people.1.gifts.0.novel.pages=9", "m.people.1.gifts.0.novel.pages=0", "m.people.1.gifts.0.novel.pages"),
        // Only the type knows it: a character is not empty.
        ("m.people.1.gifts.0.novel.mark=x", "m.people.1.gifts.0.novel.mark=", "m.people.1.gifts.0.novel.mark"),
        ("m.people=1&", "m.people=1&m.people=2&m.people=3&m.people=4&", "m.people"),
    ] {
        // With a number that was removed before: what is shown third need not be called so.
        let body =
            PEOPLE.replace("m.people=0&m.people.0.", "m.people=9&m.people.9.").replace("m.people.0.", "m.people.9.");
        let (from, to, field) = (
            from.replace("people.0", "people.9"),
            to.replace("people.0", "people.9"),
            field.replace("people.0", "people.9"),
        );
        assert!(body.contains(&from), "{from}");
        let answer = ask(&app, "POST /runs", &body.replace(&from, &to)).await;
        assert_eq!(answer.status, 422, "{to}: {}", answer.text);
        assert_has(&answer, &[&format!("id=\"wrong-{field}\""), "value=\"ann\""]);
    }
    let none = ask(&app, "POST /runs", "kind=invite&m.subject=x").await;
    assert!(none.status == 422 && none.text.contains("id=\"wrong-m.people\">At least 1 item."), "{}", none.text);
    assert_eq!(runs(&scene).await, 0);

    let body = r#"{"kind": "invite", "metadata": {"subject": "x", "people": [{"email": "ann"}, {"email": 7}]}}"#;
    let answer = ask(&app, "POST /api/v1/runs", body).await;
    assert!(answer.status == 422 && answer.text.contains("\"field\":\"metadata.people.1.email\""), "{}", answer.text);
}

#[tokio::test]
async fn a_list_that_is_too_long_for_a_form_is_json() {
    let scene = Scene::in_memory();
    let app = scene.with_token(Role::Act);
    let gifts = vec![Gift::Flowers; 101];
    let invitation = Invitation {
        subject: "Party".into(),
        people: vec![Person { gifts, ..person("ann", 1) }],
        politely: true,
        notes: Vec::new(),
    };
    let id = scene.client().enqueue::<Invite>(invitation).await.unwrap().id();
    let like = ask(&app, &format!("GET /runs/new?like={id}"), "").await;
    assert_has(&like, &["<textarea class=\"code\" name=\"metadata\"", "&quot;flowers&quot;"]);
    let many = (0..101).map(|number| format!("&m.people.0.gifts={number}")).collect::<Vec<_>>().concat();
    let answer = ask(&app, "POST /runs", &format!("kind=invite&m.people=0&m.people.0.email=ann{many}")).await;
    assert!(answer.text.contains("id=\"wrong-m.people.0.gifts\">At most 100 items."), "{}", answer.text);
}

#[tokio::test]
async fn the_forms_of_schedules_have_items_too() {
    let scene = Scene::in_memory();
    let app = scene.with_token(Role::Administer);
    let when = "name=weekly&how=every&every=7d";
    let added = ask(&app, "POST /schedules", &format!("{PEOPLE}&{when}&add=people")).await;
    assert_eq!(added.status, 200);
    assert_has(&added, &["id=\"m.people.2\"", "value=\"weekly\"", "formaction=\"/schedules#m.people.3\""]);
    assert_eq!(ask(&app, "POST /schedules", &format!("{PEOPLE}&{when}")).await.status, 303);

    let page = ask(&app, "GET /schedules/weekly", "").await;
    assert_has(&page, &["name=\"m.people.1.email\" value=\"bob\"", "formaction=\"/schedules/weekly#m.people.2\""]);
    assert_has_not(&page, &["4111-secret"]);
    let removed = ask(&app, "POST /schedules/weekly", &format!("{PEOPLE}&{when}&remove=people.0")).await;
    assert_eq!(removed.status, 200);
    assert_has(&removed, &["value=\"bob\""]);
    assert_has_not(&removed, &["value=\"ann\""]);
    let kept = scene.client().schedules().get("weekly").await.unwrap().metadata::<Invite>().unwrap();
    assert_eq!(kept.people.len(), 2, "nothing is changed before it is saved");
    let only_bob = "kind=invite&m.subject=Party&m.people=1&m.people.1.email=bob&m.people.1.guests=0";
    assert_eq!(ask(&app, "POST /schedules/weekly", &format!("{only_bob}&{when}")).await.status, 303);
    let kept = scene.client().schedules().get("weekly").await.unwrap().metadata::<Invite>().unwrap();
    assert_eq!(kept.people, [person("bob", 0)]);
}
