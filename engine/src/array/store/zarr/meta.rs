//! What the metadata of an array says, in either version of the format.

use std::path::Path;

use serde_json::{Map, Value as Json, json};

use super::codec::{Codecs, packing};
use crate::array::element::{DType, Scalar};
use crate::array::store::bytes::{Order, scalar_bytes};
use crate::array::store::error::{StoreError, Stored};
use crate::array::store::npy;
use crate::array::store::raw::{bytes_of_shape, known_type};

/// An array's metadata.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Meta {
    pub(super) version: u8,
    pub(super) shape: Vec<usize>,
    /// What one file holds.
    pub(super) files: Vec<usize>,
    /// What is packed together: parts of a file where it is a shard.
    pub(super) chunks: Vec<usize>,
    pub(super) shards: Option<Shards>,
    pub(super) dtype: DType,
    pub(super) codecs: Codecs,
    /// One element, in the memory's own byte order.
    pub(super) fill: Vec<u8>,
    /// Whether the metadata says a fill value, which it need not in version 2.
    pub(super) has_fill: bool,
    pub(super) keys: Keys,
    pub(super) dimensions: Vec<Option<String>>,
    pub(super) attributes: Map<String, Json>,
}

/// How the chunks of a shard are found.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shards {
    pub(super) index: Codecs,
    /// Whether the index is at the beginning.
    pub(super) first: bool,
}

/// How the file of a chunk is called.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Keys {
    pub(super) prefix: &'static str,
    pub(super) separator: char,
}

impl Keys {
    pub(super) fn key(&self, place: &[usize]) -> String {
        let parts = place.iter().map(usize::to_string);
        match self.prefix {
            "" if place.is_empty() => "0".to_owned(),
            "" => parts.collect::<Vec<_>>().join(&self.separator.to_string()),
            prefix => {
                std::iter::once(prefix.to_owned()).chain(parts).collect::<Vec<_>>().join(&self.separator.to_string())
            }
        }
    }
}

/// What reads fields and says what is wrong with them.
struct Fields<'a> {
    path: &'a Path,
    map: &'a Map<String, Json>,
}

impl Fields<'_> {
    fn wrong(&self, what: impl Into<String>) -> StoreError {
        StoreError::damaged(self.path, what)
    }

    fn get(&self, key: &str) -> Stored<&Json> {
        self.map.get(key).ok_or_else(|| self.wrong(format!("it has no `{key}`")))
    }

    fn text(&self, key: &str) -> Stored<&str> {
        self.get(key)?.as_str().ok_or_else(|| self.wrong(format!("its `{key}` is not a text")))
    }

    fn lengths(&self, key: &str) -> Stored<Vec<usize>> {
        lengths(self.get(key)?).ok_or_else(|| self.wrong(format!("its `{key}` is not a list of lengths")))
    }
}

fn lengths(list: &Json) -> Option<Vec<usize>> {
    list.as_array()?.iter().map(|len| len.as_u64().and_then(|len| usize::try_from(len).ok())).collect()
}

fn settings(codec: &Json) -> Map<String, Json> {
    codec.get("configuration").and_then(Json::as_object).cloned().unwrap_or_default()
}

impl Meta {
    /// From `zarr.json`.
    pub(super) fn third(path: &Path, map: &Map<String, Json>) -> Stored<Meta> {
        let fields = Fields { path, map };
        let unsupported = |what: String| StoreError::unsupported(path, what);
        let known = [
            "zarr_format",
            "node_type",
            "shape",
            "data_type",
            "chunk_grid",
            "chunk_key_encoding",
            "fill_value",
            "codecs",
            "attributes",
            "dimension_names",
            "storage_transformers",
        ];
        for (key, value) in map.iter().filter(|(key, _)| !known.contains(&key.as_str())) {
            if value.get("must_understand") != Some(&Json::Bool(false)) {
                return Err(unsupported(format!("its metadata has the extension `{key}`, which has to be understood")));
            }
        }
        if map.get("storage_transformers").and_then(Json::as_array).is_some_and(|list| !list.is_empty()) {
            return Err(unsupported("it uses storage transformers".into()));
        }
        let shape = fields.lengths("shape")?;
        let name = match fields.get("data_type")? {
            Json::String(name) => name.clone(),
            other => other.get("name").and_then(Json::as_str).unwrap_or("?").to_owned(),
        };
        let dtype = known_type(type_of(&name), path, &name)?;
        let grid = fields.get("chunk_grid")?;
        if grid.get("name").and_then(Json::as_str) != Some("regular") {
            return Err(unsupported("its chunks are not a regular grid".into()));
        }
        let files = settings(grid).get("chunk_shape").and_then(lengths);
        let files = files.ok_or_else(|| fields.wrong("its `chunk_shape` is not a list of lengths"))?;
        let encoding = fields.get("chunk_key_encoding")?;
        let separator = |otherwise| match settings(encoding).get("separator").and_then(Json::as_str) {
            None => Ok(otherwise),
            Some("/") => Ok('/'),
            Some(".") => Ok('.'),
            Some(other) => Err(unsupported(format!("its chunks' names are separated by `{other}`"))),
        };
        let keys = match encoding.get("name").and_then(Json::as_str) {
            Some("default") => Keys { prefix: "c", separator: separator('/')? },
            Some("v2") => Keys { prefix: "", separator: separator('.')? },
            _ => return Err(unsupported("the names of its chunks are made in a way that is not known".into())),
        };
        let list = fields.get("codecs")?.as_array().ok_or_else(|| fields.wrong("its `codecs` are not a list"))?;
        let sharding = list.iter().find(|codec| name_of(codec) == "sharding_indexed");
        let (chunks, codecs, shards) = match sharding {
            None => (files.clone(), codecs(list, shape.len()).map_err(unsupported)?, None),
            Some(_) if list.len() > 1 => return Err(unsupported("its shards are packed as a whole".into())),
            Some(sharding) => {
                let inner = settings(sharding);
                let parts = |key: &str| inner.get(key).and_then(Json::as_array).cloned().unwrap_or_default();
                let chunks = inner.get("chunk_shape").and_then(lengths);
                let chunks = chunks.ok_or_else(|| fields.wrong("the chunks of its shards have no shape"))?;
                let index = codecs(&parts("index_codecs"), 1).map_err(unsupported)?;
                if index.packings.iter().any(|packing| *packing != super::codec::Packing::Crc32c) {
                    return Err(unsupported("the index of its shards is compressed".into()));
                }
                let first = inner.get("index_location").and_then(Json::as_str) == Some("start");
                let inner = codecs(&parts("codecs"), shape.len()).map_err(unsupported)?;
                (chunks, inner, Some(Shards { index, first }))
            }
        };
        let names = map.get("dimension_names").and_then(Json::as_array);
        let name = |axis: usize| names.and_then(|names| names.get(axis)?.as_str().map(str::to_owned));
        let dimensions = (0..shape.len()).map(name).collect();
        let fill = fill(dtype, fields.get("fill_value")?).ok_or_else(|| fields.wrong("its fill value is of no use"))?;
        let attributes = map.get("attributes").and_then(Json::as_object).cloned().unwrap_or_default();
        Meta {
            version: 3,
            shape,
            files,
            chunks,
            shards,
            dtype,
            codecs,
            fill,
            has_fill: true,
            keys,
            dimensions,
            attributes,
        }
        .checked(path)
    }

    /// From `.zarray` and `.zattrs`.
    pub(super) fn second(path: &Path, map: &Map<String, Json>, attributes: Map<String, Json>) -> Stored<Meta> {
        let fields = Fields { path, map };
        let unsupported = |what: String| StoreError::unsupported(path, what);
        let shape = fields.lengths("shape")?;
        let files = fields.lengths("chunks")?;
        let descr = fields.get("dtype")?.as_str().ok_or_else(|| unsupported("its elements are records".into()))?;
        let (dtype, order) = npy::typed(descr);
        let dtype = known_type(dtype, path, descr)?;
        let mut codecs = Codecs { order, ..Codecs::plain() };
        if fields.text("order")? == "F" {
            codecs.axes = Some((0..shape.len()).rev().collect());
        }
        let filters = map.get("filters").and_then(Json::as_array).cloned().unwrap_or_default();
        let compressor = map.get("compressor").filter(|codec| !codec.is_null());
        for codec in filters.iter().chain(compressor) {
            let id = codec.get("id").and_then(Json::as_str).unwrap_or("?");
            codecs.packings.push(packing(id, codec.as_object().unwrap_or(&Map::new())).map_err(unsupported)?);
        }
        let fill_value = map.get("fill_value").unwrap_or(&Json::Null);
        let fill = fill(dtype, fill_value).ok_or_else(|| fields.wrong("its fill value is of no use"))?;
        let separator = match map.get("dimension_separator").and_then(Json::as_str) {
            Some("/") => '/',
            _ => '.',
        };
        let keys = Keys { prefix: "", separator };
        let names = attributes.get("_ARRAY_DIMENSIONS").and_then(Json::as_array);
        let name = |axis: usize| names.and_then(|names| names.get(axis)?.as_str().map(str::to_owned));
        let dimensions = (0..shape.len()).map(name).collect();
        let chunks = files.clone();
        let has_fill = !fill_value.is_null();
        Meta {
            version: 2,
            shape,
            files,
            chunks,
            shards: None,
            dtype,
            codecs,
            fill,
            has_fill,
            keys,
            dimensions,
            attributes,
        }
        .checked(path)
    }

    /// That lengths fit together.
    fn checked(self, path: &Path) -> Stored<Meta> {
        let wrong = |what: &str| Err(StoreError::damaged(path, what));
        let rank = self.shape.len();
        if self.files.len() != rank || self.chunks.len() != rank {
            return wrong("its chunks have another number of axes than its shape");
        }
        if self.files.contains(&0) || self.chunks.contains(&0) {
            return wrong("it has chunks of length 0");
        }
        if self.files.iter().zip(&self.chunks).any(|(file, chunk)| !file.is_multiple_of(*chunk)) {
            return wrong("its shards are not made of whole chunks");
        }
        let fits = |shape: &[usize]| bytes_of_shape(shape, self.dtype).is_some_and(|bytes| bytes < 1 << 60);
        if !fits(&self.shape) || !fits(&self.files) {
            return wrong("its shape is larger than any memory");
        }
        Ok(self)
    }

    /// The content of `zarr.json`.
    pub(super) fn to_third(&self) -> Json {
        let mut map = json!({
            "zarr_format": 3,
            "node_type": "array",
            "shape": self.shape,
            "data_type": type_name(self.dtype),
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": self.files}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": fill_json(self.dtype, &self.fill),
            "codecs": self.codecs.listed(self.dtype),
            "attributes": self.attributes,
        });
        if self.dimensions.iter().any(Option::is_some) {
            map["dimension_names"] = json!(self.dimensions);
        }
        map
    }

    /// The content of `.zarray`, and of `.zattrs`.
    pub(super) fn to_second(&self) -> (Json, Json) {
        let array = json!({
            "zarr_format": 2,
            "shape": self.shape,
            "chunks": self.files,
            "dtype": npy::name(self.dtype).replace('>', "<"),
            "compressor": self.codecs.compressor(),
            "fill_value": if self.has_fill { fill_json(self.dtype, &self.fill) } else { Json::Null },
            "order": "C",
            "filters": null,
            "dimension_separator": self.keys.separator,
        });
        let mut attributes = self.attributes.clone();
        // xarray wants to know also that there are none.
        if self.shape.is_empty() || self.dimensions.iter().any(Option::is_some) {
            let names = self.dimensions.iter().enumerate();
            let names = names.map(|(axis, name)| name.clone().unwrap_or_else(|| format!("dim_{axis}")));
            attributes.insert("_ARRAY_DIMENSIONS".into(), names.collect());
        }
        (array, Json::Object(attributes))
    }
}

fn name_of(codec: &Json) -> &str {
    codec.as_str().or_else(|| codec.get("name").and_then(Json::as_str)).unwrap_or("?")
}

/// The codecs of the third version, other than shards.
fn codecs(list: &[Json], rank: usize) -> Result<Codecs, String> {
    let mut codecs = Codecs::plain();
    for codec in list {
        let settings = settings(codec);
        match name_of(codec) {
            "transpose" => {
                let axes = settings.get("order").and_then(lengths).unwrap_or_default();
                let mut sorted = axes.clone();
                sorted.sort_unstable();
                if !sorted.iter().copied().eq(0..rank) || codecs.axes.is_some() {
                    return Err("its axes are transposed in a way that makes no sense".into());
                }
                codecs.axes = Some(axes);
            }
            "bytes" => {
                if settings.get("endian").and_then(Json::as_str) == Some("big") {
                    codecs.order = Order::Big;
                }
            }
            "sharding_indexed" => return Err("it has shards inside of shards".into()),
            name => codecs.packings.push(packing(name, &settings)?),
        }
    }
    Ok(codecs)
}

/// The types of the third version.
const TYPES: [(DType, &str); 13] = [
    (DType::Bool, "bool"),
    (DType::I8, "int8"),
    (DType::I16, "int16"),
    (DType::I32, "int32"),
    (DType::I64, "int64"),
    (DType::U8, "uint8"),
    (DType::U16, "uint16"),
    (DType::U32, "uint32"),
    (DType::U64, "uint64"),
    (DType::F32, "float32"),
    (DType::F64, "float64"),
    (DType::Complex32, "complex64"),
    (DType::Complex64, "complex128"),
];

fn type_of(name: &str) -> Option<DType> {
    TYPES.iter().find(|(_, known)| *known == name).map(|(dtype, _)| *dtype)
}

fn type_name(dtype: DType) -> &'static str {
    TYPES.iter().find(|(known, _)| *known == dtype).map_or("?", |(_, name)| name)
}

/// A float as JSON has it: a number, or the name of what is none, or its bits.
fn float(value: &Json) -> Option<f64> {
    match value {
        Json::Number(number) => number.as_f64(),
        Json::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            text => {
                let digits = text.strip_prefix("0x")?;
                let bits = u64::from_str_radix(digits, 16).ok()?;
                Some(if digits.len() <= 8 { f32::from_bits(bits as u32).into() } else { f64::from_bits(bits) })
            }
        },
        _ => None,
    }
}

fn fill(dtype: DType, value: &Json) -> Option<Vec<u8>> {
    if value.is_null() {
        return Some(scalar_bytes(dtype.zero()));
    }
    let pair = || Some((float(value.get(0)?)?, float(value.get(1)?)?));
    let complex = || pair().or_else(|| Some((float(value)?, 0.0)));
    macro_rules! whole {
        ($variant:ident, $type:ty) => {{
            let whole = value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from));
            let whole =
                whole.or_else(|| value.as_f64().filter(|value| value.fract() == 0.0).map(|value| value as i128));
            Scalar::$variant(<$type>::try_from(whole?).ok()?)
        }};
    }
    let scalar = match dtype {
        DType::Bool => Scalar::Bool(value.as_bool().or_else(|| value.as_i64().map(|value| value != 0))?),
        DType::I8 => whole!(I8, i8),
        DType::I16 => whole!(I16, i16),
        DType::I32 => whole!(I32, i32),
        DType::I64 => whole!(I64, i64),
        DType::U8 => whole!(U8, u8),
        DType::U16 => whole!(U16, u16),
        DType::U32 => whole!(U32, u32),
        DType::U64 => whole!(U64, u64),
        DType::F32 => Scalar::F32(float(value)? as f32),
        DType::F64 => Scalar::F64(float(value)?),
        DType::Complex32 => {
            let (re, im) = complex()?;
            Scalar::Complex32(num_complex::Complex::new(re as f32, im as f32))
        }
        DType::Complex64 => {
            let (re, im) = complex()?;
            Scalar::Complex64(num_complex::Complex::new(re, im))
        }
    };
    Some(scalar_bytes(scalar))
}

fn float_json(value: f64) -> Json {
    match value {
        value if value.is_nan() => "NaN".into(),
        f64::INFINITY => "Infinity".into(),
        f64::NEG_INFINITY => "-Infinity".into(),
        value => json!(value),
    }
}

fn fill_json(dtype: DType, fill: &[u8]) -> Json {
    macro_rules! number {
        ($type:ty) => {
            fill.first_chunk().map_or(Json::Null, |bytes| json!(<$type>::from_ne_bytes(*bytes)))
        };
    }
    let single = |at: usize| {
        let bytes = fill.get(at..).and_then(<[u8]>::first_chunk);
        float_json(bytes.map_or(0.0, |bytes| f32::from_ne_bytes(*bytes)).into())
    };
    let double = |at: usize| {
        let bytes = fill.get(at..).and_then(<[u8]>::first_chunk);
        float_json(bytes.map_or(0.0, |bytes| f64::from_ne_bytes(*bytes)))
    };
    match dtype {
        DType::Bool => json!(fill.first() == Some(&1)),
        DType::I8 => number!(i8),
        DType::I16 => number!(i16),
        DType::I32 => number!(i32),
        DType::I64 => number!(i64),
        DType::U8 => number!(u8),
        DType::U16 => number!(u16),
        DType::U32 => number!(u32),
        DType::U64 => number!(u64),
        DType::F32 => single(0),
        DType::F64 => double(0),
        DType::Complex32 => json!([single(0), single(4)]),
        DType::Complex64 => json!([double(0), double(8)]),
    }
}
