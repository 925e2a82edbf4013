//! What a dataset of the file will be, from what is asked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::encode::{Attribute, UNDEFINED, dataspace, datatype, string};
use super::options::Hdf5Options;
use crate::array::chunks::shape_text;
use crate::array::element::DType;
use crate::array::node::NodeRef;
use crate::array::store::bytes::{Order, reorder, scalar_bytes, scalar_type};
use crate::array::store::raw::bytes_of_shape;

/// A dataset of the file.
pub(super) struct Dataset {
    /// Nothing for a dimension that is a name and a length only.
    pub(super) node: Option<NodeRef>,
    pub(super) dtype: DType,
    /// Bytes are characters of texts.
    pub(super) is_text: bool,
    pub(super) shape: Vec<usize>,
    pub(super) chunks: Option<Vec<usize>>,
    pub(super) deflate: Option<u32>,
    pub(super) shuffle: bool,
    pub(super) fill: Vec<u8>,
    pub(super) attributes: Vec<Attribute>,
    /// The datasets that are the dimensions of its axes, by their paths.
    pub(super) dimensions: Vec<String>,
    /// Where its elements, or their index, begin.
    pub(super) address: u64,
}

impl Dataset {
    pub(super) fn datatype(&self) -> Vec<u8> {
        if self.is_text { string(1, true) } else { datatype(self.dtype) }
    }

    pub(super) fn len(&self) -> u64 {
        bytes_of_shape(&self.shape, self.dtype).unwrap_or(0)
    }
}

pub(super) fn attributes(of: &str, map: &Map<String, Json>) -> std::result::Result<Vec<Attribute>, String> {
    map.iter()
        .map(|(name, value)| {
            let attribute = Attribute::json(name, value).filter(Attribute::fits);
            attribute.ok_or_else(|| {
                format!("the attribute `{name}` of {of} is not a text, a number, or a list of either, of less than 60,000 bytes")
            })
        })
        .collect()
}

pub(super) fn planned(name: &str, node: &NodeRef, options: &Hdf5Options) -> std::result::Result<Dataset, String> {
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
        is_text: options.is_text,
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
pub(super) fn dimensions(datasets: &mut BTreeMap<String, Dataset>) -> std::result::Result<(), String> {
    let mut named: BTreeMap<String, usize> = BTreeMap::new();
    for (name, found) in &*datasets {
        for (dimension, &len) in found.dimensions.iter().zip(&found.shape) {
            if *named.entry(dimension.clone()).or_insert(len) != len {
                return Err(format!("the dimension `{dimension}` has length {len} in `{name}`, and another elsewhere"));
            }
        }
    }
    // By these numbers readers know the dimensions of a variable without following references.
    let number_of = |dimension: &String| named.keys().position(|known| known == dimension).unwrap_or(0) as i32;
    for found in datasets.values_mut().filter(|found| !found.dimensions.is_empty()) {
        let data = found.dimensions.iter().flat_map(|dimension| number_of(dimension).to_le_bytes()).collect();
        let (datatype, dataspace) = (datatype(DType::I32), dataspace(&[found.dimensions.len()], false));
        found.attributes.push(Attribute { name: "_Netcdf4Coordinates".into(), datatype, dataspace, data });
    }
    for (number, (dimension, len)) in named.into_iter().enumerate() {
        let short = dimension.rsplit('/').next().unwrap_or(&dimension).to_owned();
        let told = match datasets.get(&dimension) {
            Some(found) if found.shape == [len] || (found.is_text && found.shape.first() == Some(&len)) => short,
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
            is_text: false,
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
