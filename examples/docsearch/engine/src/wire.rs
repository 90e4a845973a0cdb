//! How numbers and texts lie in the index files: numbers as LEB128, texts with their length before them.

use std::io::{self, Read};

/// The longest text that is read back: a path or a title. More means that the bytes are not what they should be.
const TEXT_MAX: u64 = 1 << 20;

pub(super) fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_number(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

pub(super) fn number(from: &mut impl Read) -> io::Result<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = byte(from)?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(damaged("a number without an end"))
}

pub(super) fn small(from: &mut impl Read) -> io::Result<u32> {
    u32::try_from(number(from)?).map_err(|_| damaged("a number above its limit"))
}

pub(super) fn byte(from: &mut impl Read) -> io::Result<u8> {
    let mut byte = [0];
    from.read_exact(&mut byte)?;
    Ok(byte[0])
}

pub(super) fn text(from: &mut impl Read) -> io::Result<String> {
    let length = number(from)?;
    if length > TEXT_MAX {
        return Err(damaged("a text above its limit"));
    }
    let mut bytes = vec![0; length as usize];
    from.read_exact(&mut bytes)?;
    String::from_utf8(bytes).map_err(|_| damaged("a text that is not UTF-8"))
}

pub(super) fn damaged(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_at_every_width() {
        for value in [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX] {
            let mut bytes = Vec::new();
            put_number(&mut bytes, value);
            let mut rest = bytes.as_slice();
            assert_eq!(number(&mut rest).unwrap(), value);
            assert!(rest.is_empty());
        }
    }

    #[test]
    fn bytes_that_end_early_or_never_are_an_error() {
        assert_eq!(number(&mut [0x80].as_slice()).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(number(&mut [0xff; 11].as_slice()).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(text(&mut [5, b'a'].as_slice()).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(text(&mut [1, 0xff].as_slice()).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
