//! How an attempt encodes the result of its task, whose type its context does not name.

use std::any::{TypeId, type_name};

use longhaul_core::{Envelope, shape};

use crate::{payload::Payload, values::ValueFormat};

/// How the result of an attempt's task is encoded.
pub(crate) struct ResultFormat {
    /// The type of the result, and its name. `None`: any, in a unit test that has no task.
    output: Option<(TypeId, &'static str)>,
    format: ValueFormat,
}

impl ResultFormat {
    pub(crate) fn of<R: Payload>(format: ValueFormat) -> Self {
        Self { output: Some((TypeId::of::<R>(), type_name::<R>())), format }
    }

    #[cfg(feature = "testing")]
    pub(crate) fn of_any_type(format: ValueFormat) -> Self {
        Self { output: None, format }
    }

    pub(super) fn encode<R: Payload>(&self, result: &R) -> Result<Envelope, String> {
        let format = match self.output {
            Some((id, name)) if id != TypeId::of::<R>() => {
                let given = type_name::<R>();
                return Err(format!(
                    "`capture_success` was given a `{given}`, and the result of the task is a `{name}`"
                ));
            }
            Some(_) => self.format,
            None => ValueFormat { fingerprint: shape::fingerprint_of::<R>(), ..self.format },
        };
        format.encode(result).map_err(|error| error.to_string())
    }
}
