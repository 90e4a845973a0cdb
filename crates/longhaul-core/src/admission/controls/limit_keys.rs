//! Pauses of limit keys: of one customer, one account, one host, whatever the runs of a kind share a limit by.

use std::collections::BTreeMap;

use super::{Control, ControlChange, Controls, Paused, Scope};
use crate::{
    admission::LimitGroup,
    name::{Key, Kind},
    time::Timestamp,
};

/// Limit keys that are paused at a time. Tasks pause them, as many as there are customers with too many requests; each is
/// read with all controls, and stands in a record of its own.
pub const PAUSED_KEYS_MAX: usize = 1000;

/// What is said of limit keys: pauses, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) struct LimitKeys(BTreeMap<Kind, BTreeMap<Key, Control>>);

impl LimitKeys {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn get(&self, kind: &Kind, key: &Key) -> Option<&Control> {
        self.0.get(kind)?.get(key)
    }

    /// Limits of a key are its kind's to say.
    pub(super) fn put(&mut self, kind: Kind, key: Key, control: Control) {
        match control.paused {
            Some(paused) => {
                let control = Control { paused: Some(paused), ..Control::default() };
                self.0.entry(kind).or_default().insert(key, control);
            }
            None => self.remove(&kind, &key),
        }
    }

    pub(super) fn change(&mut self, kind: &Kind, key: &Key, change: ControlChange) -> Control {
        let mut control = self.get(kind, key).cloned().unwrap_or_default();
        control.change(change);
        self.put(kind.clone(), key.clone(), control);
        self.get(kind, key).cloned().unwrap_or_default()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Scope, &Control)> {
        self.0.iter().flat_map(|(kind, keys)| {
            keys.iter().map(|(key, control)| (Scope::LimitKey(kind.clone(), key.clone()), control))
        })
    }

    fn remove(&mut self, kind: &Kind, key: &Key) {
        if let Some(keys) = self.0.get_mut(kind) {
            keys.remove(key);
            if keys.is_empty() {
                self.0.remove(kind);
            }
        }
    }
}

impl Controls {
    /// What is said of a limit key.
    pub fn limit_key(&self, kind: &Kind, key: &Key) -> Option<&Control> {
        self.limit_keys.get(kind, key)
    }

    /// The pause of a limit group's key that holds at `now`.
    pub(in crate::admission) fn paused_key(&self, now: Timestamp, group: &LimitGroup) -> Option<&Paused> {
        if self.limit_keys.is_empty() {
            return None;
        }
        self.limit_key(&group.kind, group.key.as_ref()?)?.paused_at(now)
    }

    /// The pause that keeps runs of this limit group from starting at `now`, and what it is of: the queue, the kind or the
    /// limit key, whichever is paused longest.
    ///
    /// ```
    /// use longhaul_core::{ControlChange, Controls, Key, Paused, Scope, admission::LimitGroup, doc};
    ///
    /// let key = Key::new("customer 7")?;
    /// let group = LimitGroup { key: Some(key.clone()), ..LimitGroup::of(&doc::run()) };
    /// let scope = Scope::LimitKey(group.kind.clone(), key);
    /// let mut controls = Controls::default();
    /// controls.change(&scope, ControlChange::Pause(Paused::new(doc::NOW, "ann", Some("too many requests"))));
    /// assert_eq!(controls.paused_group(doc::NOW, &group).map(|(of, _)| of), Some(scope));
    /// let other = LimitGroup { key: None, ..group };
    /// assert_eq!(controls.paused_group(doc::NOW, &other), None);
    /// # Ok::<(), longhaul_core::name::NameError>(())
    /// ```
    pub fn paused_group(&self, now: Timestamp, group: &LimitGroup) -> Option<(Scope, &Paused)> {
        let end = |paused: &Paused| paused.until.unwrap_or(Timestamp::MAX);
        let whole = self.paused(now, &group.queue, &group.kind);
        let Some(of_key) = self.paused_key(now, group) else { return whole };
        match whole {
            Some((scope, paused)) if end(paused) >= end(of_key) => Some((scope, paused)),
            _ => {
                let key = group.key.clone().expect("only a key is paused");
                Some((Scope::LimitKey(group.kind.clone(), key), of_key))
            }
        }
    }

    /// Forgets the pauses of limit keys that have ended, and of more than [`PAUSED_KEYS_MAX`] those that end first. Answers
    /// which; a store removes them. It is to be called after each change of a limit key, and now and then.
    ///
    /// ```
    /// use longhaul_core::{ControlChange, Controls, Key, Kind, Paused, Scope, Timestamp};
    ///
    /// let scope = Scope::LimitKey(Kind::new("mail")?, Key::new("customer 7")?);
    /// let until = Timestamp::from_micros(7);
    /// let paused = Paused { until: Some(until), ..Paused::new(Timestamp::EPOCH, "ann", None) };
    /// let mut controls = Controls::default();
    /// controls.change(&scope, ControlChange::Pause(paused));
    /// assert_eq!(controls.forget_limit_keys(Timestamp::EPOCH), []);
    /// assert_eq!(controls.forget_limit_keys(until), [scope]);
    /// assert!(controls.is_empty());
    /// # Ok::<(), longhaul_core::name::NameError>(())
    /// ```
    pub fn forget_limit_keys(&mut self, now: Timestamp) -> Vec<Scope> {
        let mut all: Vec<(Timestamp, Kind, Key)> = Vec::new();
        for (kind, keys) in &self.limit_keys.0 {
            for (key, control) in keys {
                let end = control.paused.as_ref().and_then(|paused| paused.until).unwrap_or(Timestamp::MAX);
                all.push((end, kind.clone(), key.clone()));
            }
        }
        all.sort_unstable();
        let too_many = all.len().saturating_sub(PAUSED_KEYS_MAX);
        let gone = all.into_iter().enumerate().filter(|(at, (end, ..))| *at < too_many || *end <= now);
        let gone: Vec<(Kind, Key)> = gone.map(|(_, (_, kind, key))| (kind, key)).collect();
        for (kind, key) in &gone {
            self.limit_keys.remove(kind, key);
        }
        gone.into_iter().map(|(kind, key)| Scope::LimitKey(kind, key)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Limits;

    fn scope(key: usize) -> Scope {
        Scope::LimitKey(Kind::new("mail").unwrap(), Key::new(&format!("customer {key}")).unwrap())
    }

    fn until(micros: i64) -> ControlChange {
        let paused = Paused::new(Timestamp::EPOCH, "a run", Some("429"));
        ControlChange::PauseAtLeast(Paused { until: Some(Timestamp::from_micros(micros)), ..paused })
    }

    #[test]
    fn of_too_many_pauses_the_one_that_ends_first_gives_way() {
        let mut controls = Controls::default();
        for key in 0..PAUSED_KEYS_MAX {
            controls.change(&scope(key), until(1000 + key as i64));
        }
        let now = Timestamp::EPOCH;
        assert_eq!(controls.forget_limit_keys(now), []);
        controls.change(&scope(5000), until(2500));
        assert_eq!(controls.forget_limit_keys(now), [scope(0)]);
        // One that ends before all others is not made.
        assert!(controls.change(&scope(6000), until(7)).paused.is_some());
        assert_eq!(controls.forget_limit_keys(now), [scope(6000)]);
        assert!(controls.get(&scope(6000)).is_none());
        // What an operator paused without an end stays.
        controls.change(&scope(7000), ControlChange::Pause(Paused::new(now, "ann", None)));
        assert_eq!(controls.forget_limit_keys(now), [scope(1)]);
        assert!(controls.get(&scope(7000)).is_some());
    }

    #[test]
    fn a_limit_key_has_a_pause_and_nothing_else() {
        let mut controls = Controls::default();
        let set = Some(Limits { running: Some(1), ..Limits::NONE });
        assert!(controls.change(&scope(1), ControlChange::Set(set)).is_empty());
        assert!(controls.is_empty());
        controls.change(&scope(1), until(9));
        assert_eq!(controls.iter().count(), 1);
        assert!(controls.at(Timestamp::from_micros(9)).is_empty(), "it is not shown after its end");
        controls.change(&scope(1), ControlChange::Resume);
        assert!(controls.is_empty());
    }
}
