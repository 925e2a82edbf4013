//! Storing: room is left for the headers, elements are written as they come, and the headers last of all.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value as Json};

use super::encode::{
    Attribute, Message, SUPERBLOCK, Storage, UNDEFINED, Written, dataset, dataspace, datatype, dimension_list, group,
    header, heap, index, superblock,
};
use crate::array::Array;
use crate::array::chunks::shape_text;
use crate::array::element::{DType, Element, Scalar};
use crate::array::node::NodeRef;
use crate::array::store::bytes::{Order, reorder, scalar_bytes, scalar_type};
use crate::array::store::error::{StoreError, Stored};
use crate::array::store::file::Output;
use crate::array::store::pack::{shuffle, zlib};
use crate::array::store::raw::{FlatSink, bytes_of_shape};
use crate::array::store::region::{Meeting, Span, Step, meeting, places};
use crate::array::store::sink::{Sink, aligned, store};
use crate::error::Result;

/// How an array is stored in an HDF5 file.
///
/// ```
/// use taskloom::array::store::Hdf5Options;
/// let options = Hdf5Options::new().chunks([100, 200]).deflate(4).shuffle(true).dimension_names(["lat", "lon"]);
/// # let _ = options;
/// ```
#[derive(Debug, Clone, Default)]
pub struct Hdf5Options {
    chunks: Option<Vec<usize>>,
    deflate: Option<u32>,
    shuffle: bool,
    fill: Option<Scalar>,
    dimensions: Vec<String>,
    attributes: Map<String, Json>,
}

impl Hdf5Options {
    /// One run of elements, not compressed.
    pub fn new() -> Hdf5Options {
        Hdf5Options::default()
    }

    /// Chunks of these lengths along each axis.
    pub fn chunks(mut self, chunks: impl Into<Vec<usize>>) -> Hdf5Options {
        self.chunks = Some(chunks.into());
        self
    }

    /// Compressed by deflate at a level from 0 to 9, in the array's chunks if none are given.
    pub fn deflate(mut self, level: u32) -> Hdf5Options {
        self.deflate = Some(level.min(9));
        self
    }

    /// Whether the bytes of elements are put in another order before they are compressed, which suits numbers that change
    /// slowly.
    pub fn shuffle(mut self, shuffle: bool) -> Hdf5Options {
        self.shuffle = shuffle;
        self
    }

    /// What stands for what is missing: HDF5's fill value, and NetCDF's attribute `_FillValue`. Its type has to be that of
    /// the array.
    pub fn fill_value<T: Element>(mut self, value: T) -> Hdf5Options {
        self.fill = Some(value.scalar());
        self
    }

    /// The names of the axes, as NetCDF-4 has them: a dimension for each, which is another array of the file if one is
    /// called so.
    pub fn dimension_names<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Hdf5Options {
        self.dimensions = names.into_iter().map(Into::into).collect();
        self
    }

    /// An attribute: a text, a number, or a list of either. One more with each call.
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<Json>) -> Hdf5Options {
        self.attributes.insert(name.into(), value.into());
        self
    }
}

/// Several arrays that go into one HDF5 file.
///
/// ```
/// use taskloom::prelude::*;
/// use taskloom::array::store::{Hdf5Options, Hdf5Writer};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("x.nc");
/// let lat = Array::linspace(-90.0, 90.0, 5, "auto");
/// let t = Array::<f32>::ones((5, 8), 4);
/// Hdf5Writer::create(&path)
///     .attribute("title", "ones")
///     .add("lat", &lat, &Hdf5Options::new().dimension_names(["lat"]))
///     .add("t", &t, &Hdf5Options::new().deflate(4).dimension_names(["lat", "lon"]))
///     .write()?;
/// assert_eq!(Array::<f32>::open_hdf5(&path, "t", "auto")?.sum().item()?, 40.0);
/// # Ok::<(), taskloom::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "nothing is written before `write`"]
pub struct Hdf5Writer {
    path: PathBuf,
    overwrite: bool,
    attributes: Map<String, Json>,
    arrays: Vec<Added>,
}

struct Added {
    name: String,
    node: NodeRef,
    options: Hdf5Options,
}

impl std::fmt::Debug for Added {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

impl Hdf5Writer {
    /// For a file that is not there yet.
    pub fn create(path: impl AsRef<Path>) -> Hdf5Writer {
        Hdf5Writer { path: path.as_ref().to_owned(), overwrite: false, attributes: Map::new(), arrays: Vec::new() }
    }

    /// Whether a file that is there is replaced, with all that is in it. Otherwise that is an error.
    pub fn overwrite(mut self, overwrite: bool) -> Hdf5Writer {
        self.overwrite = overwrite;
        self
    }

    /// An attribute of the file; one more with each call.
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<Json>) -> Hdf5Writer {
        self.attributes.insert(name.into(), value.into());
        self
    }

    /// An array under a name: `"t"`, `"forecast/t"`.
    pub fn add<T: Element>(mut self, name: &str, array: &Array<T>, options: &Hdf5Options) -> Hdf5Writer {
        let name = name.trim_matches('/').to_owned();
        self.arrays.push(Added { name, node: Arc::clone(array.node()), options: options.clone() });
        self
    }

    /// Computes and writes all arrays, one after another, each block by block. The file appears under its name when it is
    /// whole.
    ///
    /// # Errors
    /// When the file is there already, options do not fit to their array, lengths of chunks are not known, a task fails, or
    /// the file cannot be written.
    pub fn write(self) -> Result<()> {
        if self.path.exists() && !self.overwrite {
            let what = "is there already; the option `overwrite` replaces the file and all that is in it";
            return Err(StoreError::in_the_way(&self.path, what).into());
        }
        let plan = Plan::of(&self)?;
        plan.write(&self.path)
    }
}

impl<T: Element> Array<T> {
    /// Stores the array as the only dataset of a new HDF5 file; several go into one by [`Hdf5Writer`].
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// use taskloom::array::store::Hdf5Options;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.h5");
    /// let x = Array::<f64>::ones((60, 40), (25, 40));
    /// x.to_hdf5(&path, "group/x", &Hdf5Options::new().deflate(4).shuffle(true).attribute("units", "K"))?;
    /// let y = Array::<f64>::open_hdf5(&path, "group/x", "auto")?;
    /// assert_eq!(y.slice(s![.., 3]).sum().item()?, 60.0);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Hdf5Writer::write`].
    pub fn to_hdf5(&self, path: impl AsRef<Path>, dataset: &str, options: &Hdf5Options) -> Result<()> {
        Hdf5Writer::create(path).add(dataset, self, options).write()
    }
}

/// A dataset of the file.
struct Dataset {
    /// Nothing for a dimension that is a name and a length only.
    node: Option<NodeRef>,
    dtype: DType,
    shape: Vec<usize>,
    chunks: Option<Vec<usize>>,
    deflate: Option<u32>,
    shuffle: bool,
    fill: Vec<u8>,
    attributes: Vec<Attribute>,
    /// The datasets that are the dimensions of its axes, by their paths.
    dimensions: Vec<String>,
    /// Where its elements, or their index, begin.
    address: u64,
}

/// All that the file will have.
struct Plan {
    datasets: BTreeMap<String, Dataset>,
    attributes: Vec<Attribute>,
}

impl Plan {
    fn of(writer: &Hdf5Writer) -> Result<Plan> {
        let wrong = |what: String| StoreError::not_stored(&writer.path, what);
        let mut datasets: BTreeMap<String, Dataset> = BTreeMap::new();
        for Added { name, node, options } in &writer.arrays {
            let known = node.grid.require_known("to_hdf5");
            known?;
            if name.is_empty() || name.split('/').any(|part| part.is_empty() || part == "." || part.len() > 60_000) {
                return Err(wrong(format!("`{name}` is not the name of a dataset")).into());
            }
            if datasets.insert(name.clone(), planned(name, node, options).map_err(wrong)?).is_some() {
                return Err(wrong(format!("two datasets are called `{name}`")).into());
            }
        }
        if let Some(name) =
            datasets.keys().find(|name| datasets.keys().any(|other| other.starts_with(&format!("{name}/"))))
        {
            return Err(wrong(format!("`{name}` is a dataset, so that no other can be inside of it")).into());
        }
        dimensions(&mut datasets).map_err(wrong)?;
        let attributes = attributes("the file", &writer.attributes).map_err(wrong)?;
        Ok(Plan { datasets, attributes })
    }

    /// The groups, each with the full names of its members.
    fn groups(&self) -> BTreeMap<String, Vec<String>> {
        let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::from([(String::new(), Vec::new())]);
        for name in self.datasets.keys() {
            let mut member = name.as_str();
            loop {
                let group = member.rsplit_once('/').map_or("", |(group, _)| group);
                let members = groups.entry(group.to_owned()).or_default();
                if !members.iter().any(|known| known == member) {
                    members.push(member.to_owned());
                }
                if group.is_empty() {
                    break;
                }
                member = group;
            }
        }
        groups
    }

    /// The headers of all objects, at their places; and the references of the heap.
    fn headers(&self, places: &BTreeMap<String, u64>, heap: u64) -> (Vec<(String, Vec<u8>)>, Vec<u64>) {
        let place = |name: &str| places.get(name).copied().unwrap_or(UNDEFINED);
        let mut headers = Vec::new();
        for (name, members) in self.groups() {
            let member = |member: &'_ String| (member.rsplit('/').next().unwrap_or_default().to_owned(), place(member));
            let members: Vec<_> = members.iter().map(member).collect();
            let mut messages = group(members.iter().map(|(name, at)| (name.as_str(), *at)));
            if name.is_empty() {
                messages.extend(self.attributes.iter().map(Attribute::message));
            }
            headers.push((name, header(&messages)));
        }
        let mut references = Vec::new();
        for (name, found) in &self.datasets {
            let storage = match &found.chunks {
                Some(chunks) => {
                    Storage::Chunks { index: found.address, chunks, deflate: found.deflate, shuffle: found.shuffle }
                }
                None => Storage::Run { address: found.address, len: found.len() },
            };
            let mut messages: Vec<Message> = dataset(found.dtype, &found.shape, &found.fill, &storage);
            messages.extend(found.attributes.iter().map(Attribute::message));
            if !found.dimensions.is_empty() {
                messages.push(dimension_list(heap, references.len(), found.dimensions.len()).message());
                references.extend(found.dimensions.iter().map(|name| place(name)));
            }
            headers.push((name.clone(), header(&messages)));
        }
        (headers, references)
    }

    fn write(mut self, path: &Path) -> Result<()> {
        // The headers have the same lengths whatever addresses are in them.
        let (headers, references) = self.headers(&BTreeMap::new(), 0);
        let mut at = SUPERBLOCK;
        let mut places = BTreeMap::new();
        for (name, header) in &headers {
            places.insert(name.clone(), at);
            at = (at + header.len() as u64).next_multiple_of(8);
        }
        let heap_at = at;
        if !references.is_empty() {
            at += heap(&references).len() as u64;
        }
        for found in self.datasets.values_mut() {
            found.address = UNDEFINED;
            if found.node.is_some() && found.chunks.is_none() && found.len() > 0 {
                found.address = at.next_multiple_of(64);
                at = found.address + found.len();
            }
        }
        let output = Arc::new(Output::create(path, at)?);
        let end = Arc::new(AtomicU64::new(at.next_multiple_of(64)));
        let written = self.write_elements(&output, &end).and_then(|()| {
            let (headers, references) = self.headers(&places, heap_at);
            for (name, header) in &headers {
                output.write_at(places[name], header)?;
            }
            if !references.is_empty() {
                output.write_at(heap_at, &heap(&references))?;
            }
            let end = end.load(Ordering::Relaxed);
            output.extend(end)?;
            output.write_at(0, &superblock(places[""], end))?;
            Ok(output.finish()?)
        });
        if written.is_err() {
            output.discard();
        }
        written
    }

    fn write_elements(&mut self, output: &Arc<Output>, end: &Arc<AtomicU64>) -> Result<()> {
        for found in self.datasets.values_mut() {
            let Some(node) = &found.node else { continue };
            let Some(chunks) = &found.chunks else {
                let (offset, shape, size) = (found.address, found.shape.clone(), found.dtype.size());
                let sink = FlatSink { output: Arc::clone(output), offset, shape, size, name: "to_hdf5" };
                let sink: Arc<dyn Sink> = Arc::new(Little { sink, dtype: found.dtype });
                store(node, &sink)?;
                continue;
            };
            let sink = Arc::new(ChunkSink {
                output: Arc::clone(output),
                end: Arc::clone(end),
                shape: found.shape.clone(),
                chunks: chunks.clone(),
                dtype: found.dtype,
                fill: found.fill.clone(),
                deflate: found.deflate,
                shuffle: found.shuffle,
                written: Mutex::new(Vec::new()),
            });
            let shared: Arc<dyn Sink> = sink.clone();
            store(&aligned(node, chunks, &vec![0; chunks.len()]), &shared)?;
            let mut written = std::mem::take(&mut *sink.written.lock().unwrap_or_else(PoisonError::into_inner));
            written.sort_unstable_by(|one, other| one.place.cmp(&other.place));
            if !written.is_empty() {
                let at = end.load(Ordering::Relaxed).next_multiple_of(8);
                let (nodes, address) = index(&written, chunks, at);
                output.write_at(at, &nodes)?;
                end.store(at + nodes.len() as u64, Ordering::Relaxed);
                found.address = address;
            }
        }
        Ok(())
    }
}

impl Dataset {
    fn len(&self) -> u64 {
        bytes_of_shape(&self.shape, self.dtype).unwrap_or(0)
    }
}

fn attributes(of: &str, map: &Map<String, Json>) -> std::result::Result<Vec<Attribute>, String> {
    map.iter()
        .map(|(name, value)| {
            let attribute = Attribute::json(name, value).filter(Attribute::fits);
            attribute.ok_or_else(|| {
                format!("the attribute `{name}` of {of} is not a text, a number, or a list of either, of less than 60,000 bytes")
            })
        })
        .collect()
}

fn planned(name: &str, node: &NodeRef, options: &Hdf5Options) -> std::result::Result<Dataset, String> {
    let (shape, dtype) = (node.grid.shape(), node.dtype);
    if bytes_of_shape(&shape, dtype).is_none() || shape.len() > 32 {
        return Err(format!("no file has room for `{name}` of shape {}", shape_text(&shape)));
    }
    let wanted = options.chunks.is_some() || options.deflate.is_some() || options.shuffle;
    let chunks = match &options.chunks {
        _ if shape.is_empty() || !wanted => None,
        Some(chunks) => Some(chunks.clone()),
        None => Some(node.grid.largest().into_iter().map(|len| len.max(1)).collect()),
    };
    if let Some(chunks) = &chunks {
        let bytes = bytes_of_shape(chunks, dtype);
        if chunks.len() != shape.len() || chunks.contains(&0) {
            let (chunks, shape) = (shape_text(chunks), shape_text(&shape));
            return Err(format!("chunks of shape {chunks} do not cut `{name}` of shape {shape}"));
        }
        if bytes.is_none_or(|bytes| bytes >= 1 << 32) {
            return Err(format!(
                "a chunk of `{name}`, of shape {}, has more than the 4 GiB of HDF5",
                shape_text(chunks)
            ));
        }
    }
    let fill = options.fill.unwrap_or_else(|| dtype.zero());
    if scalar_type(fill) != dtype {
        return Err(format!("the fill value of `{name}` is of type {}, and the array of {dtype}", scalar_type(fill)));
    }
    let mut fill = scalar_bytes(fill);
    reorder(&mut fill, dtype, Order::Little);
    let mut attributes = attributes(&format!("`{name}`"), &options.attributes)?;
    if options.fill.is_some() && !options.attributes.contains_key("_FillValue") {
        let (datatype, dataspace) = (datatype(dtype), dataspace(&[1], false));
        attributes.push(Attribute { name: "_FillValue".into(), datatype, dataspace, data: fill.clone() });
    }
    if !options.dimensions.is_empty() && options.dimensions.len() != shape.len() {
        return Err(format!("{} names of axes for `{name}` of shape {}", options.dimensions.len(), shape_text(&shape)));
    }
    if let Some(name) = options.dimensions.iter().find(|name| name.is_empty() || name.contains('/')) {
        return Err(format!("`{name}` is not the name of a dimension"));
    }
    let group = name.rsplit_once('/').map_or(String::new(), |(group, _)| format!("{group}/"));
    let dimensions = options.dimensions.iter().map(|dimension| format!("{group}{dimension}")).collect();
    let (deflate, shuffle) = (options.deflate, options.shuffle && chunks.is_some());
    Ok(Dataset {
        node: Some(Arc::clone(node)),
        dtype,
        shape,
        chunks,
        deflate,
        shuffle,
        fill,
        attributes,
        dimensions,
        address: UNDEFINED,
    })
}

/// Makes the dimensions that are named and not there, and marks all that are.
fn dimensions(datasets: &mut BTreeMap<String, Dataset>) -> std::result::Result<(), String> {
    let mut named: BTreeMap<String, usize> = BTreeMap::new();
    for (name, found) in &*datasets {
        for (dimension, &len) in found.dimensions.iter().zip(&found.shape) {
            if *named.entry(dimension.clone()).or_insert(len) != len {
                return Err(format!("the dimension `{dimension}` has length {len} in `{name}`, and another elsewhere"));
            }
        }
    }
    for (number, (dimension, len)) in named.into_iter().enumerate() {
        let short = dimension.rsplit('/').next().unwrap_or(&dimension).to_owned();
        let told = match datasets.get(&dimension) {
            Some(found) if found.shape == [len] => short,
            Some(found) => {
                let shape = shape_text(&found.shape);
                return Err(format!("the dimension `{dimension}` of length {len} is a dataset of shape {shape}"));
            }
            // NetCDF knows a dimension that no variable belongs to by this name.
            None => format!("This is a netCDF dimension but not a netCDF variable.{len:10}"),
        };
        let scale = datasets.entry(dimension).or_insert_with(|| Dataset {
            node: None,
            dtype: DType::F32,
            shape: vec![len],
            chunks: None,
            deflate: None,
            shuffle: false,
            fill: vec![0; 4],
            attributes: Vec::new(),
            dimensions: Vec::new(),
            address: UNDEFINED,
        });
        // A dimension has no dimensions.
        scale.dimensions.clear();
        scale.attributes.push(Attribute::text("CLASS", "DIMENSION_SCALE"));
        scale.attributes.push(Attribute::text("NAME", &told));
        let data = (number as i32).to_le_bytes().to_vec();
        let (datatype, dataspace) = (datatype(DType::I32), dataspace(&[], true));
        scale.attributes.push(Attribute { name: "_Netcdf4Dimid".into(), datatype, dataspace, data });
    }
    Ok(())
}

/// Writes elements with the low byte first, whatever the processor does.
struct Little {
    sink: FlatSink,
    dtype: DType,
}

impl Sink for Little {
    fn name(&self) -> &'static str {
        "to_hdf5"
    }
    fn write(&self, start: &[usize], shape: &[usize], bytes: &[u8]) -> Stored<()> {
        if Order::NATIVE == Order::Little {
            return self.sink.write_flat(start, shape, bytes);
        }
        let mut bytes = bytes.to_vec();
        reorder(&mut bytes, self.dtype, Order::Little);
        self.sink.write_flat(start, shape, &bytes)
    }
}

/// Chunks, at the end of the file, in the order in which they are there.
struct ChunkSink {
    output: Arc<Output>,
    end: Arc<AtomicU64>,
    shape: Vec<usize>,
    chunks: Vec<usize>,
    dtype: DType,
    fill: Vec<u8>,
    deflate: Option<u32>,
    shuffle: bool,
    written: Mutex<Vec<Written>>,
}

impl ChunkSink {
    fn write_chunk(&self, place: &[usize], region: &[Span], shape: &[usize], bytes: &[u8]) -> Stored<()> {
        let size = self.dtype.size();
        let Some(part) = Meeting::of(region, &self.chunks, place) else { return Ok(()) };
        let count: usize = self.chunks.iter().product();
        debug_assert!((0..place.len()).all(|axis| {
            part.lens[axis] == (self.shape[axis] - place[axis] * self.chunks[axis]).min(self.chunks[axis])
        }));
        let mut chunk = match part.lens == self.chunks && bytes.len() == count * size {
            true => bytes.to_vec(),
            false => {
                let mut fill = self.fill.clone();
                reorder(&mut fill, self.dtype, Order::Little);
                let mut chunk = fill.repeat(count);
                part.put(size, bytes, shape, &mut chunk, &self.chunks);
                chunk
            }
        };
        reorder(&mut chunk, self.dtype, Order::Little);
        if self.shuffle {
            chunk = shuffle(&chunk, size);
        }
        if let Some(level) = self.deflate {
            chunk = zlib(&chunk, level).map_err(|error| StoreError::io("write", self.output.path(), &error))?;
        }
        let Ok(len) = u32::try_from(chunk.len()) else {
            return Err(StoreError::not_stored(self.output.path(), "a compressed chunk has more than 4 GiB"));
        };
        let address = self.end.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        self.output.write_at(address, &chunk)?;
        let written = Written { place: place.to_vec(), address, len };
        self.written.lock().unwrap_or_else(PoisonError::into_inner).push(written);
        Ok(())
    }
}

impl Sink for ChunkSink {
    fn name(&self) -> &'static str {
        "to_hdf5"
    }
    fn write(&self, start: &[usize], shape: &[usize], bytes: &[u8]) -> Stored<()> {
        let region: Vec<Span> = start.iter().zip(shape).map(|(&start, &len)| Span::run(start, len)).collect();
        let mut result = Ok(());
        places(&meeting(&region, &self.chunks), |place| {
            result = self.write_chunk(place, &region, shape, bytes);
            if result.is_ok() { Step::On } else { Step::Stop }
        });
        result
    }
}
