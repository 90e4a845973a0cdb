//! What a server does again and again, in this process only: figures flushed at a fixed pace, and a listener that is
//! started again when it fails. Nothing of it is stored; for what must happen though the server was down, see `nightly`.
//!
//! `cargo run -p longhaul-examples --example periodic`

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use longhaul::{AnyError, CancellationToken, Longhaul, Restart, Service, ServiceOptions, ServiceState};
use tokio::sync::mpsc;

/// Serves until it is told to stop; the line is bad, so it fails at first.
struct Listener {
    attempts: AtomicU32,
    say: mpsc::UnboundedSender<String>,
}

impl Listener {
    fn say(&self, text: &str) {
        // Nobody listens any more once `main` ends.
        let _ = self.say.send(text.to_owned());
    }
}

impl Service for Listener {
    fn name(&self) -> &'static str {
        "listener"
    }

    fn options(&self) -> ServiceOptions {
        let restart = Restart::always().backoff(Duration::from_millis(10), Duration::from_secs(60));
        ServiceOptions::default().restart(restart)
    }

    async fn start(&self) -> Result<(), AnyError> {
        match self.attempts.fetch_add(1, Ordering::Relaxed) {
            0 => Err(AnyError::msg("the port is taken")),
            _ => Ok(()),
        }
    }

    async fn run(&self, token: CancellationToken) -> Result<(), AnyError> {
        self.say("listener: serves");
        token.cancelled().await; // … serve …
        self.say("listener: told to stop");
        Ok(())
    }

    async fn stop(&self) -> Result<(), AnyError> {
        self.say("listener: port given back");
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let (say, mut said) = mpsc::unbounded_channel();
    let requests = Arc::new(AtomicU32::new(0));
    let counter = requests.clone();
    let flushes = say.clone();

    let server = Longhaul::builder()
        .store(longhaul::open(folder.path())?)
        .service(Listener { attempts: AtomicU32::new(0), say })
        // Never twice at the same time; ticks that were missed are skipped. `?` and panics are reported, and end nothing.
        .periodic("flush", Duration::from_millis(20), move |_token| {
            let (count, flushes) = (counter.swap(0, Ordering::Relaxed), flushes.clone());
            async move { if count > 0 { flushes.send(format!("flush: {count} requests")) } else { Ok(()) } }
        })
        .start()?;

    let services = server.services();
    services.until(|all| all.iter().all(|service| service.state == ServiceState::Running)).await;
    println!("{}", said.recv().await.unwrap_or_default());
    for requests_now in [3, 4] {
        requests.store(requests_now, Ordering::Relaxed);
        println!("{}", said.recv().await.unwrap_or_default());
    }
    if let Some(listener) = services.named("listener") {
        let why = listener.last_error.map(|error| error.message).unwrap_or_default();
        println!("listener: started again {} time, because {why}", listener.restarts);
    }

    let report = server.shutdown(Duration::from_secs(5)).await;
    while let Some(line) = said.recv().await {
        println!("{line}");
    }
    for service in services.all() {
        println!("{}: {}", service.name, service.state);
    }
    println!("{} services did not stop in time", report.services.len());
    Ok(())
}
