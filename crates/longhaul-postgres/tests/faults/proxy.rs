//! A proxy on this machine that breaks what goes through it.

use std::sync::Arc;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
};
use tokio_postgres::config::Host;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// Every connection is cut, in the middle of whatever is said, and none is let in.
    Cut,
    /// The database hears a COMMIT, and nobody hears its answer.
    LoseCommit,
    /// Each piece comes so many milliseconds late.
    Delay(u64),
}

pub(crate) struct Proxy {
    url: String,
    fault: Arc<watch::Sender<Fault>>,
}

impl Proxy {
    pub(crate) async fn start(url: &str) -> Self {
        let config: tokio_postgres::Config = url.parse().expect("a URL");
        let port = config.get_ports().first().copied().unwrap_or(5432);
        let target = match &config.get_hosts()[0] {
            Host::Unix(folder) => Target::Unix(folder.join(format!(".s.PGSQL.{port}"))),
            Host::Tcp(name) => Target::Tcp(format!("{name}:{port}")),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let setting =
            |name: &str, value: Option<&str>| value.map_or_else(String::new, |value| format!(" {name}={value}"));
        let password = config.get_password().map(|password| String::from_utf8_lossy(password).into_owned());
        let url = format!(
            "host=127.0.0.1 port={port} application_name={}{}{}{}",
            super::SCHEMA,
            setting("user", config.get_user()),
            setting("dbname", config.get_dbname()),
            setting("password", password.as_deref()),
        );
        let fault = Arc::new(watch::channel(Fault::None).0);
        let faults = fault.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if *faults.borrow() != Fault::Cut {
                    tokio::spawn(carry(client, target.clone(), faults.subscribe()));
                }
            }
        });
        Self { url, fault }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }
}

#[derive(Clone)]
enum Target {
    Unix(std::path::PathBuf),
    Tcp(String),
}

/// Carries a connection until one side closes it, or a fault does.
async fn carry(client: TcpStream, target: Target, faults: watch::Receiver<Fault>) {
    match target {
        Target::Unix(path) => {
            if let Ok(server) = UnixStream::connect(path).await {
                between(client, server, faults).await;
            }
        }
        Target::Tcp(address) => {
            if let Ok(server) = TcpStream::connect(address).await {
                between(client, server, faults).await;
            }
        }
    }
}

async fn between<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(
    mut client: TcpStream,
    mut server: S,
    mut faults: watch::Receiver<Fault>,
) {
    let (mut said, mut answered) = (vec![0; 16384], vec![0; 16384]);
    // A COMMIT whose answer is to be lost is on its way.
    let mut lost = false;
    loop {
        let fault = *faults.borrow_and_update();
        if fault == Fault::Cut {
            return;
        }
        let (bytes, to_server) = tokio::select! {
            changed = faults.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
            count = client.read(&mut said) => (count.map(|count| &said[..count]), true),
            count = server.read(&mut answered) => (count.map(|count| &answered[..count]), false),
        };
        let Ok(bytes) = bytes else { return };
        if bytes.is_empty() || (lost && !to_server) {
            return;
        }
        if let Fault::Delay(milliseconds) = fault {
            super::pause(milliseconds).await;
        }
        lost |= to_server && fault == Fault::LoseCommit && bytes.windows(7).any(|text| text == b"COMMIT\0");
        let written = if to_server { server.write_all(bytes).await } else { client.write_all(bytes).await };
        if written.is_err() {
            return;
        }
    }
}
