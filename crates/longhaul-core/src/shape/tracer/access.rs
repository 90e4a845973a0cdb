//! How the parts of an answer are handed out: items, entries, variants.

use serde::de::{DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::{
    super::{
        leaf::Leaf,
        node::{ITEMS_MAX, Request},
        walk::{NO_TYPE, Place, Visit, Walk},
    },
    Refused, Tracer,
};

impl Visit {
    pub(super) fn part(self, slot: usize) -> Place {
        Place { node: self.node, slot, replay: self.replay }
    }
}

/// The fields of a struct, the items of a tuple, or what a sequence holds.
pub(super) struct Items<'w> {
    walk: &'w mut Walk,
    visit: Visit,
    next: usize,
    len: usize,
    slots: usize,
}

impl<'w> Items<'w> {
    pub(super) fn new(walk: &'w mut Walk, visit: Visit, len: usize) -> Self {
        let slots = match walk.request(visit) {
            Request::Tuple(_) => ITEMS_MAX,
            _ => usize::MAX,
        };
        Self { walk, visit, next: 0, len, slots }
    }
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Refused;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Refused> {
        if self.next == self.len {
            return Ok(None);
        }
        let place = self.visit.part(self.next.min(self.slots - 1));
        self.next += 1;
        seed.deserialize(Tracer { walk: self.walk, place }).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.len - self.next)
    }
}

/// No entry of a map, or one.
pub(super) struct Entries<'w> {
    walk: &'w mut Walk,
    visit: Visit,
    left: usize,
}

impl<'w> Entries<'w> {
    pub(super) fn new(walk: &'w mut Walk, visit: Visit) -> Self {
        Self { walk, visit, left: visit.alternative }
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Refused;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Refused> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(Tracer { walk: self.walk, place: self.visit.part(0) }).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Refused> {
        seed.deserialize(Tracer { walk: self.walk, place: self.visit.part(1) })
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

/// The variant that was chosen, by its index.
pub(super) struct Variants<'w> {
    pub(super) walk: &'w mut Walk,
    pub(super) visit: Visit,
}

impl<'w> Variants<'w> {
    fn content(self) -> Tracer<'w> {
        Tracer { walk: self.walk, place: self.visit.part(self.visit.alternative) }
    }
}

impl<'de> EnumAccess<'de> for Variants<'_> {
    type Error = Refused;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Refused> {
        let index: serde::de::value::U32Deserializer<Refused> = (self.visit.alternative as u32).into_deserializer();
        Ok((seed.deserialize(index)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variants<'_> {
    type Error = Refused;

    fn unit_variant(self) -> Result<(), Refused> {
        let content = self.content();
        content.walk.leaf(content.place, Leaf::Unit)?;
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Refused> {
        let content = self.content();
        let visit = content.walk.enter(content.place, Request::Newtype, NO_TYPE)?;
        let result = seed.deserialize(Tracer { walk: content.walk, place: visit.part(0) });
        content.walk.leave(visit, result.is_ok());
        result
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Refused> {
        self.content().items(Request::Tuple(len), len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Refused> {
        self.content().items(Request::Struct(fields), fields.len(), visitor)
    }
}
