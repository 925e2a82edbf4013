//! Tasks that leave the process: compiled code by content hash and offset, arguments as bytes.

pub mod codec;

pub(crate) use codec::codec_of_serde;
pub use codec::{Codec, codec_of, register, register_codec};
