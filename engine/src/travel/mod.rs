//! What leaves the process: compiled code by content and offset, values as bytes.
//!
//! A task's function is an address in some shared object. [`objects`] turns the address into something that another
//! process can find again, and brings the object's bytes along. [`codec`] turns values into bytes and back. A [`Parcel`]
//! is a whole graph made of the two.

pub mod codec;
pub mod objects;
mod parcel;

pub(crate) use codec::codec_of_serde;
pub use codec::{Codec, codec_of, register, register_codec};
pub use parcel::Parcel;
