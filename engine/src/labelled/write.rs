//! To files: names, labels and times by the CF conventions, as xarray reads them.

use std::path::Path;

use serde_json::{Map, Value as Json};

use super::core::{Coord, Labelled, typed};
use super::dataset::Dataset;
use super::error::LabelError;
use super::labels::Labels;
use super::time::{DAY, Times};
use crate::array::dispatch::with_type;
use crate::array::store::{Calendar, Hdf5Options, Hdf5Writer, ZarrOptions, write_group};
use crate::array::{Array, Element};
use crate::error::Result;

/// What is stored: an array with its attributes and the names of its axes.
struct Stored<T> {
    data: Array<T>,
    dims: Vec<String>,
    attrs: Map<String, Json>,
}

/// What takes arrays one after the other.
trait Target {
    fn put<T: Element>(&mut self, name: &str, stored: &Stored<T>) -> Result<()>;
    fn texts(&mut self, coord: &Coord, texts: &[String]) -> Result<()>;
}

fn calendar_name(calendar: Calendar) -> &'static str {
    match calendar {
        Calendar::Standard => "standard",
        Calendar::Julian => "julian",
        Calendar::NoLeap => "noleap",
        Calendar::AllLeap => "all_leap",
        Calendar::Day360 => "360_day",
        _ => "proleptic_gregorian",
    }
}

/// Times as whole days or seconds since the day that is counted from.
fn times_stored(times: &Times, attrs: &mut Map<String, Json>) -> Vec<i64> {
    let (unit, length) = match times.seconds().iter().all(|seconds| seconds.rem_euclid(DAY) == 0) {
        true => ("days", DAY),
        false => ("seconds", 1),
    };
    let origin = times.calendar().date(0);
    attrs.insert(
        "units".into(),
        format!("{unit} since {:04}-{:02}-{:02}", origin.year, origin.month, origin.day).into(),
    );
    attrs.insert("calendar".into(), calendar_name(times.calendar()).into());
    times.seconds().iter().map(|seconds| seconds / length).collect()
}

fn put_coord(target: &mut impl Target, coord: &Coord) -> Result<()> {
    let mut attrs = coord.attrs.clone();
    let dims: Vec<String> = coord.dim.iter().cloned().collect();
    let name = &coord.name;
    fn stored<T: Element>(values: Vec<T>, dims: Vec<String>, attrs: Map<String, Json>) -> Stored<T> {
        let data = Array::from_vec(values, usize::MAX);
        Stored { data: if dims.is_empty() { data.squeeze() } else { data }, dims, attrs }
    }
    match &coord.labels {
        Labels::Numbers(values) => target.put(name, &stored(values.to_vec(), dims, attrs)),
        Labels::Singles(values) => target.put(name, &stored(values.to_vec(), dims, attrs)),
        Labels::Integers(values) => target.put(name, &stored(values.to_vec(), dims, attrs)),
        Labels::Times(times) => {
            let values = times_stored(times, &mut attrs);
            target.put(name, &stored(values, dims, attrs))
        }
        Labels::Texts(texts) => target.texts(coord, texts),
    }
}

fn put_var(target: &mut impl Target, name: &str, var: &Labelled, coords: &[Coord]) -> Result<()> {
    let mut attrs = var.attrs.clone();
    let beside: Vec<&str> = var.coords.iter().filter(|coord| !coord.is_index()).map(Coord::name).collect();
    if !beside.is_empty() {
        attrs.insert("coordinates".into(), beside.join(" ").into());
    }
    debug_assert!(coords.len() >= var.coords.len());
    with_type!(var.dtype(), T => {
        target.put(name, &Stored { data: typed::<_, T>(&var.data), dims: var.dims.clone(), attrs })
    })
}

fn put_all(target: &mut impl Target, dataset: &Dataset) -> Result<()> {
    for coord in &dataset.coords {
        put_coord(target, coord)?;
    }
    for (name, _) in &dataset.vars {
        put_var(target, name, &dataset.attached(name)?, &dataset.coords)?;
    }
    Ok(())
}

struct NetCdf<'a> {
    writer: Option<Hdf5Writer>,
    options: &'a Hdf5Options,
}

impl Target for NetCdf<'_> {
    fn put<T: Element>(&mut self, name: &str, stored: &Stored<T>) -> Result<()> {
        // What has no axes has no chunks, and labels are read as a whole.
        let base = if stored.dims.len() > 1 { self.options.clone() } else { Hdf5Options::new() };
        let mut options = base.dimension_names(&stored.dims);
        for (name, value) in &stored.attrs {
            options = options.attribute(name, value.clone());
        }
        self.writer = self.writer.take().map(|writer| writer.add(name, &stored.data, &options));
        Ok(())
    }

    fn texts(&mut self, coord: &Coord, texts: &[String]) -> Result<()> {
        let mut options = Hdf5Options::new();
        for (name, value) in &coord.attrs {
            options = options.attribute(name, value.clone());
        }
        let dim = coord.dim.as_deref();
        self.writer = self.writer.take().map(|writer| writer.add_texts(&coord.name, dim, texts, &options));
        Ok(())
    }
}

pub(super) fn to_netcdf(dataset: &Dataset, path: &Path, options: &Hdf5Options) -> Result<()> {
    let mut writer = Hdf5Writer::create(path);
    for (name, value) in &dataset.attrs {
        writer = writer.attribute(name, value.clone());
    }
    let mut target = NetCdf { writer: Some(writer), options };
    put_all(&mut target, dataset)?;
    target.writer.map_or(Ok(()), |writer| writer.write())
}

struct Zarr<'a> {
    path: &'a Path,
    options: &'a ZarrOptions,
}

impl Target for Zarr<'_> {
    fn put<T: Element>(&mut self, name: &str, stored: &Stored<T>) -> Result<()> {
        let mut options = self.options.clone().without_fill().dimension_names(&stored.dims);
        for (name, value) in &stored.attrs {
            options = options.attribute(name, value.clone());
        }
        stored.data.to_zarr_array(self.path, name, &options)
    }

    fn texts(&mut self, coord: &Coord, _texts: &[String]) -> Result<()> {
        let why = format!(
            "the labels `{}` are texts, which are stored in NetCDF only; `drop_coord` leaves them out",
            coord.name
        );
        Err(LabelError::parameter("to_zarr", why).into())
    }
}

pub(super) fn to_zarr(dataset: &Dataset, path: &Path, options: &ZarrOptions) -> Result<()> {
    if let Some(coord) = dataset.coords.iter().find(|coord| matches!(coord.labels, Labels::Texts(_))) {
        return Zarr { path, options }.texts(coord, &[]);
    }
    write_group(path, options, &dataset.attrs)?;
    put_all(&mut Zarr { path, options }, dataset)
}
