//! What statements take, with the type that it has in the database: a statement that is not prepared needs it.

use tokio_postgres::types::{ToSql, Type};

use crate::id::Uuid;

/// A parameter of a statement.
pub(crate) trait Value: ToSql + Sync {
    fn value_type(&self) -> Type;
}

/// A parameter whose type does not depend on its value.
pub(crate) trait Typed {
    const TYPE: Type;
}

/// A type that arrays are made of.
pub(crate) trait Element: Typed {
    const ARRAY: Type;
}

impl<T: Typed + ToSql + Sync> Value for T {
    fn value_type(&self) -> Type {
        T::TYPE
    }
}

macro_rules! typed {
    ($($rust:ty: $one:ident, $many:ident;)*) => {$(
        impl Typed for $rust {
            const TYPE: Type = Type::$one;
        }
        impl Element for $rust {
            const ARRAY: Type = Type::$many;
        }
    )*};
}

typed! {
    bool: BOOL, BOOL_ARRAY;
    i16: INT2, INT2_ARRAY;
    i32: INT4, INT4_ARRAY;
    i64: INT8, INT8_ARRAY;
    &str: TEXT, TEXT_ARRAY;
    String: TEXT, TEXT_ARRAY;
    &[u8]: BYTEA, BYTEA_ARRAY;
    Vec<u8>: BYTEA, BYTEA_ARRAY;
    Uuid: UUID, UUID_ARRAY;
}

impl<T: Typed> Typed for Option<T> {
    const TYPE: Type = T::TYPE;
}

impl<T: Element> Element for Option<T> {
    const ARRAY: Type = T::ARRAY;
}

impl<T: Element> Typed for Vec<T> {
    const TYPE: Type = T::ARRAY;
}

impl<T: Element> Typed for &Vec<T> {
    const TYPE: Type = T::ARRAY;
}

impl<T: Element> Typed for &[T] {
    const TYPE: Type = T::ARRAY;
}
