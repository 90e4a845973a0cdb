//! The checkpoint says that the attempt shall end, and nobody listens.

#![deny(unused_must_use)]

use longhaul::Context;

async fn step(ctx: &Context<(), u64>) {
    ctx.checkpoint().await;
}

fn main() {}
