//! Builds a full-text index of the documentation that is on your disk. Break it off as you like; run again, it goes on.
//!
//! ```text
//! cargo run --release --example docsearch
//! cargo run --release --example docsearch -- query "select cancel safe"
//! ```

fn main() -> std::process::ExitCode {
    docsearch::main()
}
