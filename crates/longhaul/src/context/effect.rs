//! Effects on the outside world whose results are remembered with the run.

use std::{collections::BTreeMap, fmt};

use longhaul_core::{Envelope, shape};

use super::Context;
use crate::{
    attempt::StopReason,
    outcome::{Failed, Interruption, Stopped},
    payload::Payload,
    values::ValueFormat,
};

/// Effects of one run: their results are written with each of its checkpoints.
const EFFECTS_MAX: usize = 256;
/// The name of an effect, bytes: it stands in the key that is handed to others.
const NAME_MAX: usize = 128;
/// The version of what is attached to the execution metadata.
const VERSION: u8 = 1;

/// A key for the outside world to recognise a repetition by: the same whenever the same run performs the same effect,
/// in whichever attempt; see [`Context::effect`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), longhaul::EffectError<longhaul::AnyError>> {
/// use longhaul::AnyError;
///
/// let (ctx, _attempt) = longhaul::testing::context((), 0_u64).await;
/// let key = ctx.effect("charge", |key| async move { Ok::<String, AnyError>(key.to_string()) }).await?;
/// assert_eq!(key, format!("{}/charge", ctx.attempt().run));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The key: the run's id and the effect's name, at most 160 bytes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why an effect has no result. Hand it on with `?`.
///
/// It is no `std::error::Error` on purpose, as [`Stopped`] is none.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use longhaul::{AnyError, EffectError};
///
/// let (ctx, _attempt) = longhaul::testing::context((), 0_u64).await;
/// let busy = ctx.effect("charge", |_| async { Err::<u64, AnyError>(AnyError::msg("busy")) }).await;
/// assert!(matches!(busy, Err(EffectError::Failed(error)) if error.to_string() == "busy"));
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "callers handle each case")]
pub enum EffectError<F> {
    /// The closure failed: nothing is remembered.
    Failed(F),
    /// The attempt was told to stop. If the closure had ended well by then, its result is remembered.
    Stopped(Stopped),
}

impl<F, E: From<F>> From<EffectError<F>> for Interruption<E> {
    fn from(error: EffectError<F>) -> Self {
        match error {
            EffectError::Failed(error) => Self::Failure(Failed {
                error: Some(error.into()),
                retry_after: None,
                permanent: false,
                holds_limit_key: false,
            }),
            EffectError::Stopped(stopped) => Self::Stopped(stopped),
        }
    }
}

/// The results of a run's effects, by name, each as it is stored.
#[derive(Debug, Default)]
pub(crate) struct Effects(BTreeMap<String, Vec<u8>>);

impl Effects {
    /// Those that came with the execution metadata. `Err`: they cannot be read.
    pub(crate) fn of(stored: Option<&Envelope>) -> Result<Self, String> {
        let Some(bytes) = stored.and_then(Envelope::attachment) else { return Ok(Self::default()) };
        let unreadable = |reason: &str| format!("the results of the run's effects cannot be read: {reason}");
        let body = bytes.strip_prefix(&[VERSION]).ok_or_else(|| unreadable("they have another format"))?;
        let mut effects = BTreeMap::new();
        let mut rest = body;
        while !rest.is_empty() {
            let ((name, result), after) = entry(rest).ok_or_else(|| unreadable("they are cut short"))?;
            effects.insert(name, result);
            rest = after;
        }
        Ok(Self(effects))
    }

    /// Nothing, if there are none.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, result) in &self.0 {
            if bytes.is_empty() {
                bytes.push(VERSION);
            }
            bytes.push(name.len() as u8);
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend((result.len() as u32).to_le_bytes());
            bytes.extend_from_slice(result);
        }
        bytes
    }
}

type Entry = (String, Vec<u8>);

fn entry(bytes: &[u8]) -> Option<(Entry, &[u8])> {
    let (length, rest) = bytes.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(*length))?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (result, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    Some(((String::from_utf8(name.to_vec()).ok()?, result.to_vec()), rest))
}

impl<M, X: Payload> Context<M, X> {
    /// Does something to the outside world once, and remembers its result with the run: a later attempt gets that
    /// result, and does not do it again.
    ///
    /// ```
    /// # use longhaul::{AnyError, Context, ExecutionResult, Success, IdempotencyKey};
    /// # use std::io;
    /// # async fn charge(key: IdempotencyKey, cents: u64) -> Result<String, io::Error> { Ok(format!("{key}: {cents}")) }
    /// # async fn execute(ctx: &Context<u64, u32>) -> ExecutionResult<String, AnyError> {
    /// let cents = *ctx.metadata();
    /// let receipt = ctx.effect("charge", |key| charge(key, cents)).await?;
    /// # Success::with_result(receipt).for_error()
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # let (ctx, _attempt) = longhaul::testing::context(700_u64, 0_u32).await;
    /// # assert!(execute(&ctx).await.is_ok());
    /// # }
    /// ```
    ///
    /// What it promises: once this returned, no later attempt performs the closure again; all get the same result. What
    /// it does not: if the process dies, or the closure's future is dropped, after the outside world has acted and
    /// before the result is kept, the next attempt performs the closure again. For that the closure is handed an
    /// [`IdempotencyKey`], the same in every attempt: hand it on, so that the other side can tell a repetition.
    ///
    /// `name` tells the effects of a run apart: 1 to 128 bytes, and in a loop with what changes (`format!("mail {n}")`).
    /// Two calls under one name at the same time may both perform it. A run has at most 256 effects, and their results
    /// count towards the size of its execution metadata: return what is needed to go on, not all that came back. What
    /// is beyond the limits, or a result that was remembered as another type, fails the run permanently.
    ///
    /// A retry [from the start](crate::RetryPolicy::from_the_start) forgets the results, and the key stays the same. A
    /// [retry](crate::RunHandle::retry) of a final run is another run: it takes over the results, if it begins at the
    /// checkpoint, and has keys of its own.
    ///
    /// # Errors
    /// [`EffectError::Failed`] with what the closure returned: nothing is remembered. [`EffectError::Stopped`] when the
    /// attempt was told to stop: before the closure began, or when its result was kept.
    ///
    /// # Cancel safety
    /// When the future is dropped, the effect may have happened and not be remembered, as after a crash.
    pub async fn effect<T, F, Fut, E>(&self, name: &str, perform: F) -> Result<T, EffectError<E>>
    where
        T: Payload,
        F: FnOnce(IdempotencyKey) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        self.ensure_active().map_err(EffectError::Stopped)?;
        if let Some(remembered) = self.remembered(name)? {
            return Ok(remembered);
        }
        let key = IdempotencyKey(format!("{}/{name}", self.inner.attempt.id));
        let result = perform(key).await.map_err(EffectError::Failed)?;
        self.remember(name, &result)?;
        // Not a checkpoint of the task: what it has taken of what was sent to the run is not done with by this.
        self.save().await.map_err(EffectError::Stopped)?;
        Ok(result)
    }

    pub(super) fn remembered<T: Payload, E>(&self, name: &str) -> Result<Option<T>, EffectError<E>> {
        if name.is_empty() || name.len() > NAME_MAX {
            return Err(self.refuse(format!("the name of an effect has {} bytes, not 1 to {NAME_MAX}", name.len())));
        }
        let effects = self.inner.values.effects();
        let Some(bytes) = effects.0.get(name) else {
            if effects.0.len() >= EFFECTS_MAX {
                return Err(self.refuse(format!(
                    "`{name}` would be effect number {}, of at most {EFFECTS_MAX}: put several into one, or keep how far \
                     they are in the execution metadata",
                    EFFECTS_MAX + 1
                )));
            }
            return Ok(None);
        };
        let read = Envelope::from_bytes(bytes.clone()).map_err(|error| error.to_string());
        let read = read.and_then(|stored| self.form::<T>().decode_plain(&stored).map_err(|error| error.to_string()));
        read.map(Some).map_err(|error| self.refuse(format!("the effect `{name}` was performed, but {error}")))
    }

    pub(super) fn remember<T: Payload, E>(&self, name: &str, result: &T) -> Result<(), EffectError<E>> {
        let stored = self.form::<T>().encode(result).map_err(|error| self.refuse(format!("`{name}`: {error}")))?;
        self.inner.values.effects().0.insert(name.to_owned(), stored.as_bytes().to_vec());
        self.changed();
        Ok(())
    }

    /// Results are laid down as the execution metadata is, which they are kept with.
    fn form<T: Payload>(&self) -> ValueFormat {
        ValueFormat { what: "result of an effect", fingerprint: shape::fingerprint_of::<T>(), ..self.inner.values.form }
    }

    /// The run fails, for good: another attempt would come to the same.
    fn refuse<E>(&self, why: String) -> EffectError<E> {
        self.inner.attempt.stop(StopReason::Refused { why: why.into() });
        EffectError::Stopped(Stopped(()))
    }
}
