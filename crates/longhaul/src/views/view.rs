//! One kind, with its types taken off.

use longhaul_core::{Codec, Constraints, Envelope, NewRun};
use serde_json::Value;

use super::{EnqueueJsonError, ShownContent, ShownValue};
use crate::{
    definition::Definition,
    new_run::{EnqueueError, Origin},
    payload::Payload,
    task::{KindSchema, TaskTypes},
    values::{ReadError, ValueFormat},
};

/// Which value of a run.
#[derive(Clone, Copy)]
pub(super) enum ValueRole {
    Metadata,
    ExecutionMetadata,
    Result,
    Error,
}

pub(super) trait View: Send + Sync {
    fn show(&self, role: ValueRole, stored: &Envelope) -> ShownValue;
    fn schema(&self) -> Option<&KindSchema>;
    fn codec(&self) -> Codec;
    fn new_run(&self, origin: &Origin, metadata: &Value) -> Result<NewRun, EnqueueJsonError>;
    fn execution_metadata(&self, value: &Value, effects: &[u8]) -> Result<Envelope, EnqueueJsonError>;
}

impl<T: TaskTypes> View for Definition<T> {
    fn show(&self, role: ValueRole, stored: &Envelope) -> ShownValue {
        let common = &self.common;
        if common.options.hides_values {
            return ShownValue::new(stored, ShownContent::Hidden);
        }
        match role {
            ValueRole::Metadata => show(stored, &common.metadata, &self.read_metadata(stored)),
            ValueRole::ExecutionMetadata => {
                show(stored, &common.execution_metadata, &self.read_execution_metadata(Some(stored)))
            }
            ValueRole::Result => show(stored, &common.result, &common.result.decode_plain::<T::Output>(stored)),
            ValueRole::Error => show(stored, &common.error, &common.error.decode_plain::<T::Error>(stored)),
        }
    }

    fn schema(&self) -> Option<&KindSchema> {
        self.common.schema()
    }

    fn codec(&self) -> Codec {
        self.common.metadata.codec
    }

    fn new_run(&self, origin: &Origin, metadata: &Value) -> Result<NewRun, EnqueueJsonError> {
        let metadata: T::Metadata = self.parse(&self.common.metadata, metadata)?;
        let definition = self.clone().checked().map_err(EnqueueError::from)?;
        Ok(definition.new_run(origin, &metadata, Constraints::default())?)
    }

    fn execution_metadata(&self, value: &Value, effects: &[u8]) -> Result<Envelope, EnqueueJsonError> {
        let format = &self.common.execution_metadata;
        let value: T::ExecutionMetadata = self.parse(format, value)?;
        Ok(format.encode_with(&value, effects).map_err(EnqueueError::from)?)
    }
}

impl<T: TaskTypes> Definition<T> {
    fn parse<V: Payload>(&self, format: &ValueFormat, value: &Value) -> Result<V, EnqueueJsonError> {
        serde_json::from_value(value.clone()).map_err(|error| EnqueueJsonError::Json {
            kind: self.common.kind().to_string(),
            what: format.what,
            reason: error.to_string(),
        })
    }
}

fn show<V: Payload>(stored: &Envelope, format: &ValueFormat, read: &Result<V, ReadError>) -> ShownValue {
    let shown = match read {
        Ok(value) => serde_json::to_value(value).map_err(|error| format!("it is no JSON: {error}")),
        Err(error) => Err(error.to_string()),
    };
    match shown {
        Ok(value) if stored.schema_version() < format.version => {
            ShownValue::new(stored, ShownContent::Migrated { value, to: format.version })
        }
        Ok(value) => ShownValue::new(stored, ShownContent::Value(value)),
        Err(why) => ShownValue::untyped(stored, why),
    }
}
