//! Other orders, names and numbers of dimensions.

use super::align::with_dims;
use super::array::DataArray;
use super::core::{Coord, Dims, Labelled, Untyped};
use super::error::{Built, LabelError, built};
use super::labels::Labels;

impl Labelled {
    fn transposed(&self, dims: &Dims) -> Built<Labelled> {
        const NAME: &str = "transpose";
        let Some(named) = dims.named() else {
            return Ok(self.ordered(&(0..self.dims.len()).rev().collect::<Vec<_>>()));
        };
        // `...` stands for the dimensions that are not named.
        let rest = |axis: &usize| !named.contains(&self.dims[*axis]);
        let mut order = Vec::new();
        for name in named {
            match name.as_str() {
                "..." => order.extend((0..self.dims.len()).filter(rest)),
                name => order.push(self.axis(NAME, name)?),
            }
        }
        let mut sorted = order.clone();
        sorted.sort_unstable();
        if !sorted.into_iter().eq(0..self.dims.len()) {
            let why = format!(
                "({}) does not name all of ({}) once; `...` names the rest",
                named.join(", "),
                self.dims.join(", ")
            );
            return Err(LabelError::parameter(NAME, why));
        }
        Ok(self.ordered(&order))
    }

    fn sorted(&self, dim: &str) -> Built<Labelled> {
        const NAME: &str = "sortby";
        let axis = self.axis(NAME, dim)?;
        let Some(coord) = self.index(dim) else {
            return Err(LabelError::parameter(NAME, format!("`{dim}` has no labels")));
        };
        let mut places: Vec<usize> = (0..coord.labels.len()).collect();
        match coord.labels.numbers() {
            Some(numbers) => places.sort_by(|&one, &other| numbers[one].total_cmp(&numbers[other])),
            None => places.sort_by_key(|&place| coord.labels.key(place)),
        }
        Ok(self.taken(axis, &places))
    }

    pub(super) fn renamed(&self, old: &str, new: &str) -> Built<Labelled> {
        const NAME: &str = "rename";
        let known =
            |name: &str| self.dims.iter().any(|dim| dim == name) || self.coords.iter().any(|coord| coord.name == name);
        if !known(old) {
            let mut there = self.names();
            there.extend(self.coords.iter().filter(|coord| !coord.is_index()).map(|coord| coord.name.as_str()));
            return Err(LabelError::unknown(NAME, "dimension or coordinate", old, &there));
        }
        if old != new && known(new) {
            return Err(LabelError::parameter(NAME, format!("there is a `{new}` already")));
        }
        let mut result = self.clone();
        let change = |name: &mut String| {
            if name == old {
                new.clone_into(name);
            }
        };
        result.dims.iter_mut().for_each(change);
        for coord in &mut result.coords {
            change(&mut coord.name);
            coord.dim.iter_mut().for_each(change);
        }
        Ok(result)
    }

    fn expanded(&self, dim: &str, axis: usize) -> Built<Labelled> {
        const NAME: &str = "expand_dims";
        if self.dims.iter().any(|name| name == dim) {
            return Err(LabelError::parameter(NAME, format!("there is a dimension `{dim}` already")));
        }
        let mut dims = self.dims.clone();
        dims.insert(axis.min(dims.len()), dim.to_owned());
        let mut result = with_dims(self, &dims);
        for coord in result.coords.iter_mut().filter(|coord| coord.name == dim) {
            coord.dim = Some(dim.to_owned());
        }
        Ok(result)
    }

    fn squeezed(&self, dims: &Dims) -> Built<Labelled> {
        const NAME: &str = "squeeze";
        let mut axes = dims.axes(NAME, self)?;
        match dims.named() {
            None => axes.retain(|&axis| self.len(axis) == 1),
            Some(_) => {
                if let Some(&axis) = axes.iter().find(|&&axis| self.len(axis) != 1) {
                    let why = format!("`{}` has length {}; what goes has length 1", self.dims[axis], self.len(axis));
                    return Err(LabelError::parameter(NAME, why));
                }
            }
        }
        axes.sort_unstable();
        Ok(axes.into_iter().rev().fold(self.clone(), |result, axis| result.picked(axis, 0)))
    }
}

/// Several one after the other along a dimension that they have, or side by side along a new one.
pub(super) fn joined(arrays: &[Labelled], dim: &str) -> Built<Labelled> {
    const NAME: &str = "concat";
    let Some(first) = arrays.first() else {
        return Err(LabelError::parameter(NAME, "there are no arrays"));
    };
    let has = |array: &Labelled| array.dims.iter().any(|name| name == dim);
    if let Some(place) = arrays.iter().position(|array| has(array) != has(first)) {
        let (with, without) = if has(first) { (0, place) } else { (place, 0) };
        return Err(LabelError::parameter(
            NAME,
            format!("array {with} has a dimension `{dim}`, and array {without} has none"),
        ));
    }
    let arrays: Vec<Labelled> = match has(first) {
        true => arrays.to_vec(),
        false => arrays.iter().map(|array| array.expanded(dim, 0)).collect::<Built<_>>()?,
    };
    let first = &arrays[0];
    let mut ordered: Vec<Labelled> = Vec::with_capacity(arrays.len());
    for (place, array) in arrays.iter().enumerate() {
        let order: Option<Vec<usize>> =
            first.dims.iter().map(|dim| array.dims.iter().position(|own| own == dim)).collect();
        let Some(order) = order.filter(|order| order.len() == array.dims.len()) else {
            let (first, own) = (first.dims.join(", "), array.dims.join(", "));
            return Err(LabelError::parameter(
                NAME,
                format!("array 0 has dimensions ({first}), and array {place} ({own})"),
            ));
        };
        let array = array.ordered(&order);
        for (axis, name) in first.dims.iter().enumerate().filter(|(_, name)| *name != dim) {
            let labels = first.index(name).zip(array.index(name)).is_none_or(|(one, two)| one.labels.same(&two.labels));
            if first.len(axis) != array.len(axis) || !labels {
                let why =
                    format!("array 0 and array {place} differ along `{name}`: `align` or `sel` gives what both have");
                return Err(LabelError::parameter(NAME, why));
            }
        }
        ordered.push(array);
    }
    let parts: Vec<Untyped> = ordered.iter().map(|array| array.data.clone()).collect();
    let axis = first.axis(NAME, dim)?;
    let mut result = ordered[0].clone();
    result.data = Untyped::concatenate(&parts, axis as isize);
    // What goes along the dimension has to be everywhere; what stands beside stays where it is not contradicted.
    let same = |coord: &Coord| {
        let is_along = coord.dim.as_deref() == Some(dim);
        ordered.iter().all(|array| match array.coords.iter().find(|own| own.name == coord.name) {
            Some(own) => own.dim == coord.dim,
            None => !is_along,
        })
    };
    let mut coords = Vec::new();
    for coord in result.coords.iter().filter(|coord| same(coord)) {
        let all: Vec<&Labels> = ordered
            .iter()
            .flat_map(|array| &array.coords)
            .filter(|own| own.name == coord.name)
            .map(|own| &own.labels)
            .collect();
        let labels = match coord.dim.as_deref() {
            Some(along) if along == dim => Labels::joined(&all),
            // A single label that differs goes along the dimension.
            None if all.len() == ordered.len() && all.iter().any(|labels| !labels.same(all[0])) => {
                let lengths = ordered.iter().map(|array| array.len(axis));
                let each: Vec<Labels> =
                    all.iter().zip(lengths).map(|(labels, len)| labels.take(&vec![0; len])).collect();
                if let Some(labels) = Labels::joined(&each.iter().collect::<Vec<_>>()) {
                    coords.push(Coord { dim: Some(dim.to_owned()), labels, ..coord.clone() });
                }
                continue;
            }
            _ if all.iter().any(|labels| !labels.same(all[0])) => continue,
            _ => Some(coord.labels.clone()),
        };
        match labels {
            Some(labels) => coords.push(Coord { labels, ..coord.clone() }),
            None => {
                let why = format!("the labels `{}` are of different kinds, or calendars", coord.name);
                return Err(LabelError::parameter(NAME, why));
            }
        }
    }
    result.coords = coords;
    result.attrs.retain(|name, value| ordered.iter().all(|array| array.attrs.get(name) == Some(value)));
    result.name = result.name.filter(|name| ordered.iter().all(|array| array.name.as_ref() == Some(name)));
    Ok(result)
}

/// Arrays one after the other along a dimension that they have; along a new one they are side by side, and labels that each
/// has one of go along it.
///
/// ```
/// use taskloom::prelude::*;
/// use taskloom::labelled::concat;
/// let year = |year: i64| DataArray::new(Array::<f64>::full((3,), year as f64, 3), ["x"]).assign_coords("year", [year]);
/// let both = concat(&[year(2000), year(2001)], "year");
/// assert_eq!(both.dims(), ["year", "x"]);
/// assert_eq!(both.sel("year", 2001).mean(..).item()?, 2001.0);
/// # Ok::<(), taskloom::Error>(())
/// ```
///
/// # Panics
/// When there are no arrays, or they differ along other dimensions.
#[track_caller]
pub fn concat<T>(arrays: &[DataArray<T>], dim: &str) -> DataArray<T> {
    let arrays: Vec<Labelled> = arrays.iter().map(|array| array.inner.clone()).collect();
    DataArray::of(built(joined(&arrays, dim)))
}

impl<T> DataArray<T> {
    /// The dimensions in another order; `"..."` stands for those that are not named, and `..` turns the order around.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let t = DataArray::new(Array::<f64>::ones((4, 3, 2), 2), ["time", "lat", "lon"]);
    /// assert_eq!(t.transpose(["lon", "..."]).dims(), ["lon", "time", "lat"]);
    /// ```
    ///
    /// # Panics
    /// When not all dimensions are named, or one is twice.
    #[track_caller]
    pub fn transpose(&self, dims: impl Into<Dims>) -> DataArray<T> {
        DataArray::of(built(self.inner.transposed(&dims.into())))
    }

    /// Another name for a dimension with its labels, or for a coordinate.
    ///
    /// # Panics
    /// When there is none of that name, or the new one is taken.
    #[track_caller]
    pub fn rename(&self, old: &str, new: &str) -> DataArray<T> {
        DataArray::of(built(self.inner.renamed(old, new)))
    }

    /// The elements in the order of the labels of a dimension.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let t = DataArray::new(Array::<i64>::arange(3, 2), ["x"]).assign_coords("x", [30, 10, 20]);
    /// assert_eq!(t.sortby("x").compute()?.as_slice(), Some(&[1, 2, 0][..]));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When there is no such dimension, or it has no labels.
    #[track_caller]
    pub fn sortby(&self, dim: &str) -> DataArray<T> {
        DataArray::of(built(self.inner.sorted(dim)))
    }

    /// A new dimension of length 1 in front; a single label of that name becomes its label.
    ///
    /// # Panics
    /// When there is such a dimension already.
    #[track_caller]
    pub fn expand_dims(&self, dim: &str) -> DataArray<T> {
        DataArray::of(built(self.inner.expanded(dim, 0)))
    }

    /// Without some dimensions of length 1, or all of them: `..`. Their labels stay beside.
    ///
    /// # Panics
    /// When there is no such dimension, or it is longer.
    #[track_caller]
    pub fn squeeze(&self, dims: impl Into<Dims>) -> DataArray<T> {
        DataArray::of(built(self.inner.squeezed(&dims.into())))
    }
}
