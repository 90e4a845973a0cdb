//! A new run: fields of its kind's schema, or JSON.

use longhaul_inspect::KindView;
use maud::{Markup, html};

use super::{
    View,
    fields::{Filled, Wrong, fields_of, send},
    layout, parts,
};
use crate::form::Form;

/// What the page is made with.
pub(crate) struct Known {
    pub(crate) kinds: Vec<KindView>,
    /// The labels of living servers.
    pub(crate) labels: Vec<String>,
}

/// `values`: what the fields hold.
pub(crate) fn start(view: &View<'_>, known: &Known, values: &Form, wrong: &Wrong) -> Markup {
    let page = Filled { values, wrong, action: view.mount.to("/runs") };
    let fields = fields_of(&known.kinds, values);
    layout::page(
        view,
        "/runs",
        "New run",
        None,
        &html! {
            div .head { h1 { "New run" } }
            (kind(view, &page, &known.kinds, "/runs/new"))
            @for (_, why) in wrong.iter().filter(|(field, _)| field.is_empty()) { p .callout.bad role="alert" { (why) } }
            @if let Some(kind) = values.get("kind") {
                form .stack.card method="post" action=(page.action) {
                    (send())
                    input type="hidden" name="kind" value=(kind);
                    (page.metadata(view, kind, fields.as_deref(), "/runs/new"))
                    fieldset { legend { "More" }
                        (page.text("Name", "title", "for people; optional"))
                        (page.time("Not before (UTC)", "at"))
                        (page.requires(&known.labels))
                        (page.text("Queue", "queue", "the kind's"))
                        (page.priority())
                        (page.text("Tags", "tags", "customer:7, month:11"))
                    }
                    div .bar { button .primary { "Enqueue" } a href=(view.mount.to("/runs")) { "Back" } }
                }
            }
        },
    )
}

/// The form that chooses the kind, for a page of its own.
pub(super) fn kind(view: &View<'_>, page: &Filled<'_>, kinds: &[KindView], path: &str) -> Markup {
    let mut known = kinds.iter().filter(|kind| kind.can_start).peekable();
    // One that nobody knows too: what was typed for it must not get lost.
    let chosen = page.get("kind");
    html! {
        @if known.peek().is_none() { (parts::empty("No kind can be started here: this program has the code of none, and the store knows none with a form.")) }
        form .filters method="get" action=(view.mount.to(path)) {
            label { "Kind" select name="kind" required aria-invalid=[page.is_wrong("kind")] aria-describedby=[page.describes("kind")] {
                @for kind in known { option selected[chosen == Some(kind.kind.as_str())] { (kind.kind) } }
            } (page.note("kind")) }
            button { @if chosen.is_some() { "Change" } @else { "Choose" } }
        }
    }
}
