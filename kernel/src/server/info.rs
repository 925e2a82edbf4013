//! What the kernel says of itself.

use serde_json::{Value, json};

use super::message::PROTOCOL;

/// The content of `kernel_info_reply`.
pub fn kernel_info() -> Value {
    let version = env!("CARGO_PKG_VERSION");
    json!({
        "status": "ok",
        "protocol_version": PROTOCOL,
        "implementation": "taskloom",
        "implementation_version": version,
        "banner": format!("Taskloom {version}: Rust, with a parallel engine inside. `use taskloom::prelude::*;` and %lsmagic are good beginnings."),
        "debugger": false,
        "supported_features": ["kernel subshells"],
        "help_links": [
            {"text": "The Rust book", "url": "https://doc.rust-lang.org/book/"},
            {"text": "The standard library", "url": "https://doc.rust-lang.org/std/"},
            {"text": "Polars for Rust", "url": "https://docs.rs/polars"},
        ],
        "language_info": {
            "name": "rust",
            "version": env!("CARGO_PKG_RUST_VERSION"),
            "mimetype": "text/rust",
            "file_extension": ".rs",
            "pygments_lexer": "rust",
            "codemirror_mode": "rust",
            "nbconvert_exporter": "script",
        },
    })
}
