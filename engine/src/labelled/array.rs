//! The typed front: what is made of what, and what is known of it.

use std::marker::PhantomData;

use ndarray::ArrayD;
use serde_json::{Map, Value as Json};

use super::core::{Coord, Labelled, typed};
use super::error::{Built, LabelError, built};
use super::labels::Labels;
use crate::array::{Array, Cast, Chunking, Element, Float};
use crate::delayed::{Gathered, Output};
use crate::error::Result;
use crate::task::Value;

/// An array whose axes have names, and labels along them: see the [module](super).
///
/// Elements are an [`Array<T>`]: lazy, in blocks, computed when they are asked for. Labels are in memory. What does not fit
/// panics where it is written, with the names that there are. Cloning shares everything.
pub struct DataArray<T = f64> {
    pub(crate) inner: Labelled,
    element: PhantomData<fn() -> T>,
}

impl<T> Clone for DataArray<T> {
    fn clone(&self) -> Self {
        DataArray::of(self.inner.clone())
    }
}

impl<T> std::fmt::Debug for DataArray<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&super::show::text(&self.inner))
    }
}

impl<T> DataArray<T> {
    /// The elements are of type `T`; nobody else makes these.
    pub(crate) fn of(inner: Labelled) -> DataArray<T> {
        DataArray { inner, element: PhantomData }
    }

    /// An array with a name for each axis.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let t = DataArray::new(Array::<f32>::ones((3, 4), 2), ["y", "x"]).assign_coords("x", [10, 20, 30, 40]);
    /// assert_eq!(t.sel("x", 30).dims(), ["y"]);
    /// ```
    ///
    /// # Panics
    /// When there are more or fewer names than axes, one is there twice, or the length of an axis is not known.
    #[track_caller]
    pub fn new<S: Into<String>>(data: Array<T>, dims: impl IntoIterator<Item = S>) -> DataArray<T> {
        let dims = dims.into_iter().map(Into::into).collect();
        DataArray::of(built(Labelled::new("DataArray::new", typed(&data), dims)))
    }

    /// With a name.
    pub fn with_name(mut self, name: impl Into<String>) -> DataArray<T> {
        self.inner.name = Some(name.into());
        self
    }

    /// With another attribute.
    pub fn with_attr(mut self, name: impl Into<String>, value: impl Into<Json>) -> DataArray<T> {
        self.inner.attrs.insert(name.into(), value.into());
        self
    }

    /// With labels along the dimension of that name. A single label of another name stays beside the array.
    ///
    /// # Panics
    /// When there is no such dimension, or there are more or fewer labels than it is long.
    #[track_caller]
    pub fn assign_coords(&self, name: &str, labels: impl Into<Labels>) -> DataArray<T> {
        let labels = labels.into();
        let dim = match labels.len() {
            1 if !self.inner.dims.iter().any(|dim| dim == name) => None,
            _ => Some(name.to_owned()),
        };
        self.with_coord(Coord { name: name.to_owned(), dim, labels, attrs: Map::new() })
    }

    /// With labels of another name along a dimension, beside those that it may have.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let t = DataArray::new(Array::<f64>::arange(4, 2), ["x"]).assign_coords_along("kind", "x", ["a", "b", "a", "b"]);
    /// assert_eq!(t.groupby("kind").sum().sel("kind", "b").item()?, 4.0);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// As [`assign_coords`](DataArray::assign_coords).
    #[track_caller]
    pub fn assign_coords_along(&self, name: &str, dim: &str, labels: impl Into<Labels>) -> DataArray<T> {
        let dim = Some(dim.to_owned());
        self.with_coord(Coord { name: name.to_owned(), dim, labels: labels.into(), attrs: Map::new() })
    }

    /// With a coordinate of another array, and its attributes.
    ///
    /// # Panics
    /// As [`assign_coords`](DataArray::assign_coords).
    #[track_caller]
    pub fn with_coord(&self, coord: Coord) -> DataArray<T> {
        let mut inner = self.inner.clone();
        built(inner.set_coord("assign_coords", coord));
        DataArray::of(inner)
    }

    /// With an attribute of a coordinate.
    ///
    /// # Panics
    /// When there is no such coordinate.
    #[track_caller]
    pub fn with_coord_attr(&self, coord: &str, name: &str, value: impl Into<Json>) -> DataArray<T> {
        let mut coord = built(self.inner.coord("with_coord_attr", coord)).clone();
        coord.attrs.insert(name.to_owned(), value.into());
        self.with_coord(coord)
    }

    /// Without a coordinate.
    ///
    /// # Panics
    /// When there is no such coordinate.
    #[track_caller]
    pub fn drop_coord(&self, name: &str) -> DataArray<T> {
        built(self.inner.coord("drop_coord", name));
        let mut inner = self.inner.clone();
        inner.coords.retain(|coord| coord.name != name);
        DataArray::of(inner)
    }

    /// The array without names.
    pub fn data(&self) -> Array<T> {
        typed(&self.inner.data)
    }

    /// The names of the axes.
    pub fn dims(&self) -> Vec<&str> {
        self.inner.names()
    }

    /// The lengths of the axes.
    pub fn shape(&self) -> Vec<usize> {
        self.inner.data.shape()
    }

    /// The length of a dimension.
    ///
    /// # Panics
    /// When there is no such dimension.
    #[track_caller]
    pub fn size(&self, dim: &str) -> usize {
        self.inner.len(built(self.inner.axis("size", dim)))
    }

    /// The coordinates.
    pub fn coords(&self) -> &[Coord] {
        &self.inner.coords
    }

    /// A coordinate.
    ///
    /// # Panics
    /// When there is no such coordinate.
    #[track_caller]
    pub fn coord(&self, name: &str) -> &Coord {
        built(self.inner.coord("coord", name))
    }

    /// The labels of a coordinate as an array of their own; times are seconds since 1970.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let t = DataArray::new(Array::<f64>::ones((2, 3), 2), ["lat", "lon"]).assign_coords("lat", [0.0, 60.0]);
    /// let weights = t.coord_array("lat").to_radians().cos();
    /// assert!((t.weighted(&weights).sum(..).item()? - 4.5).abs() < 1e-9);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When there is no such coordinate, or its labels are texts.
    #[track_caller]
    pub fn coord_array(&self, name: &str) -> DataArray<f64> {
        DataArray::of(built(coord_array(&self.inner, name)))
    }

    /// The name.
    pub fn name(&self) -> Option<&str> {
        self.inner.name.as_deref()
    }

    /// The attributes.
    pub fn attrs(&self) -> &Map<String, Json> {
        &self.inner.attrs
    }

    /// The same array in chunks of these lengths along some dimensions; the others stay as they are.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let t = DataArray::new(Array::<f64>::ones((6, 4), 2), ["y", "x"]).chunk([("y", 3)]);
    /// assert_eq!(t.data().numblocks(), [2, 2]);
    /// ```
    ///
    /// # Panics
    /// When there is no such dimension.
    #[track_caller]
    pub fn chunk<'a>(&self, lengths: impl IntoIterator<Item = (&'a str, usize)>) -> DataArray<T> {
        DataArray::of(built(chunked(&self.inner, &lengths.into_iter().collect::<Vec<_>>())))
    }

    /// A function of the array inside, which keeps the shape.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let t = DataArray::new(Array::<f64>::arange(4, 2), ["x"]).map(|x| x.hypot(1.0));
    /// assert_eq!(t.dims(), ["x"]);
    /// ```
    ///
    /// # Panics
    /// When the shape is another one.
    #[track_caller]
    pub fn map<R>(&self, function: impl FnOnce(&Array<T>) -> Array<R>) -> DataArray<R> {
        let data = function(&self.data());
        let (was, is) = (self.inner.data.shape(), data.shape());
        assert!(was == is, "`map` keeps the shape: the array has shape {was:?}, and the function gave {is:?}");
        DataArray::of(self.inner.with_data(&data))
    }
}

fn coord_array(of: &Labelled, name: &str) -> Built<Labelled> {
    let coord = of.coord("coord_array", name)?;
    let Some(numbers) = coord.labels.numbers() else {
        return Err(LabelError::parameter("coord_array", format!("the labels of `{name}` are texts")));
    };
    let data = Array::<f64>::from_vec(numbers, usize::MAX);
    let (data, dims) = match &coord.dim {
        Some(dim) => (data, vec![dim.clone()]),
        None => (data.squeeze(), Vec::new()),
    };
    let mut array = Labelled::new("coord_array", typed(&data), dims)?;
    array.coords = of.coords.iter().filter(|other| other.dim == coord.dim || other.dim.is_none()).cloned().collect();
    array.name = Some(name.to_owned());
    array.attrs = coord.attrs.clone();
    Ok(array)
}

pub(super) fn chunked(of: &Labelled, lengths: &[(&str, usize)]) -> Built<Labelled> {
    let mut chunks = of.data.chunks();
    for &(dim, length) in lengths {
        let axis = of.axis("chunk", dim)?;
        let len = of.len(axis);
        let length = length.clamp(1, len.max(1));
        chunks[axis] = (0..len.div_ceil(length).max(1)).map(|at| length.min(len - at * length)).collect();
    }
    Ok(of.with_data(&of.data.rechunk(Chunking::Explicit(chunks))))
}

impl<T: Element> DataArray<T> {
    /// Computes the elements.
    ///
    /// # Errors
    /// As [`Array::compute`].
    pub fn compute(&self) -> Result<ArrayD<T>> {
        self.data().compute()
    }

    /// Computes the only element.
    ///
    /// # Errors
    /// As [`Array::item`].
    ///
    /// # Panics
    /// When there are other than one.
    #[track_caller]
    pub fn item(&self) -> Result<T> {
        self.data().item()
    }

    /// Computes the elements now and keeps them in memory: what is built on the array that comes back starts from them.
    ///
    /// # Errors
    /// As [`Array::persist`].
    pub fn persist(&self) -> Result<DataArray<T>> {
        Ok(DataArray::of(self.inner.with_data(&self.data().persist()?)))
    }

    /// The same values as another type: see [`Array::astype`].
    pub fn astype<R: Element>(&self) -> DataArray<R>
    where
        T: Cast<R>,
    {
        DataArray::of(self.inner.with_data(&self.data().astype::<R>()))
    }

    /// A function of each element: see [`Array::map_elements`].
    pub fn map_elements<R: Element>(&self, function: impl Fn(T) -> R + Send + Sync + 'static) -> DataArray<R> {
        DataArray::of(self.inner.with_data(&self.data().map_elements(function)))
    }
}

impl<T: Element> Output for DataArray<T> {
    type Value = ArrayD<T>;
    type Kept = DataArray<T>;
    fn gather(&self, into: &mut Gathered) {
        self.data().gather(into);
    }
    fn take(&self, values: &mut std::vec::IntoIter<Value>) -> ArrayD<T> {
        Output::take(&self.data(), values)
    }
    fn keep(&self, values: &mut std::vec::IntoIter<Value>) -> DataArray<T> {
        DataArray::of(self.inner.with_data(&self.data().keep(values)))
    }
}

macro_rules! mathematics {
    ($($method:ident)*) => { $(
        #[doc = concat!("As [`Array::", stringify!($method), "`].")]
        pub fn $method(&self) -> DataArray<T> {
            DataArray::of(self.inner.with_data(&self.data().$method()))
        }
    )* };
}

impl<T: Float> DataArray<T> {
    mathematics!(sqrt cbrt exp ln log2 log10 sin cos tan asin acos atan sinh cosh tanh floor ceil round to_degrees to_radians);

    /// The absolute values.
    pub fn abs(&self) -> DataArray<T> {
        DataArray::of(self.inner.with_data(&self.data().abs()))
    }

    /// Where elements are missing: NaN.
    pub fn isnull(&self) -> DataArray<bool> {
        DataArray::of(self.inner.with_data(&self.data().is_nan()))
    }

    /// Where elements are there: not NaN.
    pub fn notnull(&self) -> DataArray<bool> {
        DataArray::of(self.inner.with_data(&!self.data().is_nan()))
    }

    /// The elements, with a value in the place of NaNs.
    pub fn fillna(&self, value: T) -> DataArray<T> {
        DataArray::of(self.inner.with_data(&self.data().fill_nan(value)))
    }
}
