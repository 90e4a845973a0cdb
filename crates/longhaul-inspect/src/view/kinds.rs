//! Kinds: who executes them, and what is known of their values.

use std::collections::{BTreeMap, BTreeSet};

use longhaul::{
    Control, GetError, Key, Kind, KindSchema, Paused, RunId, Scope, StateKind,
    run::Ended,
    schema,
    store_api::store::{Filter, ListOrder, PageRequest},
};
use serde::Serialize;

use super::StateCounts;
use crate::{InspectError, Inspector, bulk::is_reserved};

/// How many incompatible runs are shown with their reasons: their values have to be read for it.
const INCOMPATIBLE: usize = 5;

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
    /// Whether this program has its code, so that it can show its values.
    pub is_known: bool,
    /// Whether it can be enqueued here: the program has its code, or the store knows it with a
    /// [form](longhaul::KindInfo::has_form).
    pub can_start: bool,
    /// How its values are kept, where that is known: `json`, `bincode`.
    pub codec: Option<String>,
    /// The JSON Schemas of its values, for a kind that publishes them.
    pub schema: Option<KindSchema>,
    /// The keys of the tags that its [searchable](longhaul::schema) fields give to runs.
    pub searchable: Vec<String>,
    /// Some of its runs whose values no code that runs can read, the newest first; only where one kind is asked for.
    pub incompatible: Vec<IncompatibleRun>,
}

/// A run whose values no code that runs can read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct IncompatibleRun {
    /// Which.
    pub id: RunId,
    /// The version of its values.
    pub version: u16,
    /// What the code said.
    pub why: String,
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
        let (store, known, stored) = (self.client().store(), self.client().views(), self.client().kinds().await?);
        let schemas: BTreeMap<Kind, KindSchema> =
            stored.iter().filter_map(|info| Some((info.kind.clone(), info.schema.clone()?))).collect();
        let views = known.clone().stored(stored);
        let (statistics, controls) = (store.statistics().await?, store.controls().await?);
        let mut kinds: BTreeMap<Kind, KindView> = BTreeMap::new();
        let mut of = |kind: &Kind, change: &dyn Fn(&mut KindView)| {
            let schema = || views.schema(kind.as_str()).or_else(|| schemas.get(kind));
            let new = || KindView {
                kind: kind.clone(),
                states: StateCounts::default(),
                servers: 0,
                versions: BTreeSet::new(),
                control: Control::default(),
                paused_keys: Vec::new(),
                is_known: false,
                can_start: false,
                codec: views.codec(kind.as_str()).map(|codec| codec.to_string()),
                schema: schema().cloned(),
                searchable: schema().map(|schema| schema::searchable(&schema.metadata)).unwrap_or_default(),
                incompatible: Vec::new(),
            };
            change(kinds.entry(kind.clone()).or_insert_with(new));
        };
        for kind in views.kinds() {
            of(kind, &|view| view.can_start = !is_reserved(kind.as_str()));
        }
        for kind in known.kinds() {
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
        let mut found = found.ok_or_else(|| {
            InspectError::not_found(format!("there is no kind `{kind}`: nobody has enqueued or executes it"))
        })?;
        if found.states.of(StateKind::Incompatible) > 0 {
            found.incompatible = self.incompatible(kind).await?;
        }
        Ok(found)
    }

    /// One page of the store, however few it finds, with the reason of each.
    async fn incompatible(&self, kind: &Kind) -> Result<Vec<IncompatibleRun>, InspectError> {
        let filter = Filter { kinds: vec![kind.clone()], states: vec![StateKind::Incompatible], ..Filter::default() };
        let request = PageRequest { filter, order: ListOrder::NewestFirst, after: None, limit: INCOMPATIBLE };
        let mut all = Vec::new();
        for run in self.client().store().list_headers(request).await?.runs {
            let ended = match self.client().snapshot(run.id).await {
                Ok(snapshot) => snapshot.ended,
                // It was removed meanwhile.
                Err(GetError::NotFound(_)) => continue,
                Err(error) => return Err(error.into()),
            };
            let why = if let Some(Ended::Incompatible(why)) = ended { why.to_string() } else { continue };
            all.push(IncompatibleRun { id: run.id, version: run.version, why });
        }
        Ok(all)
    }
}
