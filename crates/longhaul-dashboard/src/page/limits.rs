//! The limits of a queue or a kind: those that hold, and the form that sets others.

use longhaul::{Control, Limits};
use longhaul_inspect::{RateRequest, words};
use maud::{Markup, html};

use super::{Tried, View, parts};

/// Those that hold, in words.
pub(super) fn limits(of: &Control) -> Markup {
    let limits = of.limits();
    let rate = |rate: longhaul::Rate| format!("{} per {}", rate.max(), words::duration(rate.per()));
    let all: Vec<String> = [
        limits.running.map(|max| format!("{max} at once")),
        limits.per_key.map(|max| format!("{max} per key")),
        limits.rate.map(rate),
        limits.rate_per_key.map(|of| format!("{} per key", rate(of))),
        limits.weight.map(|weight| format!("weight {weight}")),
        limits.ageing.map(|ageing| format!("one level per {}", words::duration(ageing.step()))),
        limits.fair_by_key.then(|| "keys take turns".to_owned()),
    ]
    .into_iter()
    .flatten()
    .collect();
    html! { span .muted { (all.join(", ")) } }
}

/// What can be limited.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Queue,
    Kind,
}

impl Of {
    const fn list(self) -> &'static str {
        match self {
            Self::Queue => "/queues",
            Self::Kind => "/kinds",
        }
    }
}

/// The button with the form that sets them, filled in with those that hold.
pub(super) fn form(view: &View<'_>, of: Of, name: &str, control: &Control) -> Markup {
    let path = format!("{}/limit", parts::named(view, of.list(), name));
    let (tried, now) = (view.tried(&path), control.limits());
    let rate = |rate: Option<longhaul::Rate>| rate.map(|rate| RateRequest::from(rate).to_string());
    let number = |number: Option<u32>| number.map(|number| number.to_string());
    let field =
        |label: &str, name: &str, example: &str, now: Option<String>| field_of(tried, label, name, example, now);
    html! {
        details .ask open[tried.is_some()] {
            summary .button { "Limits" }
            form .popover method="post" action=(path) {
                p { "They replace what the code declares. An empty field is no limit." }
                (field("Running at once", "running", "4", number(now.running)))
                (field("Starts in a period", "rate", "100/60s", rate(now.rate)))
                @match of {
                    Of::Kind => {
                        (field("Running at once with the same key", "per_key", "1", number(now.per_key)))
                        (field("Starts in a period with the same key", "rate_per_key", "5/1m", rate(now.rate_per_key)))
                    },
                    Of::Queue => {
                        (field("Share beside other queues", "weight", "2", number(now.weight.map(u32::from))))
                        (field("Priority grows by one level in", "ageing", "10m", ageing(&now)))
                        label .flag { input type="checkbox" name="fair_by_key" value="true"
                            checked[tried.map_or(now.fair_by_key, |tried| tried.form.get("fair_by_key").is_some())]; span { "Limit keys take turns" } }
                    },
                }
                div .bar {
                    button .primary { "Set" }
                    @if control.set.is_some() { button name="reset" value="true" { "Those of the code" } }
                }
            }
        }
    }
}

fn ageing(limits: &Limits) -> Option<String> {
    limits.ageing.map(|ageing| longhaul_inspect::TimeBound::Ago(ageing.step()).to_string())
}

fn field_of(tried: Option<&Tried>, label: &str, name: &str, example: &str, now: Option<String>) -> Markup {
    let value = tried.map_or(now, |tried| tried.form.get(name).map(str::to_owned));
    // A request has the step of ageing in seconds.
    let of = |field: &str| field == name || field.strip_suffix("_seconds") == Some(name);
    let wrong = tried.filter(|tried| tried.field.as_deref().is_some_and(of)).map(|tried| tried.why.as_str());
    html! { label { (label) input name=(name) placeholder=(example) value=[value] autocomplete="off"
    aria-invalid=[wrong.map(|_| "true")] aria-describedby=[wrong.map(|_| format!("wrong-{name}"))];
    @if let Some(why) = wrong { span .wrong id=(format!("wrong-{name}")) { (why) } } } }
}
