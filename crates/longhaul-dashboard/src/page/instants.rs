//! The next instants of a schedule, and those that were left out or moved.

use longhaul::{LocalTime, Timestamp};
use longhaul_inspect::{InstantAction, Role, ScheduleView};
use maud::{Markup, html};

use super::{Tried, View, buttons, parts};

pub(super) fn instants(view: &View<'_>, of: &ScheduleView) -> Markup {
    let (path, may) = (parts::named(view, "/schedules", of.info.name().as_str()), view.user.may(Role::Administer));
    html! {
        section #instants data-live {
            h2 { "Next" }
            @match &of.next {
                Err(why) => p .wrong { (why) },
                Ok(next) if next.is_empty() => (parts::empty("No instant is ahead.")),
                Ok(next) => table { tbody { @for local in next { (ahead(view, &path, local, may)) } } },
            }
            @if !of.info.exceptions().is_empty() {
                h2 { "Left out and moved" }
                table {
                    thead { tr { th { "Instant" } th { "Instead" } th { "By" } th { span .hidden { "Actions" } } } }
                    tbody { @for exception in of.info.exceptions().iter() { tr {
                        td { (exact(exception.instant)) }
                        td { @match exception.to { Some(to) => (exact(to)), None => span .muted { "left out" } } }
                        td { (exception.by) @if let Some(why) = &exception.why { small .muted { ": " (why) } } }
                        td .actions { @if may { form method="post" action=(to(&path, InstantAction::Restore)) {
                            (named(exception.instant)) button { "Undo" }
                        } } }
                    } } }
                }
            }
        }
    }
}

fn ahead(view: &View<'_>, path: &str, local: &LocalTime, may: bool) -> Markup {
    html! { tr {
        td { time datetime=(local.at) data-exact { (local) }
            @if let Some(from) = local.moved_from { " " small .muted { "moved from " (exact(from)) } } }
        td .actions { @if may {
            (ask(view, path, InstantAction::Skip, local.at, "Leave this one out"))
            (ask(view, path, InstantAction::Move, local.at, "Move"))
        } }
    } }
}

fn ask(view: &View<'_>, path: &str, action: InstantAction, instant: Timestamp, label: &str) -> Markup {
    let address = to(path, action);
    let is_this = |tried: &&Tried| tried.form.get("instant") == Some(&*instant.to_string());
    let tried = view.tried(&address).filter(is_this);
    buttons::ask(
        label,
        "",
        &address,
        tried,
        &html! {
            (named(instant))
            @if action == InstantAction::Move { label { "To (UTC) " (buttons::time(tried, "to", true)) } }
        },
    )
}

fn to(path: &str, action: InstantAction) -> String {
    format!("{path}/instants/{}", action.as_str())
}

fn named(instant: Timestamp) -> Markup {
    html! { input type="hidden" name="instant" value=(instant); }
}

fn exact(at: Timestamp) -> Markup {
    html! { time datetime=(at) data-exact { (at) } }
}
