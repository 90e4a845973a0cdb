//! The constraints of a run. They stand behind its record, if it has any. Frozen as the record is.

use std::{borrow::Cow, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    constraints::{Constraints, OnConflict, Unique, UniqueScope},
    name::{Key, Label, NameError},
};

#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct ConstraintsV1<'a> {
    #[serde(borrow)]
    limit_key: Option<Text<'a>>,
    #[serde(borrow)]
    unique: Option<UniqueV1<'a>>,
    #[serde(borrow)]
    requires: Vec<Text<'a>>,
    #[serde(borrow)]
    trace: Option<Text<'a>>,
}

#[derive(Clone, Serialize, Deserialize)]
struct UniqueV1<'a> {
    #[serde(borrow)]
    key: Text<'a>,
    scope: ScopeV1,
    on_conflict: OnConflictV1,
}

/// A text that is not copied. serde borrows a `Cow` only if the field itself is one, not inside an option.
#[derive(Clone, Serialize, Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

#[derive(Clone, Serialize, Deserialize)]
enum ScopeV1 {
    Waiting,
    NotFinal,
    For(Duration),
}

#[derive(Clone, Serialize, Deserialize)]
enum OnConflictV1 {
    Return,
    Replace { reschedule: bool },
    Refuse,
}

impl<'a> ConstraintsV1<'a> {
    /// What has a place here; `None`: nothing of it.
    pub(super) fn of(constraints: &'a Constraints) -> Option<Self> {
        // What came after format 1 has sections of its own.
        let Constraints {
            limit_key,
            unique,
            requires,
            trace,
            expires: _,
            ordered: _,
            parent: _,
            after: _,
            on_cancel: _,
            batch: _,
        } = constraints;
        if limit_key.is_none() && unique.is_none() && requires.is_empty() && trace.is_none() {
            return None;
        }
        let frozen = |unique: &'a Unique| UniqueV1 {
            key: unique.key.as_str().into(),
            scope: match unique.scope {
                UniqueScope::Waiting => ScopeV1::Waiting,
                UniqueScope::NotFinal => ScopeV1::NotFinal,
                UniqueScope::For(period) => ScopeV1::For(period),
            },
            on_conflict: match unique.on_conflict {
                OnConflict::Return => OnConflictV1::Return,
                OnConflict::Replace { reschedule } => OnConflictV1::Replace { reschedule },
                OnConflict::Refuse => OnConflictV1::Refuse,
            },
        };
        Some(Self {
            limit_key: limit_key.as_ref().map(|key| key.as_str().into()),
            unique: unique.as_ref().map(frozen),
            requires: requires.iter().map(|label| label.as_str().into()).collect(),
            trace: trace.as_deref().map(Text::from),
        })
    }

    pub(super) fn back(&self) -> Result<Constraints, NameError> {
        let unique = |unique: &UniqueV1<'_>| {
            Ok(Unique {
                key: Key::new(&unique.key.0)?,
                scope: match unique.scope {
                    ScopeV1::Waiting => UniqueScope::Waiting,
                    ScopeV1::NotFinal => UniqueScope::NotFinal,
                    ScopeV1::For(period) => UniqueScope::For(period),
                },
                on_conflict: match unique.on_conflict {
                    OnConflictV1::Return => OnConflict::Return,
                    OnConflictV1::Replace { reschedule } => OnConflict::Replace { reschedule },
                    OnConflictV1::Refuse => OnConflict::Refuse,
                },
            })
        };
        Ok(Constraints {
            limit_key: self.limit_key.as_ref().map(|key| Key::new(&key.0)).transpose()?,
            unique: self.unique.as_ref().map(unique).transpose()?,
            requires: self.requires.iter().map(|label| Label::new(&label.0)).collect::<Result<_, _>>()?,
            trace: self.trace.as_ref().map(|trace| (*trace.0).into()),
            ..Constraints::default()
        })
    }
}
