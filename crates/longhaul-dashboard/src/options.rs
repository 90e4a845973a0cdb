//! What the app says of its dashboard.

use axum::http::request::Parts;
use longhaul_inspect::Role;

use crate::access::{Access, User};

/// What the app says of its dashboard: above all, who may come in.
///
/// ```
/// use longhaul_dashboard::{Options, Role};
///
/// let options = Options::new().title("Orders").basic("ann", "correct horse", Role::Act);
/// ```
#[derive(Debug, Default)]
#[must_use = "a dashboard is made of it"]
pub struct Options {
    pub(crate) access: Access,
    pub(crate) prefix: Option<String>,
    pub(crate) hosts: Vec<String>,
    pub(crate) title: Option<String>,
}

impl Options {
    /// A dashboard that is closed: it answers 403 to everything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets in who has this secret, with this role: in a header `Authorization: Bearer …`, in the form of the login page,
    /// or once as `?token=…`, which is swapped for a cookie. Several secrets may have several roles.
    ///
    /// # Panics
    /// When the secret is shorter than 16 bytes: it could be guessed.
    pub fn token(mut self, secret: impl Into<String>, role: Role) -> Self {
        let secret = secret.into();
        assert!(secret.len() >= 16, "a token of {} bytes can be guessed: take 16 or more", secret.len());
        self.access.add_token(secret, role);
        self
    }

    /// Lets in who has this name and password, by the login dialogue of the browser (HTTP Basic). It is meant for TLS.
    ///
    /// # Panics
    /// When the name or the password is empty.
    pub fn basic(mut self, name: impl Into<String>, password: impl Into<String>, role: Role) -> Self {
        let (name, password) = (name.into(), password.into());
        assert!(!name.is_empty() && !password.is_empty(), "a name and a password are needed");
        self.access.add_password(name, &password, role);
        self
    }

    /// Asks the app who it is: with the request as it came, headers and extensions included, so that a session of the
    /// app's own login counts. `None`: nobody who may come in. The closure takes what it needs out of the request; what
    /// it returns is awaited.
    ///
    /// ```
    /// use longhaul_dashboard::{Options, Role, User};
    ///
    /// /// What the app's login leaves in a request.
    /// #[derive(Clone)]
    /// struct Session { name: String, is_admin: bool }
    ///
    /// let options = Options::new().hook(|request| {
    ///     let session = request.extensions.get::<Session>().cloned();
    ///     async move {
    ///         let Session { name, is_admin } = session?;
    ///         Some(User::new(name, if is_admin { Role::Administer } else { Role::View }))
    ///     }
    /// });
    /// ```
    pub fn hook<F, Fut>(mut self, who: F) -> Self
    where
        F: Fn(&Parts) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Option<User>> + Send + 'static,
    {
        self.access.set_hook(who);
        self
    }

    /// Lets everybody in, with this role and without a name: for a program on one's own computer. Requests for another
    /// host than this computer are refused, unless [`hosts`](Self::hosts) names it, because a page on the web can make
    /// a browser ask `localhost` under its own name.
    pub fn open_to_everyone(mut self, role: Role) -> Self {
        self.access.open(role);
        self
    }

    /// Where the browser sees it, `/admin/tasks` for example. Without it, that is found from the request; it is needed
    /// behind a proxy that shows another path than it asks for.
    pub fn prefix(mut self, prefix: impl AsRef<str>) -> Self {
        self.prefix = Some(prefix.as_ref().trim_end_matches('/').to_owned());
        self
    }

    /// By which names it may be reached, without ports: all others are refused. Without it every name is right where
    /// people log in.
    pub fn hosts<H: Into<String>>(mut self, hosts: impl IntoIterator<Item = H>) -> Self {
        self.hosts = hosts.into_iter().map(|host| host.into().to_ascii_lowercase()).collect();
        self
    }

    /// What stands at the top of each page, instead of `longhaul`.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }
}
