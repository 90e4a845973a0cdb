//! Schedules.

use longhaul::ScheduleOrigin;
use longhaul_inspect::{Role, ScheduleAction, ScheduleView};
use maud::{Markup, html};

use super::{View, buttons, layout, parts};

pub(crate) fn schedules(view: &View<'_>, all: &[ScheduleView]) -> Markup {
    layout::page(
        view,
        "/schedules",
        "Schedules",
        Some("/events"),
        &html! {
            div .head { h1 { "Schedules" } span .actions {
                a .json-link href=(view.mount.to("/api/v1/schedules")) { "JSON" }
                @if view.user.may(Role::Administer) { a .button.primary href=(view.mount.to("/schedules/new")) { "New schedule" } }
            } }
            div #schedules data-live {
                @if all.is_empty() { (parts::empty("There are no schedules.")) } @else {
                    table {
                        thead { tr { th { "Name" } th { "When" } th { "Kind" } th { "Next" } th { "Last runs" } th .number { "Enqueued" } th .number { "Missed" } th { "Made by" } th { span .hidden { "Actions" } } } }
                        tbody { @for schedule in all { (row(view, schedule)) } }
                    }
                }
            }
        },
    )
}

fn row(view: &View<'_>, of: &ScheduleView) -> Markup {
    let (info, name) = (&of.info, of.info.name().as_str());
    let counts = info.counts();
    html! { tr {
        td { a href=(parts::named(view, "/schedules", name)) { strong { (name) } } @if let Some(paused) = info.paused() { br; (parts::paused_by(view, paused)) } }
        td { (of.text()) }
        td { a href=(parts::named(view, "/kinds", info.kind().as_str())) { (info.kind()) } }
        td { @match &of.next {
            Err(why) => span .wrong { (why) },
            Ok(next) => @match next.first() {
                None => span .muted { "never again" },
                Some(first) => details .next {
                    summary { (parts::when(view.now, first.at)) }
                    ol { @for local in next { li { time datetime=(local.at) data-exact { (local) }
                        @if local.moved_from.is_some() { " " small .muted { "moved" } } } } }
                },
            },
        } }
        td { (last_runs(view, of)) }
        td .number { a href=(runs_of(view, of)) { (parts::count(counts.enqueued)) } }
        td .number { (parts::count(counts.missed)) }
        td .muted { (made_by(of)) }
        td .actions { (actions(view, of)) }
    } }
}

/// The runs that a schedule enqueued.
pub(super) fn runs_of(view: &View<'_>, of: &ScheduleView) -> String {
    parts::link(view, "/runs", "tag", &format!("{}:{}", longhaul::SCHEDULE_TAG, of.info.name()))
}

pub(super) fn made_by(of: &ScheduleView) -> Markup {
    html! { @match of.info.made_by() {
        ScheduleOrigin::Code { server } => { "the code of " (server) },
        _ => "a client",
    } }
}

pub(super) fn actions(view: &View<'_>, of: &ScheduleView) -> Markup {
    let name = of.info.name().as_str();
    html! {
        @for action in of.actions().into_iter().filter(|action| view.user.may(action.role())) {
            @let path = format!("{}/{}", parts::named(view, "/schedules", name), action.as_str());
            @match action {
                ScheduleAction::Pause => (buttons::with_reason(view, &path, "Pause", "It enqueues nothing until somebody resumes it.", "")),
                ScheduleAction::Resume => (buttons::at_once(&path, "Resume", "")),
                ScheduleAction::RunNow => (buttons::at_once(&path, "Run now", "")),
                _ => (buttons::with_reason(view, &path, "Delete", "It is removed. Its runs stay.", "danger")),
            }
        }
    }
}

/// The latest runs as squares, the newest on the right.
pub(super) fn last_runs(view: &View<'_>, of: &ScheduleView) -> Markup {
    html! { @if of.latest.is_empty() { span .muted { "none" } } @else {
        ol .strip { @for run in &of.latest { li {
            @let by_hand = if run.by_hand { ", by hand" } else { "" };
            @match run.state {
                Some(state) => {
                    @let text = format!("{}, {}{by_hand}", parts::state_name(state), run.at);
                    a .square.(state.as_str()) href=(view.mount.to(format_args!("/runs/{}", run.run))) title=(text) { span .hidden { (text) } }
                },
                None => {
                    @let text = format!("Not kept any more, {}{by_hand}", run.at);
                    span .square title=(text) { span .hidden { (text) } }
                },
            }
        } } }
    } }
}
