//! Several labelled arrays under names, which share dimensions and labels.

use serde_json::{Map, Value as Json};

use super::array::{DataArray, chunked};
use super::core::{Coord, Labelled, Untyped, typed};
use super::error::{Built, LabelError, built};
use super::reduce::is_float;
use super::search::Method;
use super::select::{Places, Selector};
use super::show;
use crate::array::dispatch::{with_float, with_real};
use crate::array::{Cast, DType, Element};

/// Labelled arrays of any element types under names, such as those of a NetCDF file.
///
/// What has the same name is the same dimension, and has the same labels. Operations are those of [`DataArray`], on each
/// array that has the dimensions; [`array`](Dataset::array) gives one with its type.
///
/// ```
/// use taskloom::prelude::*;
/// let t = DataArray::new(Array::<f32>::ones((2, 3), 2), ["y", "x"]).assign_coords("x", [10, 20, 30]);
/// let count = DataArray::new(Array::<i64>::arange(3, 3), ["x"]);
/// let ds = Dataset::new().with("t", &t).with("count", &count).with_attr("title", "an example");
/// assert_eq!(ds.sizes(), [("y", 2), ("x", 3)]);
/// assert_eq!(ds.sel("x", 20).array::<i64>("count").item()?, 1);
/// assert_eq!(ds.mean("x").array::<f64>("t").compute()?.sum(), 2.0);
/// # Ok::<(), taskloom::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Dataset {
    /// Without their coordinates.
    pub(super) vars: Vec<(String, Labelled)>,
    pub(super) coords: Vec<Coord>,
    pub(super) attrs: Map<String, Json>,
    /// What is in the file and could not be read, and why.
    pub(super) unread: Vec<(String, String)>,
}

impl std::fmt::Debug for Dataset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&show::dataset_text(self))
    }
}

impl Dataset {
    /// Nothing yet.
    pub fn new() -> Dataset {
        Dataset::default()
    }

    /// With another array, in the place of one of that name.
    ///
    /// # Panics
    /// When a dimension has another length, or other labels, than it has here.
    #[track_caller]
    pub fn with<T>(mut self, name: &str, array: &DataArray<T>) -> Dataset {
        built(self.put(name, &array.inner));
        self
    }

    /// With another attribute.
    pub fn with_attr(mut self, name: impl Into<String>, value: impl Into<Json>) -> Dataset {
        self.attrs.insert(name.into(), value.into());
        self
    }

    /// The array of a name. Numbers become floats where that is asked for; otherwise its type has to be `T`.
    ///
    /// # Panics
    /// When there is no such array, or it has another type.
    #[track_caller]
    pub fn array<T: Element>(&self, name: &str) -> DataArray<T> {
        DataArray::of(built(self.converted(name, T::DTYPE)))
    }

    /// Only the arrays named.
    ///
    /// # Panics
    /// When there is no such array.
    #[track_caller]
    pub fn select<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Dataset {
        let mut result = Dataset { attrs: self.attrs.clone(), ..Dataset::new() };
        for name in names {
            built(self.attached(name).and_then(|var| result.put(name, &var)));
        }
        result
    }

    /// The names of the arrays.
    pub fn data_vars(&self) -> Vec<&str> {
        self.vars.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// The type of an array's elements.
    ///
    /// # Panics
    /// When there is no such array.
    #[track_caller]
    pub fn dtype(&self, name: &str) -> DType {
        built(self.var(name)).dtype()
    }

    /// The dimensions and their lengths.
    pub fn sizes(&self) -> Vec<(&str, usize)> {
        let mut sizes: Vec<(&str, usize)> = Vec::new();
        let of_vars = self.vars.iter().flat_map(|(_, var)| show::sizes_of(var));
        let of_coords = self.coords.iter().filter_map(|coord| Some((coord.dim()?, coord.labels.len())));
        for (dim, len) in of_vars.chain(of_coords) {
            if !sizes.iter().any(|(known, _)| *known == dim) {
                sizes.push((dim, len));
            }
        }
        sizes
    }

    /// The coordinates.
    pub fn coords(&self) -> &[Coord] {
        &self.coords
    }

    /// A coordinate.
    ///
    /// # Panics
    /// When there is no such coordinate.
    #[track_caller]
    pub fn coord(&self, name: &str) -> &Coord {
        let there: Vec<&str> = self.coords.iter().map(Coord::name).collect();
        let found = self.coords.iter().find(|coord| coord.name == name);
        built(found.ok_or_else(|| LabelError::unknown("coord", "coordinate", name, &there)))
    }

    /// The attributes.
    pub fn attrs(&self) -> &Map<String, Json> {
        &self.attrs
    }

    /// What is in the file and could not be read, each with the reason.
    pub fn unread(&self) -> &[(String, String)] {
        &self.unread
    }

    fn var(&self, name: &str) -> Built<&Labelled> {
        if let Some((_, var)) = self.vars.iter().find(|(known, _)| known == name) {
            return Ok(var);
        }
        match self.unread.iter().find(|(known, _)| known == name) {
            Some((_, why)) => Err(LabelError::parameter("array", format!("`{name}` could not be read: {why}"))),
            None => Err(LabelError::unknown("array", "array", name, &self.data_vars())),
        }
    }

    /// An array with the coordinates along its dimensions.
    pub(super) fn attached(&self, name: &str) -> Built<Labelled> {
        let mut var = self.var(name)?.clone();
        let fits = |coord: &&Coord| coord.dim.as_ref().is_none_or(|dim| var.dims.contains(dim));
        let coords = self.coords.iter().filter(fits).cloned().collect();
        var.coords = coords;
        var.name = Some(name.to_owned());
        Ok(var)
    }

    pub(super) fn converted(&self, name: &str, wanted: DType) -> Built<Labelled> {
        let var = self.attached(name)?;
        let has = var.dtype();
        if has == wanted {
            return Ok(var);
        }
        if !is_float(wanted) || matches!(has, DType::Bool | DType::Complex32 | DType::Complex64) {
            let why = format!("`{name}` has elements of type {has}, not {wanted}: `array::<{has}>(\"{name}\")`");
            return Err(LabelError::parameter("array", why));
        }
        let data: Untyped = with_float!(wanted, F => with_real!(has, R => {
            typed(&typed::<_, R>(&var.data).map_elements(|value: R| Cast::<F>::cast(value)))
        }));
        Ok(var.with_data(&data))
    }

    /// Puts an array in, and what it has of coordinates.
    pub(super) fn put(&mut self, name: &str, array: &Labelled) -> Built<()> {
        const NAME: &str = "Dataset::with";
        if self.coords.iter().chain(&array.coords).any(|coord| coord.name == name) {
            return Err(LabelError::parameter(NAME, format!("`{name}` is a coordinate already")));
        }
        for coord in &array.coords {
            match self.coords.iter().find(|known| known.name == coord.name) {
                None => self.coords.push(coord.clone()),
                Some(known) if known.dim == coord.dim && known.labels.same(&coord.labels) => {}
                Some(_) => {
                    let why = format!(
                        "`{name}` has other labels `{}` than the arrays before; `align` gives what both have",
                        coord.name
                    );
                    return Err(LabelError::parameter(NAME, why));
                }
            }
        }
        let mut var = array.clone();
        var.coords.clear();
        match self.vars.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = var,
            None => self.vars.push((name.to_owned(), var)),
        }
        self.check(NAME)
    }

    /// Whether all that has the same name has the same length.
    pub(super) fn check(&self, operation: &str) -> Built<()> {
        let sizes = self.sizes();
        let of_vars = self
            .vars
            .iter()
            .flat_map(|(name, var)| show::sizes_of(var).into_iter().map(move |(dim, len)| (name.as_str(), dim, len)));
        let of_coords = self.coords.iter().filter_map(|coord| Some((coord.name(), coord.dim()?, coord.labels.len())));
        for (name, dim, len) in of_vars.chain(of_coords) {
            if let Some((_, known)) = sizes.iter().find(|(known, known_len)| *known == dim && *known_len != len) {
                let why = format!("`{dim}` has length {len} in `{name}`, and {known} elsewhere");
                return Err(LabelError::parameter(operation, why));
            }
        }
        Ok(())
    }

    /// An operation on all arrays that it is about; the others stay as they are. Coordinates are those of the results.
    pub(super) fn each(
        &self,
        concerns: impl Fn(&Labelled) -> bool,
        change: impl Fn(&Labelled) -> Built<Labelled>,
    ) -> Built<Dataset> {
        let mut result = Dataset { attrs: self.attrs.clone(), unread: self.unread.clone(), ..Dataset::new() };
        for (name, _) in &self.vars {
            let var = self.attached(name)?;
            let var = if concerns(&var) { change(&var)? } else { var };
            result.put(name, &var)?;
        }
        Ok(result)
    }

    pub(super) fn known_dim(&self, operation: &str, dim: &str) -> Built<()> {
        let sizes = self.sizes();
        let there: Vec<&str> = sizes.iter().map(|(dim, _)| *dim).collect();
        if there.contains(&dim) { Ok(()) } else { Err(LabelError::unknown(operation, "dimension", dim, &there)) }
    }

    pub(super) fn along(
        &self,
        operation: &str,
        dim: &str,
        change: impl Fn(&Labelled) -> Built<Labelled>,
    ) -> Built<Dataset> {
        self.known_dim(operation, dim)?;
        self.each(|var| var.dims.iter().any(|own| own == dim), change)
    }

    /// The elements at some places of a dimension: see [`DataArray::isel`].
    ///
    /// # Panics
    /// When there is no such dimension, or a place is outside of it.
    #[track_caller]
    pub fn isel(&self, dim: &str, places: impl Into<Places>) -> Dataset {
        let places = places.into();
        built(self.along("isel", dim, |var| var.isel(dim, &places)))
    }

    /// The elements at some labels of a dimension: see [`DataArray::sel`].
    ///
    /// # Panics
    /// When there is no such dimension, it has no labels, or not these.
    #[track_caller]
    pub fn sel(&self, dim: &str, labels: impl Into<Selector>) -> Dataset {
        self.sel_method(dim, labels, Method::Exact)
    }

    /// As [`sel`](Dataset::sel), with what to take where a label is not there.
    ///
    /// # Panics
    /// When there is no such dimension, or nothing that could be taken.
    #[track_caller]
    pub fn sel_method(&self, dim: &str, labels: impl Into<Selector>, method: Method) -> Dataset {
        let labels = labels.into();
        built(self.along("sel", dim, |var| var.sel(dim, &labels, method)))
    }

    /// All arrays in chunks of these lengths along some dimensions: see [`DataArray::chunk`].
    ///
    /// # Panics
    /// When there is no such dimension.
    #[track_caller]
    pub fn chunk<'a>(&self, lengths: impl IntoIterator<Item = (&'a str, usize)>) -> Dataset {
        let lengths: Vec<(&str, usize)> = lengths.into_iter().collect();
        lengths.iter().for_each(|(dim, _)| built(self.known_dim("chunk", dim)));
        built(self.each(
            |_| true,
            |var| {
                let own: Vec<_> =
                    lengths.iter().filter(|(dim, _)| var.dims.iter().any(|own| own == dim)).copied().collect();
                chunked(var, &own)
            },
        ))
    }

    /// Another name for an array, a dimension or a coordinate.
    ///
    /// # Panics
    /// When there is none of that name, or the new one is taken.
    #[track_caller]
    pub fn rename(&self, old: &str, new: &str) -> Dataset {
        let mut result = self.clone();
        if let Some(place) = self.vars.iter().position(|(name, _)| name == old) {
            let taken = self.data_vars().contains(&new) || self.coords.iter().any(|coord| coord.name == new);
            if taken && old != new {
                built::<()>(Err(LabelError::parameter("rename", format!("there is a `{new}` already"))));
            }
            new.clone_into(&mut result.vars[place].0);
            return result;
        }
        let has =
            |var: &Labelled| var.dims.iter().any(|dim| dim == old) || var.coords.iter().any(|coord| coord.name == old);
        if !self.vars.iter().any(|(name, _)| self.attached(name).is_ok_and(|var| has(&var))) {
            let mut there = self.data_vars();
            there.extend(self.coords.iter().map(Coord::name));
            built::<()>(Err(LabelError::unknown("rename", "array, dimension or coordinate", old, &there)));
        }
        built(self.each(has, |var| var.renamed(old, new)))
    }
}
