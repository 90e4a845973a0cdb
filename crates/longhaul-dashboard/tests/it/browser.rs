//! What people do, in a real browser.

mod driver;
mod journeys;
mod looks;
mod site;
