//! The request is enqueued by its own type, not by that of its task.

use longhaul::Client;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Export {
    table: String,
}

async fn enqueue(client: Client) {
    let _ = client.enqueue::<Export>(Export { table: "orders".into() }).await;
}

fn main() {}
