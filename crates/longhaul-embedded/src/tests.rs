//! Tests that look below the port.
