//! What the database answered, by whatever driver.

use std::error::Error;

use longhaul_core::StoreError;
use tokio_postgres::types::{FromSql, IsNull, Type};

use super::Param;
use crate::{
    driver::{Column, Parameter, Refused},
    error::Fault,
};

/// A row.
pub(crate) enum Row {
    TokioPostgres(tokio_postgres::Row),
    Driver(Vec<Column>),
}

/// A value is not what the statement was to answer.
#[derive(Debug, thiserror::Error)]
#[error("column {at} of an answer: {why}")]
pub(crate) struct ColumnError {
    at: usize,
    why: Box<dyn Error + Sync + Send>,
}

impl From<ColumnError> for Fault {
    fn from(error: ColumnError) -> Self {
        Self::Store(StoreError::Unavailable { reason: error.to_string().into() })
    }
}

impl Row {
    pub(crate) fn try_get<'a, T: FromSql<'a>>(&'a self, at: usize) -> Result<T, ColumnError> {
        let value = match self {
            Self::TokioPostgres(row) => row.try_get(at).map_err(Into::into),
            Self::Driver(columns) => read(columns, at),
        };
        value.map_err(|why| ColumnError { at, why })
    }

    /// # Panics
    /// When the statement answers something else, which a test would have seen.
    pub(crate) fn get<'a, T: FromSql<'a>>(&'a self, at: usize) -> T {
        self.try_get(at).expect("the statement answers a value of this type here")
    }
}

fn read<'a, T: FromSql<'a>>(columns: &'a [Column], at: usize) -> Result<T, Box<dyn Error + Sync + Send>> {
    let Column { type_oid, value } = columns.get(at).ok_or("there is none")?;
    let is = Type::from_oid(*type_oid).ok_or_else(|| format!("its type has the unknown OID {type_oid}"))?;
    if !T::accepts(&is) {
        return Err(format!("its type is {is}, which was not expected").into());
    }
    T::from_sql_nullable(&is, value.as_deref())
}

/// The parameters of a statement, for another driver.
pub(super) fn encoded(params: &[Param<'_>]) -> Result<Vec<Parameter>, Refused> {
    let one = |param: &Param<'_>| {
        let (of, mut bytes) = (param.value_type(), bytes::BytesMut::new());
        let is_null = param.to_sql_checked(&of, &mut bytes)?;
        let value = matches!(is_null, IsNull::No).then(|| bytes.to_vec());
        Ok(Parameter { type_oid: of.oid(), value })
    };
    let all: Result<_, Box<dyn Error + Sync + Send>> = params.iter().map(one).collect();
    all.map_err(|error| Refused { code: None, reason: error.to_string().into() })
}
