//! The statements of the store, and their parameters.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio_postgres::types::{ToSql, Type};

use crate::{identifier::quoted, value::Value};

/// The statements of the store, with the name of its schema in them.
#[derive(Debug)]
pub(crate) struct Statements {
    prefix: String,
    texts: Mutex<HashMap<&'static str, Arc<str>>>,
    round_trips: AtomicU64,
}

impl Statements {
    pub(crate) fn of(schema: &str) -> Self {
        Self { prefix: format!("{}.", quoted(schema)), texts: Mutex::default(), round_trips: AtomicU64::new(0) }
    }

    /// How often something was sent, and its answer waited for.
    pub(crate) fn round_trips(&self) -> u64 {
        self.round_trips.load(Ordering::Acquire)
    }

    pub(super) fn count(&self) {
        self.round_trips.fetch_add(1, Ordering::Release);
    }

    /// All that were used.
    pub(crate) fn all(&self) -> Vec<String> {
        let texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        texts.values().map(ToString::to_string).collect()
    }

    /// `@` stands for the schema.
    pub(super) fn text(&self, statement: &'static str) -> Arc<str> {
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(texts.entry(statement).or_insert_with(|| statement.replace('@', &self.prefix).into()))
    }
}

pub(crate) type Param<'a> = &'a dyn Value;

pub(super) fn untyped<'a>(params: &[Param<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    params.iter().map(|param| *param as &(dyn ToSql + Sync)).collect()
}

pub(super) fn typed<'a>(params: &[Param<'a>]) -> Vec<(&'a (dyn ToSql + Sync), Type)> {
    params.iter().map(|param| (*param as &(dyn ToSql + Sync), param.value_type())).collect()
}

/// A statement and its parameters.
#[derive(Clone, Copy)]
pub(crate) struct Step<'a>(pub(crate) &'static str, pub(crate) &'a [Param<'a>]);
