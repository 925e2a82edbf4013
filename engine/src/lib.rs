//! Taskloom: lazy task graphs in Rust, run on all cores.
//!
//! [`delayed!`] turns a call into a node of a graph and runs nothing; [`Delayed::compute`] runs the graph, in parallel
//! where it can. The ideas are those of [Dask](https://docs.dask.org), and so are most of the names.
//!
//! ```
//! use taskloom::prelude::*;
//!
//! fn inc(x: i64) -> i64 { x + 1 }
//! fn add(x: i64, y: i64) -> i64 { x + y }
//!
//! let x = delayed!(inc(1));            // nothing has run
//! let y = delayed!(inc(2));
//! let z = delayed!(add(x, y));         // `x` and `y` are borrowed: they can be used again
//! let w = &z * 10 + 1;                 // what derives from a Delayed is a Delayed
//! assert_eq!(w.compute()?, 51);        // `inc` twice, in parallel; then `add`, `mul`, `add`
//! # Ok::<(), taskloom::Error>(())
//! ```
//!
//! # How it fits together
//! ```text
//!  labelled ─► array ─┬─► dataframe ─┬─► store
//!              bag ───┘              │
//!  delayed, client, TaskGraph ───────┴─► task ─► graph ─► scheduler ─► events ─► whoever listens (a terminal, a notebook)
//!                                                  │          │
//!                                                  ▼          ▼
//!                                              visualize  diagnostics
//!                                                  │          │
//!                                                  └─► draw ◄─┘
//! ```
//! - [`task`]: what a node runs, and how its arguments are found;
//! - [`graph`]: the arena that everything lowers to, its order and its optimisations, and graphs by hand;
//! - [`delayed`](mod@crate::delayed): handles, arguments, operators;
//! - [`array`](mod@crate::array): n-dimensional arrays in blocks;
//! - [`labelled`]: arrays whose axes have names and labels;
//! - [`dataframe`]: tables in partitions, which Polars computes;
//! - [`bag`]: sequences of anything, in partitions;
//! - `store`: files and folders on this machine and in object stores, for arrays, dataframes and bags;
//! - [`scheduler`]: `sync` and `threads`, interrupts, progress, and what to do while a task has to wait;
//! - [`client`]: tasks that run in the background, futures, actors, and what tasks may share;
//! - [`travel`]: graphs that leave the process, as compiled code and bytes;
//! - [`cluster`]: the same graphs, and a client's futures, on a Dask cluster;
//! - [`diagnostics`]: who ran what, when, and what it took;
//! - [`display`](mod@crate::display) and [`events`]: what there is to show, and who is told;
//! - [`timing`]: how long a piece of code takes;
//! - [`plot`]: lines, points, histograms, bars and heat maps, as Vega-Lite and SVG;
//! - [`draw`]: layout and SVG, DOT, PNG, knowing nothing of tasks;
//! - [`cell`]: the C interface that the notebook's runner uses.

// The macros name this crate by its public path, also from inside it.
extern crate self as taskloom;

pub mod array;
pub mod bag;
mod calendar;
pub mod cell;
pub mod client;
pub mod cluster;
pub mod delayed;
pub mod diagnostics;
pub mod display;
pub mod draw;
mod error;
pub mod events;
mod frame;
pub mod graph;
pub mod labelled;
mod mime;
mod nbytes;
mod panics;
pub mod plot;
mod recreate;
pub mod scheduler;
mod similar;
mod store;
pub mod task;
pub mod timing;
pub mod travel;
mod visualize;

pub use array::Array;
pub use bag::Bag;
pub use client::{Client, is_cancelled};
pub use delayed::{Delayed, Output, Outputs, delayed_value};
pub use display::{DisplayHandle, MimeBundle, Show, clear_output, display, display_as, display_handle, update_display};
pub use error::{BoxError, Error, Result, TaskError};
pub use frame::{DataFrame, Series};
pub use labelled::{DataArray, Dataset};
pub use nbytes::{nbytes, register_nbytes};
pub use recreate::Recreated;
pub use scheduler::{Scheduler, blocking, interrupt, num_threads, sleep_ms};
pub use visualize::{ColorBy, Drawing};

/// Turns a call into a task: nothing runs, and the value of the call becomes a [`Delayed`].
///
/// The call is a function, a closure in parentheses, or a method. Each argument is written as in the ordinary call:
///
/// | written | the caller | the function gets |
/// |---|---|---|
/// | `x` | keeps `x` | the value: of a [`Delayed`] its result, of another value a clone |
/// | `&x` | keeps `x` | a reference: to the result of a [`Delayed`], which is not cloned, or to one clone of another value |
/// | `{x}`, or any other expression | gives it away | the value |
///
/// Where a `Delayed<T>` can stand, so can a vector, array, option, tuple or map of them: the function gets a
/// `Vec<T>` and so on. A function that returns a `Result` gives a `Delayed` of its `Ok`; an `Err` fails the compute.
/// A task may run more than once (each compute runs it), so values are cloned for each run unless they go by reference.
///
/// ```
/// use taskloom::prelude::*;
/// fn longest(words: &[String]) -> usize { words.iter().map(String::len).max().unwrap_or(0) }
/// fn parse(text: &str) -> Result<i64, std::num::ParseIntError> { text.parse() }
///
/// let words = vec!["loom".to_owned(), "weft".to_owned(), "shuttle".to_owned()];
/// assert_eq!(delayed!(longest(&words)).compute()?, 7);
///
/// let numbers: Vec<_> = ["1", "2", "39"].into_iter().map(|text| delayed!(parse(text))).collect();
/// let total = delayed!((|numbers: Vec<i64>| numbers.iter().sum::<i64>())(numbers));
/// assert_eq!(total.compute()?, 42);
///
/// let error = delayed!(parse("x")).compute().unwrap_err();
/// assert!(error.to_string().starts_with("task `parse` failed: invalid digit"));
/// # Ok::<(), taskloom::Error>(())
/// ```
pub use taskloom_macros::delayed;

/// Tables in partitions: see [`DataFrame`].
pub mod dataframe {
    pub use crate::frame::*;
    pub use polars::prelude::len;
}

pub use ndarray;
pub use polars;
pub use rayon;
pub use serde;
pub use serde_json;

/// What a notebook or a program brings in with `use taskloom::prelude::*;`.
pub mod prelude {
    pub use crate::array::Axes;
    pub use crate::client::{Future, as_completed, wait};
    pub use crate::dataframe::{How, concat, read_csv, read_parquet};
    pub use crate::display::{Html, Jpeg, Json, Latex, Markdown, Math, Png, Svg, Text, VegaLite, input, password};
    pub use crate::plot;
    pub use ndarray::s;
    pub use polars::df;
    pub use polars::prelude::{DataType, Expr, col, lit, when};

    pub use crate::{
        Array, Bag, Client, DataArray, DataFrame, Dataset, Delayed, Drawing, MimeBundle, Scheduler, Series, Show,
        clear_output, compute, delayed, delayed_value, display, display_as, display_handle, persist, sleep_ms,
        update_display,
    };
}

#[doc(hidden)]
pub mod __private {
    pub use crate::delayed::{
        Borrowed, Moved, Returned, ReturnedPlain, ReturnedResult, ReturnedSerde, ReturnedSerdeResult, Shared,
        SharedLazy, SharedSerde, Taken, TakenLazy, TakenSerde, task,
    };
    pub use crate::task::Site;
}
