//! All arrays of a file or folder, by name, as what the CF conventions say of them.

use std::sync::Arc;

use base64::Engine;
use serde_json::{Map, Value as Json};

use super::decoded::{Decoded, numbers};
use super::error::{StoreError, Stored};
use super::path::StorePath;
use super::source::{Source, found_source, opened};
use super::{ArrayInfo, Location, TimeUnits, hdf5, zarr};
use crate::array::dispatch::with_type;
use crate::array::element::DType;
use crate::array::{Array, Chunking};
use crate::error::Result;

/// A NetCDF-4 or HDF5 file, or a Zarr group.
pub(crate) struct Container {
    location: Location,
    path: StorePath,
    is_zarr: bool,
}

/// One array of it.
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) info: ArrayInfo,
    /// The calendar where its numbers are times.
    pub(crate) times: Option<TimeUnits>,
}

/// What says how numbers are stored, and nothing of what they mean.
const ENCODING: [&str; 17] = [
    "_FillValue",
    "missing_value",
    "scale_factor",
    "add_offset",
    "_Unsigned",
    "_Encoding",
    "coordinates",
    "CLASS",
    "NAME",
    "DIMENSION_LIST",
    "DIMENSION_LABELS",
    "REFERENCE_LIST",
    "_Netcdf4Dimid",
    "_Netcdf4Coordinates",
    "_nc3_strict",
    "_NCProperties",
    "_ARRAY_DIMENSIONS",
];

impl Container {
    pub(crate) fn open(location: Location) -> Stored<Container> {
        let path = location.resolved()?;
        let is_zarr = match &path {
            StorePath::Local(path) => {
                std::fs::metadata(path).map_err(|error| StoreError::io("open", path, &error))?.is_dir()
            }
            // A folder is nothing of its own there.
            StorePath::Remote(_) => !path.exists()?,
        };
        Ok(Container { location, path, is_zarr })
    }

    pub(crate) fn attributes(&self) -> Result<Map<String, Json>> {
        let attributes =
            if self.is_zarr { zarr::zarr_attributes(&self.location)? } else { hdf5::hdf5_attributes(&self.location)? };
        Ok(plain(&attributes))
    }

    /// The names that the file lists as those of coordinates.
    pub(crate) fn listed(&self) -> Result<Vec<String>> {
        let attributes =
            if self.is_zarr { zarr::zarr_attributes(&self.location)? } else { hdf5::hdf5_attributes(&self.location)? };
        Ok(listed(&attributes))
    }

    /// The arrays, but for those in groups inside and for dimensions that are a length only; and what cannot be read, with
    /// the reason.
    #[allow(clippy::type_complexity)]
    pub(crate) fn variables(&self) -> Result<(Vec<Variable>, Vec<(String, String)>)> {
        let names = if self.is_zarr { zarr::zarr_arrays(&self.location)? } else { hdf5::hdf5_arrays(&self.location)? };
        let (mut found, mut unread) = (Vec::new(), Vec::new());
        for name in names.into_iter().filter(|name| !name.contains('/')) {
            let info = match self.is_zarr {
                true => zarr::zarr_info(&self.location, &name),
                false => hdf5::hdf5_info(&self.location, &name),
            };
            let mut info = match info {
                Ok(info) => info,
                Err(error) => {
                    unread.push((name, error.to_string()));
                    continue;
                }
            };
            let text = |key: &str| info.attributes.get(key).and_then(Json::as_str);
            if text("NAME").is_some_and(|name| name.starts_with("This is a netCDF dimension but not a netCDF variable"))
            {
                continue;
            }
            let times = text("units").and_then(|units| TimeUnits::parse(units, text("calendar").unwrap_or("standard")));
            // Zarr has no NaN among its attributes, so xarray writes the bytes of one.
            if let Some(bytes) =
                text("_FillValue").and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok())
                && let Some(bytes) = bytes.first_chunk::<8>()
            {
                info.attributes.insert("_FillValue".into(), f64::from_le_bytes(*bytes).into());
            }
            if self.is_zarr
                && let Some(missing) = zarr::missing_value(&self.path, &name)?
            {
                info.attributes.entry("_FillValue").or_insert(missing.into());
            }
            found.push(Variable { name, info, times });
        }
        Ok((found, unread))
    }

    /// The elements, as what they mean: numbers as floats where they are packed or may be missing, times as seconds.
    pub(crate) fn array(&self, variable: &Variable) -> Result<Array<()>> {
        let source = source_of(&self.path, self.is_zarr, &variable.name)?;
        let stored = source.dtype();
        let attributes = &variable.info.attributes;
        let wanted = match stored {
            DType::Bool | DType::Complex32 | DType::Complex64 => None,
            _ if variable.times.is_some() => Some(DType::I64),
            _ if !["_FillValue", "missing_value", "scale_factor", "add_offset"]
                .iter()
                .any(|name| !numbers(attributes, name).is_empty()) =>
            {
                None
            }
            DType::I8 | DType::U8 | DType::I16 | DType::U16 | DType::F32 => Some(DType::F32),
            _ => Some(DType::F64),
        };
        let source: Arc<dyn Source> = match wanted {
            Some(dtype) => Arc::new(Decoded::new(source, &variable.name, attributes, dtype)?),
            None => source,
        };
        let dtype = source.dtype();
        let attributes = Json::Object(attributes.clone()).to_string();
        let source = found_source(
            source,
            &self.path,
            (self.is_zarr, variable.name.clone(), (wanted, attributes)),
            |path, (is_zarr, name, (wanted, attributes))| {
                let source = source_of(path, *is_zarr, name)?;
                let attributes = serde_json::from_str(attributes).unwrap_or_default();
                Ok(match wanted {
                    Some(dtype) => Arc::new(Decoded::new(source, name, &attributes, *dtype)?),
                    None => source,
                })
            },
        )?;
        with_type!(dtype, T => {
            let array = opened::<T>("open", self.path.as_path(), source, Chunking::from("auto"))?;
            Ok(Array::of(Arc::clone(array.node())))
        })
    }

    /// The texts of an array along one axis.
    pub(crate) fn texts(&self, variable: &Variable) -> Stored<Vec<String>> {
        match self.is_zarr {
            true => Err(StoreError::unsupported(self.path.as_path(), format!("`{}` holds texts", variable.name))),
            false => hdf5::texts(&self.path, &variable.name),
        }
    }
}

fn source_of(path: &StorePath, is_zarr: bool, name: &str) -> Stored<Arc<dyn Source>> {
    if is_zarr { zarr::source(path, name) } else { hdf5::source(path, name) }
}

impl Variable {
    /// The names that it lists as those of coordinates.
    pub(crate) fn listed(&self) -> Vec<String> {
        listed(&self.info.attributes)
    }

    /// What is written about it that is not about how it is stored.
    pub(crate) fn attributes(&self) -> Map<String, Json> {
        let mut attributes = plain(&self.info.attributes);
        if self.times.is_some() {
            attributes.remove("units");
            attributes.remove("calendar");
        }
        attributes
    }

    /// Whether its elements are texts, which no array holds.
    pub(crate) fn is_text(&self) -> bool {
        self.info.dtype.to_ascii_lowercase().contains("str")
    }
}

fn plain(attributes: &Map<String, Json>) -> Map<String, Json> {
    let is_plain = |name: &&String| !ENCODING.contains(&name.as_str());
    attributes.iter().filter(|(name, _)| is_plain(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn listed(attributes: &Map<String, Json>) -> Vec<String> {
    let names = attributes.get("coordinates").and_then(Json::as_str).unwrap_or("");
    names.split_whitespace().map(str::to_owned).collect()
}
