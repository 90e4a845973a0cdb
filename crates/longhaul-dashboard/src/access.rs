//! Who may come in.

mod secret;
mod session;

use std::{fmt, pin::Pin};

use axum::http::{
    HeaderMap,
    header::{AUTHORIZATION, COOKIE},
    request::Parts,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use longhaul::Timestamp;
use longhaul_inspect::Role;

pub(crate) use secret::Secret;
pub(crate) use session::{COOKIE_NAME, LASTS};

/// Somebody who may come in.
///
/// ```
/// use longhaul_dashboard::{Role, User};
///
/// let user = User::new("ann", Role::Act);
/// assert!(user.may(Role::View) && !user.may(Role::Administer));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct User {
    /// The name that the history of runs shows.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

impl User {
    /// Somebody of this name.
    pub fn new(name: impl Into<String>, role: Role) -> Self {
        Self { name: name.into(), role }
    }

    /// Whether they may do what takes this role.
    pub fn may(&self, role: Role) -> bool {
        self.role >= role
    }
}

type Answer = Pin<Box<dyn Future<Output = Option<User>> + Send>>;
type Hook = Box<dyn Fn(&Parts) -> Answer + Send + Sync>;

/// What the app has said of who may come in.
#[derive(Default)]
pub(crate) struct Access {
    tokens: Vec<(Secret, Role)>,
    passwords: Vec<(Secret, String, Role)>,
    hook: Option<Hook>,
    everyone: Option<Role>,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("tokens", &self.tokens.len())
            .field("passwords", &self.passwords.len())
            .field("hook", &self.hook.is_some())
            .field("everyone", &self.everyone)
            .finish()
    }
}

impl Access {
    pub(crate) fn add_token(&mut self, secret: String, role: Role) {
        self.tokens.push((Secret::new(secret), role));
    }

    pub(crate) fn add_password(&mut self, name: String, password: &str, role: Role) {
        self.passwords.push((Secret::new(format!("{name}:{password}")), name, role));
    }

    pub(crate) fn set_hook<F, Fut>(&mut self, who: F)
    where
        F: Fn(&Parts) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Option<User>> + Send + 'static,
    {
        self.hook = Some(Box::new(move |parts| Box::pin(who(parts))));
    }

    pub(crate) const fn open(&mut self, role: Role) {
        self.everyone = Some(role);
    }

    /// Whether nobody can come in.
    pub(crate) fn is_closed(&self) -> bool {
        self.tokens.is_empty() && self.passwords.is_empty() && self.hook.is_none() && self.everyone.is_none()
    }

    /// Whether everybody can.
    pub(crate) const fn is_open(&self) -> bool {
        self.everyone.is_some()
    }

    /// Whether there is a login page to go to.
    pub(crate) fn has_tokens(&self) -> bool {
        !self.tokens.is_empty()
    }

    /// Whether the browser should ask for a name and a password.
    pub(crate) fn has_passwords(&self) -> bool {
        !self.passwords.is_empty()
    }

    /// Who asks.
    pub(crate) async fn who(&self, parts: &Parts, now: Timestamp) -> Option<User> {
        if let Some(user) = self.by_header(&parts.headers).or_else(|| self.by_cookie(&parts.headers, now)) {
            return Some(user);
        }
        if let Some(hook) = &self.hook
            && let Some(user) = hook(parts).await
        {
            return Some(user);
        }
        self.everyone.map(|role| User::new("somebody", role))
    }

    fn by_header(&self, headers: &HeaderMap) -> Option<User> {
        let (scheme, value) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
        if scheme.eq_ignore_ascii_case("bearer") {
            return self.by_token(value.trim()).map(|(_, user)| user);
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let given = BASE64_STANDARD.decode(value.trim()).ok()?;
        let matching = self.passwords.iter().filter(|(secret, ..)| secret.is(&given));
        matching.map(|(_, name, role)| User::new(name.as_str(), *role)).next_back()
    }

    fn by_token(&self, given: &str) -> Option<(&Secret, User)> {
        let matching = self.tokens.iter().filter(|(secret, _)| secret.is(given.as_bytes()));
        matching.map(|(secret, role)| (secret, Self::holder(*role))).next_back()
    }

    /// A token has no name: the history shows its role.
    fn holder(role: Role) -> User {
        User::new(format!("the {role} token"), role)
    }

    /// The value of a cookie for who has this token; `None`: it is none.
    pub(crate) fn log_in(&self, token: &str, now: Timestamp) -> Option<String> {
        self.by_token(token).map(|(secret, _)| session::issue(secret, now))
    }

    fn by_cookie(&self, headers: &HeaderMap, now: Timestamp) -> Option<User> {
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let values = cookies.flat_map(|line| line.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
        let ours: Vec<&str> = values.filter(|(name, _)| *name == COOKIE_NAME).map(|(_, value)| value).collect();
        let holds = |secret: &Secret| ours.iter().any(|value| session::holds(secret, value, now));
        self.tokens.iter().find(|(secret, _)| holds(secret)).map(|(_, role)| Self::holder(*role))
    }
}
