//! The work of a shop: ten kinds, which take their time, report how far they are, and fail now and then.

pub mod customers;
mod kinds;
mod orders;
mod work;

pub use kinds::register;
