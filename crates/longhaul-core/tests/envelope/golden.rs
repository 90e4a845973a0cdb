use longhaul_core::{Codec, Envelope, shape};
use proptest::prelude::*;

use crate::sample::{Sample, any_sample, golden};

const BINCODE: &[u8] = include_bytes!("../golden/envelope-1-bincode.bin");
const JSON: &[u8] = include_bytes!("../golden/envelope-1-json.bin");

#[test]
fn values_of_format_1_are_read_and_written_byte_by_byte() {
    let fingerprint = shape::fingerprint_of::<Sample>();
    for (stored, codec) in [(BINCODE, Codec::Bincode), (JSON, Codec::Json)] {
        let read = Envelope::from_bytes(stored).expect("a golden file");
        assert_eq!((read.codec(), read.schema_version(), read.fingerprint()), (codec, 7, fingerprint));
        assert_eq!(read.decode_checked::<Sample>(7, fingerprint), Ok(golden()));

        let written = Envelope::encode(&golden(), codec, 7, fingerprint).expect("a plain value");
        assert_eq!(written.as_bytes(), stored);
        assert_eq!(written, read);
        assert_eq!((written.len(), written.body()), (stored.len(), &stored[14..]));
    }
}

#[test]
fn a_number_comes_back_from_json_to_its_last_bit() {
    let number = 2.903_238_476_329_426_6e-161_f64;
    let stored = Envelope::encode(&number, Codec::Json, 1, shape::fingerprint_of::<f64>()).expect("a plain value");
    assert_eq!(stored.decode::<f64>().map(f64::to_bits), Ok(number.to_bits()));
}

#[test]
fn the_body_is_never_shown() {
    let envelope = Envelope::from_bytes(JSON).expect("a golden file");
    assert_eq!(format!("{envelope:?}"), format!("Envelope(json v7, {} bytes)", JSON.len()));
}

proptest! {
    #[test]
    fn every_value_comes_back_as_it_was(sample in any_sample(), json: bool, version: u16) {
        let codec = if json { Codec::Json } else { Codec::Bincode };
        let fingerprint = shape::fingerprint_of::<Sample>();
        let written = Envelope::encode(&sample, codec, version, fingerprint)?;
        let read = Envelope::from_bytes(written.as_bytes())?;
        prop_assert_eq!(&read, &written);
        prop_assert_eq!(read.decode_checked::<Sample>(version, fingerprint)?, sample);
    }
}
