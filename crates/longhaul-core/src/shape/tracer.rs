//! The deserializer that a type is asked with. Every answer is as bincode would give it: positions, not names.

mod access;

use std::{any::type_name, fmt};

use serde::de::{Deserializer, Error as _, Visitor};

use self::access::{Entries, Items, Variants};
use super::{
    leaf::{BYTES, CHARS, Leaf, TEXTS, ZEROS},
    node::Request,
    walk::{Place, Stuck, Visit, Walk},
};

/// The type refused what it was given, or we had nothing to give; nobody reads why.
#[derive(Debug)]
pub(super) struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("refused while looking for the shape of a type")
    }
}

impl std::error::Error for Refused {}

impl serde::de::Error for Refused {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

impl From<Stuck> for Refused {
    fn from(_: Stuck) -> Self {
        Self
    }
}

/// Answers one question, at one place.
pub(super) struct Tracer<'w> {
    pub(super) walk: &'w mut Walk,
    pub(super) place: Place,
}

impl<'w> Tracer<'w> {
    pub(super) fn root(walk: &'w mut Walk) -> Self {
        Self { walk, place: Place::ROOT }
    }

    /// Answers with something that has parts: `answer` hands them to the visitor.
    fn parts<'de, V: Visitor<'de>>(
        self,
        request: Request,
        visitor: V,
        answer: impl FnOnce(&mut Walk, Visit, V) -> Result<V::Value, Refused>,
    ) -> Result<V::Value, Refused> {
        let visit = self.walk.enter(self.place, request, (type_name::<V>(), type_name::<V::Value>()))?;
        let result = answer(self.walk, visit, visitor);
        self.walk.leave(visit, result.is_ok());
        result
    }

    fn opaque<T>(self, leaf: Leaf) -> Result<T, Refused> {
        self.walk.leaf(self.place, leaf)?;
        Err(Refused::custom("opaque"))
    }

    pub(super) fn items<'de, V: Visitor<'de>>(
        self,
        request: Request,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.parts(request, visitor, |walk, visit, visitor| visitor.visit_seq(Items::new(walk, visit, len)))
    }
}

macro_rules! numbers {
    ($($method:ident $leaf:ident $visit:ident $samples:expr;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
            let sample = self.walk.leaf(self.place, Leaf::$leaf)?;
            visitor.$visit($samples[sample])
        }
    )*};
}

impl<'de> Deserializer<'de> for Tracer<'_> {
    type Error = Refused;

    numbers! {
        deserialize_bool Bool visit_bool [false, true];
        deserialize_i8 I8 visit_i8 [0, 1];
        deserialize_i16 I16 visit_i16 [0, 1];
        deserialize_i32 I32 visit_i32 [0, 1];
        deserialize_i64 I64 visit_i64 [0, 1];
        deserialize_i128 I128 visit_i128 [0, 1];
        deserialize_u8 U8 visit_u8 [0, 1];
        deserialize_u16 U16 visit_u16 [0, 1];
        deserialize_u32 U32 visit_u32 [0, 1];
        deserialize_u64 U64 visit_u64 [0, 1];
        deserialize_u128 U128 visit_u128 [0, 1];
        deserialize_f32 F32 visit_f32 [0.0, 1.0];
        deserialize_f64 F64 visit_f64 [0.0, 1.0];
        deserialize_char Char visit_char CHARS;
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let sample = self.walk.leaf(self.place, Leaf::Str)?;
        visitor.visit_borrowed_str(TEXTS[sample])
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let sample = self.walk.leaf(self.place, Leaf::Str)?;
        visitor.visit_string(TEXTS[sample].to_owned())
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let sample = self.walk.leaf(self.place, Leaf::Bytes)?;
        visitor.visit_borrowed_bytes(&ZEROS[..BYTES[sample]])
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let sample = self.walk.leaf(self.place, Leaf::Bytes)?;
        visitor.visit_byte_buf(ZEROS[..BYTES[sample]].to_vec())
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.parts(Request::Option, visitor, |walk, visit, visitor| match visit.alternative {
            0 => visitor.visit_none(),
            _ => visitor.visit_some(Tracer { walk, place: visit.part(0) }),
        })
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.walk.leaf(self.place, Leaf::Unit)?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Refused> {
        self.parts(Request::Newtype, visitor, |walk, visit, visitor| {
            visitor.visit_newtype_struct(Tracer { walk, place: visit.part(0) })
        })
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.parts(Request::Seq, visitor, |walk, visit, visitor| {
            visitor.visit_seq(Items::new(walk, visit, visit.alternative))
        })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Refused> {
        self.items(Request::Tuple(len), len, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.items(Request::Tuple(len), len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.parts(Request::Map, visitor, |walk, visit, visitor| visitor.visit_map(Entries::new(walk, visit)))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.items(Request::Struct(fields), fields.len(), visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.parts(Request::Enum(variants), visitor, |walk, visit, visitor| {
            visitor.visit_enum(Variants { walk, visit })
        })
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Refused> {
        self.opaque(Leaf::Any)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Refused> {
        self.opaque(Leaf::Identifier)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Refused> {
        self.opaque(Leaf::Ignored)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}
