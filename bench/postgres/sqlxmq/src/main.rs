//! Measures `sqlxmq` on PostgreSQL when the benchmark in the folder above asks.

mod messages;

fn main() -> anyhow::Result<()> {
    bench_harness::main::<messages::Sqlxmq>("bench/postgres")
}
