//! Datasets: where their bytes are, from the library, and the bytes, by position.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use hdf5_pure::{AttrValue, Dataset, Datatype, DatatypeByteOrder, File, Filter, Group, Layout};
use serde_json::{Map, Value as Json};

use super::filters;
use super::paged::Paged;
use crate::array::element::DType;
use crate::array::store::bytes::{Order, bytes_of, reorder};
use crate::array::store::error::{StoreError, Stored};
use crate::array::store::file::Input;
use crate::array::store::path::StorePath;
use crate::array::store::raw::{bytes_of_shape, known_type, read_flat};
use crate::array::store::region::{Meeting, Part, Span, Step, copy, meeting, places};
use crate::array::store::source::Source;

/// Groups deeper than this are those of a damaged file, which is in itself.
const DEEPEST: usize = 64;
/// More objects than this are those of a damaged file.
const MOST_OBJECTS: usize = 1 << 20;

/// Asks the library for something. Whatever a damaged file makes of it, it is an error.
pub(super) fn asked<R>(path: &Path, ask: impl FnOnce() -> Result<R, hdf5_pure::Error>) -> Stored<R> {
    match catch_unwind(AssertUnwindSafe(ask)) {
        Ok(answer) => answer.map_err(|error| StoreError::damaged(path, error.to_string())),
        Err(_) => Err(StoreError::damaged(path, "its structure makes no sense")),
    }
}

pub(super) fn file(path: &StorePath) -> Stored<File> {
    let input = Input::open(path)?;
    let path = path.as_path();
    let begin = input.bytes(0, (input.len() as usize).min(8))?;
    if begin.starts_with(b"CDF") {
        return Err(StoreError::unsupported(
            path,
            "it is a NetCDF file of the classic format, and version 4 is read here",
        ));
    }
    match input.is_remote() {
        true => asked(path, || File::from_source(Paged::new(input))),
        false => asked(path, || File::open_streaming(path)),
    }
}

/// The names of all datasets.
pub(super) fn names(path: &Path, file: &File) -> Stored<Vec<String>> {
    fn walk(path: &Path, group: &Group, prefix: &str, depth: usize, names: &mut Vec<String>) -> Stored<()> {
        if depth > DEEPEST || names.len() > MOST_OBJECTS {
            return Err(StoreError::damaged(path, "its groups have no end"));
        }
        names.extend(asked(path, || group.datasets())?.into_iter().map(|name| format!("{prefix}{name}")));
        for name in asked(path, || group.groups())? {
            let inner = asked(path, || group.group(&name))?;
            walk(path, &inner, &format!("{prefix}{name}/"), depth + 1, names)?;
        }
        Ok(())
    }
    let mut names = Vec::new();
    walk(path, &file.root(), "", 0, &mut names)?;
    names.sort();
    Ok(names)
}

pub(super) fn dataset(path: &Path, file: &File, name: &str) -> Stored<Dataset> {
    let name = name.trim_matches('/');
    asked(path, || file.dataset(name)).map_err(|error| match names(path, file) {
        Ok(names) if !names.iter().any(|known| known == name) => StoreError::no_such_array(path, name, &names),
        _ => error,
    })
}

pub(super) fn shape(path: &Path, dataset: &Dataset) -> Stored<Vec<usize>> {
    let shape = asked(path, || dataset.shape())?;
    shape
        .into_iter()
        .map(|len| usize::try_from(len).map_err(|_| StoreError::damaged(path, "its shape is too large")))
        .collect()
}

/// The element type that a stored type is, its byte order, and its name.
pub(super) fn typed(datatype: &Datatype) -> (Option<DType>, Order) {
    let order = |order: &DatatypeByteOrder| match order {
        DatatypeByteOrder::BigEndian => Order::Big,
        _ => Order::Little,
    };
    match datatype {
        Datatype::FixedPoint { size, byte_order, layout } => {
            let whole = layout.bit_offset == 0 && u32::from(layout.bit_precision) == size * 8;
            let dtype = match (size, layout.signed) {
                _ if !whole => None,
                (1, true) => Some(DType::I8),
                (2, true) => Some(DType::I16),
                (4, true) => Some(DType::I32),
                (8, true) => Some(DType::I64),
                (1, false) => Some(DType::U8),
                (2, false) => Some(DType::U16),
                (4, false) => Some(DType::U32),
                (8, false) => Some(DType::U64),
                _ => None,
            };
            (dtype, order(byte_order))
        }
        Datatype::FloatingPoint { size, byte_order, layout } => {
            let dtype = match (size, layout.exponent_size, layout.mantissa_size, layout.exponent_bias) {
                (4, 8, 23, 127) => Some(DType::F32),
                (8, 11, 52, 1023) => Some(DType::F64),
                _ => None,
            };
            (dtype.filter(|_| *byte_order != DatatypeByteOrder::Vax), order(byte_order))
        }
        Datatype::Enumeration { base_type, members, .. } => {
            let is = |member: usize, name: &str, value: u8| {
                members.get(member).is_some_and(|member| member.name == name && member.value == [value])
            };
            match typed(base_type) {
                (Some(DType::I8 | DType::U8), order) if is(0, "FALSE", 0) && is(1, "TRUE", 1) => {
                    (Some(DType::Bool), order)
                }
                other => other,
            }
        }
        Datatype::Compound { size, members } => match &members[..] {
            [real, imaginary] => {
                let half = u64::from(*size) / 2;
                let ((re, order), (im, _)) = (typed(&real.datatype), typed(&imaginary.datatype));
                let together = real.byte_offset == 0 && imaginary.byte_offset == half && re == im;
                let dtype = match re {
                    Some(DType::F32) if together && *size == 8 => Some(DType::Complex32),
                    Some(DType::F64) if together && *size == 16 => Some(DType::Complex64),
                    _ => None,
                };
                (dtype, order)
            }
            _ => (None, Order::NATIVE),
        },
        _ => (None, Order::NATIVE),
    }
}

/// Where the bytes of a dataset are.
enum Place {
    Flat(u64),
    Chunks {
        chunks: Vec<usize>,
        filters: Vec<Filter>,
        found: HashMap<Vec<usize>, Found>,
    },
    Here(Vec<u8>),
    /// Nothing was written.
    Nowhere,
}

struct Found {
    address: u64,
    len: u64,
    mask: u32,
}

/// A dataset that can be read.
pub(super) struct Hdf5Source {
    input: Input,
    dtype: DType,
    order: Order,
    shape: Vec<usize>,
    place: Place,
    /// One element, in the memory's own byte order.
    fill: Vec<u8>,
}

impl Hdf5Source {
    pub(super) fn open(path: &StorePath, file: &File, name: &str) -> Stored<Hdf5Source> {
        let input = Input::open(path)?;
        let path = path.as_path();
        let dataset = dataset(path, file, name)?;
        let shape = shape(path, &dataset)?;
        let datatype = asked(path, || dataset.datatype())?;
        let (dtype, order) = typed(&datatype);
        let dtype = known_type(dtype, path, &asked(path, || dataset.dtype())?.to_string())?;
        let Some(bytes) = bytes_of_shape(&shape, dtype) else {
            return Err(StoreError::damaged(path, format!("the shape of `{name}` is larger than any memory")));
        };
        let place = match asked(path, || dataset.layout())? {
            Layout::Compact { size } if size == bytes => Place::Here(asked(path, || dataset.read_raw())?),
            Layout::Contiguous { address: None, .. } => Place::Nowhere,
            Layout::Contiguous { address: Some(_), size: 0 } => Place::Nowhere,
            Layout::Contiguous { address: Some(address), size } if size == bytes => {
                if address.checked_add(size).is_none_or(|end| end > input.len()) {
                    let what = format!("it has {} bytes, and `{name}` goes on after them", input.len());
                    return Err(StoreError::damaged(path, what));
                }
                Place::Flat(address)
            }
            Layout::Chunked { chunk_shape, .. } => chunked(path, &dataset, chunk_shape, &shape, dtype)?,
            Layout::Virtual => {
                return Err(StoreError::unsupported(path, format!("`{name}` is a view of datasets in other files")));
            }
            _ => return Err(StoreError::damaged(path, format!("the length of `{name}` is not that of its shape"))),
        };
        let fill = fill(&dataset, dtype);
        Ok(Hdf5Source { input, dtype, order, shape, place, fill })
    }
}

fn chunked(path: &Path, dataset: &Dataset, chunk: Vec<u64>, shape: &[usize], dtype: DType) -> Stored<Place> {
    let chunks: Vec<usize> = chunk.iter().map(|&len| usize::try_from(len).unwrap_or(0)).collect();
    let bytes = bytes_of_shape(&chunks, dtype).filter(|&bytes| bytes < 1 << 32);
    if chunks.len() != shape.len() || chunks.contains(&0) || bytes.is_none() {
        return Err(StoreError::damaged(path, "the shape of its chunks makes no sense"));
    }
    let filters = dataset.filter_pipeline();
    filters::known(&filters).map_err(|what| StoreError::unsupported(path, what))?;
    let mut found = HashMap::new();
    for chunk in asked(path, || dataset.chunks())? {
        let place: Vec<usize> = chunk.offset.iter().zip(&chunks).map(|(&at, len)| at as usize / len).collect();
        found.insert(place, Found { address: chunk.address, len: chunk.storage_size, mask: chunk.filter_mask });
    }
    Ok(Place::Chunks { chunks, filters, found })
}

fn fill(dataset: &Dataset, dtype: DType) -> Vec<u8> {
    macro_rules! of {
        ($type:ty) => {
            bytes_of(&[catch_unwind(AssertUnwindSafe(|| dataset.fill_value::<$type>()))
                .ok()
                .and_then(Result::ok)
                .flatten()
                .unwrap_or_default()])
            .to_vec()
        };
    }
    match dtype {
        DType::I8 => of!(i8),
        DType::I16 => of!(i16),
        DType::I32 => of!(i32),
        DType::I64 => of!(i64),
        DType::U8 => of!(u8),
        DType::U16 => of!(u16),
        DType::U32 => of!(u32),
        DType::U64 => of!(u64),
        DType::F32 => of!(f32),
        DType::F64 => of!(f64),
        DType::Bool | DType::Complex32 | DType::Complex64 => vec![0; dtype.size()],
    }
}

impl Source for Hdf5Source {
    fn name(&self) -> &'static str {
        "read_hdf5"
    }
    fn path(&self) -> &Path {
        self.input.path()
    }
    fn dtype(&self) -> DType {
        self.dtype
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn chunks(&self) -> Option<&[usize]> {
        match &self.place {
            Place::Chunks { chunks, .. } => Some(chunks),
            _ => None,
        }
    }
    fn read(&self, region: &[Span], out: &mut [u8]) -> Stored<()> {
        let size = self.dtype.size();
        let lens: Vec<usize> = region.iter().map(|span| span.len).collect();
        match &self.place {
            Place::Flat(offset) => read_flat(&self.input, *offset, &self.shape, size, region, out)?,
            Place::Here(bytes) => {
                let start: Vec<usize> = region.iter().map(|span| span.start).collect();
                let step: Vec<usize> = region.iter().map(|span| span.step).collect();
                let source = Part { shape: &self.shape, start: &start, step: Some(&step) };
                copy(size, &lens, bytes, &source, out, &Part { shape: &lens, start: &vec![0; lens.len()], step: None });
            }
            Place::Nowhere => {
                out.chunks_exact_mut(size).for_each(|element| element.copy_from_slice(&self.fill));
                return Ok(());
            }
            Place::Chunks { chunks, filters, found } => {
                let len = chunks.iter().product::<usize>() * size;
                let mut there = Vec::new();
                places(&meeting(region, chunks), |place| {
                    let Some(part) = Meeting::of(region, chunks, place) else { return Step::On };
                    match found.get(place) {
                        Some(at) => there.push((at, part, place.to_vec())),
                        None => {
                            let mut fill = self.fill.clone();
                            reorder(&mut fill, self.dtype, self.order);
                            part.fill(&fill, out, &lens);
                        }
                    }
                    Step::On
                });
                let parts: Vec<(u64, u64)> = there.iter().map(|(at, ..)| (at.address, at.len)).collect();
                self.input.read_parts(&parts, out.len(), |number, packed| {
                    let (at, part, place) = &there[number];
                    let plain = match part.lens == *chunks && lens == *chunks {
                        true => filters::decode_into(filters, at.mask, packed, out),
                        false => filters::decode(filters, at.mask, packed, len)
                            .map(|chunk| part.take(size, &chunk, chunks, out, &lens)),
                    };
                    plain.map_err(|what| StoreError::damaged(self.input.path(), format!("chunk {place:?}: {what}")))
                })?;
            }
        }
        reorder(out, self.dtype, self.order);
        Ok(())
    }
}

/// Attributes as JSON; a list of one is the one.
pub(super) fn json(attributes: HashMap<String, AttrValue>) -> Map<String, Json> {
    fn list<V: Into<Json>>(values: Vec<V>) -> Json {
        let mut values: Vec<Json> = values.into_iter().map(Into::into).collect();
        if values.len() == 1 { values.remove(0) } else { Json::Array(values) }
    }
    let one = |value: &AttrValue| {
        let strings = value.as_strings().map(|strings| list(strings.to_vec()));
        strings
            .or_else(|| value.to_i64s().map(list))
            .or_else(|| value.to_u64s().map(list))
            .or_else(|| value.to_f64s().map(list))
    };
    attributes.iter().filter_map(|(name, value)| Some((name.clone(), one(value)?))).collect()
}
