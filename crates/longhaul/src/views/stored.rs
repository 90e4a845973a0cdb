//! A kind as a store knows it, without its code.

use std::sync::Arc;

use longhaul_core::{Codec, Constraints, Envelope, Kind, NewRun, limits::METADATA_MAX, shape};
use serde_json::Value;

use super::{
    EnqueueJsonError, ShownValue,
    view::{ValueRole, View},
};
use crate::{
    kind_info::KindInfo,
    new_run::{EnqueueError, Origin},
    run_defaults::RunDefaults,
    schema::Marks,
    task::KindSchema,
    values::ValueFormat,
};

/// See the module.
pub(super) struct StoredKind {
    info: KindInfo,
    schema: KindSchema,
    defaults: RunDefaults,
}

impl StoredKind {
    /// `None`: it has no form, or another name now.
    pub(super) fn new(info: KindInfo) -> Option<Self> {
        if !info.has_form() || info.renamed.is_some() {
            return None;
        }
        let (schema, defaults) = (info.schema.clone()?, info.defaults.clone()?);
        Some(Self { info, schema, defaults })
    }

    pub(super) fn kind(&self) -> &Kind {
        &self.info.kind
    }
}

impl View for StoredKind {
    fn show(&self, _: ValueRole, stored: &Envelope) -> ShownValue {
        ShownValue::untyped(stored, format!("this program does not have the code of `{}`", self.info.kind))
    }

    fn schema(&self) -> Option<&KindSchema> {
        Some(&self.schema)
    }

    fn codec(&self) -> Codec {
        self.info.codec
    }

    fn new_run(&self, origin: &Origin, metadata: &Value) -> Result<NewRun, EnqueueJsonError> {
        let (KindInfo { kind, version, codec, .. }, defaults) = (&self.info, &self.defaults);
        // The codec tells how it is read, and JSON needs no shape.
        let fingerprint = shape::fingerprint_of::<()>();
        let format = ValueFormat { what: "metadata", codec: *codec, version: *version, fingerprint, max: METADATA_MAX };
        let constraints = Constraints { requires: defaults.requires.clone(), ..Constraints::default() };
        Ok(NewRun {
            id: origin.ids.run(origin.clock.now()),
            kind: kind.clone(),
            version: *version,
            queue: defaults.queue.clone(),
            priority: defaults.priority,
            tags: Marks::of(&self.schema.metadata).tags(&self.schema.metadata, metadata).into(),
            policy: defaults.retry.clone(),
            timeout: defaults.timeout,
            due: None,
            constraints: (!constraints.is_empty()).then(|| Arc::new(constraints)),
            metadata: format.encode(metadata).map_err(EnqueueError::from)?,
            execution_metadata: None,
            by: origin.by.clone(),
        })
    }

    fn execution_metadata(&self, _: &Value, _: &[u8]) -> Result<Envelope, EnqueueJsonError> {
        Err(EnqueueJsonError::UnknownKind { kind: self.info.kind.to_string() })
    }
}
