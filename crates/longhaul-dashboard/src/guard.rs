//! What is refused before anybody is asked who they are: other hosts, and requests that other sites make.

use axum::http::{
    HeaderMap, Method,
    header::{HOST, ORIGIN},
    request::Parts,
};

use crate::options::Options;

/// The name in the `Host` header, or in the request line of HTTP/2, without its port.
fn host(parts: &Parts) -> Option<String> {
    Some(without_port(authority(parts)?).to_ascii_lowercase())
}

fn authority(parts: &Parts) -> Option<&str> {
    let line = parts.uri.authority().map(axum::http::uri::Authority::as_str);
    parts.headers.get(HOST).and_then(|host| host.to_str().ok()).or(line)
}

fn without_port(authority: &str) -> &str {
    match authority.rfind(':') {
        // The colons of an IPv6 address are in brackets.
        Some(at) if !authority[at..].contains(']') => &authority[..at],
        _ => authority,
    }
}

fn is_this_computer(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost") || host == "127.0.0.1" || host == "[::1]"
}

/// Whether the request is for a host that this dashboard has. A page on the web can give its own name the address of
/// this computer, and then ask it with the browser of somebody who is near it.
pub(crate) fn is_our_host(options: &Options, parts: &Parts) -> bool {
    let host = host(parts);
    if !options.hosts.is_empty() {
        return host.is_some_and(|host| options.hosts.contains(&host));
    }
    !options.access.is_open() || host.is_some_and(|host| is_this_computer(&host))
}

/// Whether a request that changes something comes from one of our own pages, or from no page at all. As Go's
/// `CrossOriginProtection`: browsers say so in `Sec-Fetch-Site`, older ones and those without TLS in `Origin`, and what
/// says neither is no browser.
pub(crate) fn is_from_our_site(parts: &Parts) -> bool {
    if [Method::GET, Method::HEAD, Method::OPTIONS].contains(&parts.method) {
        return true;
    }
    let header =
        |name: &str, headers: &HeaderMap| headers.get(name).map(|value| value.to_str().unwrap_or("").to_owned());
    if let Some(site) = header("sec-fetch-site", &parts.headers) {
        return site == "same-origin" || site == "none";
    }
    match header(ORIGIN.as_str(), &parts.headers) {
        None => true,
        Some(origin) => {
            let of_origin = origin.split_once("://").map(|(_, authority)| authority.to_ascii_lowercase());
            let ours = authority(parts).map(str::to_ascii_lowercase);
            of_origin.is_some() && of_origin == ours
        }
    }
}
