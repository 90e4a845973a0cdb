//! How it goes, and what needs a look.

use longhaul::StateKind;
use longhaul_inspect::{Overview, Warning, words};
use maud::{Markup, html};

use super::{View, layout, parts};
use crate::chart;

const TILES: [StateKind; 6] = [
    StateKind::Running,
    StateKind::Pending,
    StateKind::Retrying,
    StateKind::Suspended,
    StateKind::Failed,
    StateKind::Completed,
];

pub(crate) fn overview(view: &View<'_>, of: &Overview) -> Markup {
    let [completed, failed, _] = of.ended_last_hour();
    layout::page(
        view,
        "/",
        "Overview",
        Some("/events"),
        &html! {
            div .head { h1 { "Overview" } (api(view)) }
            @if !of.warnings.is_empty() {
                ul .warnings #warnings data-live aria-label="What needs a look" {
                    @for warning in &of.warnings { li { (warning.text) @if let Some(to) = leads_to(view, warning) { " " a href=(to) { "Look" } } } }
                }
            } @else { ul .warnings #warnings data-live hidden {} }
            ul .tiles #tiles data-live aria-label="Runs by state" {
                @for state in TILES {
                    li { a href=(parts::link(view, "/runs", "state", state.as_str())) {
                        (parts::state(state)) strong { (words::count(of.states.of(state))) }
                    } }
                }
            }
            div .columns {
                section .card #throughput data-live {
                    h2 { "Last hour" small .muted { (words::count(completed)) " completed, " (words::count(failed)) " failed" } }
                    (chart::throughput(&of.minutes))
                    ul .legend { li .bar-completed { "Completed" } li .bar-retrying { "Tried again" } li .bar-failed { "Failed" } li .bar-cancelled { "Cancelled" } }
                }
                section .card.facts #facts data-live {
                    h2 { "Now" }
                    dl {
                        dt { "Due" } dd { (words::count(of.due)) " " (if of.due == 1 { "run" } else { "runs" }) }
                        dt { "Oldest due" }
                        dd { @match (of.oldest, &of.oldest_queue) {
                            (Some(oldest), Some(queue)) => { (parts::when(view.now, oldest)) " in " a href=(parts::link(view, "/runs", "queue", queue.as_str())) { (queue) }
                                @if of.oldest_is_paused { ", which is paused" } },
                            _ => span .muted { "none" },
                        } }
                        dt { "Servers" } dd { a href=(view.mount.to("/servers")) { (of.servers) } }
                    }
                }
            }
            section #running data-live {
                h2 { "Running now" a .more href=(parts::link(view, "/runs", "state", "running")) { "all" } }
                @if of.running.is_empty() { (parts::empty("Nothing runs.")) } @else { (parts::rows(view, &of.running, false)) }
            }
            section #failed data-live {
                h2 { "Failed last" a .more href=(parts::link(view, "/runs", "state", "failed")) { "all" } }
                @if of.failed.is_empty() { (parts::empty("Nothing failed.")) } @else { (parts::rows(view, &of.failed, false)) }
            }
        },
    )
}

/// Where there is more about a warning.
fn leads_to(view: &View<'_>, warning: &Warning) -> Option<String> {
    let about = warning.about.as_deref().unwrap_or_default();
    Some(match warning.code {
        "no_server" | "servers_drain" | "server_late" => view.mount.to("/servers"),
        "kind_without_server" | "kind_paused" | "incompatible_runs" => parts::named(view, "/kinds", about),
        "queue_paused" => view.mount.to("/queues"),
        "waiting_long" => format!("{}&state=pending&order=oldest", parts::link(view, "/runs", "queue", about)),
        _ => return None,
    })
}

fn api(view: &View<'_>) -> Markup {
    html! { a .json-link href=(view.mount.to("/api/v1/overview")) { "JSON" } }
}
