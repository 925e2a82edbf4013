//! From files: names, labels and times by the CF conventions.

use std::path::Path;
use std::sync::Arc;

use super::core::{Coord, Labelled, Untyped, typed};
use super::dataset::Dataset;
use super::labels::Labels;
use super::time::Times;
use crate::array::dispatch::with_real;
use crate::array::store::{Container, Variable};
use crate::array::{Cast, DType};
use crate::error::Result;

/// More labels than this along a dimension are not read: they are in memory.
const MOST_LABELS: usize = 1 << 27;

/// The names of a variable's axes. One without a name is called by its length.
fn dims(variable: &Variable, unnamed: &mut Vec<usize>) -> Vec<String> {
    let axes = variable.info.shape.iter().enumerate();
    axes.map(|(axis, len)| match variable.info.dimension_names.get(axis) {
        Some(Some(name)) => name.clone(),
        _ => {
            let number = unnamed.iter().position(|known| known == len).unwrap_or_else(|| {
                unnamed.push(*len);
                unnamed.len() - 1
            });
            format!("phony_dim_{number}")
        }
    })
    .collect()
}

/// The elements of an array as labels.
fn labels(container: &Container, variable: &Variable) -> Result<Labels> {
    if variable.is_text() {
        return Ok(Labels::Texts(container.texts(variable)?.into()));
    }
    let data = container.array(variable)?;
    Ok(match (data.dtype(), &variable.times) {
        (DType::I64, Some(times)) => {
            let seconds = typed::<_, i64>(&data).compute()?;
            Labels::Times(Times::new(seconds.into_raw_vec_and_offset().0, times.calendar()))
        }
        (DType::F32, _) => Labels::Singles(typed::<_, f32>(&data).compute()?.into_raw_vec_and_offset().0.into()),
        (DType::F64, _) => Labels::Numbers(typed::<_, f64>(&data).compute()?.into_raw_vec_and_offset().0.into()),
        (DType::Bool, _) => {
            let values = typed::<_, bool>(&data).astype::<i64>().compute()?;
            Labels::Integers(values.into_raw_vec_and_offset().0.into())
        }
        (DType::Complex32 | DType::Complex64, _) => Labels::Texts(Arc::default()),
        (dtype, _) => Labels::Integers(whole(dtype, &data)?.into()),
    })
}

fn whole(dtype: DType, data: &Untyped) -> Result<Vec<i64>> {
    with_real!(dtype, T => {
        let values = typed::<_, T>(data).map_elements(|value: T| Cast::<i64>::cast(value)).compute()?;
        Ok(values.into_raw_vec_and_offset().0)
    })
}

pub(super) fn opened(path: &Path) -> Result<Dataset> {
    let container = Container::open(path.into())?;
    let (variables, mut unread) = container.variables()?;
    let mut listed = container.listed()?;
    listed.extend(variables.iter().flat_map(Variable::listed));
    let mut unnamed = Vec::new();
    let mut dataset = Dataset::new();
    dataset.attrs = container.attributes()?;
    let mut arrays = Vec::new();
    for variable in variables {
        let mut dims = dims(&variable, &mut unnamed);
        // Texts may be stored as rows of characters.
        if variable.is_text() && dims.len() == 2 {
            dims.pop();
        }
        let is_index = dims.len() == 1 && dims[0] == variable.name;
        let is_coord = is_index || listed.contains(&variable.name);
        let is_small = variable.info.shape.iter().product::<usize>() <= MOST_LABELS;
        if is_coord && dims.len() <= 1 && is_small {
            match labels(&container, &variable) {
                Ok(labels) => {
                    let (name, attrs) = (variable.name.clone(), variable.attributes());
                    dataset.coords.push(Coord { name, dim: dims.pop(), labels, attrs });
                }
                Err(error) => unread.push((variable.name, error.to_string())),
            }
        } else if variable.is_text() {
            unread.push((variable.name, "it holds texts, which no array does".to_owned()));
        } else {
            arrays.push((variable, dims));
        }
    }
    for (variable, dims) in arrays {
        let mut attrs = variable.attributes();
        if variable.times.is_some() {
            attrs.insert("units".into(), "seconds since 1970-01-01".into());
        }
        match container.array(&variable) {
            Ok(data) => {
                let mut array = Labelled::new("open", data, dims)?;
                array.attrs = attrs;
                array.name = Some(variable.name.clone());
                dataset.vars.push((variable.name, array));
            }
            Err(error) => unread.push((variable.name, error.to_string())),
        }
    }
    dataset.unread = unread;
    dataset.check("open")?;
    Ok(dataset)
}
