//! What is published of the types of a kind.

use std::{
    any::TypeId,
    collections::BTreeMap,
    sync::{PoisonError, RwLock},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::schema::Marks;

/// The JSON Schema of each of a task's four types: enough for a program without the code to show values with their
/// descriptions, and to make a form for metadata. See [`TaskOptions::schema`](crate::TaskOptions::schema).
///
/// ```
/// # use longhaul::doc::CountUp;
/// // `CountUp` has none.
/// assert_eq!(longhaul::Views::new().task::<CountUp>().schema("count-up"), None);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct KindSchema {
    /// Of what is asked.
    pub metadata: Value,
    /// Of how far a run is.
    pub execution_metadata: Value,
    /// Of the result.
    pub result: Value,
    /// Of the typed error.
    pub error: Value,
}

/// A schema with its marks.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) schema: KindSchema,
    pub(crate) marks: Marks,
}

/// How a task's options hold a schema: it is made when it is needed, and once.
#[derive(Clone, Copy)]
pub(crate) struct SchemaSource {
    task: TypeId,
    make: fn() -> KindSchema,
}

impl SchemaSource {
    #[cfg(feature = "schema")]
    pub(super) fn new<T: 'static>(make: fn() -> KindSchema) -> Self {
        Self { task: TypeId::of::<T>(), make }
    }

    /// Options are made anew for each run, and a schema takes longer to make than a run: so all that were made stay, one
    /// for each task of the program.
    pub(crate) fn published(self) -> &'static Published {
        static ALL: RwLock<BTreeMap<TypeId, &'static Published>> = RwLock::new(BTreeMap::new());
        // Both sides only ever add the one right value, so a poisoned lock hides nothing.
        if let Some(made) = ALL.read().unwrap_or_else(PoisonError::into_inner).get(&self.task) {
            return made;
        }
        let schema = (self.make)();
        let marks = Marks::of(&schema.metadata);
        let mut all = ALL.write().unwrap_or_else(PoisonError::into_inner);
        all.entry(self.task).or_insert_with(|| Box::leak(Box::new(Published { schema, marks })))
    }
}

impl std::fmt::Debug for SchemaSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SchemaSource")
    }
}

impl PartialEq for SchemaSource {
    fn eq(&self, other: &Self) -> bool {
        self.task == other.task
    }
}
