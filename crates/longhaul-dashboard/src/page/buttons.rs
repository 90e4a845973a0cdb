//! What is pressed: at once, or after a question.

use maud::{Markup, html};

use super::{Tried, View};

/// A button that posts at once.
pub(super) fn at_once(path: &str, label: &str, class: &str) -> Markup {
    html! { form method="post" action=(path) { button class=(class) { (label) } } }
}

/// A button that asks first. It opens without a script, and is open with what was typed after it was refused.
pub(super) fn ask(label: &str, class: &str, path: &str, tried: Option<&Tried>, fields: &Markup) -> Markup {
    html! {
        details .ask open[tried.is_some()] {
            summary class=(format!("button {class}")) { (label) }
            form .popover method="post" action=(path) {
                (fields)
                @let reason = tried.and_then(|tried| tried.form.get("reason"));
                label { "Reason " span .muted { "(optional)" } input name="reason" maxlength="256" autocomplete="off" value=[reason]; }
                button class=(format!("primary {class}")) { (label) }
            }
        }
    }
}

/// A button that asks why first.
pub(super) fn with_reason(view: &View<'_>, path: &str, label: &str, question: &str, class: &str) -> Markup {
    ask(label, class, path, view.tried(path), &html! { p { (question) } })
}

/// The button that pauses something until somebody resumes it, or until a time.
pub(super) fn pause(view: &View<'_>, path: &str, question: &str) -> Markup {
    let tried = view.tried(path);
    ask(
        "Pause",
        "",
        path,
        tried,
        &html! {
            p { (question) }
            label { "Until (UTC) " span .muted { "(optional; it ends by itself)" } (time(tried, "until", false)) }
        },
    )
}

/// A field for a time, with what was typed into it and what is wrong with that.
pub(super) fn time(tried: Option<&Tried>, name: &str, required: bool) -> Markup {
    let wrong = tried.filter(|tried| tried.field.as_deref() == Some(name)).map(|tried| tried.why.as_str());
    html! {
        input name=(name) type="datetime-local" step="1" required[required] value=[tried.and_then(|tried| tried.form.get(name))]
            aria-invalid=[wrong.map(|_| "true")] aria-describedby=[wrong.map(|_| format!("wrong-{name}"))];
        @if let Some(why) = wrong { span .wrong id=(format!("wrong-{name}")) { (why) } }
    }
}
