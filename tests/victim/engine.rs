//! What an engine that hangs, panics or fails is met with.

use longhaul::store_api::store::prelude::*;
use std::{error::Error, sync::Arc, time::Duration};

use longhaul::{
    Client, SystemClock,
    embedded::{EmbeddedStore, Options},
    signal::Signals,
    store_api::store::{Filter, PageRequest},
};

use crate::{
    say::say,
    tasks::{Steps, Walk},
};

/// Small, so that reading means reading the file.
const CACHE: u64 = 64 << 10;

fn options(seconds: u64) -> Options {
    let timeout = Duration::from_secs(seconds);
    Options::new(Arc::new(SystemClock)).open_timeout(timeout).engine_timeout(timeout).cache_capacity(CACHE)
}

/// Opens the store, unless a signal comes first.
pub(crate) async fn open(folder: &str, seconds: u64) -> Result<(), Box<dyn Error>> {
    let mut signals = Signals::listen()?;
    say!("opening {}", std::process::id());
    tokio::select! {
        opened = EmbeddedStore::open_async(folder, options(seconds)) => match opened {
            Ok(store) => {
                store.close().await;
                say!("ended");
                Ok(())
            }
            Err(error) => {
                say!("refused {error}");
                Err(error.into())
            }
        },
        signal = signals.next() => {
            say!("told {signal}");
            Ok(())
        }
    }
}

/// Enqueues until the store takes no more, and closes it.
pub(crate) async fn write(folder: &str, seconds: u64) -> Result<(), Box<dyn Error>> {
    let store = Arc::new(EmbeddedStore::open_async(folder, options(seconds)).await?);
    let client = Client::new(store.clone());
    say!("opened {}", std::process::id());
    for seed in 0_u64.. {
        if let Err(error) = client.enqueue::<Walk>(Steps { seed, steps: 3 }).await {
            say!("refused {error}");
            break;
        }
    }
    end(store, client).await
}

/// Reads and writes everything once what the test does to the files is done, and closes the store.
pub(crate) async fn reread(folder: &str) -> Result<(), Box<dyn Error>> {
    let store = Arc::new(EmbeddedStore::open_async(folder, options(2)).await?);
    let client = Client::new(store.clone());
    say!("opened {}", std::process::id());
    std::io::stdin().read_line(&mut String::new())?;
    let mut after = None;
    loop {
        let request = PageRequest { filter: Filter::default(), after, limit: 50, ..PageRequest::default() };
        match store.list(request).await {
            Ok(page) => match page.next {
                Some(next) => after = Some(next),
                None => break,
            },
            Err(error) => {
                say!("refused {error}");
                break;
            }
        }
    }
    if let Err(error) = store.verify().await {
        say!("refused {error}");
    }
    for seed in 0_u64..200 {
        if let Err(error) = client.enqueue::<Walk>(Steps { seed, steps: 3 }).await {
            say!("refused {error}");
            break;
        }
    }
    end(store, client).await
}

async fn end(store: Arc<EmbeddedStore>, client: Client) -> Result<(), Box<dyn Error>> {
    if let Err(error) = store.health() {
        say!("broken {error}");
    }
    store.close().await;
    say!("closed");
    drop((store, client));
    say!("ended");
    Ok(())
}
