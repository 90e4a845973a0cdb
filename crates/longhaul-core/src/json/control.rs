//! What holds queues and kinds back.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::{Time, seconds};
use crate::{
    control::{Control, Controls, Limits, Paused, Rate, Scope},
    name::{Key, Kind},
};

#[derive(Serialize)]
struct PausedView<'a> {
    at: Time,
    by: &'a str,
    why: Option<&'a str>,
    until: Option<Time>,
}

impl Serialize for Paused {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        PausedView { at: Time(self.at), by: &self.by, why: self.why.as_deref(), until: self.until.map(Time) }
            .serialize(serializer)
    }
}

#[derive(Serialize)]
struct RateView {
    max: u32,
    per_seconds: f64,
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RateView { max: self.max(), per_seconds: seconds(self.per()) }.serialize(serializer)
    }
}

#[derive(Serialize)]
struct LimitsView {
    running: Option<u32>,
    per_key: Option<u32>,
    rate: Option<Rate>,
    rate_per_key: Option<Rate>,
    weight: Option<u16>,
    ageing_seconds: Option<f64>,
    fair_by_key: bool,
}

impl Serialize for Limits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { running, per_key, rate, rate_per_key, weight, ageing, fair_by_key } = *self;
        let ageing_seconds = ageing.map(|ageing| seconds(ageing.step()));
        LimitsView { running, per_key, rate, rate_per_key, weight, ageing_seconds, fair_by_key }.serialize(serializer)
    }
}

#[derive(Serialize)]
struct ControlView<'a> {
    paused: Option<&'a Paused>,
    /// Those that hold: what an operator set, or else what code declares.
    limits: Limits,
    declared: Limits,
    set: Option<Limits>,
}

impl Serialize for Control {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (paused, limits) = (self.paused.as_ref(), self.limits());
        ControlView { paused, limits, declared: self.declared, set: self.set }.serialize(serializer)
    }
}

#[derive(Default, Serialize)]
struct ControlsView<'a> {
    queues: BTreeMap<String, &'a Control>,
    kinds: BTreeMap<String, &'a Control>,
    servers: BTreeMap<String, &'a Control>,
    limit_keys: Vec<LimitKeyView<'a>>,
}

#[derive(Serialize)]
struct LimitKeyView<'a> {
    kind: Kind,
    key: Key,
    paused: Option<&'a Paused>,
}

impl Serialize for Controls {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut view = ControlsView::default();
        for (scope, control) in self.iter() {
            match scope {
                Scope::Queue(queue) => drop(view.queues.insert(queue.to_string(), control)),
                Scope::Kind(kind) => drop(view.kinds.insert(kind.to_string(), control)),
                Scope::Server(server) => drop(view.servers.insert(server.to_string(), control)),
                Scope::LimitKey(kind, key) => {
                    view.limit_keys.push(LimitKeyView { kind, key, paused: control.paused.as_ref() });
                }
            }
        }
        view.serialize(serializer)
    }
}
