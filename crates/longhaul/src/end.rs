//! How an attempt ended, in one type: a task returns a typed result, `erase` makes an [`AttemptEnd`] of it, layers may
//! replace that, `runtime/conclude.rs` makes it the `Ending` that the store applies, and hooks are told that one as an
//! [`AttemptEnd`] again.

mod attempt_end;
mod erase;
mod kind;

pub use attempt_end::AttemptEnd;
pub(crate) use attempt_end::unstamped;
pub(crate) use erase::erase;
pub use kind::EndKind;
