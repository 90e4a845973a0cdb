//! From the first page to the last click.

use longhaul::StateKind;
use longhaul_dashboard::{Options, Role};
use serde_json::json;

use super::{
    driver::{Browser, Script},
    site::{Export, Site, Wanted, tokens},
};
use crate::kit::{Fail, Invitation, Invite, TOKEN, Wait};

fn labelled(label: &str) -> String {
    format!("//label[contains(., '{label}')]//*[self::input or self::textarea]")
}

fn button(label: &str) -> String {
    format!("//button[normalize-space()='{label}']")
}

fn state(name: &str) -> String {
    format!("//h1//span[contains(@class, 'state') and normalize-space()='{name}']")
}

/// Opens a menu that asks why, and says so.
fn confirm(browser: &Browser, label: &str, reason: &str) {
    let menu = format!("//details[summary[normalize-space()='{label}']]");
    browser.click(&format!("{menu}/summary"));
    browser.fill(&format!("{menu}//input[@name='reason']"), reason);
    browser.click(&format!("{menu}//button"));
}

fn log_in(browser: &Browser, site: &Site) {
    browser.go(&site.at(""));
    browser.fill(&labelled("Token"), "not the right token");
    browser.click(&button("Log in"));
    browser.see("//*[@role='alert' and contains(., 'not a token')]");
    // The browser reports each 401 in the console.
    browser.assert_silent_but(&["401 (Unauthorized)"]);
    browser.fill(&labelled("Token"), TOKEN);
    browser.click(&button("Log in"));
    browser.see("//h1[.='Overview']");
}

/// From the list to the page of a new run.
fn start_an_export(browser: &Browser, site: &Site) {
    browser.go(&site.at("/runs"));
    browser.click("//a[.='New run']");
    browser.choose("kind", "export");
    browser.click(&button("Choose"));
    browser.fill(&labelled("Table"), "orders");
    browser.fill(&labelled("Rows"), "100");
    browser.click("//label[contains(., 'Compressed')]/input");
    browser.click(&button("Enqueue"));
    browser.see("//p[@role='status' and contains(., 'Enqueued')]");
}

fn progress(done: u64) -> String {
    format!("//section[contains(@class, 'going')]//progress[@value='{done}' and @max='100']")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_created_from_a_form_watched_suspended_proceeded_and_cancelled() {
    let Some(browser) = Browser::open(Script::On) else { return };
    let site = Site::open(Options::new().token(TOKEN, Role::Administer)).await;
    log_in(&browser, &site);
    browser.assert_silent_but(&["401 (Unauthorized)"]);
    start_an_export(&browser, &site);
    browser.see(&state("Running"));

    // The bar moves on the page that is there: what is kept in it is not lost by a reload.
    browser.run("window.wasThereBefore = true", &json!([]));
    for done in [20, 60] {
        site.goal.send_replace(done);
        browser.see(&progress(done));
    }
    assert_eq!(browser.run("return window.wasThereBefore", &json!([])), true);

    confirm(&browser, "Suspend", "the disk is full");
    browser.see(&state("Suspended"));
    browser.see("//*[@id='timeline']//*[contains(., 'the disk is full')]");
    browser.click(&button("Proceed"));
    browser.see(&state("Running"));
    browser.see(&progress(60));
    confirm(&browser, "Cancel", "nobody wants it");
    browser.see(&state("Cancelled"));
    browser.see("//*[contains(@class, 'callout') and contains(., 'nobody wants it')]");
    browser.assert_silent();

    browser.click(&button("Log out"));
    browser.see(&labelled("Token"));
    browser.go(&site.at("/runs"));
    browser.see(&labelled("Token"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_works_without_a_script() {
    let Some(browser) = Browser::open(Script::Off) else { return };
    let site = Site::open(Options::new().token(TOKEN, Role::Administer)).await;
    log_in(&browser, &site);
    start_an_export(&browser, &site);
    let url = browser.url();
    let id = url.rsplit_once('/').and_then(|(_, id)| id.split('?').next()?.parse().ok()).expect("it has an id");
    let client = site.server.client();
    // The form was answered, and the run is in this state: the page shows it when it is asked for again.
    let until = async |answer: &str, state: StateKind| {
        browser.see(&format!("//p[@role='status' and contains(., '{answer}')]"));
        let mut seen = client.snapshot(id).await.expect("it is there");
        while seen.run.state.kind() != state {
            seen = client.store().changed(id, seen.run.revision).await.expect("it changes");
        }
        browser.go(&site.at(&format!("/runs/{id}")));
    };
    until("Enqueued", StateKind::Running).await;
    confirm(&browser, "Suspend", "");
    until("asked to suspend", StateKind::Suspended).await;
    browser.see(&state("Suspended"));
    browser.click(&button("Proceed"));
    until("goes on", StateKind::Running).await;
    browser.see(&progress(0));
    confirm(&browser, "Cancel", "nobody wants it");
    until("asked to cancel", StateKind::Cancelled).await;
    browser.see(&state("Cancelled"));
    browser.assert_silent_but(&["401 (Unauthorized)"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_fields_of_the_chosen_variant_are_shown_without_a_script() {
    let Some(browser) = Browser::open(Script::Off) else { return };
    let site = Site::open(Options::new().open_to_everyone(Role::Administer)).await;
    browser.go(&site.at("/runs/new?kind=deliver"));
    let shows = |name: &str| browser.is_shown(&format!("//input[@name='{name}']"));
    assert_eq!([shows("m.to.door.street"), shows("m.to.shop.name")], [false, false]);
    browser.click("//input[@name='m.to' and @value='shop']");
    assert_eq!([shows("m.to.door.street"), shows("m.to.shop.name")], [false, true]);
    browser.click("//input[@name='m.to' and @value='door']");
    browser.fill("//input[@name='m.to.door.street']", "High Street");
    browser.fill("//input[@name='m.to.door.floor']", "2");
    browser.fill("//input[@name='m.parcel']", "7");
    browser.click(&button("Enqueue"));
    // The code is needed, and the browser says so before it sends anything.
    browser.fill("//input[@name='m.code']", "1234-secret");
    browser.click(&button("Enqueue"));
    browser.see("//h1[contains(., 'Parcel 7')]");
    browser.assert_silent();
}

/// Invites two people, after a third was added and removed. Answers the metadata of the run.
async fn invite(browser: &Browser, site: &Site) -> Invitation {
    browser.go(&site.at("/runs/new?kind=invite"));
    browser.fill("//input[@name='m.people.0.email']", "ann");
    browser.fill("//input[@name='m.people.0.code']", "4111-secret");
    browser.click("//button[@aria-label='Add to People']");
    browser.fill("//input[@name='m.people.1.email']", "eve");
    browser.click("//button[@aria-label='Add to People']");
    browser.fill("//input[@name='m.people.2.email']", "bob");
    browser.click("//fieldset[@id='m.people.2']//button[@aria-label='Add to Gifts']");
    browser.click("//input[@name='m.people.2.gifts.0' and @value='novel']");
    browser.fill("//input[@name='m.people.2.gifts.0.novel.title']", "Cosmos");
    browser.fill("//input[@name='m.people.2.gifts.0.novel.pages']", "9");
    browser.fill("//input[@name='m.people.2.gifts.0.novel.mark']", "x");
    browser.click("//button[@aria-label='Remove People 2']");
    browser.see("//fieldset[@id='m.people.2']/legend[.='People 2']");
    browser.fill("//input[@name='m.subject']", "Party");
    browser.click(&button("Enqueue"));
    browser.see("//p[@role='status' and contains(., 'Enqueued')]");
    let url = browser.url();
    let id = url.rsplit_once('/').and_then(|(_, id)| id.split('?').next()?.parse().ok()).expect("it has an id");
    site.server.client().run::<Invite>(id).status().await.unwrap().metadata().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn items_are_added_and_removed_without_a_script() {
    let Some(browser) = Browser::open(Script::Off) else { return };
    let site = Site::open(Options::new().open_to_everyone(Role::Administer)).await;
    let invited = invite(&browser, &site).await;
    let emails: Vec<_> = invited.people.iter().map(|person| &*person.email).collect();
    assert_eq!((emails, invited.people[1].gifts.len()), (vec!["ann", "bob"], 1));
    browser.assert_silent();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn items_are_added_and_removed_where_they_are_and_what_is_typed_elsewhere_stays() {
    let Some(browser) = Browser::open(Script::On) else { return };
    let site = Site::open(Options::new().open_to_everyone(Role::Administer)).await;
    let invited = invite(&browser, &site).await;
    let emails: Vec<_> = invited.people.iter().map(|person| &*person.email).collect();
    assert_eq!((emails, invited.people[0].code.as_deref()), (vec!["ann", "bob"], Some("4111-secret")));

    browser.go(&site.at("/runs/new?kind=invite"));
    browser.run("window.wasThereBefore = true", &json!([]));
    browser.click("//button[@aria-label='Add to People']");
    browser.see("//fieldset[@id='m.people.1']");
    // The focus follows: whoever has no mouse types on.
    let focused = "return [window.wasThereBefore, document.activeElement.value || document.activeElement.name]";
    assert_eq!(browser.run(focused, &json!([])), json!([true, "m.people.1.email"]));
    browser.click("//button[@aria-label='Remove People 2']");
    browser.see("//fieldset[@id='m.people' and not(fieldset[2])]");
    assert_eq!(browser.run(focused, &json!([])), json!([true, "people"]));
    // Enter sends the form, and does not press the first button that is shown.
    browser.fill("//input[@name='m.subject']", "Party");
    browser.fill("//input[@name='m.people.0.email']", "ann\u{e007}");
    browser.see("//p[@role='status' and contains(., 'Enqueued')]");
    browser.assert_silent();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_runs_are_retried_by_ticks_and_all_that_match_are_cancelled() {
    let Some(browser) = Browser::open(Script::On) else { return };
    let site = Site::open(Options::new().open_to_everyone(Role::Administer)).await;
    let client = site.server.client();
    for _ in 0..4 {
        client.enqueue::<Fail>("no".into()).await.unwrap().outcome().await.unwrap();
        client.enqueue::<Wait>("x".into()).await.unwrap();
    }
    browser.go(&site.at("/runs?state=failed&kind=fail"));
    browser.click("(//input[@name='id'])[1]");
    // A click with Shift ticks those between, too.
    browser.run(
        "arguments[0].dispatchEvent(new MouseEvent('click', { shiftKey: true, bubbles: true, cancelable: true }))",
        &json!([browser.element("(//input[@name='id'])[3]")]),
    );
    assert_eq!(browser.run("return document.querySelectorAll('input:checked').length", &json!([])), 3);
    // Enter in the reason does nothing: it would press the first button that is there.
    browser.fill("//form[contains(@class, 'bulk')]//input[@placeholder='Reason (optional)']", "again\u{e007}");
    assert_eq!(client.select().kind("fail").unwrap().count().await.unwrap(), 4);
    browser.click(&button("Retry"));
    browser.see("//p[@role='status' and contains(., 'Retried')]");
    assert_eq!(client.select().kind("fail").unwrap().count().await.unwrap(), 7, "four, and three as new runs");
    // What cannot be taken back asks first.
    browser.go(&site.at("/runs?state=failed&kind=fail&order=oldest"));
    browser.click("(//input[@name='id'])[1]");
    assert!(!browser.is_shown(&button("Delete")));
    browser.click("//summary[normalize-space()='Delete…']");
    browser.click(&button("Delete"));
    browser.see("//p[@role='status' and contains(., 'Deleted')]");
    assert_eq!(client.select().kind("fail").unwrap().count().await.unwrap(), 6);

    browser.go(&site.at("/runs?kind=wait"));
    browser.click("//summary[contains(., 'All that match')]");
    browser.click(&button("Cancel all"));
    browser.see("//p[@role='status' and contains(., 'Cancelled')]");
    browser.go(&site.at("/runs?kind=wait&state=cancelled"));
    browser.see("//h1[small='4']");
    browser.assert_silent();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_is_refused_what_its_role_does_not_allow_and_what_other_sites_ask() {
    let Some(browser) = Browser::open(Script::On) else { return };
    let site = Site::open(Options::new().open_to_everyone(Role::View)).await;
    let run = site.server.client().enqueue::<Wait>("x".into()).await.unwrap();
    let page = format!("/runs/{}", run.id());
    browser.go(&site.at(&page));
    browser.see(&state("Suspended"));
    assert_eq!(browser.count("//button | //a[contains(., 'Run again')]"), 0, "who may only look has nothing to press");
    browser.assert_silent();

    // A page of another site, with a form for ours.
    let form = format!("<form method=post action={}><button>Win</button></form>", site.at(&format!("{page}/cancel")));
    browser.go(&format!("data:text/html,{form}"));
    browser.click(&button("Win"));
    browser.see("//h1[.='Another site']");
    browser.assert_silent_but(&["403 (Forbidden)"]);

    browser.go(&site.at("/runs/new"));
    browser.see("//*[@role='alert' and contains(., 'act')]");
    let closed = Site::open(Options::new()).await;
    browser.go(&closed.at(""));
    browser.see("//h1[.='Closed']");
    assert_eq!(run.status().await.unwrap().state(), StateKind::Suspended);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schedule_is_created_paused_and_deleted() {
    let Some(browser) = Browser::open(Script::On) else { return };
    let site = Site::open(Options::new().open_to_everyone(Role::Administer)).await;
    browser.go(&site.at("/schedules"));
    browser.click("//a[.='New schedule']");
    browser.choose("kind", "export");
    browser.click(&button("Choose"));
    browser.fill(&labelled("Name"), "nightly");
    browser.click("//input[@name='how' and @value='cron']");
    browser.fill("//input[@name='cron']", "61 * * * *");
    browser.fill("//input[@name='zone']", "Europe/Berlin");
    browser.fill(&labelled("Table"), "orders");
    browser.fill(&labelled("Rows"), "100");
    browser.fill("//input[@name='requires']", "eu");
    browser.click(&button("Create"));
    browser.see("//*[@id='wrong-cron' and contains(., '61')]");
    browser.fill("//input[@name='cron']", "0 2 * * *");
    browser.click(&button("Create"));
    browser.see("//p[@role='status' and contains(., 'Created')]");
    assert_eq!(browser.count("//section[@id='instants']//td/time[contains(., '02:00:00')]"), 5);
    // The refused form was answered with 422.
    browser.assert_silent_but(&["422"]);

    browser.go(&site.at("/schedules"));
    browser.click("//details[@class='next']/summary");
    assert_eq!(browser.count("//details[@class='next']//li[contains(., '02:00:00')]"), 5);
    confirm(&browser, "Pause", "holidays");
    browser.see("//td[contains(., 'Paused') and contains(., 'holidays')]");
    let info = site.server.client().schedules().get("nightly").await.unwrap();
    assert_eq!((info.paused().is_some(), info.requires().len()), (true, 1));
    browser.click("//td//a[.='nightly']");
    browser.see("//input[@name='cron' and @value='0 2 * * *']");
    // What is asked is changed where it is changed, and a wrong value says so on the page that comes back.
    browser.click("//input[@name='how' and @value='every']");
    browser.fill("//input[@name='every']", "1h");
    browser.fill("//input[@name='m.rows']", "");
    browser.click(&button("Save"));
    browser.see("//*[@role='alert' and contains(., 'Not saved')]");
    browser.see("//*[@id='wrong-m.rows' and .='It is needed.']");
    browser.fill("//input[@name='m.rows']", "70");
    browser.click(&button("Save"));
    browser.see("//dd[.='every hour']");
    browser.assert_silent_but(&["422"]);
    let schedules = site.server.client().schedules();
    assert_eq!(schedules.get("nightly").await.unwrap().metadata::<Export>().unwrap().rows, 70);
    // From its own page one stays there.
    browser.click(&button("Resume"));
    browser.see("//h1[contains(., 'nightly')]");
    browser.see("//p[@role='status' and contains(., 'Resumed')]");
    browser.click(&button("Run now"));
    browser.see("//p[@role='status' and contains(., 'Enqueued')]");
    let run = schedules.get("nightly").await.unwrap().last_runs()[0];
    browser.go(&site.at("/schedules"));
    browser.click("//ol[@class='strip']/li/a[contains(., ', by hand')]");
    browser.see(&format!("//p[.='{run}']"));
    browser.go(&site.at("/schedules"));
    confirm(&browser, "Delete", "");
    browser.see("//p[contains(., 'There are no schedules')]");
    browser.assert_silent();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_is_said_in_the_form_that_was_sent_and_the_page_goes_on() {
    let Some(browser) = Browser::open(Script::On) else { return };
    let site = Site::open(Options::new().open_to_everyone(Role::Administer)).await;
    let client = site.server.client();
    client.enqueue::<Wait>("x".into()).await.unwrap();
    // A run that somebody else deletes says so, and has nothing to press any more.
    let gone = client.enqueue::<Fail>("no".into()).await.unwrap();
    gone.outcome().await.unwrap();
    browser.go(&site.at(&format!("/runs/{}", gone.id())));
    browser.see(&button("Retry"));
    client.store().delete(gone.id()).await.unwrap();
    browser.see("//p[@role='alert' and .='This run was deleted.']");
    assert_eq!(browser.count("//main//button"), 0);
    browser.assert_silent();
    browser.go(&site.at("/queues"));
    browser.click("//summary[normalize-space()='Limits']");
    browser.fill("//input[@name='rate']", "fast");
    browser.click(&button("Set"));
    browser.see("//details[@open]//*[@id='wrong-rate' and contains(., '`fast` is no rate')]");
    assert!(browser.is_shown("//input[@name='rate' and @value='fast']"));
    assert_eq!(browser.url(), site.at("/queues"), "a reload shows the page, and sends nothing again");
    browser.fill("//input[@name='rate']", "5/h");
    browser.click(&button("Set"));
    browser.see("//td[contains(., '5 per 1 h')]");
    // What changes elsewhere is still seen, on the page that answered a form too.
    browser.click("//summary[normalize-space()='Limits']");
    browser.fill("//input[@name='rate']", "slow");
    browser.click(&button("Set"));
    browser.see("//*[@id='wrong-rate']");
    // A click elsewhere closes the form: while somebody is in it, nothing moves.
    browser.click("//h1");
    client.queue("default").unwrap().pause().await.unwrap();
    browser.see("//td[contains(., 'Paused')]");

    browser.go(&site.at("/runs"));
    browser.fill("//input[@name='tag']", "customer");
    browser.click(&button("Filter"));
    browser.see("//*[@id='wrong-tag']");
    browser.assert_silent_but(&["422"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_watches_one_run_on_a_page_of_the_app() {
    let Some(browser) = Browser::open(Script::On) else { return };
    let site = Site::open(Options::new()).await;
    let client = site.server.client();
    let run = client.enqueue::<Export>(Wanted::of_rows(100)).await.unwrap();
    let token = tokens().issue(run.id(), client.store().clock().now(), std::time::Duration::from_secs(3600));
    browser.go(&format!("http://localhost:{}/{token}", site.port));
    browser.see("//run-progress[@state='running']");
    site.goal.send_replace(40);
    browser.see("//run-progress/p[@role='status' and .='writing rows · 40 %']");
    site.goal.send_replace(100);
    browser.see("//run-progress[@state='completed']/p[.='Done']");
    let audit = browser.run(include_str!("audit.js"), &json!([]));
    assert_eq!(audit, json!([]));
    browser.assert_silent();
}
