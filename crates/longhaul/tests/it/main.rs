//! The promises of the executor and the client, each as a sentence, on the store in memory.

mod kit;

mod abandoned;
mod aging;
mod background;
mod batches;
mod cancel;
mod capture;
mod children;
mod continuations;
mod control;
mod crashing;
mod definitions;
mod effects;
mod endings;
mod enqueue;
mod errors;
mod faults;
mod fence;
mod finding;
mod hooks;
mod keeping;
mod kinds;
mod layers;
mod limit_key;
#[cfg(feature = "logs")]
mod logs;
mod machine;
mod marks;
#[cfg(feature = "metrics")]
mod metrics;
mod ordered;
mod prepare;
mod proceed;
mod reading;
mod retry;
mod schedules;
#[cfg(feature = "schema")]
mod searchable;
mod services;
mod shown;
mod shutdown;
mod signals;
mod sleeping;
mod success;
mod telemetry;
mod users_kit;
mod values;
mod views;
mod waiting;
mod watching;
