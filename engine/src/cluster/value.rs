//! Results as bytes, between two processes that run the same build.
//!
//! A result that has a codec is read by it. The engine has tasks whose results hold others, such as the parts that a
//! shuffle makes of a partition: those describe themselves, by the types of what is inside. The last byte says which.

use std::any::TypeId;
use std::sync::Arc;

use super::wire::Fields;
use crate::task::Value;
use crate::travel::{Codec, codec_of};

const BY_CODEC: u8 = 0;
const DESCRIBED: u8 = 1;

const ONE: u8 = 0;
const LIST: u8 = 1;

/// A type's number, which is the same in all processes of one build.
pub(super) fn bits_of(id: TypeId) -> [u8; 16] {
    // SAFETY: both are sixteen bytes, which the compiler checks, and any bytes are an array of bytes.
    unsafe { std::mem::transmute::<TypeId, [u8; 16]>(id) }
}

fn type_of(bits: [u8; 16]) -> TypeId {
    // SAFETY: a type's number has no invalid forms; one that belongs to no type is equal to none.
    unsafe { std::mem::transmute::<[u8; 16], TypeId>(bits) }
}

pub(super) fn codec_of_bits(bits: [u8; 16]) -> Option<Codec> {
    codec_of(type_of(bits))
}

/// `type_name` is for the message when it cannot be.
pub(super) fn encode(value: &Value, codec: Option<Codec>, type_name: &str) -> Result<Vec<u8>, String> {
    let mut bytes = match codec {
        Some(codec) => codec.encode(&**value)?,
        None => {
            let mut bytes = Vec::new();
            describe(value, &mut bytes).map_err(|()| {
                format!(
                    "a result of type `{}` has no encoding, so it cannot move from one worker to another; derive serde's \
                     Serialize and Deserialize for it, or compute on one machine",
                    crate::display::short_type(type_name)
                )
            })?;
            bytes
        }
    };
    bytes.push(if codec.is_some() { BY_CODEC } else { DESCRIBED });
    Ok(bytes)
}

pub(super) fn decode(bytes: &[u8], codec: Option<Codec>) -> Result<Value, String> {
    match (bytes.split_last(), codec) {
        (Some((&BY_CODEC, bytes)), Some(codec)) => codec.decode(bytes),
        (Some((&DESCRIBED, bytes)), _) => {
            let mut fields = Fields(bytes);
            let value = described(&mut fields)?;
            if fields.0.is_empty() { Ok(value) } else { Err("bytes are left over after a value".to_owned()) }
        }
        _ => Err("the bytes of a value are of another type than its task gives".to_owned()),
    }
}

/// Fails for a type that has no codec.
fn describe(value: &Value, into: &mut Vec<u8>) -> Result<(), ()> {
    if let Some(values) = value.downcast_ref::<Vec<Value>>() {
        into.push(LIST);
        into.extend((values.len() as u64).to_le_bytes());
        return values.iter().try_for_each(|value| describe(value, into));
    }
    let id = (**value).type_id();
    let codec = codec_of(id).ok_or(())?;
    let bytes = codec.encode(&**value).map_err(drop)?;
    into.push(ONE);
    into.extend(bits_of(id));
    into.extend((bytes.len() as u64).to_le_bytes());
    into.extend(bytes);
    Ok(())
}

fn described(fields: &mut Fields<'_>) -> Result<Value, String> {
    match fields.array()? {
        [LIST] => {
            let count = fields.u64()?;
            let values: Vec<Value> = (0..count).map(|_| described(fields)).collect::<Result<_, String>>()?;
            Ok(Arc::new(values))
        }
        _ => {
            let codec = codec_of_bits(fields.array()?).ok_or("a value came of a type that is not known here")?;
            let length = fields.length()?;
            codec.decode(fields.take(length)?)
        }
    }
}
