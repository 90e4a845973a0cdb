//! How it goes, and what needs a look.

use longhaul::StateKind;
use longhaul_inspect::{Overview, words};
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
                    @for warning in &of.warnings { li { (warning.text) } }
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
                            (Some(oldest), Some(queue)) => { (parts::when(view.now, oldest)) " in " a href=(parts::link(view, "/runs", "queue", queue.as_str())) { (queue) } },
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

fn api(view: &View<'_>) -> Markup {
    html! { a .json-link href=(view.mount.to("/api/v1/overview")) { "JSON" } }
}
