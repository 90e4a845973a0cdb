//! Makes the schema of a kind from its types. Feature `schema`.

use std::fmt::Display;

use schemars::{JsonSchema, Schema, SchemaGenerator, schema_for};

use super::{
    TaskFn, TaskOptions, TaskTypes,
    schema::{KindSchema, SchemaSource},
};
use crate::{any_error::AnyError, outcome::EmptyError, payload::Payload};

fn schema_of<T: TaskTypes>() -> KindSchema
where
    T::Metadata: JsonSchema,
    T::ExecutionMetadata: JsonSchema,
    T::Output: JsonSchema,
    T::Error: JsonSchema,
{
    KindSchema {
        metadata: schema_for!(T::Metadata).into(),
        execution_metadata: schema_for!(T::ExecutionMetadata).into(),
        result: schema_for!(T::Output).into(),
        error: schema_for!(T::Error).into(),
    }
}

impl TaskOptions {
    /// Publishes the JSON Schema of the task's four types, so that programs without its code can show its values and
    /// make them. Unless a [codec](Self::codec) is named, values are written as JSON then, which such programs can
    /// read. The types derive `schemars::JsonSchema`; with the feature `schema`.
    ///
    /// ```
    /// use longhaul::{Codec, Context, ExecutionResult, Success, Task, TaskOptions, Views};
    /// use schemars::JsonSchema;
    /// use serde::{Deserialize, Serialize};
    ///
    /// /// A report for one customer.
    /// #[derive(Serialize, Deserialize, JsonSchema)]
    /// struct Report { customer: u32 }
    ///
    /// struct MakeReport;
    ///
    /// impl Task for MakeReport {
    ///     const NAME: &'static str = "report";
    ///     type Metadata = Report;
    ///     type ExecutionMetadata = ();
    ///     type Output = ();
    ///     type Error = longhaul::AnyError;
    ///
    ///     fn options() -> TaskOptions {
    ///         TaskOptions::default().schema::<Self>()
    ///     }
    ///     // …
    /// #   async fn execute(&self, _: &Context<Report, ()>) -> ExecutionResult<(), longhaul::AnyError> {
    /// #       Ok(Success(()))
    /// #   }
    /// }
    ///
    /// let views = Views::new().task::<MakeReport>();
    /// let schema = views.schema("report").expect("it has one");
    /// assert_eq!(schema.metadata["description"], "A report for one customer.");
    /// assert_eq!(views.codec("report"), Some(Codec::Json));
    /// ```
    #[must_use]
    pub fn schema<T: TaskTypes>(mut self) -> Self
    where
        T::Metadata: JsonSchema,
        T::ExecutionMetadata: JsonSchema,
        T::Output: JsonSchema,
        T::Error: JsonSchema,
    {
        self.schema = Some(SchemaSource::new::<T>(schema_of::<T>));
        self
    }
}

impl<M, X, R, E> TaskFn<M, X, R, E>
where
    M: Payload + JsonSchema,
    X: Payload + Default + JsonSchema,
    R: Payload + JsonSchema,
    E: Payload + Display + JsonSchema,
{
    /// Options that are the defaults and the [schema](TaskOptions::schema) of the function's types.
    ///
    /// ```
    /// use longhaul::{TaskFn, Views};
    ///
    /// const RESIZE: TaskFn<String> = TaskFn::new("resize").options(TaskFn::<String>::options_with_schema);
    /// assert!(Views::new().function(RESIZE).schema("resize").is_some());
    /// ```
    pub fn options_with_schema() -> TaskOptions {
        TaskOptions::default().schema::<Self>()
    }
}

impl JsonSchema for AnyError {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AnyError".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
    }
}

impl JsonSchema for EmptyError {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "EmptyError".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        false.into()
    }
}
