//! One after another: what types ask for.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap, VecDeque},
    ffi::CString,
    marker::PhantomData,
    net::{IpAddr, Ipv4Addr},
    num::{NonZeroI8, NonZeroU32, NonZeroU128},
    ops::{Bound, Range},
    path::PathBuf,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use super::super::describe;

fn is<T: DeserializeOwned>(shape: &str) {
    assert_eq!(describe::<T>(), shape, "{}", std::any::type_name::<T>());
}

#[test]
fn leaves_are_named_by_their_width() {
    is::<(bool, char, f32, f64)>("(bool, char, f32, f64)");
    is::<(i8, i16, i32, i64, i128, isize)>("(i8, i16, i32, i64, i128, i64)");
    is::<(u8, u16, u32, u64, u128, usize)>("(u8, u16, u32, u64, u128, u64)");
    is::<(String, Cow<'static, str>, Box<str>, PathBuf)>("(str * 4)");
    is::<((), PhantomData<u8>)>("(() * 2)");
}

#[test]
fn containers_are_named_by_what_they_hold() {
    is::<Vec<Option<Vec<u8>>>>("seq(option(seq(u8)))");
    is::<(VecDeque<u8>, BTreeSet<u8>, Box<[u8]>)>("(seq(u8) * 3)");
    is::<HashMap<u32, HashMap<String, char>>>("map(u32, map(str, char))");
    is::<[[u8; 3]; 2]>("((u8 * 3) * 2)");
    is::<[u8; 0]>("()");
    is::<Option<Option<bool>>>("option(option(bool))");
    is::<CString>("bytes");
}

#[test]
fn types_of_the_standard_library_are_seen_through() {
    is::<Duration>("{secs: u64, nanos: u32}");
    is::<SystemTime>("{secs_since_epoch: u64, nanos_since_epoch: u32}");
    is::<IpAddr>("<V4((u8 * 4)) | V6((u8 * 16))>");
    is::<Ipv4Addr>("(u8 * 4)");
    is::<Range<u8>>("{start: u8, end: u8}");
    is::<Bound<u8>>("<Unbounded | Included(u8) | Excluded(u8)>");
    is::<Result<u8, String>>("<Ok(u8) | Err(str)>");
}

#[test]
fn numbers_that_may_not_be_zero_are_seen_with_what_follows_them() {
    is::<(NonZeroU32, NonZeroI8, NonZeroU128, u8)>("(u32, i8, u128, u8)");
    is::<Vec<HashMap<NonZeroU32, Option<NonZeroU32>>>>("seq(map(u32, option(u32)))");
}

#[test]
fn a_text_that_the_type_checks_is_offered_until_it_fits() {
    #[derive(Deserialize)]
    #[serde(try_from = "String")]
    struct Url(String);
    impl TryFrom<String> for Url {
        type Error = &'static str;
        fn try_from(text: String) -> Result<Self, Self::Error> {
            if text.starts_with("http://") { Ok(Self(text)) } else { Err("not a url") }
        }
    }
    #[derive(Deserialize)]
    struct Fetch {
        from: Url,
        mirrors: Vec<Url>,
        tries: u8,
    }
    is::<Fetch>("{from: str, mirrors: seq(str), tries: u8}");
}

#[test]
fn bytes_are_offered_until_their_length_fits() {
    struct Hash;
    impl<'de> Deserialize<'de> for Hash {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl serde::de::Visitor<'_> for Visitor {
                type Value = Hash;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("20 bytes")
                }
                fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Hash, E> {
                    if bytes.len() == 20 { Ok(Hash) } else { Err(E::invalid_length(bytes.len(), &self)) }
                }
            }
            deserializer.deserialize_bytes(Visitor)
        }
    }
    is::<(Hash, u8)>("(bytes, u8)");
}

/// As dates do: the day of the year is wrong, and it is said after the seconds were read.
#[test]
fn numbers_that_are_checked_together_are_varied_one_by_one() {
    #[derive(Deserialize)]
    #[serde(try_from = "(i32, u16, u8, u8)")]
    struct Instant;
    impl TryFrom<(i32, u16, u8, u8)> for Instant {
        type Error = &'static str;
        fn try_from((_, day, hour, _): (i32, u16, u8, u8)) -> Result<Self, Self::Error> {
            if day > 0 && hour == 0 { Ok(Self) } else { Err("no such day") }
        }
    }
    is::<(u8, Instant, u8)>("(u8, (i32, u16, u8 * 2), u8)");
}

/// The walk stops where no sample is accepted; what lies behind is not known, and the names still are.
#[test]
fn what_no_sample_fits_ends_the_walk_and_not_the_fingerprint() {
    #[derive(Deserialize)]
    #[serde(try_from = "u32")]
    struct Checked(u32);
    impl TryFrom<u32> for Checked {
        type Error = &'static str;
        fn try_from(number: u32) -> Result<Self, Self::Error> {
            if number == 77_777 { Ok(Self(number)) } else { Err("not the number") }
        }
    }
    #[derive(Deserialize)]
    enum Either {
        Hard(Checked, u8),
        Easy(bool),
    }
    is::<(u8, Checked, u16)>("(u8, u32, ?)");
    is::<(Either, u16)>("(<Hard(u32, ?) | Easy(bool)>, u16)");
    is::<(Vec<Checked>, Option<Checked>, u16)>("(seq(u32), option(u32), u16)");
}

/// A rule about several fields makes no value that we can offer; each field is seen all the same.
#[test]
fn a_rule_across_fields_does_not_hide_them() {
    #[derive(Deserialize)]
    struct Raw {
        from: Option<u32>,
        to: Option<Vec<u8>>,
    }
    #[derive(Deserialize)]
    #[serde(try_from = "Raw")]
    struct Window(Raw);
    impl TryFrom<Raw> for Window {
        type Error = &'static str;
        fn try_from(raw: Raw) -> Result<Self, Self::Error> {
            if raw.from > Some(9) { Ok(Self(raw)) } else { Err("empty window") }
        }
    }
    is::<Window>("{from: option(u32), to: option(seq(u8))}");
}

#[test]
fn what_bincode_cannot_read_is_opaque() {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        A(u32),
        B(String),
    }
    #[derive(Deserialize)]
    #[serde(tag = "t")]
    enum Internal {
        A { x: u32 },
        B,
    }
    #[derive(Deserialize)]
    #[serde(tag = "t", content = "c")]
    enum Adjacent {
        A(u32),
        B,
    }
    #[derive(Deserialize)]
    struct Part {
        x: u8,
    }
    #[derive(Deserialize)]
    struct Flat {
        a: u8,
        #[serde(flatten)]
        part: Part,
    }
    #[derive(Deserialize)]
    struct Holder {
        before: u8,
        value: serde_json::Value,
        after: u8,
    }
    is::<Untagged>("any");
    is::<Internal>("any");
    is::<Adjacent>("{t: identifier, c: ?}");
    is::<Flat>("map(identifier, ?)");
    is::<Holder>("{before: u8, value: any, after: ?}");
    is::<Vec<serde_json::Value>>("seq(any)");
}

/// No derive does it, since bincode could not read it by its own rules; a type by hand may.
#[test]
fn what_depends_on_an_earlier_answer_is_seen_for_each_answer() {
    #[derive(Deserialize)]
    enum Unit {
        Bytes,
        Rows,
    }
    struct Size;
    impl<'de> Deserialize<'de> for Size {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Size;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("a unit and its number")
                }
                fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Size, A::Error> {
                    match items.next_element::<Unit>()? {
                        Some(Unit::Rows) => drop(items.next_element::<Option<(NonZeroU32, i8)>>()?),
                        _ => drop(items.next_element::<u64>()?),
                    }
                    Ok(Size)
                }
            }
            deserializer.deserialize_tuple(2, Visitor)
        }
    }
    is::<Size>("(<Bytes | Rows>, any-of(u64, option((u32, i8))))");
}

#[test]
fn what_is_not_read_is_not_in_the_shape() {
    #[derive(Deserialize)]
    struct Skips {
        a: u8,
        #[serde(skip)]
        b: u16,
        #[serde(default)]
        c: u32,
    }
    #[derive(Deserialize)]
    enum Partly {
        A,
        #[serde(skip)]
        B,
        C(u8),
    }
    is::<Skips>("{a: u8, c: u32}");
    is::<Partly>("<A | C(u8)>");
}

#[test]
fn a_type_without_values_has_a_shape() {
    #[derive(Deserialize)]
    enum Never {}
    is::<Never>("<>");
    is::<(u8, Option<Never>, u16)>("(u8, option(<>), u16)");
}
