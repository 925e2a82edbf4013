//! NetCDF's conventions: numbers that stand for others, and names of axes.

use std::path::Path;

use hdf5_pure::File;
use serde_json::{Map, Value as Json};

use super::read::{Hdf5Source, asked, dataset, json, names, shape};
use super::time::TimeUnits;
use crate::array::dispatch::with_real;
use crate::array::element::{Cast, DType};
use crate::array::store::bytes::read_elements;
use crate::array::store::error::{StoreError, Stored};
use crate::array::store::path::StorePath;
use crate::array::store::region::{Span, elements};
use crate::array::store::source::Source;

/// What the stored numbers stand for.
#[derive(Debug, Clone)]
pub(super) enum Meaning {
    /// `value * scale + offset`, and NaN for what is missing.
    Number { scale: f64, offset: f64 },
    /// Seconds since 1970, and the lowest number for what is missing.
    Time(TimeUnits),
}

/// A variable as what it means.
pub(super) struct Decoded {
    pub(super) source: Hdf5Source,
    pub(super) meaning: Meaning,
    missing: Vec<f64>,
    /// The stored numbers are called signed and are not.
    unsigned: bool,
    dtype: DType,
}

fn numbers(attributes: &Map<String, Json>, name: &str) -> Vec<f64> {
    match attributes.get(name) {
        Some(Json::Array(values)) => values.iter().filter_map(Json::as_f64).collect(),
        Some(value) => value.as_f64().into_iter().collect(),
        None => Vec::new(),
    }
}

impl Decoded {
    pub(super) fn open(path: &StorePath, file: &File, name: &str, dtype: DType) -> Stored<Decoded> {
        let source = Hdf5Source::open(path, file, name)?;
        let path = path.as_path();
        let variable = dataset(path, file, name)?;
        let attributes = json(asked(path, || variable.attrs())?);
        if matches!(source.dtype(), DType::Bool | DType::Complex32 | DType::Complex64) {
            let what = format!("`{name}` is of type {}, which no number is made of", source.dtype());
            return Err(StoreError::unsupported(path, what));
        }
        let text = |name: &str| attributes.get(name).and_then(Json::as_str);
        let meaning = if dtype == DType::I64 {
            let (units, calendar) = (text("units").unwrap_or(""), text("calendar").unwrap_or("standard"));
            let Some(units) = TimeUnits::parse(units, calendar) else {
                let what = format!("`{name}` is not a time: its units are {units:?}, its calendar {calendar:?}");
                return Err(StoreError::unsupported(path, what));
            };
            Meaning::Time(units)
        } else {
            let first = |name: &str, otherwise| numbers(&attributes, name).first().copied().unwrap_or(otherwise);
            Meaning::Number { scale: first("scale_factor", 1.0), offset: first("add_offset", 0.0) }
        };
        let unsigned = text("_Unsigned") == Some("true");
        let mut missing = numbers(&attributes, "_FillValue");
        missing.extend(numbers(&attributes, "missing_value"));
        if unsigned {
            let range = 2f64.powi(8 * source.dtype().size() as i32);
            missing.iter_mut().filter(|value| **value < 0.0).for_each(|value| *value += range);
        }
        Ok(Decoded { source, meaning, missing, unsigned, dtype })
    }

    fn stored_type(&self) -> DType {
        match self.source.dtype() {
            DType::I8 if self.unsigned => DType::U8,
            DType::I16 if self.unsigned => DType::U16,
            DType::I32 if self.unsigned => DType::U32,
            DType::I64 if self.unsigned => DType::U64,
            other => other,
        }
    }
}

impl Source for Decoded {
    fn name(&self) -> &'static str {
        "read_netcdf"
    }
    fn path(&self) -> &Path {
        self.source.path()
    }
    fn dtype(&self) -> DType {
        self.dtype
    }
    fn shape(&self) -> &[usize] {
        self.source.shape()
    }
    fn chunks(&self) -> Option<&[usize]> {
        self.source.chunks()
    }
    fn read(&self, region: &[Span], out: &mut [u8]) -> Stored<()> {
        with_real!(self.stored_type(), R => {
            let stored = read_elements::<R, _>(elements(region), |bytes| self.source.read(region, bytes))?;
            let plain = |value: R| -> f64 { Cast::<f64>::cast(value) };
            let missing = |value: f64| self.missing.contains(&value);
            match self.meaning {
                Meaning::Number { scale, offset } if self.dtype == DType::F32 => {
                    for (out, value) in out.as_chunks_mut::<4>().0.iter_mut().zip(stored) {
                        let value = plain(value);
                        let value = if missing(value) { f64::NAN } else { value * scale + offset };
                        *out = (value as f32).to_ne_bytes();
                    }
                }
                Meaning::Number { scale, offset } => {
                    for (out, value) in out.as_chunks_mut::<8>().0.iter_mut().zip(stored) {
                        let value = plain(value);
                        *out = if missing(value) { f64::NAN } else { value * scale + offset }.to_ne_bytes();
                    }
                }
                Meaning::Time(units) => {
                    for (out, value) in out.as_chunks_mut::<8>().0.iter_mut().zip(stored) {
                        let value = plain(value);
                        let seconds = if missing(value) || value.is_nan() { i64::MIN } else { units.seconds(value) };
                        *out = seconds.to_ne_bytes();
                    }
                }
            }
        });
        Ok(())
    }
}

/// The names of a variable's axes, where NetCDF's attributes say them or a dimension has the same length.
pub(super) fn dimensions(path: &Path, file: &File, name: &str) -> Stored<Vec<Option<String>>> {
    let name = name.trim_matches('/');
    let variable = dataset(path, file, name)?;
    let lens = shape(path, &variable)?;
    let own = json(asked(path, || variable.attrs())?);
    let is_scale =
        |attributes: &Map<String, Json>| attributes.get("CLASS").and_then(Json::as_str) == Some("DIMENSION_SCALE");
    let last = |name: &str| name.rsplit('/').next().unwrap_or(name).to_owned();
    if is_scale(&own) && lens.len() == 1 {
        return Ok(vec![Some(last(name))]);
    }
    let group = name.rsplit_once('/').map_or("", |(group, _)| group);
    let mut scales = Vec::new();
    for other in names(path, file)? {
        let above = other.rsplit_once('/').map_or("", |(group, _)| group);
        // Dimensions are those of the variable's group and of the groups around it.
        if !(above.is_empty() || group == above || group.starts_with(&format!("{above}/"))) {
            continue;
        }
        let scale = dataset(path, file, &other)?;
        let attributes = json(asked(path, || scale.attrs())?);
        if is_scale(&attributes) {
            let len = shape(path, &scale)?.first().copied().unwrap_or(0);
            scales.push((attributes.get("_Netcdf4Dimid").and_then(Json::as_i64), len, last(&other)));
        }
    }
    let ids = numbers(&own, "_Netcdf4Coordinates");
    if ids.len() == lens.len() {
        let find = |id: &f64| scales.iter().find(|scale| scale.0 == Some(*id as i64)).map(|scale| scale.2.clone());
        return Ok(ids.iter().map(find).collect());
    }
    // A length that two dimensions have says nothing.
    let alone = |len: &usize| {
        let mut same = scales.iter().filter(|scale| scale.1 == *len);
        let first = same.next()?;
        same.next().is_none().then(|| first.2.clone())
    };
    Ok(lens.iter().map(alone).collect())
}
