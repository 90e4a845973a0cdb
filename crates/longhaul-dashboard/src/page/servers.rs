//! Servers.

use longhaul_inspect::{Role, ServerView};
use maud::{Markup, html};

use super::{View, buttons, layout, parts};

pub(crate) fn servers(view: &View<'_>, all: &[ServerView]) -> Markup {
    layout::page(
        view,
        "/servers",
        "Servers",
        Some("/events"),
        &html! {
            div .head { h1 { "Servers" } a .json-link href=(view.mount.to("/api/v1/servers")) { "JSON" } }
            div #servers data-live {
                @if all.is_empty() { (parts::empty("No server lives.")) }
                @for server in all { (card(view, server)) }
            }
        },
    )
}

fn drain(view: &View<'_>, of: &ServerView) -> Markup {
    let path = |action: &str| view.mount.to(format_args!("/servers/{}/{action}", of.id));
    html! {
        @if of.draining.is_some() { (buttons::at_once(&path("resume"), "Resume", "")) }
        @else { (buttons::with_reason(view, &path("drain"), "Drain", "It claims nothing more, and finishes what it has. A restart begins without it.", "")) }
    }
}

fn card(view: &View<'_>, of: &ServerView) -> Markup {
    html! {
        section .card {
            h2 { (of.name) " "
                @if of.is_late { span .state.failed { "Late" } } @else { span .state.completed { "Alive" } }
                small .muted { "heard " (parts::when(view.now, of.last_beat)) }
                @if view.user.may(Role::Administer) { span .actions { (drain(view, of)) } } }
            @if let Some(paused) = &of.draining { p { span .state.paused { "Draining" }
                small .muted { " by " (paused.by) " " (parts::when(view.now, paused.at)) @if let Some(why) = &paused.why { ": " (why) } } } }
            p .id.whole { (of.id) }
            p { @for kind in &of.kinds { a .tag href=(parts::named(view, "/kinds", kind.kind.as_str())) { b { (kind.kind) } span { "v" (kind.version) } } }
                @for label in &of.labels { span .tag { span { "label" } b { (label) } } } }
            @if of.running.is_empty() { p .muted { "It runs nothing." } } @else {
                table {
                    thead { tr { th { "Run" } th { "Kind" } th { "Queue" } th { "Since" } } }
                    tbody { @for run in &of.running { tr {
                        td { (parts::run_link(view, run.id)) }
                        td { (run.kind) }
                        td .muted { (run.queue) }
                        td .muted { (parts::when(view.now, run.since)) }
                    } } }
                }
            }
        }
    }
}
