//! Measures apalis on SQLite when the benchmark in the folder above asks.

mod apalis_sqlite;

fn main() -> anyhow::Result<()> {
    bench_harness::main::<apalis_sqlite::ApalisSqlite>("bench/")
}
