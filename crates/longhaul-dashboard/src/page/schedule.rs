//! One schedule: what it does, and the forms that make and change one.

use longhaul::schema;
use longhaul_inspect::{Role, ScheduleView};
use maud::{Markup, html};

use super::{
    View,
    fields::{Filled, Wrong, fields_of, send},
    instants, layout, parts, schedules,
    start::{Known, kind},
};
use crate::form::Form;

const OVERLAPS: [(&str, &str); 4] = [
    ("skip", "leave the instant out"),
    ("queue", "wait for it"),
    ("allow", "run beside it"),
    ("cancel_running", "cancel it"),
];
const MISSED: [(&str, &str); 2] = [("once", "one run makes up for all"), ("skip", "leave them out")];

/// A new schedule. `values`: what the fields hold.
pub(crate) fn create(view: &View<'_>, known: &Known, values: &Form, wrong: &Wrong) -> Markup {
    let page = Filled { values, wrong, action: view.mount.to("/schedules") };
    let fields = fields_of(&known.kinds, values);
    layout::page(
        view,
        "/schedules",
        "New schedule",
        None,
        &html! {
            div .head { h1 { "New schedule" } }
            (kind(view, &page, &known.kinds, "/schedules/new"))
            (whole(wrong))
            @if let Some(kind) = values.get("kind") {
                form .stack.card method="post" action=(page.action) {
                    (send())
                    input type="hidden" name="kind" value=(kind);
                    label { "Name" input name="name" required maxlength="128" placeholder="nightly-export" value=[page.get("name")]
                        aria-invalid=[page.is_wrong("name")] aria-describedby=[page.describes("name")]; (page.note("name")) }
                    (when(&page))
                    fieldset .ways { legend { "What each run is asked" }
                        (page.metadata(view, kind, fields.as_deref(), "/schedules/new")) }
                    (more(&page, known))
                    div .bar { button .primary { "Create" } a href=(view.mount.to("/schedules")) { "Back" } }
                }
            }
        },
    )
}

/// One that is there, with the form that changes it for those who may.
pub(crate) fn schedule(view: &View<'_>, of: &ScheduleView, known: &Known, values: &Form, wrong: &Wrong) -> Markup {
    let (name, info) = (of.info.name().as_str(), &of.info);
    layout::page(
        view,
        "/schedules",
        name,
        Some("/events"),
        &html! {
            div .head { h1 { (name) small .muted { (info.kind()) } } span .actions #actions data-live {
                a .json-link href=(parts::named(view, "/api/v1/schedules", name)) { "JSON" }
                (schedules::actions(view, of))
            } }
            @if !wrong.is_empty() { p .callout.bad role="alert" { "Not saved. " a href="#change" { "What is wrong is said below." } } }
            section .card.facts #facts data-live { dl {
                @if let Some(paused) = info.paused() { dt { "State" } dd { (parts::paused_by(view, paused)) } }
                dt { "When" } dd { (of.text()) }
                dt { "Kind" } dd { a href=(parts::named(view, "/kinds", info.kind().as_str())) { (info.kind()) } }
                dt { "Queue" } dd { (info.queue()) }
                dt { "Made by" } dd { (schedules::made_by(of))
                    @if let Some(changed) = info.changed() { ", changed by " (changed.by) " " (parts::when(view.now, changed.at)) } }
                @let counts = info.counts();
                dt { "Enqueued" } dd { (parts::count(counts.enqueued)) }
                dt { "Missed" } dd { (parts::count(counts.missed)) }
                dt { "Runs" } dd { a href=(schedules::runs_of(view, of)) { "all" } }
            } }
            section #last-runs data-live { h2 { "Last runs" } (schedules::last_runs(view, of)) }
            (instants::instants(view, of))
            @if view.user.may(Role::Administer) { section #change { h2 { "Change it" } (change(view, of, known, values, wrong)) } }
            @else { (parts::value("Metadata", &of.metadata)) }
        },
    )
}

/// Its metadata is changed only where something else is filled in than what was shown: secrets are not, and would get lost.
fn change(view: &View<'_>, of: &ScheduleView, known: &Known, values: &Form, wrong: &Wrong) -> Markup {
    let (name, kind) = (of.info.name().as_str(), of.info.kind());
    let page = Filled { values, wrong, action: parts::named(view, "/schedules", name) };
    let fields = fields_of(&known.kinds, values);
    let known_kind = known.kinds.iter().find(|known| known.kind == *kind);
    let has_secrets =
        known_kind.and_then(|kind| kind.schema.as_ref()).is_some_and(|of| schema::has_secrets(&of.metadata));
    html! {
        (whole(wrong))
        form .stack.card method="post" action=(format!("{}#change", page.action)) novalidate {
            (send())
            input type="hidden" name="kind" value=(kind);
            (when(&page))
            fieldset .ways { legend { "What each run is asked" }
                @if fields.is_some() || known_kind.is_some_and(|kind| kind.can_start) {
                    @if has_secrets { p .muted { "Secrets stay as they are while nothing here is changed, and are to be written again otherwise." } }
                    (page.metadata(view, kind.as_str(), fields.as_deref(), &format!("/schedules/{name}")))
                } @else { p .muted { "This program does not have the code of its kind, which has no form, and cannot change it." } }
            }
            (more(&page, known))
            div .bar { button .primary { "Save" } a href=(view.mount.to("/schedules")) { "Back" } }
        }
    }
}

fn whole(wrong: &Wrong) -> Markup {
    html! { @for (_, why) in wrong.iter().filter(|(field, _)| field.is_empty()) { p .callout.bad role="alert" { (why) } } }
}

fn when(page: &Filled<'_>) -> Markup {
    let how = page.get("how").unwrap_or("every");
    let option = |value: &str, label: &str, fields: Markup| {
        html! { div .way {
            label .flag { input type="radio" name="how" value=(value) checked[how == value]; span { (label) } }
            div { (fields) }
        } }
    };
    html! { fieldset .ways { legend { "When" }
        (option("every", "Again and again", page.text("Every", "every", "15m, 1h30m, 1d")))
        (option("cron", "By a cron pattern", html! {
            (page.text("Cron pattern", "cron", "0 2 * * *"))
            (page.text("Time zone", "zone", "UTC, Europe/Berlin, …"))
        }))
        (option("once", "Once", page.time("At (UTC)", "once")))
        (page.time("Not before (UTC), for the first two", "starting"))
        (page.time("Not after (UTC), for the first two", "ending"))
        (page.text("Not on these dates, for the first two", "except", "2026-12-25, 2026-12-26"))
    } }
}

fn more(page: &Filled<'_>, known: &Known) -> Markup {
    let choice = |label: &str, name: &str, options: &[(&str, &str)]| {
        html! { label { (label) select name=(name) {
            @for (value, text) in options { option value=(value) selected[page.get(name) == Some(value)] { (text) } }
        } } }
    };
    html! { fieldset { legend { "More" }
        (choice("If the run before is not finished", "overlap", &OVERLAPS))
        (choice("Instants at which no server lived", "missed", &MISSED))
        (page.requires(&known.labels))
        (page.text("Queue", "queue", "the kind's"))
        (page.priority())
    } }
}
