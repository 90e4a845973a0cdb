//! The API of another process, by HTTP/1.1.

#[cfg(unix)]
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Request,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST},
};
use hyper_util::rt::TokioIo;
use longhaul_inspect::api::{ACTOR_HEADER, VERSION};
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

use super::Call;
use crate::error::CliError;

/// More than any page or log has.
const ANSWER_MAX: usize = 64 << 20;
/// Whoever is there says so at once.
const THERE: Duration = Duration::from_secs(10);
/// A page of a busy store takes less.
const ANSWERS: Duration = Duration::from_secs(60);
/// A question that waits for a change is answered after some minutes in any case.
const CHANGES: Duration = Duration::from_secs(900);

/// Who answers.
pub(crate) enum Http {
    /// A program on this machine.
    #[cfg(unix)]
    Socket(PathBuf),
    /// A dashboard.
    Url(Url),
}

/// Where a dashboard is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Url {
    /// With its port.
    authority: String,
    port: u16,
    host: String,
    /// Before `/api`, without a slash at its end.
    base: String,
    token: Option<String>,
}

impl Url {
    /// From `http://host[:port][/base]`.
    pub(crate) fn parse(text: &str, token: Option<String>) -> Result<Self, CliError> {
        let wrong = |why: &str| CliError::Usage(format!("`{text}` is no address of a dashboard: {why}"));
        if text.starts_with("https://") {
            return Err(wrong(
                "https is not spoken here; go through a tunnel, as `ssh -L 8080:localhost:443 …` makes one",
            ));
        }
        let rest = text.strip_prefix("http://").ok_or_else(|| wrong("it begins with http://"))?;
        let (authority, base) = rest.split_once('/').unwrap_or((rest, ""));
        if authority.contains('@')
            || base.contains(['?', '#'])
            || text.contains(|c: char| c.is_whitespace() || c.is_control())
        {
            return Err(wrong("it has a host, a port and a path, and nothing else"));
        }
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                (host, port.parse().map_err(|_| wrong("its port is no number"))?)
            }
            _ => (authority, 80),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(wrong("it has no host"));
        }
        let base = base.trim_end_matches('/');
        let base = if base.is_empty() { String::new() } else { format!("/{base}") };
        Ok(Self { authority: authority.into(), port, host: host.into(), base, token })
    }
}

impl Http {
    pub(crate) async fn call(&self, actor: &str, call: &Call<'_>) -> Result<(u16, Value), CliError> {
        let question = if call.query.is_empty() { "" } else { "?" };
        let path = format!("/api/{VERSION}{}{question}{}", call.path, call.query);
        let patient = if call.query.starts_with("seen=") { CHANGES } else { ANSWERS };
        self.within(patient, self.request(actor, call.method, &path, call.body)).await
    }

    /// A program that is stopped, or hangs, has its connections taken by the system all the same.
    #[expect(clippy::disallowed_methods, reason = "somebody waits at a terminal")]
    async fn within<T>(
        &self,
        limit: Duration,
        request: impl Future<Output = Result<T, CliError>>,
    ) -> Result<T, CliError> {
        tokio::time::timeout(limit, request).await.unwrap_or_else(|_| {
            let why = format!("it has said nothing for {}", longhaul_inspect::words::duration(limit));
            Err(self.gone(&std::io::Error::other(why)))
        })
    }

    /// Says which program answers; fails if it speaks another version of the API.
    pub(crate) async fn about(&self) -> Result<Value, CliError> {
        let (_, about) = self.within(THERE, self.request("", "GET", "/api", None)).await?;
        match about["api"].as_str() {
            Some(VERSION) => Ok(about),
            Some(other) => {
                let version = about["version"].as_str().unwrap_or("an unknown version");
                let other = crate::escape::line(other);
                Err(CliError::Unreachable(format!(
                    "the running program has longhaul {}, which speaks {other} of the API, and this command line speaks \
                     {VERSION}: use the command line of that version",
                    crate::escape::line(version)
                )))
            }
            None => Err(CliError::Unreachable("whoever answers does not speak the API of longhaul".into())),
        }
    }

    async fn request(
        &self,
        actor: &str,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(u16, Value), CliError> {
        match self {
            #[cfg(unix)]
            Self::Socket(at) => {
                let stream = tokio::net::UnixStream::connect(at).await.map_err(|error| self.gone(&error))?;
                self.send(stream, actor, "localhost", None, method, path, body).await
            }
            Self::Url(url) => {
                let stream =
                    TcpStream::connect((url.host.as_str(), url.port)).await.map_err(|error| self.gone(&error))?;
                let (path, token) = (format!("{}{path}", url.base), url.token.as_deref());
                self.send(stream, actor, &url.authority, token, method, &path, body).await
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a request")]
    async fn send(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        actor: &str,
        host: &str,
        token: Option<&str>,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(u16, Value), CliError> {
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| self.gone(&error))?;
        // It ends with the last answer, and its error is that of the request.
        let connection = tokio::spawn(connection);
        let mut request =
            Request::builder().method(method).uri(path).header(HOST, host).header(ACCEPT, "application/json");
        if !actor.is_empty() {
            request = request.header(ACTOR_HEADER, actor);
        }
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let body = Full::new(body.map(|body| Bytes::from(body.to_string())).unwrap_or_default());
        let request = request.body(body).map_err(|error| CliError::Usage(format!("this cannot be sent: {error}")))?;
        let answer = sender.send_request(request).await.map_err(|error| self.gone(&error))?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), ANSWER_MAX).collect().await.map_err(|error| self.gone(&*error))?;
        drop(sender);
        connection.abort();
        let body = body.to_bytes();
        match serde_json::from_slice(&body) {
            Ok(value) => Ok((status, value)),
            Err(_) if status >= 400 => Ok((status, Value::Null)),
            Err(_) => Err(CliError::Unreachable("whoever answers does not speak the API of longhaul".into())),
        }
    }

    fn gone(&self, error: &(dyn std::error::Error + 'static)) -> CliError {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            text = format!("{text}: {error}");
            source = error.source();
        }
        CliError::Unreachable(match self {
            #[cfg(unix)]
            Self::Socket(at) => format!("the program that listens on {} does not answer: {text}", at.display()),
            Self::Url(url) => format!("{} does not answer: {text}", url.authority),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart_and_what_is_none_is_refused() {
        let url = Url::parse("http://shop.example:8080/admin/tasks/", None).unwrap();
        assert_eq!((url.host.as_str(), url.port, url.base.as_str()), ("shop.example", 8080, "/admin/tasks"));
        assert_eq!(Url::parse("http://[::1]:80", None).unwrap().host, "::1");
        for wrong in ["https://x", "ftp://x", "http://", "http://a@b/", "http://x/?a", "http://x:y/", "http://x\r\n/"] {
            assert!(Url::parse(wrong, None).is_err(), "{wrong:?}");
        }
    }
}
