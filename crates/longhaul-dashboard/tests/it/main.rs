//! The dashboard by requests, on a real server.

mod access;
mod acting;
mod browser;
mod guard;
mod kit;
mod live;
mod pages;
mod schedules;
