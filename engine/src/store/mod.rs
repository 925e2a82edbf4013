//! Files and folders, wherever they are: on this machine or in object stores.
//!
//! ```text
//!     location ──► path: files and folders, wherever they are ──► remote: objects by their names, many at the same time
//!                       └──► file: bytes by position, and files that appear when they are whole
//! ```

pub(crate) mod error;
pub(crate) mod file;
pub(crate) mod location;
pub(crate) mod path;
mod remote;

pub use error::StoreError;
pub use location::Location;
