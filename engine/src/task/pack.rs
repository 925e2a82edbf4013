//! Arguments on their way to another process: as bytes, and back.

use std::any::{Any, TypeId, type_name};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Step, Value};
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

/// Receives a task's arguments as bytes, and the code that they name.
#[derive(Debug, Default)]
pub struct Packer {
    bytes: Vec<u8>,
    codes: Vec<usize>,
    /// Whether somebody only asks if all of it can be written.
    asks: bool,
}

impl Packer {
    /// One that keeps nothing, for whoever wants to know whether a task could travel.
    pub(crate) fn asking() -> Packer {
        Packer { asks: true, ..Packer::default() }
    }

    /// The bytes, and the addresses of code in the order in which they were written.
    pub(crate) fn into_parts(self) -> (Vec<u8>, Vec<usize>) {
        (self.bytes, self.codes)
    }

    pub(crate) fn count(&mut self, count: usize) {
        self.raw(&(count as u64).to_le_bytes());
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        if !self.asks {
            self.bytes.extend_from_slice(bytes);
        }
    }

    /// Names compiled code by its address; the other process gets that of the same code there.
    pub(crate) fn code(&mut self, address: usize) {
        self.codes.push(address);
    }

    pub(crate) fn value<T: Any + Send + Sync>(&mut self, value: &T, codec: Option<Codec>) -> Result<(), String> {
        self.any(value, codec.ok_or_else(|| no_codec(type_name::<T>()))?)
    }

    /// A value of the codec's type.
    pub(crate) fn any(&mut self, value: &dyn Any, codec: Codec) -> Result<(), String> {
        if !self.asks {
            let bytes = codec.encode(value)?;
            self.count(bytes.len());
            self.raw(&bytes);
        }
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
    codes: std::slice::Iter<'a, usize>,
    inputs: std::vec::IntoIter<Arc<Step>>,
    /// Where somebody who has only the code, and bytes of a result, asks how those are read.
    asked: Option<&'a mut Option<Codec>>,
}

impl<'a> Unpacker<'a> {
    pub(crate) fn new(bytes: &'a [u8], codes: &'a [usize], inputs: Vec<Arc<Step>>) -> Self {
        Unpacker { bytes, codes: codes.iter(), inputs: inputs.into_iter(), asked: None }
    }

    /// One without arguments, for the code's answer to how its results are read; `into` stays empty where that depends
    /// on the arguments.
    pub(crate) fn asking(into: &'a mut Option<Codec>) -> Self {
        Unpacker { asked: Some(into), ..Unpacker::new(&[], &[], Vec::new()) }
    }

    /// Says how results are read, to whoever only asks for that; nothing is made then.
    pub(crate) fn results_by(&mut self, codec: impl FnOnce() -> Option<Codec>) -> Result<(), String> {
        match &mut self.asked {
            None => Ok(()),
            Some(asked) => {
                **asked = codec();
                Err("only the codec was asked for".to_owned())
            }
        }
    }

    pub(crate) fn count(&mut self) -> Result<usize, String> {
        usize::try_from(u64::from_le_bytes(self.raw()?)).map_err(|_| too_short())
    }

    pub(crate) fn raw<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (first, rest) = self.bytes.split_first_chunk::<N>().ok_or_else(too_short)?;
        self.bytes = rest;
        Ok(*first)
    }

    pub(crate) fn slice(&mut self, length: usize) -> Result<&'a [u8], String> {
        let (bytes, rest) = self.bytes.split_at_checked(length).ok_or_else(too_short)?;
        self.bytes = rest;
        Ok(bytes)
    }

    /// The address of the code that the sender named.
    pub(crate) fn code(&mut self) -> Result<usize, String> {
        self.codes.next().copied().ok_or_else(|| "a task came with less code than it names".to_owned())
    }

    pub(crate) fn value<T: Any + Send + Sync>(&mut self, codec: Option<Codec>) -> Result<Arc<T>, String> {
        let value = self.any(codec.ok_or_else(|| no_codec(type_name::<T>()))?)?;
        value.downcast().map_err(|_| format!("bytes of another type came for a {}", type_name::<T>()))
    }

    /// A value of the codec's type.
    pub(crate) fn any(&mut self, codec: Codec) -> Result<Value, String> {
        let length = self.count()?;
        codec.decode(self.slice(length)?)
    }

    /// All inputs that are left.
    pub(crate) fn inputs(&mut self) -> Vec<Arc<Step>> {
        self.inputs.by_ref().collect()
    }

    pub(crate) fn input(&mut self) -> Result<Arc<Step>, String> {
        self.inputs.next().ok_or_else(|| "a task came with fewer inputs than it needs".to_owned())
    }
}

pub(super) fn too_short() -> String {
    "the arguments of a task ended too soon".to_owned()
}
