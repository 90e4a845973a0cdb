//! A new run: by fields, where the kind has a schema of what it is asked, and as JSON otherwise.

use longhaul_inspect::{
    KindView,
    form::{self, FormField, Input},
};
use maud::{Markup, html};

use super::{View, layout, parts};
use crate::form::Form;

/// What stands before the names of the fields that the schema gives.
pub(crate) const PREFIX: &str = "m.";

/// Which fields are wrong, and why. One without a name is about the whole.
pub(crate) type Wrong = Vec<(String, String)>;

/// The fields of the kind, unless it is asked for JSON.
pub(crate) fn fields_of(kinds: &[KindView], values: &Form) -> Option<Vec<FormField>> {
    let name = values.get("kind")?;
    let kind = kinds.iter().find(|kind| kind.is_known && kind.kind.as_str() == name)?;
    let schema = kind.schema.as_ref().filter(|_| values.get("as") != Some("json"))?;
    Some(form::fields(&schema.metadata))
}

/// `values`: what the fields hold.
pub(crate) fn start(view: &View<'_>, kinds: &[KindView], values: &Form, wrong: &Wrong) -> Markup {
    let page = Page { values, wrong };
    let fields = fields_of(kinds, values);
    let known = kinds.iter().filter(|kind| kind.is_known);
    // One that nobody knows too: what was typed for it must not get lost.
    let chosen = values.get("kind");
    layout::page(
        view,
        "/runs",
        "New run",
        None,
        &html! {
            div .head { h1 { "New run" } }
            @if kinds.iter().all(|kind| !kind.is_known) { (parts::empty("This program has the code of no kind.")) }
            form .filters method="get" action=(view.mount.to("/runs/new")) {
                label { "Kind" select name="kind" required aria-invalid=[page.is_wrong("kind")] {
                    @for kind in known { option selected[chosen == Some(kind.kind.as_str())] { (kind.kind) } }
                } (page.note("kind")) }
                button { @if chosen.is_some() { "Change" } @else { "Choose" } }
            }
            @for (_, why) in wrong.iter().filter(|(field, _)| field.is_empty()) { p .callout.bad role="alert" { (why) } }
            @if let Some(kind) = chosen {
                form .stack.card method="post" action=(view.mount.to("/runs")) {
                    input type="hidden" name="kind" value=(kind);
                    @match &fields {
                        Some(fields) => {
                            @for field in fields { (page.field(field)) }
                            (page.note("metadata"))
                            p { a href=(format!("{}&as=json", parts::link(view, "/runs/new", "kind", kind))) { "Write it as JSON" } }
                        },
                        None => {
                            input type="hidden" name="as" value="json";
                            label { "Metadata, as JSON"
                                textarea .code name="metadata" rows="12" spellcheck="false"
                                    aria-invalid=[page.is_wrong("metadata")] aria-describedby=[page.describes("metadata")] {
                                    (page.get("metadata").unwrap_or("null")) }
                                (page.note("metadata")) }
                        },
                    }
                    (page.more())
                    div .bar { button .primary { "Enqueue" } a href=(view.mount.to("/runs")) { "Back" } }
                }
            }
        },
    )
}

struct Page<'a> {
    values: &'a Form,
    wrong: &'a Wrong,
}

impl<'a> Page<'a> {
    fn get(&self, name: &str) -> Option<&'a str> {
        self.values.get(name)
    }

    fn why(&self, name: &str) -> Option<&'a str> {
        self.wrong.iter().find(|(wrong, _)| wrong == name).map(|(_, why)| why.as_str())
    }

    fn is_wrong(&self, name: &str) -> Option<&'static str> {
        self.why(name).map(|_| "true")
    }

    fn describes(&self, name: &str) -> Option<String> {
        self.why(name).map(|_| format!("wrong-{name}"))
    }

    fn note(&self, name: &str) -> Markup {
        html! { @if let Some(why) = self.why(name) { span .wrong id=(format!("wrong-{name}")) { (why) } } }
    }

    fn more(&self) -> Markup {
        html! { fieldset { legend { "More" }
            label { "Queue" input name="queue" placeholder="the kind's" value=[self.get("queue")] aria-invalid=[self.is_wrong("queue")]; (self.note("queue")) }
            label { "Priority" input name="priority" type="number" min="-128" max="127" placeholder="the kind's" value=[self.get("priority")] aria-invalid=[self.is_wrong("priority")]; (self.note("priority")) }
            label { "Not before (UTC)" input name="at" type="datetime-local" value=[self.get("at")] aria-invalid=[self.is_wrong("at")]; (self.note("at")) }
            label { "Tags" input name="tags" placeholder="customer:7, month:11" value=[self.get("tags")] aria-invalid=[self.is_wrong("tags")]; (self.note("tags")) }
        } }
    }

    fn field(&self, field: &FormField) -> Markup {
        let name = format!("{PREFIX}{}", field.name);
        let default =
            field.default.as_ref().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        let value = self.get(&name).map(str::to_owned).or(default);
        let (is_wrong, described) = (self.is_wrong(&name), self.describes(&name));
        let help = html! { @if let Some(help) = &field.help { small .muted { (help) } } };
        // A flag that is not ticked is sent as nothing.
        let required = field.is_required;
        html! { @match &field.input {
            Input::Group(fields) => fieldset { legend { (field.label) } (help) @for field in fields { (self.field(field)) } },
            Input::Flag => label .flag {
                input type="checkbox" name=(name) value="true" checked[value.as_deref() == Some("true")];
                span { (field.label) " " (help) }
            },
            _ => label {
                span { (field.label) @if !required { span .muted { " (optional)" } } }
                (help)
                @match &field.input {
                    Input::Secret => input type="password" name=(name) required[required] autocomplete="off" aria-invalid=[is_wrong] aria-describedby=[described];,
                    Input::Number { whole, min, max } => input type="number" name=(name) value=[value] required[required] step=(if *whole { "1" } else { "any" })
                        min=[min.as_ref()] max=[max.as_ref()] aria-invalid=[is_wrong] aria-describedby=[described];,
                    Input::Choice(choices) => select name=(name) required[required] aria-invalid=[is_wrong] aria-describedby=[described] {
                        @if !required { option value="" { "–" } }
                        @for choice in choices {
                            option value=(choice.text()) selected[value.as_deref() == Some(&choice.text())] {
                                (choice.text()) @if let Some(help) = &choice.help { " – " (help) }
                            }
                        }
                    },
                    Input::DateTime => input type="datetime-local" name=(name) value=[value] required[required] step="1" aria-invalid=[is_wrong] aria-describedby=[described];,
                    Input::Date => input type="date" name=(name) value=[value] required[required] aria-invalid=[is_wrong] aria-describedby=[described];,
                    Input::Json => textarea .code name=(name) rows="4" spellcheck="false" placeholder="JSON" aria-invalid=[is_wrong] aria-describedby=[described] { (value.unwrap_or_default()) },
                    Input::Text { max_length } => input name=(name) value=[value] maxlength=[max_length.as_ref()] aria-invalid=[is_wrong] aria-describedby=[described];,
                    _ => input name=(name) value=[value] aria-invalid=[is_wrong] aria-describedby=[described];,
                }
                (self.note(&name))
            },
        } }
    }
}
