//! The dashboard by requests, on a real server.

mod access;
mod acting;
mod browser;
mod campaign;
mod forms;
mod guard;
mod kit;
mod lists;
mod live;
mod load;
mod monitoring;
mod pages;
mod progress;
mod schedules;
