//! New ids: random, and in order within one client.

use std::sync::{Arc, Mutex};

use longhaul_core::{RunId, ServerId, Timestamp};

/// Makes ids that sort in the order in which they were made, so that runs which become due together are claimed in the
/// order of their enqueueing: within one millisecond a counter takes the place of the first random bits (RFC 9562,
/// section 6.2, method 1).
#[derive(Debug, Clone, Default)]
pub(crate) struct IdSource(Arc<Mutex<Last>>);

#[derive(Debug, Default)]
struct Last {
    millis: i64,
    /// 26 bits; it starts below half of that, so that a millisecond has room for 33 million ids.
    counter: u32,
}

const COUNTER_START_MASK: u32 = (1 << 25) - 1;

impl IdSource {
    pub(crate) fn run(&self, now: Timestamp) -> RunId {
        let mut random = random();
        let mut last = self.0.lock().expect("nothing panics while it is held");
        let millis = now.as_micros() / 1000;
        if millis > last.millis {
            last.millis = millis;
            last.counter = u32::from_be_bytes([random[0], random[1], random[2], random[3]]) & COUNTER_START_MASK;
        } else {
            last.counter += 1;
        }
        let (counter, millis) = (last.counter, last.millis);
        drop(last);
        // The places that an id leaves free: 4 bits, 8, 6, 8, and the rest.
        random[0] = (counter >> 22) as u8;
        random[1] = (counter >> 14) as u8;
        random[2] = (counter >> 8) as u8 & 0x3f;
        random[3] = counter as u8;
        RunId::new(Timestamp::from_micros(millis * 1000), random)
    }

    #[expect(clippy::unused_self, reason = "both kinds of id come from here")]
    pub(crate) fn server(&self, now: Timestamp) -> ServerId {
        ServerId::new(now, random())
    }
}

fn random() -> [u8; 10] {
    let mut bytes = [0; 10];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_one_source_sort_in_the_order_of_their_making_even_if_time_goes_back() {
        let source = IdSource::default();
        let times = [5_000_000, 5_000_000, 5_000_100, 5_001_000, 4_000_000, 4_000_000, 6_000_000];
        let ids: Vec<_> = times
            .into_iter()
            .flat_map(|at| {
                std::iter::repeat_with(|| source.run(Timestamp::from_micros(at))).take(1000).collect::<Vec<_>>()
            })
            .collect();
        assert!(ids.is_sorted());
        assert!(ids.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
