//! The list of runs, its filters, and what is done to many.

use std::collections::BTreeSet;

use longhaul::StateKind;
use longhaul_inspect::{KindView, QueryError, QueueView, Role, RunAction, RunList, RunQuery, StateCounts, words};
use maud::{Markup, html};

use super::{View, layout, parts};
use crate::form::Form;

/// What the filters can be chosen from, and what was typed into them.
pub(crate) struct Choices<'a> {
    pub(crate) kinds: Vec<KindView>,
    pub(crate) queues: Vec<QueueView>,
    pub(crate) typed: &'a Form,
    pub(crate) wrong: &'a [QueryError],
}

/// Filters with a field of their own to say it at.
const TYPED: [&str; 1] = ["tag"];

const SINCE: [(&str, &str); 5] = [
    ("", "any time"),
    ("1h", "the last hour"),
    ("1d", "the last day"),
    ("7d", "the last week"),
    ("30d", "the last month"),
];

const MANY: [(RunAction, &str); 4] = [
    (RunAction::Retry { from: longhaul::RetryFrom::Checkpoint }, "Retry"),
    (RunAction::Suspend, "Suspend"),
    (RunAction::Cancel, "Cancel"),
    (RunAction::Delete, "Delete"),
];

/// `list`: `None` where a filter is wrong.
pub(crate) fn runs(view: &View<'_>, query: &RunQuery, list: Option<&RunList>, choices: &Choices<'_>) -> Markup {
    let may = |role| view.user.may(role);
    let total = list.and_then(|list| list.total);
    layout::page(
        view,
        "/runs",
        "Runs",
        Some("/events"),
        &html! {
            div .head {
                h1 { "Runs" @if let Some(total) = total { small .muted { (words::count(total)) } } }
                span .actions {
                    a .json-link href=(view.mount.to(format_args!("/api/v1/runs?{query}"))) { "JSON" }
                    @if may(Role::Act) { a .button.primary href=(view.mount.to("/runs/new")) { "New run" } }
                }
            }
            (states(view, query, list.and_then(|list| list.states.as_ref())))
            (filters(view, query, choices))
            @for wrong in choices.wrong.iter().filter(|wrong| !TYPED.contains(&wrong.field())) { p .callout.bad role="alert" { (wrong) } }
            @match list {
                Some(list) => (listed(view, query, list)),
                None => (parts::empty("No runs are shown, because a filter is not understood.")),
            }
        },
    )
}

fn listed(view: &View<'_>, query: &RunQuery, list: &RunList) -> Markup {
    let may = |role| view.user.may(role);
    html! {
            form .bulk method="post" action=(view.mount.to("/runs/selected/retry")) {
                // Enter in a field presses the first button: one that does nothing.
            button .hidden disabled tabindex="-1" aria-hidden="true" { "Nothing" }
            input type="hidden" name="query" value=(query);
                div #rows data-live {
                    @if list.runs.is_empty() {
                        (parts::empty(match (list.next, query.is_filtered()) {
                            (Some(_), _) => "None of the runs that were looked at matches. There are more to look at.",
                            (None, true) => "No run matches.",
                            (None, false) => "There are no runs.",
                        }))
                    } @else { (parts::rows(view, &list.runs, may(Role::Act))) }
                    @for damaged in &list.damaged {
                        p .callout.bad { (damaged) }
                    }
                }
                @if may(Role::Act) && !list.runs.is_empty() {
                    div .bar {
                        span .muted { "With the selected runs:" }
                        label { span .hidden { "Reason" } input name="reason" maxlength="256" placeholder="Reason (optional)" autocomplete="off" value=[view.tried.and_then(|tried| tried.form.get("reason"))]; }
                        @for (action, label) in MANY {
                            @if may(action.role()) {
                                @let path = view.mount.to(format_args!("/runs/selected/{}", action.as_str()));
                                @if class(action).is_empty() { button formaction=(path) { (label) } } @else {
                                    // What cannot be taken back asks first.
                                    details .ask {
                                        summary class=(format!("button {}", class(action))) { (label) "…" }
                                        div .popover { p { (label) " the selected runs? This cannot be taken back." }
                                            button class=(format!("primary {}", class(action))) formaction=(path) { (label) } }
                                    }
                                }
                            }
                        }
                        (all_that_match(view, query, list))
                    }
                }
            }
            nav .pages aria-label="Pages of runs" {
                @if query.after.is_some() { a href=(to(view, &query.page_after(None))) { "First page" } }
                @if let Some(next) = list.next { a rel="next" href=(to(view, &query.page_after(Some(next)))) { "Next page" } }
            }
    }
}

/// The same to all that match, however many pages they are: it opens, so that nobody does it by a slip.
fn all_that_match(view: &View<'_>, query: &RunQuery, list: &RunList) -> Markup {
    let how_many = list.total.map_or("all".to_owned(), |total| format!("all {}", words::count(total)));
    let meant = |state: &StateKind| query.states.is_empty() || query.states.contains(state);
    let of_state = |states: &StateCounts| {
        let counts = StateKind::ALL.into_iter().filter(meant).map(|state| (state, states.of(state)));
        let told = counts.filter(|(_, runs)| *runs > 0).map(|(state, runs)| format!("{} {state}", words::count(runs)));
        told.collect::<Vec<_>>().join(", ")
    };
    html! {
        details .ask {
            summary .button { "All that match…" }
            div .popover {
                p {
                    "To " (how_many) " runs that match the filters, on whatever page they are"
                    @if let Some(states) = &list.states { " (" (of_state(states)) ")" } @else { ". With these filters nobody has counted them" }
                    @if query.states.is_empty() { "; a retry only to those that failed or were cancelled" }
                    ":"
                }
                @for (action, label) in MANY {
                    @if view.user.may(action.role()) {
                        button class=(class(action))
                            formaction=(view.mount.to(format_args!("/runs/all/{}?{}", action.as_str(), query.page_after(None)))) { (label) " all" }
                    }
                }
            }
        }
    }
}

const fn class(action: RunAction) -> &'static str {
    match action {
        RunAction::Delete | RunAction::Cancel => "danger",
        _ => "",
    }
}

fn to(view: &View<'_>, query: &RunQuery) -> String {
    view.mount.to(format_args!("/runs?{query}"))
}

/// One state at a time by a click; several by the URL.
fn states(view: &View<'_>, query: &RunQuery, counts: Option<&StateCounts>) -> Markup {
    let with = |states: Vec<StateKind>| {
        let mut query = query.page_after(None);
        query.states = states;
        to(view, &query)
    };
    let is = |state| query.states.contains(&state);
    let count = |state| counts.map(|states| states.of(state));
    html! {
        nav .pills #states data-live aria-label="States" {
            a href=(with(vec![])) aria-current=[query.states.is_empty().then_some("true")] { "All" }
            // Incompatible runs are rare, and need a look when there are any.
            @for state in StateKind::ALL.into_iter().filter(|state| {
                *state != StateKind::Incompatible || is(*state) || count(*state) != Some(0)
            }) {
                a .state.(state.as_str()) href=(with(vec![state])) aria-current=[is(state).then_some("true")] {
                    (parts::state_name(state)) @if let Some(count) = count(state) { " " span .muted { (words::count(count)) } }
                }
            }
        }
    }
}

fn searchable<'a>(choices: &'a Choices<'_>) -> BTreeSet<&'a str> {
    choices.kinds.iter().flat_map(|kind| &kind.searchable).map(String::as_str).collect()
}

fn filters(view: &View<'_>, query: &RunQuery, choices: &Choices<'_>) -> Markup {
    let why = |field: &str| choices.wrong.iter().find(|wrong| wrong.field() == field).map(QueryError::why);
    let since = query.from.map(|from| from.to_string()).unwrap_or_default();
    let is_other = !SINCE.iter().any(|(value, _)| *value == since);
    html! {
        form .filters method="get" action=(view.mount.to("/runs")) role="search" {
            @for state in &query.states { input type="hidden" name="state" value=(state); }
            label { "Kind" select name="kind" {
                option value="" { "any" }
                @for kind in &choices.kinds {
                    option selected[query.kinds.contains(&kind.kind)] { (kind.kind) }
                }
                // One that nobody knows is a filter all the same.
                @for kind in query.kinds.iter().filter(|kind| !choices.kinds.iter().any(|known| known.kind == **kind)) { option selected { (kind) } }
            } }
            label { "Queue" select name="queue" {
                option value="" { "any" }
                @for queue in &choices.queues {
                    option selected[query.queues.contains(&queue.queue)] { (queue.queue) }
                }
                @for queue in query.queues.iter().filter(|queue| !choices.queues.iter().any(|known| known.queue == **queue)) { option selected { (queue) } }
            } }
            label { "Tag" input name="tag" #search list="searchable" placeholder="customer:7" value=[choices.typed.get("tag")]
                    aria-invalid=[why("tag").map(|_| "true")] aria-describedby=[why("tag").map(|_| "wrong-tag")];
                @if let Some(why) = why("tag") { span .wrong #wrong-tag { (words::sentence(why)) } } }
            // Only one is typed here; others stay.
            @for tag in choices.typed.all("tag").skip(1) { input type="hidden" name="tag" value=(tag); }
            // What kinds declare as searchable, to be gone on with.
            datalist #searchable { @for key in searchable(choices) { option value=(format!("{key}:")) {} } }
            @if let Some(parent) = query.parent { input type="hidden" name="parent" value=(parent); }
            label { "Enqueued" select name="from" {
                @for (value, text) in SINCE { option value=(value) selected[value == since] { (text) } }
                @if is_other { option value=(since) selected { "since " (since) } }
            } }
            label { "Order" select name="order" {
                option value="newest" selected[!query.oldest_first] { "newest first" }
                option value="oldest" selected[query.oldest_first] { "oldest first" }
            } }
            button { "Filter" }
            @if query.is_filtered() || !choices.wrong.is_empty() { a href=(view.mount.to("/runs")) { "Clear" } }
        }
    }
}
