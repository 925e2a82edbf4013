//! Frames, expressions and schemas as bytes: for results that move to disk, and for tasks that leave the process.

use std::any::TypeId;
use std::io::Cursor;
use std::sync::{Arc, Once};

use polars::prelude::{DataFrame, Expr, IpcReader, IpcWriter, PolarsResult, Schema, SchemaRef, SerReader, SerWriter};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::aggregate::restore;
use crate::nbytes::register_nbytes;
use crate::task::{Encoding, Kind, Pack, Packer, Unpacker};
use crate::travel::{Codec, codec_of, register_codec};

/// The values of frames' tasks.
pub(crate) struct OfFrames;

impl Kind for OfFrames {
    fn know() {
        know_frames();
        super::exchange::know_pieces();
    }
}

/// Makes frames known to the tables of codecs and of sizes; whoever makes tasks that give frames calls it.
pub(crate) fn know_frames() {
    static KNOWN: Once = Once::new();
    KNOWN.call_once(|| {
        register_nbytes::<DataFrame>(|frame| frame.estimated_size() as u64);
        register_codec(Codec::with::<DataFrame, _, _>(
            |frame| to_ipc(frame).map_err(|error| error.to_string()),
            |bytes| from_ipc(bytes.to_vec()).map_err(|error| error.to_string()),
        ));
    });
}

/// The encoding of frames, for tasks whose value is there already: it is known wherever such a task arrives.
pub(crate) struct Frames;

impl Encoding<DataFrame> for Frames {
    fn codec() -> Option<Codec> {
        know_frames();
        codec_of(TypeId::of::<DataFrame>())
    }
}

/// A frame in Arrow's IPC format.
pub(crate) fn to_ipc(frame: &DataFrame) -> PolarsResult<Vec<u8>> {
    let mut bytes = Vec::new();
    IpcWriter::new(&mut bytes).finish(&mut frame.clone())?;
    Ok(bytes)
}

/// What [`to_ipc`] wrote.
pub(crate) fn from_ipc(bytes: Vec<u8>) -> PolarsResult<DataFrame> {
    IpcReader::new(Cursor::new(bytes)).finish()
}

impl Pack for DataFrame {
    fn pack(&self, packer: &mut Packer) -> Result<(), String> {
        to_ipc(self).map_err(|error| error.to_string())?.pack(packer)
    }
    fn unpack(unpacker: &mut Unpacker<'_>) -> Result<Self, String> {
        from_ipc(Vec::unpack(unpacker)?).map_err(|error| error.to_string())
    }
}

/// Polars' own way to write expressions: MessagePack with names.
fn pack_serde<T: Serialize>(value: &T, packer: &mut Packer) -> Result<(), String> {
    rmp_serde::to_vec_named(value).map_err(|error| error.to_string())?.pack(packer)
}

fn unpack_serde<T: DeserializeOwned>(unpacker: &mut Unpacker<'_>) -> Result<T, String> {
    rmp_serde::from_slice(&Vec::<u8>::unpack(unpacker)?).map_err(|error| error.to_string())
}

impl Pack for Expr {
    fn pack(&self, packer: &mut Packer) -> Result<(), String> {
        pack_serde(self, packer).map_err(|why| {
            format!(
                "the expression `{self}` cannot be written down ({why}): functions inside of expressions do not travel"
            )
        })
    }
    fn unpack(unpacker: &mut Unpacker<'_>) -> Result<Self, String> {
        restore(unpack_serde(unpacker)?).map_err(|error| error.to_string())
    }
}

/// A schema that travels.
#[derive(Clone)]
pub(crate) struct PackedSchema(pub(crate) SchemaRef);

impl Pack for PackedSchema {
    fn pack(&self, packer: &mut Packer) -> Result<(), String> {
        pack_serde(&*self.0, packer)
    }
    fn unpack(unpacker: &mut Unpacker<'_>) -> Result<Self, String> {
        unpack_serde::<Schema>(unpacker).map(|schema| PackedSchema(Arc::new(schema)))
    }
}

#[cfg(test)]
mod tests {
    use polars::prelude::{col, lit, when};

    use super::*;

    #[test]
    fn expressions_come_back() {
        let all = [
            col("a").sum() / lit(2.5),
            when(col("a").gt(lit(1))).then(lit(f64::NAN)).otherwise(col("b").fill_null(lit("none"))).alias("c"),
            col("when").dt().hour().is_in(lit(3), false),
        ];
        for expression in all {
            let mut packer = Packer::default();
            expression.pack(&mut packer).expect("it can be written");
            let bytes = rmp_serde::to_vec_named(&expression).expect("it can be written");
            let back: Expr = rmp_serde::from_slice(&bytes).expect("it can be read");
            assert_eq!(back.to_string(), expression.to_string());
        }
    }
}
