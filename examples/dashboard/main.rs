//! A shop's work, and the dashboard over it. Break it off and run it again: everything goes on.
//!
//! ```text
//! cargo run --release -p dashboard --example dashboard
//! ```

use std::{error::Error, net::Ipv4Addr, sync::Arc};

use longhaul::{AnyError, Client, Longhaul, RunLogs};
use longhaul_dashboard::{Options, Role, dashboard as dashboard_over};
use tracing_subscriber::{layer::SubscriberExt as _, util::SubscriberInitExt as _};

const FOLDER: &str = "dashboard-data";
const PORT: u16 = 7070;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let logs = RunLogs::new();
    tracing_subscriber::registry().with(logs.layer()).init();
    let port = std::env::var("PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(PORT);
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    println!(
        "The shop is open: http://{}/ — Ctrl-C closes it, and what runs goes on the next time.",
        listener.local_addr()?
    );

    let listener = listener.into_std()?;
    let store: Arc<dyn longhaul::Store> = Arc::new(longhaul::open(FOLDER)?);
    let builder = dashboard::register(Longhaul::builder().shared_store(store.clone()).name("shop-1").run_logs(logs));
    // "All that match…" on the page of runs is done by a run.
    let builder = builder.task(longhaul_inspect::BulkActions::new(Client::new(store)));
    // For the command line: `longhaul --store dashboard-data runs ls`.
    #[cfg(unix)]
    let builder = longhaul_inspect::Inspect::inspect(builder, FOLDER);
    let server = builder
        .service_fn_with_server("dashboard", move |server, token| {
            let listener = listener.try_clone();
            async move {
                let listener = tokio::net::TcpListener::from_std(listener?)?;
                // On this computer, for whoever sits at it. In an app: a token, or the app's own login.
                let options = Options::new().title("Lantern & Co.").open_to_everyone(Role::Administer);
                let app = dashboard_over(server.client(), options);
                axum::serve(listener, app).with_graceful_shutdown(token.cancelled_owned()).await?;
                Ok::<_, AnyError>(())
            }
        })
        .start()?;
    let report = server.run_until_signal().await?;
    println!("Closed: {} runs go on the next time.", report.suspended.len());
    Ok(())
}
