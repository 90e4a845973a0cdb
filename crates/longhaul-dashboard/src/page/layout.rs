//! What surrounds every page.

use maud::{DOCTYPE, Markup, html};

use super::View;
use crate::{assets, mount::Mount};

const SECTIONS: [(&str, &str); 6] = [
    ("/", "Overview"),
    ("/runs", "Runs"),
    ("/schedules", "Schedules"),
    ("/queues", "Queues"),
    ("/servers", "Servers"),
    ("/kinds", "Kinds"),
];

/// A page of a section. `events`: the stream that says when it changes.
pub(super) fn page(view: &View<'_>, section: &str, heading: &str, events: Option<&str>, body: &Markup) -> Markup {
    let head = format!("{heading} · {}", view.title);
    let events = events.map(|path| view.mount.to(path));
    let address = view.tried.map(|tried| tried.page.as_str());
    document(
        view.mount,
        &head,
        [events.as_deref(), address],
        &html! {
            a .skip href="#main" { "Skip to content" }
            header .side {
                a .brand href=(view.mount.to("/")) { (mark()) span { (view.title) } }
                nav aria-label="Pages" {
                    @for (path, name) in SECTIONS {
                        a href=(view.mount.to(path)) aria-current=[(path == section).then_some("page")] { (name) }
                    }
                }
                div .who {
                    span { (view.user.name) }
                    small { "may " (view.user.role) }
                    @if view.can_log_out {
                        form method="post" action=(view.mount.to("/logout")) { button .plain { "Log out" } }
                    }
                }
            }
            main #main {
                @if let Some(done) = view.done { p .flash role="status" { (done) } }
                @if let Some(tried) = view.tried { p .callout.bad role="alert" { (tried.why) } }
                (body)
            }
        },
    )
}

/// A document without sections: for who is not in yet.
pub(super) fn bare(mount: &Mount, heading: &str, body: &Markup) -> Markup {
    document(mount, heading, [None; 2], &html! { main .bare #main { (body) } })
}

/// `address`: that of the page, where it answers a form.
fn document(mount: &Mount, head: &str, [events, address]: [Option<&str>; 2], body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (head) }
                link rel="icon" href="data:,";
                link rel="stylesheet" href=(mount.to(assets::style_path()));
                script type="module" src=(mount.to(assets::script_path())) {}
            }
            body data-events=[events] data-address=[address] { (body) }
        }
    }
}

fn mark() -> Markup {
    html! {
        svg .mark viewBox="0 0 20 20" aria-hidden="true" {
            path d="M3 4h4v9h10v3H3z" {}
            circle cx="14" cy="7" r="2.6" {}
        }
    }
}
