//! Which runs are to blame for the end of the process before, while its claims are being taken back.

use longhaul_core::{RunId, admission::suspects::Blame, record::Damage};

/// See [`write`].
const VERSION: u8 = 2;

/// Version 2 of what stands under [`keys::DIED`](super::keys::DIED): a 02, and for each run that is to blame its id, a 0, or a 1 if it was
/// alone, and the highest suspicion among those that died. Version 1 was a byte, and blamed nobody by name.
pub(crate) fn write(blamed: &[(RunId, Blame)]) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    for (id, blame) in blamed {
        bytes.extend_from_slice(id.as_bytes());
        bytes.extend_from_slice(&match blame {
            Blame::Shared => continue,
            Blame::Latest { above } => [0, *above],
            Blame::Alone => [1, 0],
        });
    }
    bytes
}

pub(crate) fn read(bytes: &[u8]) -> Result<Vec<(RunId, Blame)>, Damage> {
    let damaged = || Damage::of("what is known of the runs that died", "it is cut short, or no such value");
    let rest = match bytes {
        [0 | 1] => return Ok(Vec::new()),
        [VERSION, rest @ ..] => rest,
        _ => return Err(damaged()),
    };
    let one = |bytes: &[u8]| {
        let (id, rest) = bytes.split_first_chunk::<16>()?;
        let blame = match *rest {
            [0, above] => Blame::Latest { above },
            [1, 0] => Blame::Alone,
            _ => return None,
        };
        Some((RunId::from_bytes(*id), blame))
    };
    rest.chunks(18).map(|bytes| one(bytes).ok_or_else(damaged)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_to_blame_is_read_back() {
        let id = |n| RunId::from_bytes([n; 16]);
        let blamed = vec![(id(1), Blame::Latest { above: 7 }), (id(2), Blame::Alone)];
        let bytes = write(&blamed);
        assert_eq!(read(&bytes), Ok(blamed));
        for cut in 2..bytes.len() {
            assert_eq!(read(&bytes[..cut]).is_ok(), cut == 19, "{cut}");
        }
        // As it was written before.
        assert_eq!((read(&[0]), read(&[1])), (Ok(vec![]), Ok(vec![])));
    }
}
