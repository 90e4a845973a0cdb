//! The way of a request: our host? our site? who is it, what do they want, and may they?

mod act;
mod enqueue;
mod items;
mod limit;
mod read;
mod schedule;
mod show;

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::State,
    http::{
        HeaderValue, Method, Request,
        header::{ACCEPT, SET_COOKIE, WWW_AUTHENTICATE},
        request::Parts,
    },
    response::Response,
};
use longhaul::Client;
use longhaul_inspect::{By, InspectError, Inspector, Role, api::Operation};
use serde_json::json;

use crate::{
    access::{COOKIE_NAME, LASTS, User},
    assets,
    form::Form,
    guard,
    live::Hub,
    mount::Mount,
    options::Options,
    page::{Tried, View, message, start::Known},
    reply,
};

/// The most that a body may have: metadata at its largest, written as a form.
const BODY_MAX: usize = 4 << 20;
const API: &str = "/api/v1";

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Shared {
    inspector: Inspector,
    options: Options,
    hub: Hub,
}

/// A request of somebody who is in.
struct Asked<'a> {
    shared: &'a Shared,
    parts: &'a Parts,
    mount: &'a Mount,
    user: &'a User,
    /// The page, or what a form does.
    path: String,
    query: Form,
    /// What was refused: the page says so.
    tried: Option<Tried>,
}

impl Shared {
    pub(crate) fn new(client: Client, options: Options) -> Self {
        let inspector = Inspector::new(client);
        Self { hub: Hub::new(inspector.clone()), inspector, options }
    }

    fn title(&self) -> &str {
        self.options.title.as_deref().unwrap_or("longhaul")
    }
}

pub(crate) async fn serve(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let mount = Mount::of(&shared.options, &parts);
    reply::guarded(answer(&shared, &mount, &parts, body).await)
}

async fn answer(shared: &Shared, mount: &Mount, parts: &Parts, body: Body) -> Response {
    let (options, path, now) = (&shared.options, parts.uri.path(), shared.inspector.now());
    if options.access.is_closed() {
        return refuse(mount, parts, 403, "Closed", "This dashboard is closed: the app does not say who may come in.");
    }
    if !guard::is_our_host(options, parts) {
        return refuse(mount, parts, 403, "Another host", "This dashboard is not reached by this name.");
    }
    if !guard::is_from_our_site(parts) {
        return refuse(mount, parts, 403, "Another site", "This request was made by a page of another site.");
    }
    if parts.method == Method::GET
        && let Some(asset) = assets::get(path)
    {
        return asset;
    }
    let is_login = path == "/login" && options.access.has_tokens();
    if is_login && parts.method == Method::GET {
        return reply::html(200, message::login(mount, shared.title(), false));
    }
    if is_login || (path == "/logout" && parts.method == Method::POST) {
        let Ok(body) = to_bytes(body, BODY_MAX).await else { return reply::text(413, "too large") };
        let token = if is_login { Form::parse(&body).get("token").map(str::to_owned) } else { None };
        return session(shared, mount, parts, is_login.then(|| token.unwrap_or_default()).as_deref());
    }
    let query = Form::parse(parts.uri.query().unwrap_or_default().as_bytes());
    if let Some(token) = query.get("token").filter(|_| parts.method == Method::GET && options.access.has_tokens()) {
        // The address must not stay in the history of the browser with the token in it.
        let Some(cookie) = options.access.log_in(token, now) else {
            return reply::html(401, message::login(mount, shared.title(), true));
        };
        let rest = query.without("token");
        let to = if rest.is_empty() { mount.to(path) } else { mount.to(format_args!("{path}?{rest}")) };
        return with_cookie(reply::see(&to), mount, parts, &cookie, LASTS.as_secs());
    }
    let Some(user) = options.access.who(parts, now).await else { return who_are_you(shared, mount, parts) };
    let Ok(body) = to_bytes(body, BODY_MAX).await else {
        return refuse(mount, parts, 413, "Too large", "The body of the request is too large.");
    };
    let asked = Asked { shared, parts, mount, user: &user, path: path.to_owned(), query, tried: None };
    match path.strip_prefix(API) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => api(&asked, rest, &body).await,
        _ if parts.method == Method::GET || parts.method == Method::HEAD => show::show(&asked).await,
        _ if parts.method == Method::POST => act::act(&asked, &body).await,
        _ => refuse(mount, parts, 405, "Not so", "This page takes another method."),
    }
}

async fn api(asked: &Asked<'_>, path: &str, body: &Bytes) -> Response {
    let wrong = |status: u16, code: &str, field: Option<&str>, text: String| {
        reply::json(status, &json!({ "error": { "code": code, "field": field, "text": text } }))
    };
    let operation = match Operation::parse(asked.parts.method.as_str(), path) {
        Ok(operation) => operation,
        Err(error) => return wrong(error.status(), error.code(), error.field(), error.to_string()),
    };
    if !asked.user.may(operation.role()) {
        return wrong(403, code(403), None, format!("this takes the role `{}`", operation.role()));
    }
    let query = asked.parts.uri.query().unwrap_or_default();
    let (status, value) = asked.shared.inspector.perform(&operation, query, body, &asked.user.name).await;
    reply::json(status, &value)
}

/// Logs in with a token, or out without one.
fn session(shared: &Shared, mount: &Mount, parts: &Parts, token: Option<&str>) -> Response {
    let (cookie, lasts) = match token {
        None => (Some(String::new()), 0),
        Some(token) => (shared.options.access.log_in(token, shared.inspector.now()), LASTS.as_secs()),
    };
    match cookie {
        Some(cookie) => with_cookie(reply::see(&mount.to("/")), mount, parts, &cookie, lasts),
        None => reply::html(401, message::login(mount, shared.title(), true)),
    }
}

/// No script reads it, and no other site sends it.
fn with_cookie(mut response: Response, mount: &Mount, parts: &Parts, value: &str, lasts: u64) -> Response {
    // Behind a proxy the request comes without TLS, and only the proxy knows.
    let is_secure = parts.uri.scheme_str() == Some("https")
        || parts.headers.get("x-forwarded-proto").is_some_and(|proto| proto == "https");
    let secure = if is_secure { "; Secure" } else { "" };
    let path = mount.cookie_path();
    let cookie = format!("{COOKIE_NAME}={value}; Path={path}; Max-Age={lasts}; HttpOnly; SameSite=Strict{secure}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

fn who_are_you(shared: &Shared, mount: &Mount, parts: &Parts) -> Response {
    let access = &shared.options.access;
    let mut response = if access.has_tokens() && wants_page(parts) {
        reply::html(401, message::login(mount, shared.title(), false))
    } else if access.has_tokens() || access.has_passwords() {
        refuse(mount, parts, 401, "Who are you?", "Log in to see this page.")
    } else {
        refuse(mount, parts, 403, "Not for you", "The app does not let you in here.")
    };
    if access.has_passwords() {
        let ask = HeaderValue::from_static("Basic realm=\"longhaul\", charset=\"UTF-8\"");
        response.headers_mut().insert(WWW_AUTHENTICATE, ask);
    }
    response
}

/// Whether a browser shows the answer to a person.
fn wants_page(parts: &Parts) -> bool {
    let accepts = parts.headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    !parts.uri.path().starts_with(API) && accepts.is_some_and(|accept| accept.contains("text/html"))
}

fn refuse(mount: &Mount, parts: &Parts, status: u16, heading: &str, text: &str) -> Response {
    if wants_page(parts) {
        reply::html(status, message::refused(mount, heading, text))
    } else {
        reply::json(status, &json!({ "error": { "code": code(status), "field": null, "text": text } }))
    }
}

/// What programs branch on, for what is refused before anything is asked for.
const fn code(status: u16) -> &'static str {
    match status {
        401 => "unauthorized",
        405 => "method_not_allowed",
        413 => "too_large",
        _ => "forbidden",
    }
}

impl Asked<'_> {
    fn view<'v>(&'v self, done: Option<&'v str>) -> View<'v> {
        View {
            mount: self.mount,
            title: self.shared.title(),
            user: self.user,
            now: self.shared.inspector.now(),
            can_log_out: self.shared.options.access.has_tokens(),
            done,
            tried: self.tried.as_ref(),
        }
    }

    fn inspector(&self) -> &Inspector {
        &self.shared.inspector
    }

    fn error(&self, status: u16, heading: &str, text: &str) -> Response {
        reply::html(status, message::error(&self.view(None), heading, text))
    }

    fn failed(&self, error: &InspectError) -> Response {
        let heading = match error.status() {
            404 => "Not found",
            409 => "Not possible now",
            422 => "Not understood",
            _ => "The store does not answer",
        };
        self.error(error.status(), heading, &error.to_string())
    }

    fn forbidden(&self, role: Role) -> Response {
        self.error(403, "Not for you", &format!("This takes the role “{role}”, and you have “{}”.", self.user.role))
    }

    fn nowhere(&self) -> Response {
        self.error(404, "Not found", "There is nothing at this address.")
    }

    /// In whose name something is done, and why.
    fn by(&self, form: &Form) -> By {
        By::new(&*self.user.name).because(form.get("reason").unwrap_or_default())
    }

    /// What forms offer.
    async fn known(&self) -> Result<Known, InspectError> {
        let (kinds, servers) = (self.inspector().kinds().await?, self.inspector().servers().await?);
        let labels: BTreeSet<String> =
            servers.iter().flat_map(|server| &server.labels).map(ToString::to_string).collect();
        Ok(Known { kinds, labels: labels.into_iter().collect() })
    }
}
