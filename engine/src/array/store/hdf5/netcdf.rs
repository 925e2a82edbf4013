//! NetCDF's conventions: names of axes, and what the numbers of a variable mean.

use std::path::Path;
use std::sync::Arc;

use hdf5_pure::File;
use serde_json::{Map, Value as Json};

use super::read::{Hdf5Source, asked, dataset, json, names, shape};
use crate::array::element::DType;
use crate::array::store::decoded::{Decoded, numbers};
use crate::array::store::error::Stored;
use crate::array::store::path::StorePath;

/// A variable as what it means.
pub(super) fn decoded(path: &StorePath, file: &File, name: &str, dtype: DType) -> Stored<Decoded> {
    let source = Arc::new(Hdf5Source::open(path, file, name)?);
    let path = path.as_path();
    let variable = dataset(path, file, name)?;
    let attributes = json(asked(path, || variable.attrs())?);
    Decoded::new(source, name, &attributes, dtype)
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
