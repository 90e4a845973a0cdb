//! One run.

use std::time::Duration;

use longhaul::{Log, Progress, StateKind, run::Transition, store_api::history::Who};
use longhaul_inspect::{RunAction, RunDetail, words};
use maud::{Markup, html};

use super::{View, buttons, layout, parts};

pub(crate) fn run(view: &View<'_>, of: &RunDetail, log: &Log) -> Markup {
    let run = of.run();
    let (id, kind) = (run.id.to_string(), run.state.kind());
    let events = format!("/runs/{id}/events?seen={}", run.revision);
    layout::page(
        view,
        "/runs",
        &format!("{} {}", run.kind, words::short(&id)),
        Some(&events),
        &html! {
            div .head {
                div {
                    h1 { (run.kind) " " @if let Some(title) = parts::title(&run.tags) { (title) " " } span #state data-live { (parts::state(kind)) } }
                    p .id.whole { (id) }
                }
                span .actions #actions data-live { (actions(view, of)) }
            }
            div #now data-live {
                @if !kind.is_final() && kind != StateKind::Running { p .callout { (words::sentence(&of.explanation.to_string())) } }
                @if let Some(why) = of.cancel_reason() { p .callout { "Cancelled: " (why) } }
                @if let Some(request) = &run.request {
                    p .callout { (match request {
                        longhaul::store_api::StopRequest::Cancel { .. } => "It is asked to cancel, and stops at its next checkpoint.",
                        longhaul::store_api::StopRequest::Suspend { .. } => "It is asked to suspend, and stops at its next checkpoint.",
                    }) }
                }
                @if let Some(why) = of.incompatible() { p .callout.bad { "No code here reads its values: " (why) } }
                (failure(view, of))
                @match run.progress.as_ref().filter(|_| kind != StateKind::Completed) {
                    Some(progress) => (progress_card(progress, kind)),
                    None => @if kind == StateKind::Running { p .muted { "It has not said how far it is." } },
                }
            }
            div .columns {
                section .card #timeline data-live { h2 { "Timeline" } (timeline(view, of)) }
                section .card.facts #facts data-live { h2 { "Facts" } (facts(view, of)) }
            }
            div .values #values data-live {
                (parts::value("Metadata", &of.values.metadata))
                @if let Some(value) = &of.values.execution_metadata { (parts::value("Execution metadata", value)) }
                @if let Some(value) = &of.values.result { (parts::value("Result", value)) }
                @if let Some(value) = &of.values.error { (parts::value("Error", value)) }
            }
            section #log data-live { (log_lines(view, of, log)) }
        },
    )
}

const fn label(action: RunAction) -> &'static str {
    match action {
        RunAction::Suspend => "Suspend",
        RunAction::Proceed { .. } => "Proceed",
        RunAction::Cancel => "Cancel",
        RunAction::Retry { .. } => "Retry",
        RunAction::RunNow => "Run now",
        RunAction::Dismiss => "Dismiss",
        _ => "Delete",
    }
}

fn actions(view: &View<'_>, of: &RunDetail) -> Markup {
    let id = of.run().id;
    let path = |action: RunAction| view.mount.to(format_args!("/runs/{id}/{}", action.as_str()));
    let is_suspended = of.run().state.kind() == StateKind::Suspended;
    html! {
        a .json-link href=(view.mount.to(format_args!("/api/v1/runs/{id}"))) { "JSON" }
        @for action in of.actions.iter().copied().filter(|action| view.user.may(action.role())) {
            @match action {
                RunAction::Suspend => (buttons::with_reason(view, &path(action), label(action), "It stops at its next checkpoint, and waits.", "")),
                RunAction::Dismiss => (buttons::with_reason(view, &path(action), label(action), "It stays failed, and the runs behind it go on.", "")),
                RunAction::Cancel => (buttons::with_reason(view, &path(action), label(action), "It will not go on, and is not tried again.", "danger")),
                RunAction::Delete => (buttons::with_reason(view, &path(action), label(action), "It is removed with its values and its history.", "danger")),
                // To one that runs it says to go on when it suspends, which few mean.
                RunAction::Proceed { .. } => @if is_suspended { (buttons::at_once(&path(action), label(action), "primary")) },
                _ => (buttons::at_once(&path(action), label(action), "")),
            }
        }
        @if view.user.may(longhaul_inspect::Role::Act) {
            a .button href=(view.mount.to(format_args!("/runs/new?like={id}"))) { "Run again…" }
        }
    }
}

fn failure(view: &View<'_>, of: &RunDetail) -> Markup {
    html! { @if let Some(failure) = of.failure() {
        section .callout.bad {
            p { strong { (match failure.cause {
                longhaul::store_api::Cause::Panic => "Panicked",
                longhaul::store_api::Cause::Timeout => "Timed out",
                longhaul::store_api::Cause::Crash => "Its process died",
                longhaul::store_api::Cause::Deadline => "Nobody proceeded it in time",
                _ => "Failed",
            }) } " in attempt " (failure.attempt) ", " (parts::when(view.now, failure.at)) }
            pre .message tabindex="0" { (failure.message) }
            @if let Some(more) = &failure.details { details { summary { "Details" } pre tabindex="0" { (more) } } }
        }
    } }
}

fn progress_card(of: &Progress, state: StateKind) -> Markup {
    html! {
        section .card.going {
            p { strong { @if of.step.is_empty() { "Progress" } @else { (of.step) } } " " span .muted { (of.message) } }
            (parts::progress(of))
            p .muted {
                (words::count(of.done)) @if let Some(total) = of.total { " of " (words::count(total)) } " " (of.unit)
                @if state == StateKind::Running {
                    @if let Some(rate) = of.rate.filter(|rate| *rate > 0.0) { " · " (format!("{rate:.1}")) " a second" }
                    @if let Some(left) = of.time_left().filter(|left| !left.is_zero()) { " · about " (words::duration(left)) " left" }
                }
            }
        }
    }
}

const fn tone(what: Transition) -> &'static str {
    match what {
        Transition::Completed => "completed",
        Transition::Failed
        | Transition::GaveUp
        | Transition::Quarantined
        | Transition::Panicked
        | Transition::Crashed
        | Transition::TimedOut
        | Transition::Expired => "failed",
        Transition::Claimed(_) => "running",
        Transition::Suspended | Transition::SuspendRequested => "suspended",
        Transition::Parked => "incompatible",
        _ => "pending",
    }
}

/// Shorter times are of no interest to people.
const TOLD: Duration = Duration::from_millis(10);

fn what(of: Transition) -> String {
    let text = of.as_str().replace('_', " ");
    let (first, rest) = text.split_at(1);
    first.to_uppercase() + rest
}

fn timeline(view: &View<'_>, of: &RunDetail) -> Markup {
    let dropped = of.history().dropped;
    html! {
        ol .timeline {
            @for (at, line) in of.history().lines().enumerate() {
                @if at == 1 && dropped > 0 { li .gap { (dropped) " more" } }
                li class=(tone(line.entry.what)) {
                    span .what { (what(line.entry.what)) @match line.who {
                        Who::Server(server) => @if matches!(line.entry.what, Transition::Claimed(_)) {
                            " by " a .id href=(view.mount.to("/servers")) title=(server) { (words::short(&server.to_string())) }
                        },
                        Who::Client(by) => @if let Some(by) = by.as_str() { " by " (by) },
                    } }
                    span .muted { (parts::when(view.now, line.entry.at))
                        @if let Some(lasted) = line.lasted.filter(|lasted| *lasted >= TOLD) {
                            ", " (if matches!(line.entry.what, Transition::Claimed(_)) { "ran " } else { "waited " }) (words::duration(lasted))
                        } }
                    @if let Some(why) = &line.entry.why { span .why { (why) } }
                }
            }
        }
    }
}

fn facts(view: &View<'_>, of: &RunDetail) -> Markup {
    let (run, now) = (of.run(), view.now);
    let constraints = run.constraints();
    html! { dl {
        dt { "Queue" } dd { a href=(parts::link(view, "/runs", "queue", run.queue.as_str())) { (run.queue) } }
        dt { "Priority" } dd { (run.priority.0) }
        dt { "Enqueued" } dd { (parts::when(now, run.created)) }
        @if let Some(due) = run.state.due() { dt { "Due" } dd { (parts::when(now, due)) } }
        @if let Some(deadline) = run.state.deadline() { dt { "Deadline" } dd { (parts::when(now, deadline)) } }
        dt { "Attempts" } dd { (run.attempts)
            @let counts = run.counts;
            @for (number, what) in [(counts.failures, "failed"), (counts.crashes.max(run.suspicion.into()), "crashed in a row"), (counts.interruptions, "interrupted"), (counts.suspensions, "suspended")] {
                @if number > 0 { ", " (number) " " (what) }
            } }
        dt { "Version" } dd { (run.version) }
        @if let Some(timeout) = run.timeout { dt { "Timeout" } dd { (words::duration(timeout)) } }
        @if let Some(unique) = &constraints.unique { dt { "Unique key" } dd { code { (unique.key) } } }
        @if let Some(key) = &constraints.limit_key { dt { "Limit key" } dd { code { (key) } } }
        @if !constraints.requires.is_empty() { dt { "Requires" } dd { @for label in &constraints.requires { code { (label) } " " } } }
        @if !run.tags.is_empty() { dt { "Tags" } dd { (parts::tags(view, &run.tags)) } }
        @if let Some(parent) = &constraints.parent { dt { "Child of" } dd { (parts::run_link(view, parent.id)) " as " (parent.name) } }
        @if of.children.total > 0 { dt { "Children" } dd {
            a href=(parts::link(view, "/runs", "parent", &run.id.to_string())) { (words::count(of.children.finished())) " of " (words::count(of.children.total)) " finished" }
            @if of.children.failed > 0 { ", " (words::count(of.children.failed)) " failed" }
        } }
        @if let Some(before) = run.lineage.predecessor { dt { "Retry of" } dd { (parts::run_link(view, before)) } }
        @if let Some(after) = run.lineage.successor { dt { "Retried as" } dd { (parts::run_link(view, after)) } }
        @if !run.inbox().messages.is_empty() { dt { "Values waiting" } dd { (run.inbox().messages.len()) } }
    } }
}

fn log_lines(view: &View<'_>, of: &RunDetail, log: &Log) -> Markup {
    let id = of.run().id;
    html! {
        h2 { "Log" @for attempt in &log.attempts {
            a .more href=(view.mount.to(format_args!("/runs/{id}?attempt={attempt}#log"))) aria-current=[(log.attempt == Some(*attempt)).then_some("true")] { "attempt " (attempt) }
        } }
        @if log.lines.is_empty() { (parts::empty("It has said nothing.")) } @else {
            ol .log tabindex="0" aria-label="Log lines" {
                @if log.first > 0 { li .muted { (log.first) " lines before are not kept." } }
                @for line in &log.lines {
                    li {
                        time datetime=(line.at) data-exact title=(line.at) { (line.at.to_string().get(11..19).unwrap_or_default()) "Z" }
                        span .level.(line.level.as_str().to_ascii_lowercase()) { (line.level) }
                        span .text { (line.text) }
                    }
                }
            }
        }
    }
}
