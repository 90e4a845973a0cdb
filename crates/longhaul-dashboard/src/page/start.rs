//! A new run.

use longhaul_inspect::KindView;
use maud::{Markup, html};

use super::{View, layout, parts};
use crate::form::Form;

/// `values`: what the fields hold. `error`: the field that is wrong, and why.
pub(crate) fn start(view: &View<'_>, kinds: &[KindView], values: &Form, error: Option<(&str, &str)>) -> Markup {
    let value = |field| values.get(field);
    let wrong = |field: &str| error.filter(|(wrong, _)| *wrong == field).map(|(_, why)| why);
    let note = |field: &'static str| html! { @if let Some(why) = wrong(field) { span .wrong #(format!("wrong-{field}")) { (why) } } };
    let is_wrong = |field: &'static str| wrong(field).map(|_| "true");
    let describes = |field: &'static str| wrong(field).map(|_| format!("wrong-{field}"));
    let known = kinds.iter().filter(|kind| kind.is_known);
    layout::page(
        view,
        "/runs",
        "New run",
        None,
        &html! {
            div .head { h1 { "New run" } }
            @if let Some(("", why)) = error { p .callout.bad role="alert" { (why) } }
            form .stack.card method="post" action=(view.mount.to("/runs")) {
                label { "Kind" select name="kind" required aria-invalid=[is_wrong("kind")] {
                    @for kind in known { option selected[value("kind") == Some(kind.kind.as_str())] { (kind.kind) } }
                } (note("kind")) }
                label { "Metadata, as JSON"
                    textarea .code name="metadata" rows="12" spellcheck="false" aria-invalid=[is_wrong("metadata")] aria-describedby=[describes("metadata")] {
                        (value("metadata").unwrap_or("null")) }
                    (note("metadata")) }
                fieldset { legend { "More" }
                    label { "Queue" input name="queue" placeholder="the kind's" value=[value("queue")] aria-invalid=[is_wrong("queue")]; (note("queue")) }
                    label { "Priority" input name="priority" type="number" min="-128" max="127" placeholder="the kind's" value=[value("priority")] aria-invalid=[is_wrong("priority")]; (note("priority")) }
                    label { "Not before (UTC)" input name="at" type="datetime-local" value=[value("at")] aria-invalid=[is_wrong("at")]; (note("at")) }
                    label { "Tags" input name="tags" placeholder="customer:7, month:11" value=[value("tags")] aria-invalid=[is_wrong("tags")]; (note("tags")) }
                }
                div .bar { button .primary { "Enqueue" } a href=(view.mount.to("/runs")) { "Back" } }
            }
            @if kinds.iter().all(|kind| !kind.is_known) { (parts::empty("This program has the code of no kind.")) }
        },
    )
}
