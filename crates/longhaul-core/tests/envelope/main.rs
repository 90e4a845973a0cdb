//! Values at rest: what is written is read again, also years later, and what is not right is an error.

mod damage;
mod golden;
mod refusal;
mod sample;
mod version;
