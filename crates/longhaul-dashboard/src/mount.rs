//! Where the dashboard is in the app, as the browser sees it.

use std::fmt::Display;

use axum::{extract::OriginalUri, http::request::Parts};

use crate::options::Options;

/// The path before ours: empty, or with a slash before it and none after.
#[derive(Clone, Debug)]
pub(crate) struct Mount(String);

impl Mount {
    pub(crate) fn of(options: &Options, parts: &Parts) -> Self {
        if let Some(prefix) = &options.prefix {
            return Self(prefix.clone());
        }
        let ours = parts.uri.path();
        let whole = parts.extensions.get::<OriginalUri>().map_or(ours, |original| original.path());
        let prefix = match ours {
            "/" => whole.trim_end_matches('/'),
            _ => whole.strip_suffix(ours).unwrap_or(""),
        };
        // Two slashes would begin the name of another host.
        Self(if prefix.starts_with("//") { String::new() } else { prefix.to_owned() })
    }

    /// The address of one of our paths, which begins with a slash. The first page of a nested router has no slash at its
    /// end: axum would not find it there.
    pub(crate) fn to(&self, path: impl Display) -> String {
        let whole = format!("{}{path}", self.0);
        match whole.strip_suffix('/') {
            Some(first) if first == self.0 && !first.is_empty() => self.0.clone(),
            _ => whole,
        }
    }

    /// The path of the cookie.
    pub(crate) fn cookie_path(&self) -> &str {
        if self.0.is_empty() { "/" } else { &self.0 }
    }
}

/// A name as a part of a path.
pub(crate) fn segment(name: &str) -> String {
    form_urlencoded::byte_serialize(name.as_bytes()).collect::<String>().replace('+', "%20")
}
