//! Numbers that stand for others, by the CF conventions: packed ones, missing ones, times.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::bytes::read_elements;
use super::error::{StoreError, Stored};
use super::hdf5::TimeUnits;
use super::region::{Span, elements};
use super::source::Source;
use crate::array::dispatch::with_real;
use crate::array::element::{Cast, DType};

/// What the stored numbers stand for.
#[derive(Debug, Clone)]
pub(crate) enum Meaning {
    /// `value * scale + offset`, and NaN for what is missing.
    Number { scale: f64, offset: f64 },
    /// Seconds since 1970, and the lowest number for what is missing.
    Time(TimeUnits),
}

/// A variable as what it means.
pub(crate) struct Decoded {
    source: Arc<dyn Source>,
    pub(crate) meaning: Meaning,
    missing: Vec<f64>,
    /// The stored numbers are called signed and are not.
    unsigned: bool,
    dtype: DType,
}

pub(crate) fn numbers(attributes: &Map<String, Json>, name: &str) -> Vec<f64> {
    match attributes.get(name) {
        Some(Json::Array(values)) => values.iter().filter_map(Json::as_f64).collect(),
        Some(value) => value.as_f64().into_iter().collect(),
        None => Vec::new(),
    }
}

impl Decoded {
    /// The numbers of a source as `dtype`: `i64` for seconds since 1970, or a float.
    pub(crate) fn new(
        source: Arc<dyn Source>,
        name: &str,
        attributes: &Map<String, Json>,
        dtype: DType,
    ) -> Stored<Decoded> {
        let path = source.path();
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
            let first = |name: &str, otherwise| numbers(attributes, name).first().copied().unwrap_or(otherwise);
            Meaning::Number { scale: first("scale_factor", 1.0), offset: first("add_offset", 0.0) }
        };
        let unsigned = text("_Unsigned") == Some("true");
        let mut missing = numbers(attributes, "_FillValue");
        missing.extend(numbers(attributes, "missing_value"));
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
        match self.source.name() {
            "read_hdf5" => "read_netcdf",
            other => other,
        }
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
