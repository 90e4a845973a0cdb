//! Measures underway on PostgreSQL when the benchmark in the folder above asks.

mod underway_job;

fn main() -> anyhow::Result<()> {
    bench_harness::main::<underway_job::Underway>("bench/postgres")
}
