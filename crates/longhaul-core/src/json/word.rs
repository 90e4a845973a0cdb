//! What is one word: the same in every format.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{
    failure::Cause,
    history::Transition,
    log::LogLevel,
    name::{Key, Kind, Label, Queue, ScheduleName},
    state::StateKind,
};

macro_rules! written_as_a_word {
    ($($name:ty: $word:expr;)*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let word: fn(&Self) -> &str = $word;
                serializer.serialize_str(word(self))
            }
        }
    )*};
}

written_as_a_word! {
    StateKind: |state| state.as_str();
    Cause: |cause| cause.as_str();
    LogLevel: |level| match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    };
    Transition: |transition| transition.as_str();
    Kind: Kind::as_str;
    Queue: Queue::as_str;
    Label: Label::as_str;
    ScheduleName: ScheduleName::as_str;
    Key: Key::as_str;
}

impl<'de> Deserialize<'de> for StateKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

macro_rules! read_from_its_word {
    ($($name:ident of [$($variant:ident),*] as $what:literal;)*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                [$(Self::$variant),*]
                    .into_iter()
                    .find(|one| one.to_string().eq_ignore_ascii_case(&text))
                    .ok_or_else(|| D::Error::custom(format_args!("`{text}` is no {}", $what)))
            }
        }
    )*};
}

read_from_its_word! {
    Cause of [Error, Panic, Timeout, Crash, Deadline] as "cause of a failure";
    LogLevel of [Error, Warn, Info, Debug, Trace] as "level of a log";
}

macro_rules! read_as_a_name {
    ($($name:ident)*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::new(&String::deserialize(deserializer)?).map_err(D::Error::custom)
            }
        }
    )*};
}

read_as_a_name! { Kind Queue Label ScheduleName Key }
