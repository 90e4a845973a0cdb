//! The stylesheet and the script, in the program.

use axum::response::Response;

use crate::reply;

const STYLE: &str = include_str!("../assets/dashboard.css");
const SCRIPT: &str = include_str!("../assets/dashboard.js");

/// FNV-1a: <http://www.isthe.com/chongo/tech/comp/fnv/>. It tells one release from another, and guards nothing.
const fn digest(text: &str) -> u64 {
    let (bytes, mut at, mut hash) = (text.as_bytes(), 0, 0xcbf2_9ce4_8422_2325_u64);
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
        at += 1;
    }
    hash
}

pub(crate) fn style_path() -> String {
    format!("/assets/dashboard-{:016x}.css", const { digest(STYLE) })
}

pub(crate) fn script_path() -> String {
    format!("/assets/dashboard-{:016x}.js", const { digest(SCRIPT) })
}

pub(crate) fn get(path: &str) -> Option<Response> {
    if path == style_path() {
        Some(reply::asset("text/css; charset=utf-8", STYLE.as_bytes()))
    } else if path == script_path() {
        Some(reply::asset("text/javascript; charset=utf-8", SCRIPT.as_bytes()))
    } else {
        None
    }
}
