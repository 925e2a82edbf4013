//! Storing: each block writes the chunks that it covers, and no other does.

use std::path::Path;
use std::sync::Arc;

use super::ZarrOptions;
use super::codec::Codecs;
use super::group::{Writing, array_at, cleared, write_json};
use super::meta::{Keys, Meta};
use crate::array::chunks::{Chunking, Grid, shape_text};
use crate::array::element::DType;
use crate::array::error::ArrayError;
use crate::array::node::NodeRef;
use crate::array::store::bytes::{scalar_bytes, scalar_type};
use crate::array::store::error::{StoreError, Stored};
use crate::array::store::path::{StorePath, Writes};
use crate::array::store::region::{Meeting, Span, Step, meeting, places};
use crate::array::store::sink::{Sink, aligned, not_read_from, store};
use crate::error::Result;

/// The metadata that the options ask for.
fn metadata(path: &Path, shape: &[usize], dtype: DType, chunks: Vec<usize>, options: &ZarrOptions) -> Stored<Meta> {
    let wrong = |what: String| Err(StoreError::not_stored(path, what));
    if !matches!(options.version, 2 | 3) {
        return wrong(format!("there is no version {} of Zarr; 2 and 3 are known", options.version));
    }
    if chunks.len() != shape.len() || chunks.contains(&0) {
        let (chunks, shape) = (shape_text(&chunks), shape_text(shape));
        return wrong(format!("chunks of shape {chunks} do not cut an array of shape {shape}"));
    }
    if !options.dimensions.is_empty() && options.dimensions.len() != shape.len() {
        return wrong(format!(
            "{} names of axes for an array of shape {}",
            options.dimensions.len(),
            shape_text(shape)
        ));
    }
    let fill = options.fill.unwrap_or_else(|| dtype.zero());
    if scalar_type(fill) != dtype {
        return wrong(format!("the fill value is of type {}, and the array of {dtype}", scalar_type(fill)));
    }
    let mut dimensions: Vec<_> = options.dimensions.iter().cloned().map(Some).collect();
    dimensions.resize(shape.len(), None);
    let keys = match options.version {
        2 => Keys { prefix: "", separator: '.' },
        _ => Keys { prefix: "c", separator: '/' },
    };
    Ok(Meta {
        version: options.version,
        shape: shape.to_vec(),
        files: chunks.clone(),
        chunks,
        shards: None,
        dtype,
        codecs: Codecs::written(options.compression),
        fill: scalar_bytes(fill),
        has_fill: !options.unsaid_fill,
        keys,
        dimensions,
        attributes: options.attributes.clone(),
    })
}

fn write_metadata(folder: &StorePath, meta: &Meta) -> Stored<()> {
    if meta.version == 3 {
        return write_json(&folder.join("zarr.json"), &meta.to_third());
    }
    let (array, attributes) = meta.to_second();
    if attributes.as_object().is_some_and(|map| !map.is_empty()) {
        write_json(&folder.join(".zattrs"), &attributes)?;
    }
    write_json(&folder.join(".zarray"), &array)
}

/// The chunks of an array, as long along each axis as its longest.
fn chunks_of(grid: &Grid, options: &ZarrOptions) -> Vec<usize> {
    match &options.chunks {
        Some(chunks) => chunks.clone(),
        None => grid.largest().into_iter().map(|len| len.max(1)).collect(),
    }
}

pub(super) fn whole(node: &NodeRef, folder: &StorePath, options: &ZarrOptions) -> Result<()> {
    node.grid.require_known("to_zarr")?;
    let shape = node.grid.shape();
    let meta = metadata(folder.as_path(), &shape, node.dtype, chunks_of(&node.grid, options), options)?;
    let node = aligned(node, &meta.files, &vec![0; shape.len()]);
    not_read_from(&node, folder.as_path())?;
    let writing = cleared(folder, options.overwrite)?;
    let meta = Arc::new(meta);
    let sink = ZarrSink { folder: folder.clone(), meta: Arc::clone(&meta), offset: vec![0; shape.len()] };
    let sink: Arc<dyn Sink> = Arc::new(sink);
    store(&node, &sink)?;
    write_metadata(folder, &meta)?;
    Ok(writing.done()?)
}

pub(super) fn empty(folder: &StorePath, shape: &[usize], dtype: DType, options: &ZarrOptions) -> Result<()> {
    let chunks = match &options.chunks {
        Some(chunks) => chunks.clone(),
        None => chunks_of(&Chunking::from("auto").grid(shape, dtype.size())?, options),
    };
    let meta = metadata(folder.as_path(), shape, dtype, chunks, options)?;
    let writing = cleared(folder, options.overwrite)?;
    write_metadata(folder, &meta)?;
    Ok(writing.done()?)
}

pub(super) fn region(node: &NodeRef, folder: &StorePath, start: &[usize]) -> Result<()> {
    node.grid.require_known("to_zarr_region")?;
    let shape = node.grid.shape();
    let meta = match array_at(folder) {
        // The same region may be written again.
        Err(StoreError::Incomplete { .. }) => match super::group::node_at(folder)? {
            super::group::Node::Array(meta) => *meta,
            _ => array_at(folder)?,
        },
        meta => meta?,
    };
    if meta.dtype != node.dtype {
        let operation = "to_zarr_region".to_owned();
        return Err(ArrayError::ElementType { operation, found: meta.dtype, wanted: node.dtype }.into());
    }
    let inside = start.len() == shape.len()
        && meta.shape.len() == shape.len()
        && (0..shape.len()).all(|axis| start[axis].checked_add(shape[axis]).is_some_and(|end| end <= meta.shape[axis]));
    if !inside {
        let (start, shape, stored) = (shape_text(start), shape_text(&shape), shape_text(&meta.shape));
        let why = format!("a region of shape {shape} from {start} on is not inside the stored array");
        return Err(ArrayError::Shape { operation: "to_zarr_region".into(), why, shape: stored }.into());
    }
    if meta.shards.is_some() {
        return Err(StoreError::not_stored(folder.as_path(), "parts of shards are not written here").into());
    }
    let node = aligned(node, &meta.files, start);
    not_read_from(&node, folder.as_path())?;
    let writing = Writing::region(folder, start, &shape)?;
    let sink = ZarrSink { folder: folder.clone(), meta: Arc::new(meta), offset: start.to_vec() };
    let sink: Arc<dyn Sink> = Arc::new(sink);
    store(&node, &sink)?;
    Ok(writing.done()?)
}

struct ZarrSink {
    folder: StorePath,
    meta: Arc<Meta>,
    /// Where the array begins in the stored one.
    offset: Vec<usize>,
}

impl ZarrSink {
    fn write_chunk(
        &self,
        place: &[usize],
        region: &[Span],
        shape: &[usize],
        bytes: &[u8],
        writes: &mut Writes,
    ) -> Stored<()> {
        let meta = &*self.meta;
        let size = meta.dtype.size();
        let Some(part) = Meeting::of(region, &meta.files, place) else { return Ok(()) };
        let path = self.folder.join(&meta.keys.key(place));
        let covered = (0..place.len()).all(|axis| {
            let len = (meta.shape[axis] - place[axis] * meta.files[axis]).min(meta.files[axis]);
            part.lens[axis] == len
        });
        let count: usize = meta.files.iter().product();
        let exact =
            covered && part.lens == meta.files && region.iter().map(|span| span.len).product::<usize>() == count;
        let chunk = if exact {
            bytes.to_vec()
        } else {
            let before = if covered { None } else { path.read()? };
            let mut chunk = match before {
                Some(packed) => meta
                    .codecs
                    .decode(packed, &meta.files, meta.dtype)
                    .map_err(|what| StoreError::damaged(path.as_path(), what))?,
                None => meta.fill.repeat(count),
            };
            part.put(size, bytes, shape, &mut chunk, &meta.files);
            chunk
        };
        let wrong = |error: std::io::Error| StoreError::io("write", path.as_path(), &error);
        let packed = meta.codecs.encode(chunk, &meta.files, meta.dtype).map_err(wrong)?;
        if meta.keys.separator == '/' {
            path.make_parent()?;
        }
        writes.write(&path, packed)
    }
}

impl Sink for ZarrSink {
    fn name(&self) -> &'static str {
        "to_zarr"
    }
    fn write(&self, start: &[usize], shape: &[usize], bytes: &[u8]) -> Stored<()> {
        let region: Vec<Span> =
            (0..shape.len()).map(|axis| Span::run(self.offset[axis] + start[axis], shape[axis])).collect();
        let mut writes = Writes::new(&self.folder, bytes.len());
        let mut result = Ok(());
        places(&meeting(&region, &self.meta.files), |place| {
            result = self.write_chunk(place, &region, shape, bytes, &mut writes);
            if result.is_ok() { Step::On } else { Step::Stop }
        });
        result.and_then(|()| writes.finish())
    }
}
