//! Kinds.

use longhaul::Control;
use longhaul_inspect::{KindView, PausedKey, Role};
use maud::{Markup, html};

use super::{
    View, buttons, layout,
    limits::{self, Of},
    parts,
};

pub(crate) fn kinds(view: &View<'_>, all: &[KindView]) -> Markup {
    layout::page(
        view,
        "/kinds",
        "Kinds",
        Some("/events"),
        &html! {
            div .head { h1 { "Kinds" } a .json-link href=(view.mount.to("/api/v1/kinds")) { "JSON" } }
            div #kinds data-live {
                @if all.is_empty() { (parts::empty("No kind is known.")) } @else {
                    table {
                        thead { tr { th { "Kind" } th { "Servers" } (parts::counts_head()) th { "Limits" } th { span .hidden { "Actions" } } } }
                        tbody { @for kind in all { (row(view, kind)) } }
                    }
                }
            }
        },
    )
}

fn row(view: &View<'_>, of: &KindView) -> Markup {
    let name = of.kind.as_str();
    html! { tr {
        td { a href=(parts::named(view, "/kinds", name)) { strong { (name) } }
            @if of.control.paused.is_some() { br; (parts::paused(view, &of.control)) } }
        td { @if of.servers == 0 { span .wrong { "none" } } @else { (of.servers) } }
        (parts::counts(view, "kind", name, &of.states))
        td { (limits::limits(&of.control)) }
        td .actions {
            @if of.can_start && view.user.may(Role::Act) { a .button href=(parts::link(view, "/runs/new", "kind", name)) { "New run" } }
            @if view.user.may(Role::Administer) { (limits::form(view, Of::Kind, name, &of.control)) (pause(view, "/kinds", name, &of.control)) }
        }
    } }
}

/// The button that pauses or resumes a queue or a kind.
pub(super) fn pause(view: &View<'_>, of: &str, name: &str, control: &Control) -> Markup {
    let path = parts::named(view, of, name);
    html! {
        @if control.paused.is_some() { (buttons::at_once(&format!("{path}/resume"), "Resume", "")) }
        @else { (buttons::pause(view, &format!("{path}/pause"), "Nothing of it starts meanwhile. What runs goes on.")) }
    }
}

fn paused_key(view: &View<'_>, kind: &str, of: &PausedKey) -> Markup {
    let path = parts::named(view, &format!("/kinds/{kind}/keys"), of.key.as_str());
    html! { p {
        strong { (of.key) } " " (parts::paused_by(view, &of.paused))
        @if let Some(until) = of.paused.until { small .muted { " until " (parts::when(view.now, until)) } }
        @if view.user.may(Role::Administer) { " " (buttons::at_once(&format!("{path}/resume"), "Resume", "")) }
    } }
}

pub(crate) fn kind(view: &View<'_>, of: &KindView) -> Markup {
    let name = of.kind.as_str();
    let versions: Vec<String> = of.versions.iter().map(ToString::to_string).collect();
    layout::page(
        view,
        "/kinds",
        name,
        Some("/events"),
        &html! {
            div .head { h1 { (name) } span .actions {
                a .json-link href=(parts::named(view, "/api/v1/kinds", name)) { "JSON" }
                @if view.user.may(Role::Administer) { (limits::form(view, Of::Kind, name, &of.control)) (pause(view, "/kinds", name, &of.control)) }
                @if of.can_start && view.user.may(Role::Act) { a .button.primary href=(parts::link(view, "/runs/new", "kind", name)) { "New run" } }
            } }
            section .card.facts #facts data-live { dl {
                @if of.control.paused.is_some() { dt { "State" } dd { (parts::paused(view, &of.control)) } }
                dt { "Servers" } dd { (of.servers) }
                dt { "Versions they read" } dd { @if versions.is_empty() { span .muted { "none" } } @else { (versions.join(", ")) } }
                dt { "Kept as" } dd { @if let Some(codec) = &of.codec { (codec) } @else { span .muted { "not known here" } } }
                dt { "Limits" } dd { (limits::limits(&of.control)) }
                @if !of.searchable.is_empty() { dt { "Found by" } dd { @for key in &of.searchable { code { (key) } " " } } }
                @if !of.paused_keys.is_empty() { dt { "Paused keys" } dd { @for paused in &of.paused_keys { (paused_key(view, name, paused)) } } }
                dt { "Runs" } dd { a href=(parts::link(view, "/runs", "kind", name)) { "all" } ", "
                    a href=(format!("{}&state=failed", parts::link(view, "/runs", "kind", name))) { "failed" } }
            } }
            @if !of.incompatible.is_empty() {
                section .card {
                    h2 { "Incompatible values " a .more href=(format!("{}&state=incompatible", parts::link(view, "/runs", "kind", name))) { "all " (longhaul_inspect::words::count(of.states.of(longhaul::StateKind::Incompatible))) } }
                    p .muted { "The code that runs cannot read them. They wait for code that can, and nothing of them is lost." }
                    table {
                        thead { tr { th { "Run" } th .number { "Version" } th { "What the code says" } } }
                        tbody { @for run in &of.incompatible { tr {
                            td { (parts::run_link(view, run.id)) }
                            td .number { (run.version) }
                            td { (run.why) }
                        } } }
                    }
                }
            }
            @match &of.schema {
                None => p .muted { "It publishes no schema of its values." },
                Some(schema) => div .values {
                    @for (heading, schema) in [("Metadata", &schema.metadata), ("Execution metadata", &schema.execution_metadata), ("Result", &schema.result), ("Error", &schema.error)] {
                        section .value { h2 { (heading) small .muted { "JSON Schema" } } (parts::json(schema)) }
                    }
                },
            }
        },
    )
}
