//! What has no parts: its name in the text, and the samples that a type is offered for it.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaf {
    Unit,
    Bool,
    I8,
    I16,
    I32,
    I64,
    I128,
    U8,
    U16,
    U32,
    U64,
    U128,
    F32,
    F64,
    Char,
    Str,
    Bytes,
    /// What only a format that describes itself can answer; we stop there.
    Any,
    Identifier,
    Ignored,
}

/// Every number is first 0; some types, like `NonZeroU32` and the day of a month, want another.
pub(super) const NUMBERS: usize = 2;
pub(super) const CHARS: [char; 2] = ['a', '0'];

/// What types that are read from text have been seen to want: empty, a number, instants, dates, times, spans, ids,
/// addresses, versions, zones, paths, languages, days, months.
pub(super) const TEXTS: [&str; 23] = [
    "",
    "0",
    "1970-01-01T00:00:00Z",
    "1970-01-01",
    "00:00:00",
    "1970-01-01T00:00:00",
    "1970-01-01T00:00:00+00:00[UTC]",
    "PT0S",
    "00000000-0000-0000-0000-000000000000",
    "127.0.0.1",
    "127.0.0.1:0",
    "127.0.0.0/8",
    "http://a/",
    "a",
    "a@a.aa",
    "0.0.0",
    "UTC",
    "/",
    "en",
    "Mon",
    "January",
    "true",
    "{}",
];

/// Lengths that types of fixed-size bytes want: a UUID or address, hashes, keys, ids.
pub(super) const BYTES: [usize; 9] = [0, 16, 32, 4, 8, 12, 20, 24, 64];
pub(super) static ZEROS: [u8; 64] = [0; 64];

impl Leaf {
    pub(super) fn samples(self) -> usize {
        match self {
            Self::Unit => 1,
            Self::Char => CHARS.len(),
            Self::Str => TEXTS.len(),
            Self::Bytes => BYTES.len(),
            Self::Any | Self::Identifier | Self::Ignored => 0,
            _ => NUMBERS,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Unit => "()",
            Self::Bool => "bool",
            Self::I8 => "i8",
            Self::I16 => "i16",
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::I128 => "i128",
            Self::U8 => "u8",
            Self::U16 => "u16",
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::U128 => "u128",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::Char => "char",
            Self::Str => "str",
            Self::Bytes => "bytes",
            Self::Any => "any",
            Self::Identifier => "identifier",
            Self::Ignored => "ignored",
        }
    }
}
