//! The run that has a unique key.

use std::fmt;

use longhaul_core::Key;

use super::{Client, FindByKeyError, RunHandle};
use crate::{
    definition::Definition,
    payload::Payload,
    task::{TaskDefinition, TaskFn, TaskTypes},
};

impl Client {
    /// The run of `T` that has this [unique key](crate::Enqueue::unique) now: the one that a second run of the key would
    /// meet. `None`: the key is free.
    ///
    /// ```
    /// # use longhaul::{doc::{Count, CountUp}, Client, testing};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
    /// let run = client.enqueue::<CountUp>(Count { to: 3 }).unique("order 7").await?;
    /// let found = client.find_by_key::<CountUp>("order 7").await?.expect("it is there");
    /// assert_eq!(found.id(), run.id());
    /// assert!(client.find_by_key::<CountUp>("order 8").await?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn find_by_key<T: TaskDefinition>(&self, key: &str) -> Result<Option<RunHandle<T>>, FindByKeyError> {
        self.holder(self.definition::<T>(), key).await
    }

    /// The same, of a function.
    pub async fn find_fn_by_key<M: Payload, X: Payload + Default, R: Payload, E: Payload + fmt::Display>(
        &self,
        function: TaskFn<M, X, R, E>,
        key: &str,
    ) -> Result<Option<RunHandle<TaskFn<M, X, R, E>>>, FindByKeyError> {
        self.holder(Definition::of_fn(function, &self.inner.shapes), key).await
    }

    async fn holder<T: TaskTypes>(
        &self,
        definition: Definition<T>,
        key: &str,
    ) -> Result<Option<RunHandle<T>>, FindByKeyError> {
        let key = Key::new(key)?;
        // Keys are unique within a kind, and runs from before a renaming have the former one.
        for kind in &definition.common.kinds {
            if let Some(id) = self.store().find_by_key(kind.clone(), key.clone()).await? {
                return Ok(Some(RunHandle::new(self.clone(), definition, id)));
            }
        }
        Ok(None)
    }
}
