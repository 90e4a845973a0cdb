//! Measures `graphile_worker` on PostgreSQL when the benchmark in the folder above asks.

mod graphile_jobs;

fn main() -> anyhow::Result<()> {
    bench_harness::main::<graphile_jobs::Graphile>("bench/postgres")
}
