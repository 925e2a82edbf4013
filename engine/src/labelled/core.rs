//! What a labelled array is, without the type of its elements: all work is done here, and compiled once.

use serde_json::{Map, Value as Json};

use super::error::{Built, LabelError};
use super::labels::Labels;
use crate::array::Array;
use crate::array::DType;

/// An array whose element type only its node knows.
pub(crate) type Untyped = Array<()>;

/// The same array, with its type or without.
pub(crate) fn typed<T, U>(array: &Array<T>) -> Array<U> {
    Array::of(std::sync::Arc::clone(array.node()))
}

/// Labels under a name: those of a dimension, or one beside the array.
///
/// A coordinate whose name is that of its dimension is the dimension's index: [`sel`](super::DataArray::sel) looks there.
#[derive(Debug, Clone, PartialEq)]
pub struct Coord {
    pub(crate) name: String,
    pub(crate) dim: Option<String>,
    pub(crate) labels: Labels,
    pub(crate) attrs: Map<String, Json>,
}

impl Coord {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The dimension along which it goes; nothing for a single label.
    pub fn dim(&self) -> Option<&str> {
        self.dim.as_deref()
    }

    /// The labels.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// What else is known of it, such as its units.
    pub fn attrs(&self) -> &Map<String, Json> {
        &self.attrs
    }

    pub(crate) fn is_index(&self) -> bool {
        self.dim.as_ref() == Some(&self.name)
    }

    /// The labels at some places of its dimension.
    pub(crate) fn taken(&self, places: &[usize]) -> Coord {
        Coord { labels: self.labels.take(places), ..self.clone() }
    }

    /// One label, which has no dimension any more.
    pub(crate) fn picked(&self, place: usize) -> Coord {
        Coord { labels: self.labels.take(&[place]), dim: None, ..self.clone() }
    }
}

/// Elements with names and labels.
#[derive(Debug, Clone)]
pub(crate) struct Labelled {
    pub(crate) data: Untyped,
    pub(crate) dims: Vec<String>,
    pub(crate) coords: Vec<Coord>,
    pub(crate) name: Option<String>,
    pub(crate) attrs: Map<String, Json>,
}

impl Labelled {
    pub(crate) fn new(operation: &str, data: Untyped, dims: Vec<String>) -> Built<Labelled> {
        if dims.len() != data.ndim() {
            let why = format!("{} names of dimensions for an array of {} axes", dims.len(), data.ndim());
            return Err(LabelError::parameter(operation, why));
        }
        data.node().grid.require_known(operation)?;
        for (place, name) in dims.iter().enumerate() {
            if dims[..place].contains(name) {
                return Err(LabelError::parameter(operation, format!("the dimension `{name}` is named twice")));
            }
        }
        Ok(Labelled { data, dims, coords: Vec::new(), name: None, attrs: Map::new() })
    }

    pub(crate) fn dtype(&self) -> DType {
        self.data.dtype()
    }

    /// Other elements of the same shape.
    pub(crate) fn with_data<T>(&self, data: &Array<T>) -> Labelled {
        Labelled { data: typed(data), ..self.clone() }
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        self.dims.iter().map(String::as_str).collect()
    }

    /// The axis of a dimension.
    pub(crate) fn axis(&self, operation: &str, dim: &str) -> Built<usize> {
        let found = self.dims.iter().position(|name| name == dim);
        found.ok_or_else(|| LabelError::unknown(operation, "dimension", dim, &self.names()))
    }

    pub(crate) fn len(&self, axis: usize) -> usize {
        self.data.node().grid.axis(axis).len()
    }

    pub(crate) fn index(&self, dim: &str) -> Option<&Coord> {
        self.coords.iter().find(|coord| coord.name == dim && coord.is_index())
    }

    pub(crate) fn coord(&self, operation: &str, name: &str) -> Built<&Coord> {
        self.coords.iter().find(|coord| coord.name == name).ok_or_else(|| {
            let there: Vec<&str> = self.coords.iter().map(|coord| coord.name.as_str()).collect();
            LabelError::unknown(operation, "coordinate", name, &there)
        })
    }

    /// Puts a coordinate in, where another of that name may have been.
    pub(crate) fn set_coord(&mut self, operation: &str, coord: Coord) -> Built<()> {
        let (wanted, along) = match &coord.dim {
            Some(dim) => (self.len(self.axis(operation, dim)?), dim.as_str()),
            None => (1, "nothing"),
        };
        if coord.labels.len() != wanted {
            let why =
                format!("{} labels `{}` along `{along}`, which has length {wanted}", coord.labels.len(), coord.name);
            return Err(LabelError::parameter(operation, why));
        }
        if coord.dim.as_ref() != Some(&coord.name) && self.dims.contains(&coord.name) {
            let why = format!("`{}` is a dimension, and its labels go along it", coord.name);
            return Err(LabelError::parameter(operation, why));
        }
        match self.coords.iter_mut().find(|known| known.name == coord.name) {
            Some(known) => *known = coord,
            None => self.coords.push(coord),
        }
        Ok(())
    }

    /// The elements at some places of a dimension, and their labels.
    pub(crate) fn taken(&self, axis: usize, places: &[usize]) -> Labelled {
        let dim = &self.dims[axis];
        let coords = self.coords.iter().map(|coord| match coord.dim.as_ref() == Some(dim) {
            true => coord.taken(places),
            false => coord.clone(),
        });
        let coords = coords.collect();
        let data = self.data.take(places.to_vec(), axis as isize);
        Labelled { data, coords, ..self.clone() }
    }

    /// The elements at one place of a dimension, which goes; its labels there stay beside.
    pub(crate) fn picked(&self, axis: usize, place: usize) -> Labelled {
        let mut dims = self.dims.clone();
        let dim = dims.remove(axis);
        let coords = self.coords.iter().map(|coord| match coord.dim.as_ref() == Some(&dim) {
            true => coord.picked(place),
            false => coord.clone(),
        });
        let coords = coords.collect();
        let data = self.data.slice(at_place(self.dims.len(), axis, place));
        Labelled { data, dims, coords, ..self.clone() }
    }

    /// Without the coordinates along some dimensions.
    pub(crate) fn without(&mut self, dims: &[String]) {
        self.coords.retain(|coord| coord.dim.as_ref().is_none_or(|dim| !dims.contains(dim)));
    }

    /// The dimensions in another order; all are named.
    pub(crate) fn ordered(&self, order: &[usize]) -> Labelled {
        if order.iter().enumerate().all(|(place, &axis)| place == axis) {
            return self.clone();
        }
        let axes: Vec<isize> = order.iter().map(|&axis| axis as isize).collect();
        let dims = order.iter().map(|&axis| self.dims[axis].clone()).collect();
        Labelled { data: self.data.transpose(axes), dims, ..self.clone() }
    }
}

/// The slice that takes one place of one axis, and all of the others.
fn at_place(rank: usize, axis: usize, place: usize) -> Vec<ndarray::SliceInfoElem> {
    use ndarray::SliceInfoElem::{Index, Slice};
    (0..rank)
        .map(|at| if at == axis { Index(place as isize) } else { Slice { start: 0, end: None, step: 1 } })
        .collect()
}

/// The dimensions that a reduction folds: a name, several, or all: `"time"`, `["lat", "lon"]`, `..`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dims(Option<Vec<String>>);

impl From<&str> for Dims {
    fn from(name: &str) -> Dims {
        Dims(Some(vec![name.to_owned()]))
    }
}

impl From<&String> for Dims {
    fn from(name: &String) -> Dims {
        Dims::from(name.as_str())
    }
}

impl<S: AsRef<str>, const N: usize> From<[S; N]> for Dims {
    fn from(names: [S; N]) -> Dims {
        Dims::from(&names[..])
    }
}

impl<S: AsRef<str>> From<&[S]> for Dims {
    fn from(names: &[S]) -> Dims {
        Dims(Some(names.iter().map(|name| name.as_ref().to_owned()).collect()))
    }
}

impl<S: AsRef<str>> From<Vec<S>> for Dims {
    fn from(names: Vec<S>) -> Dims {
        Dims::from(&names[..])
    }
}

impl From<std::ops::RangeFull> for Dims {
    fn from(_all: std::ops::RangeFull) -> Dims {
        Dims(None)
    }
}

impl Dims {
    /// The axes, each once.
    pub(crate) fn axes(&self, operation: &str, of: &Labelled) -> Built<Vec<usize>> {
        let Some(names) = &self.0 else { return Ok((0..of.dims.len()).collect()) };
        let mut axes = Vec::with_capacity(names.len());
        for name in names {
            let axis = of.axis(operation, name)?;
            if axes.contains(&axis) {
                return Err(LabelError::parameter(operation, format!("the dimension `{name}` is named twice")));
            }
            axes.push(axis);
        }
        Ok(axes)
    }

    /// The names; nothing for all.
    pub(crate) fn named(&self) -> Option<&[String]> {
        self.0.as_deref()
    }
}
