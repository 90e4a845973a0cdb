//! Measures apalis on PostgreSQL when the benchmark in the folder above asks.

mod apalis_postgres;

fn main() -> anyhow::Result<()> {
    bench_harness::main::<apalis_postgres::ApalisPostgres>("bench/postgres")
}
