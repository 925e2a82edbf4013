//! Sets Taskloom up on a machine, and starts it.
//!
//! The binary of this crate is what `cargo lab` runs; the `taskloom` binary calls the library. It has one small
//! dependency, because everything here happens before, and while, the rest of the workspace compiles.
//!
//! - [`lab`] does the whole of it: checks the machine, fetches the crates, makes the Python environment, compiles,
//!   installs the kernelspec, prepares the data and opens JupyterLab (or runs a notebook without a browser).
//! - [`Home`] knows where everything lives that belongs to the person and not to the checkout.
//! - [`ensure_python`] makes the private Python environment, or finds it as it should be.
//! - [`checkout`] and [`target_dir`] find the source tree and where cargo puts what it builds.
//!
//! All of it is safe to run again and to interrupt: a step that was cut off is noticed and done anew.

mod checkout;
mod compile;
mod error;
mod home;
mod jupyter;
mod lab;
mod machine;
mod options;
mod process;
mod python;
mod steps;
mod system;

pub use checkout::{checkout, target_dir};
pub use error::SetupError;
pub use home::Home;
pub use lab::lab;
pub use machine::{first_free_port, free_disk_space};
pub use python::{PythonOptions, Requirements, ensure_python, ensure_python_with};
