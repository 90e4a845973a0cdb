//! Types made up at random, that refuse, fail late and contain themselves: the walk through each comes to an end, and
//! to the same one.

use std::fmt;

use proptest::prelude::*;
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::super::{text, tracer::Tracer, walk::Walk};

static NAMES: [&str; 4] = ["a", "b", "c", "d"];

#[derive(Clone, Debug)]
enum Type {
    /// A number that is nothing else.
    Number(u64),
    Text,
    Any,
    Option(Box<Type>),
    Seq(Box<Type>),
    Map(Box<Type>, Box<Type>),
    Struct(Vec<Type>),
    Enum(Vec<Type>),
    /// Refused after it was built.
    Refused(Box<Type>),
    /// Itself if it can be built, something else if not.
    Forgiven(Box<Type>),
    /// What is so many levels above.
    Above(usize),
}

fn any_type() -> impl Strategy<Value = Type> {
    let leaf = prop_oneof![
        4 => (0..3_u64).prop_map(Type::Number),
        2 => Just(Type::Text),
        1 => Just(Type::Any),
        2 => (0..4_usize).prop_map(Type::Above),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        let several = prop::collection::vec(inner.clone(), 0..=NAMES.len());
        prop_oneof![
            2 => inner.clone().prop_map(|of| Type::Option(of.into())),
            2 => inner.clone().prop_map(|of| Type::Seq(of.into())),
            1 => (inner.clone(), inner.clone()).prop_map(|(key, value)| Type::Map(key.into(), value.into())),
            3 => several.clone().prop_map(Type::Struct),
            3 => several.prop_map(Type::Enum),
            1 => inner.clone().prop_map(|of| Type::Refused(of.into())),
            1 => inner.prop_map(|of| Type::Forgiven(of.into())),
        ]
    })
}

#[derive(Clone, Copy)]
struct Made<'t> {
    of: &'t Type,
    above: Option<&'t Made<'t>>,
}

impl<'t> Made<'t> {
    fn part<'s>(&'s self, of: &'s Type) -> Made<'s>
    where
        't: 's,
    {
        Made { of, above: Some(self) }
    }

    /// So many levels up, of those that ask for something: what contains itself without asking has no end anywhere.
    fn asking_above(&self, levels: usize) -> Option<&'t Made<'t>> {
        let asks = |made: &&Made| !matches!(made.of, Type::Above(_) | Type::Refused(_) | Type::Forgiven(_));
        std::iter::successors(self.above, |made| made.above).filter(asks).nth(levels)
    }
}

impl<'de> DeserializeSeed<'de> for Made<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        match self.of {
            Type::Number(_) => from.deserialize_u64(self),
            Type::Text => from.deserialize_str(self),
            Type::Any => from.deserialize_any(self),
            Type::Option(_) => from.deserialize_option(self),
            Type::Seq(_) => from.deserialize_seq(self),
            Type::Map(..) => from.deserialize_map(self),
            Type::Struct(fields) => from.deserialize_struct("S", &NAMES[..fields.len()], self),
            Type::Enum(variants) => from.deserialize_enum("E", &NAMES[..variants.len()], self),
            Type::Refused(of) => {
                self.part(of).deserialize(from)?;
                Err(D::Error::custom("refused"))
            }
            Type::Forgiven(of) => self.part(of).deserialize(from).or(Ok(())),
            Type::Above(levels) => match self.asking_above(*levels) {
                Some(above) => above.deserialize(from),
                None => Ok(()),
            },
        }
    }
}

impl<'de> Visitor<'de> for Made<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("something made up")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        match self.of {
            Type::Number(only) if *only != number => Err(E::custom("another number")),
            _ => Ok(()),
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        if text.len() == 1 { Ok(()) } else { Err(E::custom("not one character")) }
    }

    fn visit_none<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        let Type::Option(of) = self.of else { unreachable!("only options are asked so") };
        self.part(of).deserialize(from)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        match self.of {
            Type::Seq(of) => while items.next_element_seed(self.part(of))?.is_some() {},
            Type::Struct(fields) => {
                for field in fields {
                    items.next_element_seed(self.part(field))?.ok_or_else(|| A::Error::custom("too few"))?;
                }
            }
            _ => unreachable!("only sequences and structs are asked so"),
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let Type::Map(key, value) = self.of else { unreachable!("only maps are asked so") };
        while entries.next_key_seed(self.part(key))?.is_some() {
            entries.next_value_seed(self.part(value))?;
        }
        Ok(())
    }

    fn visit_enum<A: EnumAccess<'de>>(self, choice: A) -> Result<(), A::Error> {
        let Type::Enum(variants) = self.of else { unreachable!("only enums are asked so") };
        let (index, content) = choice.variant_seed(std::marker::PhantomData::<u32>)?;
        let of = variants.get(index as usize).ok_or_else(|| A::Error::custom("no such variant"))?;
        content.newtype_variant_seed(self.part(of))
    }
}

fn describe(of: &Type) -> String {
    let nodes = Walk::of(&mut |walk| Made { of, above: None }.deserialize(Tracer::root(walk)).is_ok());
    text::render(&nodes)
}

proptest! {
    #[test]
    fn every_type_has_one_shape(of in any_type()) {
        prop_assert_eq!(describe(&of), describe(&of));
    }
}
