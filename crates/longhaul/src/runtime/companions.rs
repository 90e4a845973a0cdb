//! What lives in a server beside the runs.

use super::life::Life;
use crate::{background::Background, service::Services, systemd::Systemd};

pub(crate) struct Companions {
    pub(crate) services: Services,
    pub(crate) background: Background,
    pub(crate) systemd: Systemd,
    pub(crate) life: Life,
}
