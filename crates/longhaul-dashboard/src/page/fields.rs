//! What is filled in: fields of a schema, and what is wrong with them.

use longhaul_inspect::{
    KindView,
    form::{self, Choice, FormField, Input, Items, Variant},
};
use maud::{Markup, html};
use serde_json::Value;

use super::{View, parts};
use crate::form::Form;

/// What stands before the names of the fields that the schema gives.
pub(crate) const PREFIX: &str = "m.";

/// Which fields are wrong, and why. One without a name is about the whole.
pub(crate) type Wrong = Vec<(String, String)>;

/// The schema of the kind's metadata, unless it is asked for JSON.
pub(crate) fn schema_of<'a>(kinds: &'a [KindView], values: &Form) -> Option<&'a Value> {
    let name = values.get("kind")?;
    let kind = kinds.iter().find(|kind| kind.can_start && kind.kind.as_str() == name)?;
    Some(&kind.schema.as_ref().filter(|_| values.get("as") != Some("json"))?.metadata)
}

/// The fields of the kind, unless it is asked for JSON.
pub(crate) fn fields_of(kinds: &[KindView], values: &Form) -> Option<Vec<FormField>> {
    schema_of(kinds, values).map(form::fields)
}

pub(super) struct Filled<'a> {
    pub(super) values: &'a Form,
    pub(super) wrong: &'a Wrong,
    /// Where the form is sent.
    pub(super) action: String,
}

impl<'a> Filled<'a> {
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.values.get(name)
    }

    pub(super) fn why(&self, name: &str) -> Option<&'a str> {
        self.wrong.iter().find(|(wrong, _)| wrong == name).map(|(_, why)| why.as_str())
    }

    pub(super) fn is_wrong(&self, name: &str) -> Option<&'static str> {
        self.why(name).map(|_| "true")
    }

    pub(super) fn describes(&self, name: &str) -> Option<String> {
        self.why(name).map(|_| format!("wrong-{name}"))
    }

    pub(super) fn note(&self, name: &str) -> Markup {
        html! { @if let Some(why) = self.why(name) { span .wrong id=(format!("wrong-{name}")) { (why) } } }
    }

    /// The metadata: a field for each part of its schema, or one for JSON. `path`: the page to write it as JSON instead.
    pub(super) fn metadata(&self, view: &View<'_>, kind: &str, fields: Option<&[FormField]>, path: &str) -> Markup {
        html! { @match fields {
            Some(fields) => {
                @for field in fields { (self.field(field)) }
                (self.note("metadata"))
                p { a href=(format!("{}&as=json", parts::link(view, path, "kind", kind))) { "Write it as JSON" } }
            },
            None => {
                input type="hidden" name="as" value="json";
                label { "Metadata, as JSON"
                    textarea .code name="metadata" rows="12" spellcheck="false"
                        aria-invalid=[self.is_wrong("metadata")] aria-describedby=[self.describes("metadata")] {
                        (self.get("metadata").unwrap_or("null")) }
                    (self.note("metadata")) }
            },
        } }
    }

    /// A line of text with its label.
    pub(super) fn text(&self, label: &str, name: &str, placeholder: &str) -> Markup {
        html! { label { (label) input name=(name) placeholder=(placeholder) value=[self.get(name)]
        aria-invalid=[self.is_wrong(name)] aria-describedby=[self.describes(name)]; (self.note(name)) } }
    }

    /// A time in UTC with its label.
    pub(super) fn time(&self, label: &str, name: &str) -> Markup {
        html! { label { (label) input name=(name) type="datetime-local" step="1" value=[self.get(name)]
        aria-invalid=[self.is_wrong(name)] aria-describedby=[self.describes(name)]; (self.note(name)) } }
    }

    /// The priority.
    pub(super) fn priority(&self) -> Markup {
        html! { label { "Priority" input name="priority" type="number" min="-128" max="127" placeholder="the kind's" value=[self.get("priority")]
        aria-invalid=[self.is_wrong("priority")] aria-describedby=[self.describes("priority")]; (self.note("priority")) } }
    }

    /// Labels that are required of a server; `known` are those that living servers have.
    pub(super) fn requires(&self, known: &[String]) -> Markup {
        html! { label { "Only on servers with the label" input name="requires" list="labels" placeholder="any server" value=[self.get("requires")]
            aria-invalid=[self.is_wrong("requires")] aria-describedby=[self.describes("requires")]; (self.note("requires")) }
        datalist #labels { @for label in known { option value=(label) {} } } }
    }

    pub(super) fn field(&self, field: &FormField) -> Markup {
        self.part(field, true)
    }

    /// `may_require`: the browser sends the form only with what is needed. Not so in a variant, which may be one that is
    /// not meant.
    fn part(&self, field: &FormField, may_require: bool) -> Markup {
        let (name, required) = (format!("{PREFIX}{}", field.name), may_require && field.is_required);
        match &field.input {
            Input::Group(fields) => html! { fieldset { legend { (field.label) } (help(field.help.as_deref()))
            @for field in fields { (self.part(field, required)) } (self.note(&name)) } },
            Input::Variants(variants) => self.variants(field, &name, variants),
            Input::Several(choices) => self.several(field, &name, choices),
            Input::Items(items) => self.items(field, &name, items, may_require),
            Input::Flag => html! { label .flag {
                input type="checkbox" name=(name) value="true" checked[self.get(&name) == Some("true")];
                span { (field.label) " " (help(field.help.as_deref())) } (self.note(&name))
            } },
            input => html! { label {
                span { (field.label) @if !field.is_required { span .muted { " (optional)" } } }
                (help(field.help.as_deref()))
                (self.control(input, &name, self.get(&name).map(str::to_owned), required))
                (self.note(&name))
            } },
        }
    }

    /// A fieldset for each item. The buttons send the form, and it comes back with an item more or less.
    fn items(&self, field: &FormField, name: &str, items: &Items, may_require: bool) -> Markup {
        let numbers = Items::numbers(&self.values.lines(name).unwrap_or_default());
        let next = numbers.iter().max().map_or(0, |last| last.saturating_add(1));
        let to = |part: &str| format!("{}#{part}", self.action);
        html! { fieldset .items id=(name) aria-describedby=[self.describes(name)] {
            legend { (field.label) @if !field.is_required { span .muted { " (optional)" } } }
            (help(field.help.as_deref()))
            @for (at, number) in numbers.iter().enumerate().take(*items.allowed.end()) {
                @let (item, heading) = (items.item(*number), format!("{} {}", field.label, at + 1));
                fieldset .item .variants[matches!(item.input, Input::Variants(_))] id=(format!("{name}.{number}")) aria-describedby=[self.describes(&format!("{name}.{number}"))] {
                    legend { (heading) }
                    input type="hidden" name=(name) value=(number);
                    @match &item.input {
                        Input::Group(fields) => {
                            @for field in fields { (self.part(field, may_require)) }
                            (self.note(&format!("{name}.{number}")))
                        },
                        Input::Variants(variants) => (self.options(&item, &format!("{name}.{number}"), variants)),
                        _ => (self.part(&item, may_require)),
                    }
                    @if numbers.len() > *items.allowed.start() {
                        button name="remove" value=(item.name) formaction=(to(name)) formnovalidate aria-label=(format!("Remove {heading}")) { "Remove" }
                    }
                }
            }
            @if numbers.len() < *items.allowed.end() {
                button name="add" value=(field.name) formaction=(to(&format!("{name}.{next}"))) formnovalidate aria-label=(format!("Add to {}", field.label)) { "Add" }
            }
            (self.note(name))
        } }
    }

    /// All variants; the stylesheet shows the fields of the one that is chosen.
    fn variants(&self, field: &FormField, name: &str, variants: &[Variant]) -> Markup {
        html! { fieldset .variants aria-describedby=[self.describes(name)] {
            legend { (field.label) @if !field.is_required { span .muted { " (optional)" } } }
            (help(field.help.as_deref()))
            (self.options(field, name, variants))
        } }
    }

    fn options(&self, field: &FormField, name: &str, variants: &[Variant]) -> Markup {
        let chosen = self.get(name);
        let option = |value: &str, label: &str, about: Option<&str>, fields: Markup| {
            html! { div .variant {
                label .flag { input type="radio" name=(name) value=(value) checked[chosen.unwrap_or("") == value];
                    span { (label) " " (help(about)) } }
                (fields)
            } }
        };
        html! {
            @if !field.is_required { (option("", "None", None, html! {})) }
            @for variant in variants {
                (option(&variant.text(), &variant.label, variant.choice.help.as_deref(), html! {
                    @if !variant.fields.is_empty() { div .fields { @for field in &variant.fields { @match &field.input {
                        // Its name is that of the variant, and was said.
                        Input::Group(fields) if variant.fields.len() == 1 => @for field in fields { (self.part(field, false)) },
                        _ => (self.part(field, false)),
                    } } } }
                }))
            }
            (self.note(name))
        }
    }

    fn several(&self, field: &FormField, name: &str, choices: &[Choice]) -> Markup {
        // Filled in by an address or from another run, they are lines of one value.
        let ticked: Vec<&str> = self.values.all(name).flat_map(str::lines).collect();
        html! { fieldset aria-describedby=[self.describes(name)] {
            legend { (field.label) @if !field.is_required { span .muted { " (optional)" } } }
            (help(field.help.as_deref()))
            @for choice in choices {
                label .flag { input type="checkbox" name=(name) value=(choice.text()) checked[ticked.contains(&&*choice.text())];
                    span { (choice.text()) " " (help(choice.help.as_deref())) } }
            }
            (self.note(name))
        } }
    }

    fn control(&self, input: &Input, name: &str, value: Option<String>, required: bool) -> Markup {
        let (is_wrong, described) = (self.is_wrong(name), self.describes(name));
        let line = |kind: &str, placeholder: Option<&str>, step: Option<&str>| {
            html! { input type=(kind) name=(name) value=[&value] required[required] step=[step] placeholder=[placeholder]
            aria-invalid=[is_wrong] aria-describedby=[&described]; }
        };
        html! { @match input {
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
            Input::DateTime => (line("datetime-local", None, Some("1"))),
            Input::Instant => { small .muted { "In UTC." } (line("datetime-local", None, Some("1"))) },
            Input::Date => (line("date", None, None)),
            Input::Time => (line("time", None, Some("1"))),
            Input::Duration { .. } => (line("text", Some("90s, 15m, 1h30m"), None)),
            Input::List(_) => { small .muted { "One a line." }
                textarea name=(name) rows="3" required[required] aria-invalid=[is_wrong] aria-describedby=[described] { (value.unwrap_or_default()) } },
            Input::Json => textarea .code name=(name) rows="4" spellcheck="false" placeholder="JSON" aria-invalid=[is_wrong] aria-describedby=[described] { (value.unwrap_or_default()) },
            Input::Text { max_length } => input name=(name) value=[value] required[required] maxlength=[max_length.as_ref()] aria-invalid=[is_wrong] aria-describedby=[described];,
            _ => input name=(name) value=[value] aria-invalid=[is_wrong] aria-describedby=[described];,
        } }
    }
}

/// The first button of a form is the one that Enter presses. Without this one, that could be one that removes an item.
pub(super) fn send() -> Markup {
    html! { button .hidden tabindex="-1" aria-hidden="true" { "Send" } }
}

fn help(text: Option<&str>) -> Markup {
    html! { @if let Some(text) = text { small .muted { (text) } } }
}
