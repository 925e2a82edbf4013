//! Arguments on their way to another process: as bytes, and back.

use std::any::{Any, TypeId, type_name};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Step;
use crate::travel::{Codec, codec_of, codec_of_serde};

/// Chooses how values of `T` become bytes; `None` when they cannot.
pub trait Encoding<T>: Send + Sync + 'static {
    /// The codec, if there is one.
    fn codec() -> Option<Codec>;
}

/// `T` has serde's traits, as method resolution found where the call was written.
#[derive(Debug)]
pub struct Serde;

impl<T: Serialize + Deserialize<'static> + Send + Sync + 'static> Encoding<T> for Serde {
    fn codec() -> Option<Codec> {
        Some(codec_of_serde::<T>())
    }
}

/// Nothing is known about `T` here, so the registry of codecs is asked when a task is to leave.
#[derive(Debug)]
pub struct Registered;

impl<T: 'static> Encoding<T> for Registered {
    fn codec() -> Option<Codec> {
        codec_of(TypeId::of::<T>())
    }
}

/// Receives a task's arguments as bytes.
#[derive(Debug, Default)]
pub struct Packer {
    bytes: Vec<u8>,
}

impl Packer {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(crate) fn count(&mut self, count: usize) {
        self.bytes.extend_from_slice(&(count as u64).to_le_bytes());
    }

    pub(crate) fn value<T: Any + Send + Sync>(&mut self, value: &T, codec: Option<Codec>) -> Result<(), String> {
        let codec = codec.ok_or_else(|| no_codec(type_name::<T>()))?;
        let bytes = codec.encode(value)?;
        self.count(bytes.len());
        self.bytes.extend_from_slice(&bytes);
        Ok(())
    }
}

/// Why a value cannot be written down.
pub(crate) fn no_codec(type_name: &str) -> String {
    format!(
        "a value of type `{}` cannot be encoded; derive serde's Serialize and Deserialize for it",
        crate::display::short_type(type_name)
    )
}

/// Gives a task's arguments back, in the order in which they were packed.
#[derive(Debug)]
pub struct Unpacker<'a> {
    bytes: &'a [u8],
    inputs: std::vec::IntoIter<Arc<Step>>,
}

impl<'a> Unpacker<'a> {
    pub(crate) fn new(bytes: &'a [u8], inputs: Vec<Arc<Step>>) -> Self {
        Unpacker { bytes, inputs: inputs.into_iter() }
    }

    pub(crate) fn count(&mut self) -> Result<usize, String> {
        let (count, rest) = self.bytes.split_first_chunk::<8>().ok_or_else(too_short)?;
        self.bytes = rest;
        usize::try_from(u64::from_le_bytes(*count)).map_err(|_| too_short())
    }

    pub(crate) fn value<T: Any + Send + Sync>(&mut self, codec: Option<Codec>) -> Result<Arc<T>, String> {
        let codec = codec.ok_or_else(|| no_codec(type_name::<T>()))?;
        let length = self.count()?;
        let (bytes, rest) = self.bytes.split_at_checked(length).ok_or_else(too_short)?;
        self.bytes = rest;
        codec.decode(bytes)?.downcast().map_err(|_| format!("bytes of another type came for a {}", type_name::<T>()))
    }

    pub(crate) fn input(&mut self) -> Result<Arc<Step>, String> {
        self.inputs.next().ok_or_else(|| "a task came with fewer inputs than it needs".to_owned())
    }
}

fn too_short() -> String {
    "the arguments of a task ended too soon".to_owned()
}
