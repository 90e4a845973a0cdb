//! Measures fang on PostgreSQL when the benchmark in the folder above asks.

mod fang_tasks;

fn main() -> anyhow::Result<()> {
    bench_harness::main::<fang_tasks::Fang>("bench/postgres")
}
