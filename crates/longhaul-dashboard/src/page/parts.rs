//! What several pages show in the same way.

use longhaul::{Control, Progress, RunId, ShownContent, ShownValue, StateKind, TITLE_TAG, Tag, Timestamp};
use longhaul_inspect::{
    RunRow, StateCounts,
    render::{self, Part},
    words,
};
use maud::{Markup, html};

use super::View;
use crate::mount::segment;

pub(super) const fn state_name(state: StateKind) -> &'static str {
    match state {
        StateKind::Pending => "Pending",
        StateKind::Running => "Running",
        StateKind::Retrying => "Retrying",
        StateKind::Suspended => "Suspended",
        StateKind::Completed => "Completed",
        StateKind::Failed => "Failed",
        StateKind::Cancelled => "Cancelled",
        StateKind::Incompatible => "Incompatible",
    }
}

/// The state as a dot and a word: colour alone says nothing.
pub(super) fn state(state: StateKind) -> Markup {
    html! { span .state.(state.as_str()) { (state_name(state)) } }
}

/// A time, relative; the instant itself when it is pointed at.
pub(super) fn when(now: Timestamp, at: Timestamp) -> Markup {
    html! { time datetime=(at) title=(at) { (words::relative(now, at)) } }
}

pub(super) fn run_link(view: &View<'_>, id: RunId) -> Markup {
    let text = id.to_string();
    html! { a .id href=(view.mount.to(format_args!("/runs/{id}"))) title=(text) { (words::short(&text)) } }
}

pub(super) fn link(view: &View<'_>, path: &str, key: &str, value: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair(key, value).finish();
    view.mount.to(format_args!("{path}?{query}"))
}

/// The path of something by its name.
pub(super) fn named(view: &View<'_>, path: &str, name: &str) -> String {
    view.mount.to(format_args!("{path}/{}", segment(name)))
}

pub(super) fn count(of: u64) -> Markup {
    html! { @if of == 0 { span .zero { "0" } } @else { (words::count(of)) } }
}

/// Counts that lead to the runs that they count.
pub(super) fn counts(view: &View<'_>, key: &str, value: &str, states: &StateCounts) -> Markup {
    let of = |state: StateKind| {
        let path = format!("{}&state={state}", link(view, "/runs", key, value));
        html! { td .number { a .(state.as_str()) href=(path) { (count(states.of(state))) } } }
    };
    html! {
        (of(StateKind::Pending)) (of(StateKind::Running)) (of(StateKind::Retrying)) (of(StateKind::Suspended))
        (of(StateKind::Completed)) (of(StateKind::Failed))
    }
}

pub(super) fn counts_head() -> Markup {
    html! {
        th .number { "Pending" } th .number { "Running" } th .number { "Retrying" } th .number { "Suspended" }
        th .number { "Completed" } th .number { "Failed" }
    }
}

pub(super) fn progress(of: &Progress) -> Markup {
    let percent = of.fraction().map(|fraction| format!("{:.0} %", (fraction * 100.0).floor()));
    html! {
        span .progress {
            @match of.total {
                Some(total) => progress max=(total.max(1)) value=(if total == 0 { 1 } else { of.done })
                    aria-label=(if of.step.is_empty() { "progress" } else { &of.step }) {},
                None => progress aria-label="progress, without an end in sight" {},
            }
            span { @if let Some(percent) = percent { (percent) } @else { (words::count(of.done)) } }
        }
    }
}

pub(super) fn tags(view: &View<'_>, tags: &[Tag]) -> Markup {
    html! {
        // A title is shown where the run is named.
        @for tag in tags.iter().filter(|tag| *tag.key != *TITLE_TAG) {
            a .tag href=(link(view, "/runs", "tag", &format!("{}:{}", tag.key, tag.value))) {
                span { (tag.key) } b { (tag.value) }
            }
        }
    }
}

/// What people call a run.
pub(super) fn title(tags: &[Tag]) -> Option<&str> {
    tags.iter().find(|tag| *tag.key == *TITLE_TAG).map(|tag| &*tag.value)
}

/// Rows of runs. `select`: with a box before each.
pub(super) fn rows(view: &View<'_>, runs: &[RunRow], select: bool) -> Markup {
    let ticked = |id: &str| view.tried.is_some_and(|tried| tried.form.all("id").any(|ticked| ticked == id));
    html! {
        table .runs {
            thead { tr {
                @if select { th .box { span .hidden { "Selected" } } }
                th { "State" } th { "Run" } th { "Kind" } th { "Progress" } th { "Queue" } th { "Tags" }
                th .number { "Attempts" } th { "Enqueued" } th { "In this state" }
            } }
            tbody { @for run in runs { tr {
                @let id = run.id.to_string();
                @if select {
                    td .box { input type="checkbox" name="id" value=(id) checked[ticked(&id)] aria-label=(format!("select {id}")); }
                }
                td { (state(run.state)) }
                td { (run_link(view, run.id)) }
                td { a href=(link(view, "/runs", "kind", run.kind.as_str())) { (run.kind) }
                    @if let Some(title) = title(&run.tags) { " " a .title href=(view.mount.to(format_args!("/runs/{id}"))) { (title) } } }
                td { @if !run.state.is_final() { @if let Some(told) = &run.progress { (progress(told)) } } }
                td .muted { (run.queue) }
                td { (tags(view, &run.tags)) }
                td .number { (count(run.attempts.into())) }
                td .muted { (when(view.now, run.created)) }
                td .muted { (when(view.now, run.since)) }
            } } }
        }
    }
}

pub(super) fn paused(view: &View<'_>, control: &Control) -> Markup {
    html! { @if let Some(paused) = &control.paused { (paused_by(view, paused)) } }
}

pub(super) fn paused_by(view: &View<'_>, paused: &longhaul::Paused) -> Markup {
    html! {
        span .state.paused { "Paused" }
        small .muted { " by " (paused.by) " " (when(view.now, paused.at))
            @if let Some(until) = paused.until { ", ends " (when(view.now, until)) }
            @if let Some(why) = &paused.why { ": " (why) } }
    }
}

pub(super) fn json(value: &serde_json::Value) -> Markup {
    html! { pre .json tabindex="0" { @for (part, text) in render::parts(value) {
        @match part {
            Part::Key => span .k { (text) },
            Part::Text => span .s { (text) },
            Part::Number => span .n { (text) },
            Part::Word => span .w { (text) },
            Part::Remark => em { (text) },
            _ => (text),
        }
    } } }
}

pub(super) fn value(heading: &str, shown: &ShownValue) -> Markup {
    let remark = match &shown.content {
        ShownContent::Migrated { to, .. } => {
            Some(format!("Written as version {}, shown as version {to}.", shown.version))
        }
        ShownContent::AsStored { why, .. } => Some(format!("Shown as it is stored: {why}.")),
        ShownContent::Unreadable { why } => Some(format!("It cannot be shown: {why}.")),
        ShownContent::Hidden => Some("The task does not show its values.".into()),
        _ => None,
    };
    html! {
        section .value {
            h2 { (heading) small .muted { (shown.codec) ", version " (shown.version) ", " (words::count(shown.bytes as u64)) " bytes" } }
            @if let Some(remark) = remark { p .muted { (remark) } }
            @if let Some(value) = shown.content.value() { (json(value)) }
        }
    }
}

pub(super) fn empty(text: &str) -> Markup {
    html! { p .empty { (text) } }
}
