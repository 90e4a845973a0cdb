//! Pages that say one thing: an error, or who are you.

use maud::{Markup, html};

use super::{View, layout};
use crate::mount::Mount;

/// Something went wrong, for who is in.
pub(crate) fn error(view: &View<'_>, heading: &str, text: &str) -> Markup {
    layout::page(
        view,
        "",
        heading,
        None,
        &html! {
            h1 { (heading) }
            p .callout.bad role="alert" { (text) }
            p { a href=(view.mount.to("/")) { "To the overview" } }
        },
    )
}

/// Nobody may come in here, or not so.
pub(crate) fn refused(mount: &Mount, heading: &str, text: &str) -> Markup {
    layout::bare(mount, heading, &html! { h1 { (heading) } p { (text) } })
}

/// Asks for a token.
pub(crate) fn login(mount: &Mount, title: &str, wrong: bool) -> Markup {
    layout::bare(
        mount,
        &format!("Log in · {title}"),
        &html! {
            h1 { (title) }
            form .stack method="post" action=(mount.to("/login")) {
                @if wrong { p .callout.bad role="alert" { "That is not a token of this dashboard." } }
                label { "Token" input type="password" name="token" required autofocus autocomplete="current-password"; }
                button .primary { "Log in" }
            }
        },
    )
}
