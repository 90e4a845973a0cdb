//! What lets somebody watch one run: its id, an end, and a signature of both. Nothing is kept on the server.

use std::time::Duration;

use longhaul::{RunId, Timestamp};

use crate::access::Secret;

/// Signs what lets somebody watch one run, and nothing else, until an end. All programs that have the same secret take
/// each other's tokens. Another secret ends all of them.
///
/// ```
/// use longhaul_dashboard::ProgressTokens;
/// use std::time::Duration;
/// # use longhaul::doc::{Count, CountUp};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = longhaul::doc::client();
/// let tokens = ProgressTokens::new("a long random secret");
/// let run = client.enqueue::<CountUp>(Count { to: 3 }).await?;
/// let token = tokens.issue(run.id(), client.store().clock().now(), Duration::from_secs(3600));
/// assert_eq!(tokens.run(&token, client.store().clock().now()), Some(run.id()));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ProgressTokens(std::sync::Arc<Secret>);

impl std::fmt::Debug for ProgressTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ProgressTokens")
    }
}

/// In another use of the same secret a signature is another one.
fn message(run: RunId, ends: i64) -> String {
    format!("longhaul-dashboard progress of {run} until {ends}")
}

impl ProgressTokens {
    /// With a secret of the app.
    ///
    /// # Panics
    /// When the secret is shorter than 16 bytes: it could be guessed.
    pub fn new(secret: impl Into<String>) -> Self {
        let secret = secret.into();
        assert!(secret.len() >= 16, "a secret of {} bytes can be guessed: take 16 or more", secret.len());
        Self(Secret::new(secret).into())
    }

    /// Lets who has it watch `run`, for so long from `now`, the store's time. It stands in an address as it is. The caller
    /// has checked that whoever gets it may watch the run.
    pub fn issue(&self, run: RunId, now: Timestamp, lasts: Duration) -> String {
        let ends = now.after(lasts).as_micros() / 1_000_000;
        format!("{run}.{ends}.{}", self.0.sign(&message(run, ends)))
    }

    /// The run that a token is for: an address of the app that has the token in it needs no other check of who asks. `None`:
    /// it is forged, or has ended.
    pub fn run(&self, token: &str, now: Timestamp) -> Option<RunId> {
        self.read(token, now).map(|(run, _)| run)
    }

    /// The run that a token is for, and when it ends. `None`: it is forged, or has ended.
    pub(super) fn read(&self, token: &str, now: Timestamp) -> Option<(RunId, Timestamp)> {
        let (run, rest) = token.split_once('.')?;
        let (ends, signature) = rest.split_once('.')?;
        let (run, ends): (RunId, i64) = (run.parse().ok()?, ends.parse().ok()?);
        // The digests of both are compared, so that the time that it takes tells nothing.
        let is_signed = Secret::new(self.0.sign(&message(run, ends))).is(signature.as_bytes());
        let ends = Timestamp::from_micros(ends.checked_mul(1_000_000)?);
        (is_signed && now < ends).then_some((run, ends))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_for_one_run_until_its_end_and_cannot_be_forged() {
        let (tokens, others) = (ProgressTokens::new("0123456789abcdef"), ProgressTokens::new("fedcba9876543210"));
        let (run, other) = (RunId::from_bytes([1; 16]), RunId::from_bytes([2; 16]));
        let (now, hour) = (Timestamp::EPOCH, Duration::from_secs(3600));
        let token = tokens.issue(run, now, hour);
        assert_eq!(tokens.read(&token, now), Some((run, now.after(hour))));
        assert_eq!(tokens.read(&token, now.after(hour)), None, "it has ended");
        assert_eq!(others.read(&token, now), None, "another secret");
        let (_, rest) = token.split_once('.').unwrap();
        let (ends, signature) = rest.split_once('.').unwrap();
        for forged in [
            format!("{other}.{ends}.{signature}"),
            format!("{run}.99999999999.{signature}"),
            format!("{run}.{ends}."),
            format!("{run}.{ends}.{}", &signature[1..]),
            format!("{run}.{}.{signature}", i64::MAX),
            format!("{run}.{ends}"),
            String::new(),
            "..".into(),
        ] {
            assert_eq!(tokens.read(&forged, now), None, "{forged}");
        }
    }
}
