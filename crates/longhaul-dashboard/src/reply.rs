//! Answers, with the headers that all of them have.

use axum::{
    body::Body,
    http::{
        HeaderValue, StatusCode,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
        },
    },
    response::Response,
};
use maud::Markup;
use serde_json::Value;

/// No code and no style in a page, nothing from elsewhere, no frame of another site around it. So an app needs to hand
/// us no nonce, and a value that got into a page as markup could do nothing there.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'self'",
);

fn of(status: StatusCode, kind: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

pub(crate) fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

pub(crate) fn html(code: u16, page: Markup) -> Response {
    of(status(code), "text/html; charset=utf-8", page.into_string())
}

pub(crate) fn json(code: u16, value: &Value) -> Response {
    of(status(code), "application/json", value.to_string())
}

pub(crate) fn text(code: u16, text: &'static str) -> Response {
    of(status(code), "text/plain; charset=utf-8", text)
}

pub(crate) fn asset(kind: &'static str, body: &'static [u8]) -> Response {
    let mut response = of(StatusCode::OK, kind, body);
    // Its address has a digest of it.
    let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
    response.headers_mut().insert(CACHE_CONTROL, forever);
    response
}

/// A script at an address that stays: it is asked for again after an hour.
pub(crate) fn script(body: &'static [u8]) -> Response {
    let mut response = of(StatusCode::OK, "text/javascript; charset=utf-8", body);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
    response
}

/// In the text format of Prometheus.
pub(crate) fn metrics(text: String) -> Response {
    of(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", text)
}

pub(crate) fn stream(body: Body) -> Response {
    of(StatusCode::OK, "text/event-stream", body)
}

/// After a form: the page to look at now.
pub(crate) fn see(address: &str) -> Response {
    let mut response = of(StatusCode::SEE_OTHER, "text/plain; charset=utf-8", "");
    match HeaderValue::from_str(address) {
        Ok(address) => drop(response.headers_mut().insert(LOCATION, address)),
        Err(_) => *response.status_mut() = StatusCode::BAD_REQUEST,
    }
    response
}

/// What every answer has.
pub(crate) fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
