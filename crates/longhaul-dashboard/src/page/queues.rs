//! Queues.

use longhaul_inspect::{QueueView, Role};
use maud::{Markup, html};

use super::{
    View, layout,
    limits::{self, Of},
    parts,
};

pub(crate) fn queues(view: &View<'_>, all: &[QueueView]) -> Markup {
    layout::page(
        view,
        "/queues",
        "Queues",
        Some("/events"),
        &html! {
            div .head { h1 { "Queues" } a .json-link href=(view.mount.to("/api/v1/queues")) { "JSON" } }
            div #queues data-live {
                @if all.is_empty() { (parts::empty("No queue has had a run.")) } @else {
                    table {
                        thead { tr { th { "Queue" } th .number { "Due" } th { "Oldest due" } (parts::counts_head()) th { "Limits" } th { span .hidden { "Actions" } } } }
                        tbody { @for queue in all { tr {
                            @let name = queue.queue.as_str();
                            td { a href=(parts::link(view, "/runs", "queue", name)) { strong { (name) } }
                                @if queue.control.paused.is_some() { br; (parts::paused(view, &queue.control)) } }
                            td .number { (parts::count(queue.due)) }
                            td .muted { @if let Some(oldest) = queue.oldest { (parts::when(view.now, oldest)) } }
                            (parts::counts(view, "queue", name, &queue.states))
                            td { (limits::limits(&queue.control)) }
                            td .actions { @if view.user.may(Role::Administer) {
                                (limits::form(view, Of::Queue, name, &queue.control)) (super::kinds::pause(view, "/queues", name, &queue.control)) } }
                        } } }
                    }
                }
            }
        },
    )
}
