//! Storing: room is left for the headers, elements are written as they come, and the headers last of all.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::encode::{
    Attribute, Message, SUPERBLOCK, Storage, UNDEFINED, Written, dataset, dimension_list, group, header, heap, index,
    superblock,
};
use super::options::{Added, Hdf5Writer};
use super::plan::{Dataset, attributes, dimensions, planned};
use crate::array::element::DType;
use crate::array::store::bytes::{Order, reorder};
use crate::array::store::error::{StoreError, Stored};
use crate::array::store::file::Output;
use crate::array::store::pack::{shuffle, zlib};
use crate::array::store::raw::FlatSink;
use crate::array::store::region::{Meeting, Span, Step, meeting, places};
use crate::array::store::sink::{Sink, aligned, store};
use crate::error::Result;

/// All that the file will have.
pub(super) struct Plan {
    datasets: BTreeMap<String, Dataset>,
    attributes: Vec<Attribute>,
}

impl Plan {
    pub(super) fn of(writer: &Hdf5Writer, path: &Path) -> Result<Plan> {
        let wrong = |what: String| StoreError::not_stored(path, what);
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
            let mut messages: Vec<Message> =
                dataset(&found.datatype(), found.dtype.size(), &found.shape, &found.fill, &storage);
            messages.extend(found.attributes.iter().map(Attribute::message));
            if !found.dimensions.is_empty() {
                messages.push(dimension_list(heap, references.len(), found.dimensions.len()).message());
                references.extend(found.dimensions.iter().map(|name| place(name)));
            }
            headers.push((name.clone(), header(&messages)));
        }
        (headers, references)
    }

    pub(super) fn write(mut self, path: &Path) -> Result<()> {
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
