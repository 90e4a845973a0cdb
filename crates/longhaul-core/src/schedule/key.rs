//! The id of the run that belongs to an instant, and the chance that goes with it.

use crate::{id::RunId, time::Timestamp};

/// FNV-1a with 128 bits: <http://www.isthe.com/chongo/tech/comp/fnv/>. Frozen: the ids of stored runs come from it. No
/// defence against names that someone made up in order to collide is needed; whoever can name schedules can do worse.
const OFFSET_BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

/// The id of the run of the schedule `name` at `instant`: the same on every server, in every version. Of two servers
/// that enqueue the same instant, the second gets the answer that the run is there already.
///
/// ```
/// use longhaul_core::{Timestamp, schedule::run_id};
///
/// let at: Timestamp = "2026-11-20T21:00:00Z".parse()?;
/// assert_eq!(run_id("nightly", at).to_string(), "run_01m7xc4k40e5f959a6fn2rrakw");
/// assert_eq!(run_id("nightly", at).created(), at);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn run_id(name: &str, instant: Timestamp) -> RunId {
    let digest = digest("run", name, instant);
    // An id has room for 80 bits of it; the others are folded onto them.
    let folded = (digest ^ (digest >> 80)).to_be_bytes();
    let mut random = [0; 10];
    random.copy_from_slice(&folded[6..]);
    RunId::new(instant, random)
}

/// A number in 0 ..= `max` that looks random over names and instants.
pub(super) fn chance(name: &str, instant: Timestamp, max: u64) -> u64 {
    // The upper half of a product is spread as evenly as the digest, without the bias of a remainder.
    let digest = digest("jitter", name, instant);
    let random = (digest ^ (digest >> 64)) as u64;
    ((u128::from(random) * (u128::from(max) + 1)) >> 64) as u64
}

fn digest(purpose: &str, name: &str, instant: Timestamp) -> u128 {
    // Zeros at the end let the last bytes that differ reach every bit.
    let parts = [purpose.as_bytes(), &[0], name.as_bytes(), &[0], &instant.as_micros().to_be_bytes(), &[0; 16]];
    fnv1a(parts.into_iter().flatten())
}

fn fnv1a<'a>(bytes: impl Iterator<Item = &'a u8>) -> u128 {
    bytes.fold(OFFSET_BASIS, |hash, &byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_digest_is_fnv_1a_as_published() {
        for (text, expected) in [
            ("", 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d),
            ("a", 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964),
            ("foobar", 0x343e_1662_793c_64bf_6f0d_3597_ba44_6f18),
        ] {
            assert_eq!(fnv1a(text.as_bytes().iter()), expected, "{text}");
        }
    }

    #[test]
    fn a_run_id_is_frozen_and_tells_schedules_and_instants_apart() {
        let at = Timestamp::from_micros(1_795_209_600_000_000);
        assert_eq!(run_id("nightly", at).to_string(), "run_01m7xd9700ecq9ymvt869f59ae");
        let mut seen = HashSet::new();
        for name in 0..200 {
            for micros in 0..200 {
                assert!(seen.insert(run_id(&format!("schedule-{name}"), Timestamp::from_micros(micros))));
            }
        }
    }

    #[test]
    fn chance_is_spread_over_all_it_may_be() {
        let mut tenths = [0_u32; 10];
        for second in 0..10_000 {
            tenths[chance("nightly", Timestamp::from_micros(second * 1_000_000), 9) as usize] += 1;
        }
        assert!(tenths.iter().all(|&count| (850..1150).contains(&count)), "{tenths:?}");
        assert_eq!(chance("nightly", Timestamp::EPOCH, 0), 0);
    }
}
