//! What `decide` says, arrow by arrow, and what holds for every run and event.
