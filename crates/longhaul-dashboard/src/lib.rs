//! A dashboard for longhaul: every run, what happened to it, and what can be done about it.
//!
//! [`dashboard`] makes an axum `Router`, which an app mounts where it likes. It is closed, unless its [`Options`] say who
//! may come in.

mod access;
mod assets;
mod chart;
mod clock;
mod form;
mod guard;
mod live;
mod monitoring;
mod mount;
mod options;
mod page;
mod progress;
mod reply;
mod serve;

use std::sync::Arc;

use axum::{Router, routing::any};
use longhaul::Client;

pub use access::User;
pub use longhaul_inspect::Role;
pub use monitoring::Monitoring;
pub use options::Options;
pub use progress::{ProgressTokens, RunProgress};

/// The dashboard over what `client` sees, to be mounted in an app or served by itself. It is closed, and answers 403 to
/// everything, unless the options say who may come in.
///
/// ```
/// use longhaul_dashboard::{Options, Role, dashboard};
/// # use longhaul::{Client, testing};
///
/// # fn mount(client: Client) {
/// let app: axum::Router = axum::Router::new()
///     .nest("/admin/tasks", dashboard(client, Options::new().token("a long random secret", Role::Administer)));
/// # drop(app);
/// # }
/// # mount(Client::new(std::sync::Arc::new(testing::memory_store())));
/// ```
///
/// It shows the values of the kinds that the client [knows](Client::views): a client of a server knows those that the
/// server executes. Its event streams end when [`Client::stopping`] is cancelled, so that they hold up no shutdown.
pub fn dashboard<S: Clone + Send + Sync + 'static>(client: Client, options: Options) -> Router<S> {
    let shared = Arc::new(serve::Shared::new(client, options));
    // One handler for all paths: a nested router sees them without the prefix, and takes them apart itself.
    Router::new().route("/", any(serve::serve)).route("/{*path}", any(serve::serve)).with_state(shared)
}

/// The guide's page, so that its code is compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/18-dashboard.md")]
mod guide {}
