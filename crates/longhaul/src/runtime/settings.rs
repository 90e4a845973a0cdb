//! What a server is configured with.

use std::{sync::Arc, time::Duration};

use longhaul_core::{Label, Retention};

use crate::{logs::Logs, queues::QueueSetting, schedule::Declared};

/// The settings of a server.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) name: Arc<str>,
    pub(crate) concurrency: usize,
    pub(crate) grace: Duration,
    pub(crate) autosave: Duration,
    pub(crate) lease: Duration,
    pub(crate) stop_deadline: Duration,
    pub(crate) retention: Retention,
    pub(crate) labels: Arc<[Label]>,
    pub(crate) queues: Vec<QueueSetting>,
    /// Claims from these queues only.
    pub(crate) only_listed: bool,
    pub(crate) logs: Logs,
    /// The store is the server's own and is closed with it.
    pub(crate) owns_store: bool,
    /// Those that code declares.
    pub(crate) schedules: Vec<Declared>,
}
