//! An app with a login of its own, and the dashboard in it: one line. Log in as `ann` (who administers) or `bob` (who only
//! looks), then open `/admin/tasks`.
//!
//! ```text
//! cargo run --release -p dashboard --example app_dashboard
//! ```

use std::{error::Error, net::Ipv4Addr};

use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, header},
    middleware::{Next, from_fn},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use longhaul::{AnyError, Longhaul};
use longhaul_dashboard::{Options, Role, User, dashboard as dashboard_over};

/// What the app knows of who asks. A real app finds it in its own sessions.
#[derive(Clone)]
struct Session {
    name: &'static str,
    is_admin: bool,
}

const PEOPLE: [Session; 2] = [Session { name: "ann", is_admin: true }, Session { name: "bob", is_admin: false }];

/// The name in the cookie `who`. It proves nothing: this is where the app's own login goes.
fn session(headers: &HeaderMap) -> Option<Session> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    let name = cookies.split(';').find_map(|cookie| cookie.trim().strip_prefix("who="))?;
    PEOPLE.into_iter().find(|person| person.name == name)
}

/// The app's middleware: what it finds goes with the request.
async fn who(mut request: Request, next: Next) -> Response {
    if let Some(session) = session(request.headers()) {
        request.extensions_mut().insert(session);
    }
    next.run(request).await
}

async fn home(request: Request) -> Html<String> {
    let who = request.extensions().get::<Session>().map_or("nobody", |session| session.name);
    Html(format!(
        "<p>You are {who}.</p><form method=post action=/login/ann><button>I am Ann</button></form>\
         <form method=post action=/login/bob><button>I am Bob</button></form><p><a href=/admin/tasks>Tasks</a></p>"
    ))
}

async fn login(request: Request) -> impl IntoResponse {
    let name = request.uri().path().trim_start_matches("/login/").to_owned();
    ([(header::SET_COOKIE, format!("who={name}; Path=/; HttpOnly; SameSite=Strict"))], Redirect::to("/"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::var("PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(7071);
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    listener.set_nonblocking(true)?;
    println!("Open http://{}/", listener.local_addr()?);
    let builder = dashboard::register(Longhaul::builder().store(longhaul::open("app-dashboard-data")?));
    let server = builder
        .service_fn_with_server("web", move |server, token| {
            let listener = listener.try_clone();
            async move {
                // The app's own login says who it is, and what they may do.
                let options = Options::new().hook(|request| {
                    let session = request.extensions.get::<Session>().cloned();
                    async move {
                        let Session { name, is_admin } = session?;
                        Some(User::new(name, if is_admin { Role::Administer } else { Role::View }))
                    }
                });
                let app = Router::new()
                    .route("/", get(home))
                    .route("/login/{name}", post(login))
                    .nest("/admin/tasks", dashboard_over(server.client(), options))
                    .layer(from_fn(who));
                let listener = tokio::net::TcpListener::from_std(listener?)?;
                axum::serve(listener, app).with_graceful_shutdown(token.cancelled_owned()).await?;
                Ok::<_, AnyError>(())
            }
        })
        .start()?;
    server.run_until_signal().await?;
    Ok(())
}
