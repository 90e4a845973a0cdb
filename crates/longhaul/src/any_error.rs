//! An error that takes any other.

use std::{error::Error, fmt, ops::Deref};

use serde::{Deserialize, Serialize};

use crate::outcome::Interruption;

/// Takes any error and keeps its message, for tasks that want no error type of their own.
///
/// ```
/// use longhaul::AnyError;
///
/// fn parse(text: &str) -> Result<u32, AnyError> {
///     Ok(text.parse()?)
/// }
/// assert_eq!(parse("x").unwrap_err().to_string(), "invalid digit found in string");
/// ```
///
/// It is no `std::error::Error` itself: that is what lets `?` turn every error into one. It converts into a
/// `Box<dyn Error>`, so `?` works in a `main` too, and into whatever can be made of that:
///
/// ```
/// use longhaul::AnyError;
/// use std::error::Error;
///
/// fn main_of(text: &str) -> Result<u32, Box<dyn Error + Send + Sync>> {
///     let number: Option<u32> = text.parse().ok();
///     Ok(number.ok_or(AnyError::msg("no number"))?)
/// }
/// assert_eq!(main_of("x").unwrap_err().to_string(), "no number");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnyError(String);

impl AnyError {
    /// An error with this message.
    pub fn msg(message: impl fmt::Display) -> Self {
        Self(message.to_string())
    }

    /// Of an error at hand, also one without a size: its message and those of its sources, joined by `: `. For
    /// `anyhow::Error` and `Box<dyn Error>`, which are no `std::error::Error` themselves; see [`OrFail`] for a whole
    /// `Result`.
    ///
    /// ```
    /// use longhaul::AnyError;
    ///
    /// let boxed: Box<dyn std::error::Error> = "the disk is full".into();
    /// assert_eq!(AnyError::of(&*boxed).to_string(), "the disk is full");
    /// ```
    pub fn of<E: Error + ?Sized>(error: &E) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        Self(text)
    }
}

impl fmt::Display for AnyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The error and what caused it, joined by `: `.
impl<T: Error> From<T> for AnyError {
    fn from(error: T) -> Self {
        Self::of(&error)
    }
}

/// `?` on a `Result<_, AnyError>` is a failure, as on any other error.
impl<E: From<AnyError>> From<AnyError> for Interruption<E> {
    fn from(error: AnyError) -> Self {
        Self::failed(error.into())
    }
}

impl From<AnyError> for Box<dyn Error + Send + Sync> {
    fn from(error: AnyError) -> Self {
        error.0.into()
    }
}

impl From<AnyError> for Box<dyn Error> {
    fn from(error: AnyError) -> Self {
        error.0.into()
    }
}

/// `.or_fail()?` for results whose error only *contains* a `std::error::Error`: `anyhow::Error`, `eyre::Report`,
/// `Box<dyn Error>`, `Arc<dyn Error>`. They cannot be handed on with `?` alone, because they are none themselves. In a
/// task whose error is an [`AnyError`], or is made of one, this makes a typed failure of them.
///
/// ```
/// use longhaul::{AnyError, ExecutionResult, OrFail, Success};
///
/// fn read(text: &str) -> anyhow::Result<u32> {
///     use anyhow::Context;
///     text.parse().with_context(|| format!("`{text}` is no number"))
/// }
///
/// fn execute(text: &str) -> ExecutionResult<u32, AnyError> {
///     let number = read(text).or_fail()?;
///     Success::with_result(number).for_error()
/// }
/// assert!(execute("7").is_ok());
/// assert!(format!("{:?}", execute("x")).contains("`x` is no number: invalid digit found in string"));
/// ```
pub trait OrFail<T> {
    /// The value, or the message of the error and of its sources as an [`AnyError`].
    fn or_fail(self) -> Result<T, AnyError>;
}

impl<T, X: Deref<Target: Error>> OrFail<T> for Result<T, X> {
    fn or_fail(self) -> Result<T, AnyError> {
        self.map_err(|error| AnyError::of(&*error))
    }
}
