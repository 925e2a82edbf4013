//! What leaves the process: compiled code by content and offset, values as bytes.
//!
//! A task's function is an address in some shared object. [`objects`] turns the address into something that another
//! process can find again, and brings the object's bytes along. [`codec`] turns values into bytes and back. A [`Parcel`]
//! is a whole graph made of the two.
//!
//! # What travels, and what stays
//! Calls of `delayed!` travel when their function captures nothing and their arguments have a codec. All operations of
//! [`Array`](crate::Array) travel: each task takes along the elements that it reads from memory, and opens the files that
//! it reads there, under the same absolute path. Functions that an array operation is given, as `map_elements`,
//! `map_blocks` and `from_fn` are, travel when they capture nothing.
//!
//! These stay, and [`Parcel::pack`] names the task and says why:
//! - a function or closure that captures something, and a function that is only known by its address (`fn(f64) -> f64`);
//! - a value or result of a type that has no codec (see [`codec`]);
//! - a future of a [`Client`](crate::client::Client), and what a cell's own tasks hold of this process;
//! - tasks that store an array: they run when `to_zarr`, `to_npy` and so on are called, in the process that called them;
//! - what is stored at `memory://`;
//! - tasks that [`Graph::fuse`](crate::graph::Graph::fuse) has put together: send the graph before it is optimised.

pub mod codec;
pub mod objects;
mod parcel;

pub(crate) use codec::codec_of_serde;
pub use codec::{Codec, codec_of, register, register_codec};
pub use parcel::Parcel;
