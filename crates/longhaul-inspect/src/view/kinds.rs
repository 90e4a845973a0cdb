//! Kinds: who executes them, and what is known of their values.

use std::collections::{BTreeMap, BTreeSet};

use longhaul::{Control, Key, Kind, KindSchema, Paused, Scope};
use serde::Serialize;

use super::StateCounts;
use crate::{InspectError, Inspector};

/// A kind of run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct KindView {
    /// Its name.
    pub kind: Kind,
    /// Its runs by state.
    pub states: StateCounts,
    /// How many servers execute it.
    pub servers: usize,
    /// The newest versions that they read, without repeats.
    pub versions: BTreeSet<u16>,
    /// Its pause and its limits.
    pub control: Control,
    /// Its limit keys that are paused.
    pub paused_keys: Vec<PausedKey>,
    /// Whether this program has its code: it can show its values, and enqueue it.
    pub is_known: bool,
    /// How its values are kept, where that is known: `json`, `bincode`.
    pub codec: Option<String>,
    /// The JSON Schemas of its values, for a kind that publishes them.
    pub schema: Option<KindSchema>,
}

/// A limit key that is paused.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PausedKey {
    /// The key.
    pub key: Key,
    /// Until when, by whom and why.
    pub paused: Paused,
}

impl Inspector {
    /// All kinds that have runs, or are executed, known or limited, by name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn kinds(&self) -> Result<Vec<KindView>, InspectError> {
        let (store, views) = (self.client().store(), self.client().views());
        let (statistics, controls) = (store.statistics().await?, store.controls().await?);
        let mut kinds: BTreeMap<Kind, KindView> = BTreeMap::new();
        let mut of = |kind: &Kind, change: &dyn Fn(&mut KindView)| {
            let new = || KindView {
                kind: kind.clone(),
                states: StateCounts::default(),
                servers: 0,
                versions: BTreeSet::new(),
                control: Control::default(),
                paused_keys: Vec::new(),
                is_known: false,
                codec: views.codec(kind.as_str()).map(|codec| codec.to_string()),
                schema: views.schema(kind.as_str()).cloned(),
            };
            change(kinds.entry(kind.clone()).or_insert_with(new));
        };
        for kind in views.kinds() {
            of(kind, &|view| view.is_known = true);
        }
        for row in statistics.counts.rows() {
            of(&row.kind, &|view| view.states.add(&row));
        }
        for support in store.servers().await?.iter().flat_map(|server| server.beat.kinds.iter()) {
            of(&support.kind, &|view| {
                view.servers += 1;
                view.versions.insert(support.version);
            });
        }
        for (scope, control) in controls.iter() {
            match &scope {
                Scope::Kind(kind) => of(kind, &|view| view.control = control.clone()),
                Scope::LimitKey(kind, key) => {
                    let paused = control.paused.clone().map(|paused| PausedKey { key: key.clone(), paused });
                    of(kind, &|view| view.paused_keys.extend(paused.clone()));
                }
                Scope::Queue(_) | Scope::Server(_) => {}
            }
        }
        Ok(kinds.into_values().collect())
    }

    /// One kind.
    ///
    /// # Errors
    /// [`InspectError::NotFound`] when nothing is known of it.
    pub async fn kind(&self, kind: &Kind) -> Result<KindView, InspectError> {
        let found = self.kinds().await?.into_iter().find(|view| view.kind == *kind);
        found.ok_or_else(|| {
            InspectError::not_found(format!("there is no kind `{kind}`: nobody has enqueued or executes it"))
        })
    }
}
