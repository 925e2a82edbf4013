//! How items become bytes: for tasks that travel, and for groups that go to disk.

use std::any::{Any, TypeId};
use std::sync::{Arc, Once};

use serde_json::Value as Json;

use crate::task::{Encoding, Pack, Packer, Unpacker};
use crate::travel::{Codec, codec_of, register_codec};

/// Makes known what bags are often made of, and no table has.
pub(crate) fn know_items() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Postcard has no names, and cannot read back what describes itself.
        fn know<T: serde::Serialize + serde::de::DeserializeOwned + Send + Sync + 'static>() {
            let wrong = |error: serde_json::Error| format!("bytes do not give a JSON value: {error}");
            register_codec(Codec::with::<T, _, _>(
                |value| serde_json::to_vec(value).map_err(|error| format!("a JSON value cannot be written: {error}")),
                move |bytes| serde_json::from_slice(bytes).map_err(wrong),
            ));
        }
        know::<Json>();
        know::<Vec<Json>>();
        know::<Option<Json>>();
        know::<Vec<Vec<Json>>>();
        know::<(String, Json)>();
        know::<Vec<(String, Json)>>();
        know::<Vec<(Json, usize)>>();
        know::<Vec<(String, Vec<Json>)>>();
        crate::register_nbytes::<Json>(json_bytes);
        crate::register_nbytes::<Vec<Json>>(|values| values.iter().map(json_bytes).sum());
        known::<(i64, i64, i64)>();
        known::<(String, f64, f64)>();
        known::<(String, usize, f64)>();
        known_alone::<Vec<(String, bool)>>();
        known_alone::<Vec<(char, usize)>>();
        known_alone::<Vec<(bool, usize)>>();
        known_alone::<Vec<(i32, usize)>>();
        known_alone::<Vec<(u8, usize)>>();
        known_alone::<Vec<(u32, usize)>>();
    });
}

/// As [`register`](crate::travel::register), but does not replace what a user has registered.
fn known<T: serde::Serialize + serde::de::DeserializeOwned + Send + Sync + 'static>() {
    known_alone::<T>();
    known_alone::<Vec<T>>();
}

fn known_alone<T: serde::Serialize + serde::de::DeserializeOwned + Send + Sync + 'static>() {
    if codec_of(TypeId::of::<T>()).is_none() {
        register_codec(Codec::of::<T>());
    }
}

/// What a JSON value takes, roughly.
fn json_bytes(value: &Json) -> u64 {
    let own = size_of::<Json>() as u64;
    own + match value {
        Json::String(text) => text.capacity() as u64,
        Json::Array(values) => values.iter().map(json_bytes).sum(),
        // Names, and the nodes of the tree.
        Json::Object(members) => {
            members.iter().map(|(name, value)| 32 + name.capacity() as u64 + json_bytes(value)).sum()
        }
        _ => 0,
    }
}

/// Two lists that belong together as a list of pairs: its codec, when both have one.
pub(crate) fn know_pairs<A, B>()
where
    A: Clone + Send + Sync + 'static,
    B: Clone + Send + Sync + 'static,
{
    know_items();
    if codec_of(TypeId::of::<Vec<(A, B)>>()).is_some() || of_list::<A>().is_err() || of_list::<B>().is_err() {
        return;
    }
    register_codec(Codec::with::<Vec<(A, B)>, _, _>(
        |pairs| {
            let (first, second): (Vec<A>, Vec<B>) = pairs.iter().cloned().unzip();
            encoded_pairs(&first, &second)
        },
        |bytes| decoded_pairs(bytes).map(|(first, second): (Vec<A>, Vec<B>)| first.into_iter().zip(second).collect()),
    ));
}

/// The encoding of lists of items, for tasks whose value is there already: it is known wherever such a task arrives.
pub(crate) struct Items;

impl<T: Send + Sync + 'static> Encoding<Vec<T>> for Items {
    fn codec() -> Option<Codec> {
        know_items();
        codec_of(TypeId::of::<Vec<T>>())
    }
}

/// The codec of a list of items.
pub(crate) fn of_list<T: Send + Sync + 'static>() -> Result<Codec, String> {
    know_items();
    codec_of(TypeId::of::<Vec<T>>()).ok_or_else(|| {
        let name = crate::display::short_type(std::any::type_name::<T>());
        format!(
            "items of type `{name}` cannot be encoded: derive serde's Serialize and Deserialize for it, and call \
             `taskloom::travel::register::<{name}>()`"
        )
    })
}

/// Two lists as bytes.
#[allow(clippy::ptr_arg, reason = "a codec is one of vectors")]
pub(crate) fn encoded_pairs<A, B>(first: &Vec<A>, second: &Vec<B>) -> Result<Vec<u8>, String>
where
    A: Send + Sync + 'static,
    B: Send + Sync + 'static,
{
    let first = of_list::<A>()?.encode(first)?;
    let second = of_list::<B>()?.encode(second)?;
    let mut bytes = Vec::with_capacity(8 + first.len() + second.len());
    bytes.extend_from_slice(&(first.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&first);
    bytes.extend_from_slice(&second);
    Ok(bytes)
}

/// The two lists of [`encoded_pairs`].
pub(crate) fn decoded_pairs<A, B>(bytes: &[u8]) -> Result<(Vec<A>, Vec<B>), String>
where
    A: Clone + Send + Sync + 'static,
    B: Clone + Send + Sync + 'static,
{
    let short = || "the bytes of pairs end too soon".to_owned();
    let (len, rest) = bytes.split_first_chunk::<8>().ok_or_else(short)?;
    let (first, second) = rest.split_at_checked(u64::from_le_bytes(*len) as usize).ok_or_else(short)?;
    let first: Vec<A> = listed(of_list::<A>()?.decode(first)?)?;
    let second: Vec<B> = listed(of_list::<B>()?.decode(second)?)?;
    if first.len() != second.len() {
        return Err("the bytes of pairs hold lists of different lengths".to_owned());
    }
    Ok((first, second))
}

fn listed<T: Clone + Send + Sync + 'static>(value: crate::task::Value) -> Result<Vec<T>, String> {
    let list = value.downcast::<Vec<T>>().map_err(|_| "a codec gave another type".to_owned())?;
    Ok(Arc::unwrap_or_clone(list))
}

/// A value that a user gave, such as what a fold begins with: it travels when its type has a codec.
#[derive(Clone)]
pub(crate) struct Sent<T>(pub(crate) T);

impl<T: Clone + Send + Sync + 'static> Pack for Sent<T> {
    fn pack(&self, packer: &mut Packer) -> Result<(), String> {
        know_items();
        let value: &T = &self.0;
        packer.value(value, codec_of(TypeId::of::<T>()))
    }
    fn unpack(unpacker: &mut Unpacker<'_>) -> Result<Self, String> {
        know_items();
        unpacker.value::<T>(codec_of(TypeId::of::<T>())).map(|value| Sent(Arc::unwrap_or_clone(value)))
    }
}

/// So many items say how much each has on the heap.
const SAMPLED: usize = 64;

/// The bytes that items take, roughly: as the table of sizes has it, and otherwise by what some of them take when they are
/// written down.
pub(crate) fn nbytes_of<T: Clone + Send + Sync + 'static>(items: &Vec<T>) -> u64 {
    know_items();
    let own = (size_of::<Vec<T>>() + items.capacity() * size_of::<T>()) as u64;
    let known = crate::nbytes(items as &dyn Any);
    if known >= own || items.is_empty() || !std::mem::needs_drop::<T>() {
        return known.max(own);
    }
    let few: Vec<T> = items.iter().step_by(items.len().div_ceil(SAMPLED)).cloned().collect();
    let written = of_list::<T>().and_then(|codec| codec.encode(&few)).map_or(0, |bytes| bytes.len() as u64);
    own + written * items.len() as u64 / few.len() as u64
}
