//! Reads a URL. The driver parses it, except for what it knows nothing or only some values of: `sslmode`, and the files of
//! certificates and keys.

use std::path::PathBuf;

use tokio_postgres::{Config, config::SslMode};

use super::error::{ConnectError, chain};

/// How a connection is encrypted, and what is checked, as libpq understands `sslmode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tls {
    /// `disable`, `allow`.
    Off,
    /// `prefer`: encrypted where the server can, with any certificate.
    Preferred,
    /// `require`: encrypted, with any certificate. With a root certificate it means `verify-ca`.
    Required,
    /// `verify-ca`: the certificate was signed by a trusted authority.
    CaVerified,
    /// `verify-full`: and it was issued for the host of the URL.
    HostVerified,
}

/// The certificate by which a server knows this client, and its key.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClientCertificate {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// A URL that was read.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) config: Config,
    pub(super) tls: Tls,
    /// `None`: those of the system.
    pub(super) root_certificates: Option<PathBuf>,
    /// `None`: none is shown.
    pub(super) client_certificate: Option<ClientCertificate>,
}

pub(super) fn read(url: &str) -> Result<Read, ConnectError> {
    let refused = |reason: String| ConnectError::Url { reason };
    let mut found = Found::default();
    let rest = if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        found.take_from_url(url)
    } else {
        found.take_from_pairs(url)
    };
    let mut config: Config = rest.parse().map_err(|error| refused(chain(&error)))?;
    let client_certificate = match (found.certificate, found.key) {
        (Some(certificate), Some(key)) => Some(ClientCertificate { certificate: certificate.into(), key: key.into() }),
        (Some(_), None) => return Err(refused("`sslcert` needs `sslkey`, the file with its private key".into())),
        (None, Some(_)) => return Err(refused("`sslkey` needs `sslcert`, the file with its certificate".into())),
        (None, None) => None,
    };
    let system_only = found.root_certificates.as_deref() == Some("system");
    let root_certificates = found.root_certificates.filter(|_| !system_only).map(PathBuf::from);
    let tls = match found.mode.as_deref() {
        None | Some("verify-full") if system_only => Tls::HostVerified,
        // As libpq does: an authority of the system signs certificates for everybody.
        _ if system_only => return Err(refused("`sslrootcert=system` needs `sslmode=verify-full`".into())),
        None | Some("prefer") => Tls::Preferred,
        Some("disable" | "allow") => Tls::Off,
        Some("require") if root_certificates.is_some() => Tls::CaVerified,
        Some("require") => Tls::Required,
        Some("verify-ca") => Tls::CaVerified,
        Some("verify-full") => Tls::HostVerified,
        Some(other) => {
            let known = "`disable`, `prefer`, `require`, `verify-ca` or `verify-full`";
            return Err(refused(format!("its sslmode is `{}`, and not {known}", other.escape_debug())));
        }
    };
    config.ssl_mode(match tls {
        Tls::Off => SslMode::Disable,
        Tls::Preferred => SslMode::Prefer,
        Tls::Required | Tls::CaVerified | Tls::HostVerified => SslMode::Require,
    });
    Ok(Read { config, tls, root_certificates, client_certificate })
}

#[derive(Debug, Default)]
struct Found {
    mode: Option<String>,
    root_certificates: Option<String>,
    certificate: Option<String>,
    key: Option<String>,
}

impl Found {
    /// Takes a parameter that the driver does not get. `false`: the driver gets it.
    fn take(&mut self, key: &str, value: impl FnOnce() -> String) -> bool {
        match key {
            "sslmode" => self.mode = Some(value()),
            "sslrootcert" => self.root_certificates = Some(value()),
            "sslcert" => self.certificate = Some(value()),
            "sslkey" => self.key = Some(value()),
            _ => return false,
        }
        true
    }

    fn take_from_url(&mut self, url: &str) -> String {
        let Some((address, query)) = url.split_once('?') else { return url.to_owned() };
        let mut rest = Vec::new();
        for pair in query.split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            if !self.take(key, || percent_decoded(value)) {
                rest.push(pair);
            }
        }
        if rest.is_empty() { address.to_owned() } else { format!("{address}?{}", rest.join("&")) }
    }

    /// Pairs `key=value` with spaces between them. A value may be quoted; a backslash escapes the next character.
    fn take_from_pairs(&mut self, text: &str) -> String {
        let (mut rest, mut left) = (String::new(), text);
        while let Some((key, after)) = left.split_once('=') {
            let (value, length) = quoted_value(after.trim_start());
            let end = after.len() - after.trim_start().len() + length;
            if !self.take(key.trim(), || value) {
                rest.push_str(key);
                rest.push('=');
                rest.push_str(&after[..end]);
            }
            left = &after[end..];
        }
        rest + left
    }
}

/// The value at the beginning of a text, and its length there in bytes.
fn quoted_value(text: &str) -> (String, usize) {
    let is_quoted = text.starts_with('\'');
    let mut value = String::new();
    let mut characters = text.char_indices().skip(usize::from(is_quoted));
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => value.extend(characters.next().map(|(_, next)| next)),
            '\'' if is_quoted => return (value, at + 1),
            space if space.is_whitespace() && !is_quoted => return (value, at),
            other => value.push(other),
        }
    }
    (value, text.len())
}

fn percent_decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, after @ ..] = rest {
        let code = after.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        let code = code.and_then(|code| u8::from_str_radix(code, 16).ok()).filter(|_| *first == b'%');
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str) -> (Tls, Option<PathBuf>, Vec<u16>) {
        let Read { config, tls, root_certificates, .. } = read(url).expect("a URL");
        (tls, root_certificates, config.get_ports().to_vec())
    }

    #[test]
    fn sslmode_and_sslrootcert_are_read_as_libpq_reads_them() {
        let path = |path: &str| Some(PathBuf::from(path));
        assert_eq!(of("postgres://a@h:7/d"), (Tls::Preferred, None, vec![7]));
        assert_eq!(of("postgres://a@h:7/d?sslmode=disable"), (Tls::Off, None, vec![7]));
        assert_eq!(of("host=h port=7 sslmode=require"), (Tls::Required, None, vec![7]));
        assert_eq!(
            of("postgresql://h:7/d?sslrootcert=%2Fa%20b&sslmode=require"),
            (Tls::CaVerified, path("/a b"), vec![7])
        );
        assert_eq!(of("host=h sslmode=verify-full port=7"), (Tls::HostVerified, None, vec![7]));
        assert_eq!(
            of("sslrootcert='/a \\'b' sslmode = verify-ca host=h port=7"),
            (Tls::CaVerified, path("/a 'b"), vec![7])
        );
        assert_eq!(of("host=h sslmode=verify-full sslrootcert=system port=7"), (Tls::HostVerified, None, vec![7]));
        assert_eq!(of("host=h sslrootcert=system port=7"), (Tls::HostVerified, None, vec![7]));
        let refused = read("host=h sslmode=require sslrootcert=system").expect_err("it is weak").to_string();
        assert!(refused.contains("needs `sslmode=verify-full`"), "{refused}");
        let password = read("host=h password='sslmode=disable x' user=u").expect("a URL");
        assert_eq!((password.tls, password.config.get_password()), (Tls::Preferred, Some(&b"sslmode=disable x"[..])));
        let refused = read("host=h sslmode=full").expect_err("it is none").to_string();
        assert!(refused.contains("its sslmode is `full`"), "{refused}");
    }

    #[test]
    fn a_client_certificate_comes_with_its_key() {
        let named = Some(ClientCertificate { certificate: "/a.crt".into(), key: "/a b.key".into() });
        for url in ["postgres://h/d?sslcert=/a.crt&sslkey=/a%20b.key", "host=h sslkey='/a b.key' sslcert=/a.crt"] {
            assert_eq!(read(url).expect("a URL").client_certificate, named, "{url}");
        }
        assert_eq!(read("host=h").expect("a URL").client_certificate, None);
        for (url, missing) in [("host=h sslcert=/a.crt", "needs `sslkey`"), ("host=h sslkey=/a.key", "needs `sslcert`")]
        {
            let refused = read(url).expect_err("one is missing").to_string();
            assert!(refused.contains(missing), "{refused}");
        }
    }
}
