//! What is filled in: fields of a schema, and what is wrong with them.

use longhaul_inspect::{
    KindView,
    form::{self, FormField, Input},
};
use maud::{Markup, html};

use super::{View, parts};
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

pub(super) struct Filled<'a> {
    pub(super) values: &'a Form,
    pub(super) wrong: &'a Wrong,
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
