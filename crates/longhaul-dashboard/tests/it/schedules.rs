//! Schedules that are made and changed by forms.

use longhaul::{Overlap, Schedule, store_api::schedule::Timing};
use longhaul_dashboard::Role;

use crate::kit::{Card, Charge, Currency, Fail, Scene, ask};

const CARD: &str = "m.amount=5&m.currency=eur&m.number=4111-secret";

#[tokio::test]
async fn a_schedule_is_made_and_changed_by_forms_and_a_secret_stays_unless_it_is_written_again() {
    for scene in Scene::on_all_stores().await {
        let app = scene.with_token(Role::Administer);
        let body = format!(
            "kind=charge&name=nightly&how=cron&cron=0+2+*+*+*&zone=Europe%2FBerlin&overlap=queue&missed=skip&requires=eu&{CARD}"
        );
        let answer = ask(&app, "POST /schedules", &body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("location")),
            (303, "/schedules/nightly?done=create"),
            "{}",
            answer.text
        );
        let schedules = scene.client().schedules();
        let made = schedules.get("nightly").await.unwrap();
        assert_eq!(made.schedule().timing, Schedule::cron("0 2 * * *", "Europe/Berlin").timing);
        assert_eq!((made.schedule().overlap, made.requires()[0].as_str()), (Overlap::Queue, "eu"));
        assert_eq!(made.metadata::<Charge>().unwrap().number, "4111-secret");

        let page = ask(&app, "GET /schedules/nightly", "").await.text;
        assert!(page.contains("Europe/Berlin") && page.contains("value=\"5\""), "{page}");
        for live in ["actions", "facts", "last-runs", "instants"] {
            assert!(page.contains(&format!("id=\"{live}\" data-live")), "{live} follows what happens: {page}");
        }
        assert!(page.contains("data-events=\"/events\""), "{page}");
        assert!(!page.contains("4111-secret"), "a secret is not shown: {page}");
        let listed = ask(&app, "GET /api/v1/schedules", "").await.text;
        assert!(listed.contains("\"cron\":\"0 2 * * *\"") && !listed.contains("4111-secret"), "{listed}");

        let answer = ask(&app, "POST /schedules/nightly", "kind=charge&how=every&every=1h30m&priority=3").await;
        assert_eq!(answer.header("location"), "/schedules/nightly?done=change", "{}", answer.text);
        let changed = schedules.get("nightly").await.unwrap();
        assert_eq!(changed.schedule().timing, Timing::Every(std::time::Duration::from_secs(5400)));
        assert_eq!((changed.priority().0, changed.requires().len()), (3, 0));
        let Card { amount, number, .. } = changed.metadata::<Charge>().unwrap();
        assert_eq!((amount, &*number), (5, "4111-secret"), "nothing said to change it");

        // As the browser sends the form when nothing of the metadata was touched.
        let untouched = "kind=charge&how=every&every=2h&m.amount=5&m.currency=eur&m.number=&m.note=";
        assert_eq!(ask(&app, "POST /schedules/nightly", untouched).await.status, 303);
        let kept = schedules.get("nightly").await.unwrap();
        assert_eq!(kept.schedule().timing, Timing::Every(std::time::Duration::from_secs(7200)));
        assert_eq!(kept.metadata::<Charge>().unwrap().number, "4111-secret");
        let without_secret = untouched.replace("amount=5", "amount=9");
        let wrong = ask(&app, "POST /schedules/nightly", &without_secret).await;
        assert!(wrong.status == 422 && wrong.text.contains("id=\"wrong-m.number\">It is needed."), "{}", wrong.text);
        assert!(
            wrong.text.contains("Not saved.") && wrong.text.contains("name=\"m.amount\" value=\"9\""),
            "{}",
            wrong.text
        );

        let body = "kind=charge&how=every&every=1h&m.amount=9&m.currency=usd&m.number=4222";
        assert_eq!(ask(&app, "POST /schedules/nightly", body).await.status, 303);
        let Card { amount, number, currency, .. } =
            schedules.get("nightly").await.unwrap().metadata::<Charge>().unwrap();
        assert_eq!((amount, &*number, matches!(currency, Currency::Usd)), (9, "4222", true));
    }
}

#[tokio::test]
async fn a_schedule_that_cannot_be_says_which_field_is_wrong() {
    let scene = Scene::in_memory();
    let app = scene.with_token(Role::Administer);
    let whole = format!("kind=charge&name=nightly&how=every&every=1h&{CARD}");
    assert_eq!(ask(&app, "POST /schedules", &whole).await.status, 303);
    for (body, field) in [
        ("kind=charge&name=a+b&how=every&every=1h&", "name"),
        ("kind=charge&how=every&every=1h&", "name"),
        ("kind=charge&name=x&how=every&every=soon&", "every"),
        ("kind=charge&name=x&how=every&every=1000w&", "every"),
        ("kind=charge&name=x&how=cron&cron=61+*+*+*+*&", "cron"),
        ("kind=charge&name=x&how=cron&cron=0+0+30+2+*&", "cron"),
        ("kind=charge&name=x&how=cron&cron=0+2+*+*+*&zone=Berlin&", "zone"),
        ("kind=charge&name=x&how=once&once=2020-01-01T00:00&", "once"),
        ("kind=charge&name=x&how=every&every=1h&requires=a%00&", "requires"),
        ("kind=charge&name=x&how=every&every=1h&m.amount=5000&", "m.amount"),
        ("kind=nothing&name=x&how=every&every=1h&", "kind"),
    ] {
        let answer = ask(&app, "POST /schedules", &format!("{body}{CARD}")).await;
        assert!(answer.status.is_client_error(), "{body}: {}", answer.status);
        assert!(answer.text.contains(&format!("id=\"wrong-{field}\"")), "{body}: {}", answer.text);
    }
    let again = ask(&app, "POST /schedules", &whole).await;
    assert!(again.status == 409 && again.text.contains("there is a schedule"), "{}", again.text);
    assert_eq!(scene.client().schedules().list().await.unwrap().len(), 1);
    let viewer = scene.with_token(Role::Act);
    for (line, body) in
        [("POST /schedules", &*whole), ("POST /schedules/nightly", "how=every&every=2h"), ("GET /schedules/new", "")]
    {
        assert_eq!(ask(&viewer, line, body).await.status, 403, "{line}");
    }
}

#[tokio::test]
async fn an_instant_is_left_out_and_moved_from_the_page_of_its_schedule_which_says_so() {
    for scene in Scene::on_all_stores().await {
        let app = scene.with_token(Role::Administer);
        let body = format!(
            "kind=charge&name=nightly&how=cron&cron=0+2+*+*+*&zone=UTC&ending=2126-01-01T00:00&except=2125-12-25,+2125-12-26&{CARD}"
        );
        assert_eq!(ask(&app, "POST /schedules", &body).await.status, 303);
        let schedules = scene.client().schedules();
        let made = schedules.get("nightly").await.unwrap();
        assert_eq!((made.schedule().except.len(), made.schedule().ending.is_some()), (2, true));
        let next: Vec<_> = made.preview(5).unwrap().iter().map(|local| local.at).collect();

        let page = ask(&app, "GET /schedules/nightly", "").await.text;
        assert!(page.contains("Leave this one out") && page.contains("2125-12-25, 2125-12-26"), "{page}");
        let skip = format!("instant={}&reason=the+audit", next[0]);
        let answer = ask(&app, "POST /schedules/nightly/instants/skip", &skip).await;
        assert_eq!(answer.header("location"), "/schedules/nightly?done=skip", "{}", answer.text);
        let noon = next[2].to_string().replace("T02:", "T12:").replace('Z', "");
        let answer =
            ask(&app, "POST /schedules/nightly/instants/move", &format!("instant={}&to={noon}", next[1])).await;
        assert_eq!(answer.header("location"), "/schedules/nightly?done=move", "{}", answer.text);
        let page = ask(&app, "GET /schedules/nightly?done=skip", "").await.text;
        for part in ["That instant is left out.", "moved from", "Left out and moved", ": the audit", "Undo"] {
            assert!(page.contains(part), "{part}: {page}");
        }
        let answer = ask(&app, "POST /schedules/nightly/instants/restore", &format!("instant={}", next[0])).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        assert_eq!(schedules.get("nightly").await.unwrap().next().unwrap(), Some(next[0]));
        let wrong = ask(&app, "POST /schedules/nightly/instants/skip", "instant=2125-01-01T03:00:00Z").await;
        assert!(wrong.status == 422 && wrong.text.contains("those next to it are"), "{}", wrong.text);
    }
    let scene = Scene::in_memory();
    let app = scene.with_token(Role::Act);
    let refused = ask(&app, "POST /schedules/nightly/instants/skip", "instant=2125-01-01T03:00:00Z").await;
    assert_eq!(refused.status, 403);
}

#[tokio::test]
async fn an_end_is_removed_by_emptying_its_field_and_the_timing_stays() {
    for scene in Scene::on_all_stores().await {
        let app = scene.with_token(Role::Administer);
        let when = "kind=charge&how=cron&cron=0+2+*+*+*&zone=Europe%2FBerlin";
        let bounds = "starting=2125-01-01T00:00&ending=2126-01-01T00:00";
        let made = ask(&app, "POST /schedules", &format!("{when}&name=nightly&{bounds}&{CARD}")).await;
        assert_eq!(made.status, 303, "{}", made.text);
        let schedule = async || scene.client().schedules().get("nightly").await.unwrap().schedule().clone();
        assert!(schedule().await.ending.is_some());
        let page = ask(&app, "GET /schedules/nightly", "").await.text;
        assert!(
            page.contains("name=\"ending\" type=\"datetime-local\" step=\"1\" value=\"2126-01-01T00:00:00\""),
            "{page}"
        );

        let changed = ask(&app, "POST /schedules/nightly", &format!("{when}&starting=2125-01-01T00:00&ending=")).await;
        assert_eq!(changed.status, 303, "{}", changed.text);
        let now = schedule().await;
        assert_eq!((now.ending, now.starting.is_some()), (None, true));
        assert_eq!(now.timing, Schedule::cron("0 2 * * *", "Europe/Berlin").timing);
        ask(&app, "POST /schedules/nightly", &format!("{when}&starting=&ending=")).await;
        assert_eq!(schedule().await.starting, None);
    }
}

#[tokio::test]
async fn the_latest_runs_are_squares_with_their_state_as_text_the_newest_last() {
    for scene in Scene::on_all_stores().await {
        let app = scene.with_token(Role::Administer);
        let schedules = scene.client().schedules();
        let every = Schedule::every(std::time::Duration::from_secs(3600)).overlap(Overlap::Allow);
        schedules.create::<Fail>("hourly", every, "no".into()).await.unwrap();
        let none = ask(&app, "GET /schedules/hourly", "").await.text;
        assert!(none.contains("<h2>Last runs</h2><span class=\"muted\">none</span>"), "{none}");
        let failed = schedules.trigger("hourly").await.unwrap();
        scene.client().run::<Fail>(failed).outcome().await.unwrap();
        let gone = schedules.trigger("hourly").await.unwrap();
        scene.client().run::<Fail>(gone).outcome().await.unwrap();
        scene.client().store().delete(gone).await.unwrap();
        scene.client().queue("default").unwrap().pause().await.unwrap();
        let waits = schedules.trigger("hourly").await.unwrap();
        for line in ["GET /schedules", "GET /schedules/hourly"] {
            let page = ask(&app, line, "").await.text;
            let strip = page.split("<ol class=\"strip\">").nth(1).expect("it is there").split("</ol>").next().unwrap();
            let squares: Vec<&str> = strip.split("</li>").filter(|square| !square.is_empty()).collect();
            let expected = [
                ("<li><a class=\"square failed\"", format!("href=\"/runs/{failed}\""), ">Failed, "),
                ("<li><span class=\"square\"", String::new(), ">Not kept any more, "),
                ("<li><a class=\"square pending\"", format!("href=\"/runs/{waits}\""), ">Pending, "),
            ];
            assert_eq!(squares.len(), expected.len(), "{strip}");
            for (square, (begins, link, text)) in squares.into_iter().zip(&expected) {
                assert!(square.starts_with(begins) && square.contains(link) && square.contains(text), "{square}");
                assert!(square.contains(", by hand\""), "the title says when: {square}");
            }
        }
    }
}
