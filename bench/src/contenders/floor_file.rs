//! The disk itself: append to a file, `fdatasync`.

use std::{
    fs::File,
    io::Write as _,
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;
use bench_harness::{Contender, Measured, Order, Pace, Scenario, record, scenario, stats};

/// What one small commit writes at least.
const BLOCK: [u8; 4096] = [b'x'; 4096];

pub(crate) struct FloorFile;

impl Contender for FloorFile {
    fn name(&self) -> &'static str {
        "floor-file"
    }

    fn durability(&self) -> &'static str {
        "power loss: append + fdatasync; nothing can be found again, so this is no store"
    }

    fn scenarios(&self) -> Vec<Scenario> {
        vec![Scenario::Enqueue1, Scenario::Enqueue64, Scenario::StartLatency, Scenario::Checkpoint]
    }

    fn measure(&self, order: &Order) -> Result<Measured> {
        let mut file = File::create(order.dir.join("floor"))?;
        if order.scenario == Scenario::Enqueue64 {
            return batches(&mut file, order);
        }
        let (samples, rate) = appends(&mut file, order)?;
        let each = stats::latency(&samples);
        Ok(if order.scenario == Scenario::Enqueue1 { rate.and("p50_us", each.value) } else { each })
    }
}

/// Records that share a sync.
fn batches(file: &mut File, order: &Order) -> Result<Measured> {
    let pace = Pace::start(order);
    let mut done = 0;
    while let Some(first) = pace.take(scenario::CALLERS) {
        let mut block = Vec::with_capacity(32 * 1024);
        for n in 0..scenario::CALLERS as u64 {
            let (key, value) = record(b'r', first + n);
            block.extend_from_slice(&key);
            block.extend_from_slice(&value);
        }
        file.write_all(&block)?;
        file.sync_data()?;
        done += scenario::CALLERS;
    }
    Ok(pace.stop(done))
}

fn appends(file: &mut File, order: &Order) -> Result<(Vec<Duration>, Measured)> {
    let idle = order.scenario == Scenario::StartLatency;
    let pace = Pace::start(order);
    let mut samples = Vec::with_capacity(order.count);
    while pace.take(1).is_some() {
        if idle {
            thread::sleep(scenario::PAUSE);
        }
        let called = Instant::now();
        file.write_all(&BLOCK)?;
        file.sync_data()?;
        samples.push(called.elapsed());
    }
    let rate = pace.stop(samples.len());
    Ok((samples, rate))
}
