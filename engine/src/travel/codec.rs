//! Values as bytes: for a task's arguments and results that leave the process, and for results that move to disk.
//!
//! A [`Value`](crate::task::Value) has lost its type, so bytes need a [`Codec`] that is found by [`TypeId`]. Codecs of
//! the usual types are there from the start (see [`codec_of`]); a type of your own takes one line, [`register`].
//! The bytes are [postcard](https://postcard.jamesmunns.com)'s: compact, without names, so that both sides have to
//! agree on the type, as two processes with the same code do.
//!
//! ```
//! use std::any::{Any, TypeId};
//! use serde::{Deserialize, Serialize};
//! use taskloom::travel::codec::{codec_of, register};
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize)]
//! struct Reading { station: String, celsius: f64 }
//!
//! register::<Reading>();
//! let codec = codec_of(TypeId::of::<Vec<Reading>>()).expect("vectors come with the type");
//! let readings = vec![Reading { station: "Inari".into(), celsius: -11.5 }];
//! let bytes = codec.encode(&readings)?;
//! let back = codec.decode(&bytes)?;
//! assert_eq!(back.downcast_ref::<Vec<Reading>>(), Some(&readings));
//! # Ok::<(), String>(())
//! ```

use std::any::{Any, TypeId, type_name};
use std::collections::{BTreeMap, HashMap};
use std::marker::PhantomData;
use std::sync::{Arc, LazyLock, RwLock};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::task::Value;

mod bulk;
mod owned;

/// How values of one type become bytes and come back.
#[derive(Clone, Copy)]
pub struct Codec {
    type_id: TypeId,
    type_name: &'static str,
    coder: &'static dyn Coder,
}

impl std::fmt::Debug for Codec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Codec of {}", self.type_name)
    }
}

/// A codec without its type. The type is put back by a downcast in each implementation.
trait Coder: Send + Sync {
    fn encode(&self, value: &dyn Any) -> Result<Vec<u8>, String>;
    fn decode(&self, bytes: &[u8]) -> Result<Value, String>;
}

/// The type's serde form, written by postcard.
struct Postcard<T>(PhantomData<fn() -> T>);

// `Deserialize<'static>` and not `DeserializeOwned`: method resolution cannot tell whether a type such as `&str` is the
// one but not the other, so `delayed!` could not choose between them.
impl<T: Serialize + Deserialize<'static> + Send + Sync + 'static> Coder for Postcard<T> {
    fn encode(&self, value: &dyn Any) -> Result<Vec<u8>, String> {
        postcard::to_stdvec(expect_type::<T>(value)?)
            .map_err(|error| format!("could not turn a value of type {} into bytes: {error}", type_name::<T>()))
    }

    fn decode(&self, bytes: &[u8]) -> Result<Value, String> {
        // SAFETY: the lifetime is not true, and nothing relies on it: `Owned` lends no part of the bytes to the value or
        // to anything else that outlives this call.
        let unending = unsafe { std::slice::from_raw_parts::<'static, u8>(bytes.as_ptr(), bytes.len()) };
        let mut deserializer = postcard::Deserializer::from_bytes(unending);
        let value = T::deserialize(owned::Owned(&mut deserializer));
        let rest = deserializer.finalize().map_or(0, <[u8]>::len);
        match value {
            Ok(value) if rest == 0 => Ok(Arc::new(value)),
            Ok(_) => Err(left_over::<T>(bytes.len(), rest)),
            Err(error) => Err(format!(
                "{} bytes do not give a value of type {} ({error}); a type that borrows, such as `&str`, cannot be read \
                 back: use one that owns its content, such as `String`",
                bytes.len(),
                type_name::<T>()
            )),
        }
    }
}

/// A pair of functions.
struct Functions<T, E, D> {
    encode: E,
    decode: D,
    value: PhantomData<fn() -> T>,
}

impl<T, E, D> Coder for Functions<T, E, D>
where
    T: Send + Sync + 'static,
    E: Fn(&T) -> Result<Vec<u8>, String> + Send + Sync,
    D: Fn(&[u8]) -> Result<T, String> + Send + Sync,
{
    fn encode(&self, value: &dyn Any) -> Result<Vec<u8>, String> {
        (self.encode)(expect_type::<T>(value)?)
    }

    fn decode(&self, bytes: &[u8]) -> Result<Value, String> {
        Ok(Arc::new((self.decode)(bytes)?))
    }
}

fn expect_type<T: 'static>(value: &dyn Any) -> Result<&T, String> {
    value.downcast_ref().ok_or_else(|| format!("the codec of {} was given a value of another type", type_name::<T>()))
}

fn left_over<T>(all: usize, rest: usize) -> String {
    format!(
        "{rest} of {all} bytes are left over after a value of type {}; they belong to another type",
        type_name::<T>()
    )
}

impl Codec {
    /// The codec of a type that serde knows.
    ///
    /// What serde leaves out (`#[serde(skip)]`) does not come back. A type that borrows, such as `&str`, can be written
    /// but not read back, and so can a type whose form depends on its own names, such as an untagged enum: it needs
    /// [`Codec::with`].
    pub fn of<T: Serialize + Deserialize<'static> + Send + Sync + 'static>() -> Codec {
        Codec { type_id: TypeId::of::<T>(), type_name: type_name::<T>(), coder: &Postcard::<T>(PhantomData) }
    }

    /// A codec of two functions, for a type that serde does not know or that has a better form.
    ///
    /// Errors are sentences. What the functions capture stays in memory for good; functions that capture nothing cost
    /// nothing.
    ///
    /// ```
    /// use taskloom::travel::codec::Codec;
    /// struct Grey(u8);
    /// let codec = Codec::with::<Grey, _, _>(
    ///     |grey| Ok(vec![grey.0]),
    ///     |bytes| match bytes {
    ///         [level] => Ok(Grey(*level)),
    ///         _ => Err(format!("a grey is one byte, not {}", bytes.len())),
    ///     },
    /// );
    /// assert_eq!(codec.encode(&Grey(7)), Ok(vec![7]));
    /// assert_eq!(codec.decode(&[]).unwrap_err(), "a grey is one byte, not 0");
    /// ```
    pub fn with<T, E, D>(encode: E, decode: D) -> Codec
    where
        T: Send + Sync + 'static,
        E: Fn(&T) -> Result<Vec<u8>, String> + Send + Sync + 'static,
        D: Fn(&[u8]) -> Result<T, String> + Send + Sync + 'static,
    {
        // Codecs are copied everywhere and live in a registry that never forgets, so there is no one to free this.
        let coder = Box::leak(Box::new(Functions { encode, decode, value: PhantomData::<fn() -> T> }));
        Codec { type_id: TypeId::of::<T>(), type_name: type_name::<T>(), coder }
    }

    /// The type that this codec is for.
    pub fn type_id(&self) -> TypeId {
        self.type_id
    }

    /// The type's name, for messages.
    pub fn type_name(&self) -> &'static str {
        self.type_name
    }

    /// The bytes of a value. Of a [`Value`], pass what is inside: `codec.encode(&**value)`.
    ///
    /// # Errors
    /// A sentence when the value has another type, or cannot be written.
    pub fn encode(&self, value: &dyn Any) -> Result<Vec<u8>, String> {
        self.coder.encode(value)
    }

    /// The value of these bytes.
    ///
    /// # Errors
    /// A sentence when the bytes are not those of such a value, or more than those.
    pub fn decode(&self, bytes: &[u8]) -> Result<Value, String> {
        self.coder.decode(bytes)
    }
}

/// What [`register`] and [`register_codec`] have added.
static ADDED: LazyLock<RwLock<HashMap<TypeId, Codec>>> = LazyLock::new(RwLock::default);

/// What is there from the start; made when somebody first asks.
static BUILT_IN: LazyLock<HashMap<TypeId, Codec>> = LazyLock::new(built_in);

/// Makes `T`, `Vec<T>`, `Option<T>`, `Vec<Vec<T>>` and `Vec<Option<T>>` known in this process.
///
/// Doing it again does no harm, and replaces codecs that [`register_codec`] has given to these types.
pub fn register<T: Serialize + DeserializeOwned + Send + Sync + 'static>() {
    let mut added = ADDED.write().unwrap_or_else(|poisoned| poisoned.into_inner());
    let codecs = &mut *added;
    add::<T>(codecs);
    add::<Vec<T>>(codecs);
    add::<Option<T>>(codecs);
    add::<Vec<Vec<T>>>(codecs);
    add::<Vec<Option<T>>>(codecs);
}

/// Makes one type known in this process, by a codec of its own; it comes before a built-in one.
pub fn register_codec(codec: Codec) {
    ADDED.write().unwrap_or_else(|poisoned| poisoned.into_inner()).insert(codec.type_id, codec);
}

/// The codec of a type that serde knows: the better form that is built in for some, and serde's own otherwise. It does
/// not depend on what has been registered, so two processes agree on it.
pub(crate) fn codec_of_serde<T: Serialize + Deserialize<'static> + Send + Sync + 'static>() -> Codec {
    BUILT_IN.get(&TypeId::of::<T>()).copied().unwrap_or_else(Codec::of::<T>)
}

/// The codec of a type, if it has one.
///
/// There from the start: `()`, `bool`, `char`, all integers and floats, and `String`, with the `Vec` and `Option` of
/// each and a `HashMap` from `String` to it. Of the common ones (`bool`, `i32`, `i64`, `u64`, `usize`, `f64`, `String`)
/// also `Vec<Vec>` and `Vec<Option>`, pairs, and a `BTreeMap` from `String`; of pairs without `bool` and `i32` also the
/// `Vec`; then `(f64, f64, f64)`, `PathBuf`, `Duration` and `SystemTime`. Everything else needs [`register`].
///
/// The list ends somewhere because each of its types is code that every build of this crate has to compile.
pub fn codec_of(type_id: TypeId) -> Option<Codec> {
    let added = ADDED.read().unwrap_or_else(|poisoned| poisoned.into_inner()).get(&type_id).copied();
    added.or_else(|| BUILT_IN.get(&type_id).copied())
}

type Codecs = HashMap<TypeId, Codec>;

fn add<T: Serialize + DeserializeOwned + Send + Sync + 'static>(codecs: &mut Codecs) {
    codecs.insert(TypeId::of::<T>(), Codec::of::<T>());
}

/// Each first type with each second, alone or in a vector.
macro_rules! add_pairs {
    ($codecs:ident, $wrap:ident, [$($first:ty),*], $seconds:tt) => {
        $( add_pairs!(@ $codecs, $wrap, $first, $seconds); )*
    };
    (@ $codecs:ident, $wrap:ident, $first:ty, [$($second:ty),*]) => { $( add::<$wrap<($first, $second)>>($codecs); )* };
}

fn built_in() -> Codecs {
    type Alone<T> = T;
    let mut map = Codecs::new();
    let codecs = &mut map;
    macro_rules! each {
        ($($type:ty),*) => { $(
            add::<$type>(codecs);
            add::<Vec<$type>>(codecs);
            add::<Option<$type>>(codecs);
            add::<HashMap<String, $type>>(codecs);
        )* };
    }
    each!((), bool, char, i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize, f32, f64, String);
    macro_rules! common {
        ($($type:ty),*) => { $(
            add::<Vec<Vec<$type>>>(codecs);
            add::<Vec<Option<$type>>>(codecs);
            add::<BTreeMap<String, $type>>(codecs);
        )* };
    }
    common!(bool, i32, i64, u64, usize, f64, String);
    add_pairs!(codecs, Alone, [bool, i32, i64, u64, usize, f64, String], [bool, i32, i64, u64, usize, f64, String]);
    add_pairs!(codecs, Vec, [i64, u64, usize, f64, String], [i64, u64, usize, f64, String]);
    add::<(f64, f64, f64)>(codecs);
    add::<std::path::PathBuf>(codecs);
    add::<std::time::Duration>(codecs);
    add::<std::time::SystemTime>(codecs);
    for codec in bulk::codecs() {
        codecs.insert(codec.type_id, codec);
    }
    map
}

#[cfg(test)]
mod tests;
