//! Values as PostgreSQL's protocol has them, on their way through sqlx.

use longhaul_postgres::driver::{Column, Parameter};
use sqlx::{
    Column as _, Encode, Postgres, Row as _, Type, ValueRef as _,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgRow, PgTypeInfo, PgValueFormat, types::Oid},
};

/// A value that says itself which type it has.
pub(crate) struct Bound(pub(crate) Parameter);

impl Type<Postgres> for Bound {
    /// Not asked for: each value has [a type of its own](Encode::produces).
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("unknown")
    }
}

impl Encode<'_, Postgres> for Bound {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let Some(value) = &self.0.value else { return Ok(IsNull::Yes) };
        buffer.extend_from_slice(value);
        Ok(IsNull::No)
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(PgTypeInfo::with_oid(Oid(self.0.type_oid)))
    }
}

/// The values of a row, in their order.
pub(crate) fn read(row: &PgRow) -> Result<Vec<Column>, sqlx::Error> {
    let one = |at: usize| {
        let value = row.try_get_raw(at)?;
        let undecoded = |why: &str| sqlx::Error::ColumnDecode { index: at.to_string(), source: why.into() };
        let Some(Oid(type_oid)) = row.column(at).type_info().oid() else {
            return Err(undecoded("its type has no OID"));
        };
        if value.is_null() {
            return Ok(Column { type_oid, value: None });
        }
        if value.format() != PgValueFormat::Binary {
            return Err(undecoded("it is not in binary format"));
        }
        let bytes = value.as_bytes().map_err(|source| sqlx::Error::ColumnDecode { index: at.to_string(), source })?;
        Ok(Column { type_oid, value: Some(bytes.to_vec()) })
    };
    (0..row.len()).map(one).collect()
}
