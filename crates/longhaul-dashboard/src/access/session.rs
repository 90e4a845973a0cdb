//! The cookie that a token is swapped for. It holds when it ends and a signature, and no part of the token, and nothing
//! is kept on the server: whoever changes the token ends all sessions.

use std::time::Duration;

use longhaul::Timestamp;

use super::secret::Secret;

pub(crate) const COOKIE_NAME: &str = "longhaul_session";
/// A working day, so that a browser that is left open does not stay logged in for ever.
pub(crate) const LASTS: Duration = Duration::from_secs(12 * 3600);

fn signed(secret: &Secret, ends: i64) -> String {
    secret.sign(&format!("longhaul-dashboard session until {ends}"))
}

pub(crate) fn issue(secret: &Secret, now: Timestamp) -> String {
    let ends = now.after(LASTS).as_micros() / 1_000_000;
    format!("{ends}.{}", signed(secret, ends))
}

pub(crate) fn holds(secret: &Secret, value: &str, now: Timestamp) -> bool {
    let Some((ends, signature)) = value.split_once('.') else { return false };
    let Ok(ends) = ends.parse::<i64>() else { return false };
    // The digests of both are compared, as for a secret.
    let is_signed = Secret::new(signed(secret, ends)).is(signature.as_bytes());
    is_signed && now.as_micros() / 1_000_000 < ends
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_and_cannot_be_forged() {
        let (secret, other) = (Secret::new("0123456789abcdef".into()), Secret::new("fedcba9876543210".into()));
        let now = Timestamp::EPOCH;
        let cookie = issue(&secret, now);
        assert!(holds(&secret, &cookie, now));
        assert!(!holds(&other, &cookie, now));
        assert!(!holds(&secret, &cookie, now.after(LASTS)));
        let (_, signature) = cookie.split_once('.').unwrap();
        for forged in [format!("99999999999.{signature}"), "99999999999.".into(), String::new(), "x.y".into()] {
            assert!(!holds(&secret, &forged, now), "{forged}");
        }
    }
}
