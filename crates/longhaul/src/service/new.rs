//! Services that a builder has registered, and the rules that they are checked by.

use std::{sync::Arc, time::Duration};

use super::{Service, ServiceOptions, erased::Erased};

/// The longest name of a service, in bytes; as long as other names may be.
const NAME_MAX: usize = 128;

/// A registered service.
pub(crate) struct NewService {
    pub(crate) name: Arc<str>,
    pub(super) options: ServiceOptions,
    pub(super) service: Box<dyn Erased>,
}

/// What is wrong with a service.
pub(crate) struct Refused {
    pub(crate) setting: &'static str,
    pub(crate) value: String,
    pub(crate) must: &'static str,
}

impl NewService {
    pub(crate) fn of<S: Service>(service: S) -> Result<Self, Refused> {
        let (name, options) = (service.name().into(), service.options());
        Self::checked(name, options, service)
    }

    pub(crate) fn checked(name: Arc<str>, options: ServiceOptions, service: impl Erased) -> Result<Self, Refused> {
        let refuse = |setting, value: String, must| Err(Refused { setting, value, must });
        if name.is_empty() || name.len() > NAME_MAX {
            let shown = longhaul_core::limits::cut(&name, 32);
            return refuse("the name of a service", format!("`{shown}`"), "1 to 128 bytes long");
        }
        let first = options.restart.first;
        if first < Duration::from_millis(1) {
            return refuse(
                "backoff",
                format!("{first:?}"),
                "at least 1 ms, so that what fails at once keeps no CPU busy",
            );
        }
        if options.restart.give_up_after == Some(0) {
            return refuse(
                "give_up_after",
                "0".into(),
                "at least 1; a service that is never started again has `never`",
            );
        }
        Ok(Self { name, options, service: Box::new(service) })
    }
}
