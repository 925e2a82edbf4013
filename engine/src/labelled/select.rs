//! Selecting by places and by labels.

use std::ops;

use super::array::DataArray;
use super::core::Labelled;
use super::error::{Built, LabelError, built};
use super::labels::Label;
use super::search::{Chosen, Method, Search};
use crate::array::Indices;

/// Places along a dimension: one, a range, or several. Negative ones count from the end.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Places {
    /// One, and the dimension goes.
    One(isize),
    /// From the first to before the second, in steps.
    Range(isize, Option<isize>, isize),
    /// Several, in the order in which they are named.
    Several(Indices),
}

macro_rules! places_from {
    ($($type:ty)*) => { $(
        impl From<$type> for Places {
            fn from(place: $type) -> Places {
                Places::One(place as isize)
            }
        }
        impl From<ops::Range<$type>> for Places {
            fn from(range: ops::Range<$type>) -> Places {
                Places::Range(range.start as isize, Some(range.end as isize), 1)
            }
        }
        impl From<ops::RangeFrom<$type>> for Places {
            fn from(range: ops::RangeFrom<$type>) -> Places {
                Places::Range(range.start as isize, None, 1)
            }
        }
        impl From<ops::RangeTo<$type>> for Places {
            fn from(range: ops::RangeTo<$type>) -> Places {
                Places::Range(0, Some(range.end as isize), 1)
            }
        }
        impl<const N: usize> From<[$type; N]> for Places {
            fn from(places: [$type; N]) -> Places {
                Places::Several(places.into())
            }
        }
        impl From<Vec<$type>> for Places {
            fn from(places: Vec<$type>) -> Places {
                Places::Several(places.into())
            }
        }
        impl From<&[$type]> for Places {
            fn from(places: &[$type]) -> Places {
                Places::Several(places.into())
            }
        }
    )* };
}
places_from!(i32 isize usize);

impl From<ndarray::Slice> for Places {
    fn from(slice: ndarray::Slice) -> Places {
        Places::Range(slice.start, slice.end, slice.step)
    }
}

impl Places {
    fn chosen(&self, operation: &str, dim: &str, len: usize) -> Built<Chosen> {
        let place = |index: isize| {
            let place = if index < 0 { index.checked_add(len as isize) } else { Some(index) };
            let inside = place.and_then(|place| usize::try_from(place).ok()).filter(|&place| place < len);
            inside.ok_or_else(|| {
                LabelError::parameter(operation, format!("place {index} is outside `{dim}`, which has length {len}"))
            })
        };
        Ok(match self {
            Places::One(index) => Chosen::One(place(*index)?),
            Places::Several(indices) => {
                Chosen::Several(indices.values().iter().map(|&index| place(index)).collect::<Built<_>>()?)
            }
            Places::Range(start, end, step) => {
                if *step == 0 {
                    return Err(LabelError::parameter(operation, format!("the step along `{dim}` is 0")));
                }
                let clamp = |at: isize| (if at < 0 { at + len as isize } else { at }).clamp(0, len as isize) as usize;
                let range = clamp(*start)..end.map_or(len, clamp);
                let step_by = step.unsigned_abs();
                // As ndarray: a negative step reads the range from its end.
                Chosen::Several(match *step > 0 {
                    true => range.step_by(step_by).collect(),
                    false => range.rev().step_by(step_by).collect(),
                })
            }
        })
    }
}

/// Labels of a dimension: one, several, or a range, which has both its ends in it: `"2015-03"`, `[10, 20]`,
/// `"2000-01-15"..="2000-03"`, `30.0..=60.0`, `..="1999"`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Selector {
    /// One label. A text that says a month of daily times is a range.
    One(Label),
    /// Several, in the order in which they are named.
    Several(Vec<Label>),
    /// From one to another, both included.
    Range(Option<Label>, Option<Label>),
}

macro_rules! selector_from {
    ($($type:ty)*) => { $(
        impl From<$type> for Selector {
            fn from(label: $type) -> Selector {
                Selector::One(label.into())
            }
        }
    )* };
}
selector_from!(f64 f32 i64 i32 usize u32 &str String &String crate::array::store::DateTime Label);

impl<L: Into<Label>> From<ops::RangeInclusive<L>> for Selector {
    fn from(range: ops::RangeInclusive<L>) -> Selector {
        let (start, end) = range.into_inner();
        Selector::Range(Some(start.into()), Some(end.into()))
    }
}

impl<L: Into<Label>> From<ops::RangeFrom<L>> for Selector {
    fn from(range: ops::RangeFrom<L>) -> Selector {
        Selector::Range(Some(range.start.into()), None)
    }
}

impl<L: Into<Label>> From<ops::RangeToInclusive<L>> for Selector {
    fn from(range: ops::RangeToInclusive<L>) -> Selector {
        Selector::Range(None, Some(range.end.into()))
    }
}

impl<L: Into<Label>, const N: usize> From<[L; N]> for Selector {
    fn from(labels: [L; N]) -> Selector {
        Selector::Several(labels.into_iter().map(Into::into).collect())
    }
}

impl<L: Into<Label>> From<Vec<L>> for Selector {
    fn from(labels: Vec<L>) -> Selector {
        Selector::Several(labels.into_iter().map(Into::into).collect())
    }
}

impl<L: Into<Label> + Clone> From<&[L]> for Selector {
    fn from(labels: &[L]) -> Selector {
        Selector::Several(labels.iter().cloned().map(Into::into).collect())
    }
}

impl Labelled {
    fn choose(&self, axis: usize, chosen: &Chosen) -> Labelled {
        match chosen {
            Chosen::One(place) => self.picked(axis, *place),
            Chosen::Several(places) => self.taken(axis, places),
        }
    }

    pub(super) fn isel(&self, dim: &str, places: &Places) -> Built<Labelled> {
        let axis = self.axis("isel", dim)?;
        Ok(self.choose(axis, &places.chosen("isel", dim, self.len(axis))?))
    }

    pub(super) fn sel(&self, dim: &str, selector: &Selector, method: Method) -> Built<Labelled> {
        const NAME: &str = "sel";
        let axis = self.axis(NAME, dim)?;
        let Some(coord) = self.index(dim) else {
            let why = format!("`{dim}` has no labels: `isel` takes places, and `assign_coords` gives labels");
            return Err(LabelError::parameter(NAME, why));
        };
        let search = Search { operation: NAME, coord };
        let near = |label: &Label| {
            let wanted = search.number(label).ok_or_else(|| search.kind(label))?;
            search.nearest(wanted, method).ok_or_else(|| search.missing(label))
        };
        let chosen = match selector {
            Selector::One(label) if method != Method::Exact => Chosen::One(near(label)?),
            Selector::Several(labels) if method != Method::Exact => {
                Chosen::Several(labels.iter().map(near).collect::<Built<_>>()?)
            }
            Selector::One(label) => search.one(label)?,
            Selector::Several(labels) => {
                let mut places = Vec::with_capacity(labels.len());
                for label in labels {
                    match search.one(label)? {
                        Chosen::One(place) => places.push(place),
                        Chosen::Several(more) => places.extend(more),
                    }
                }
                Chosen::Several(places)
            }
            Selector::Range(..) if method != Method::Exact => {
                let why = "a range takes what is between its ends; only single labels have a nearest one";
                return Err(LabelError::parameter(NAME, why));
            }
            Selector::Range(start, end) => Chosen::Several(search.range(start.as_ref(), end.as_ref())?),
        };
        Ok(self.choose(axis, &chosen))
    }
}

impl<T> DataArray<T> {
    /// The elements at some places of a dimension: one, whose dimension goes, a range, or several.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let t = DataArray::new(Array::<i64>::arange(12, 4).reshape((3, 4)), ["y", "x"]);
    /// assert_eq!(t.isel("y", -1).isel("x", 0..2).compute()?.as_slice(), Some(&[8, 9][..]));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When there is no such dimension, or a place is outside of it.
    #[track_caller]
    pub fn isel(&self, dim: &str, places: impl Into<Places>) -> DataArray<T> {
        DataArray::of(built(self.inner.isel(dim, &places.into())))
    }

    /// The elements at some labels of a dimension: see [`Selector`].
    ///
    /// A range of labels has both its ends in it; they may be named in either order, whether labels rise or fall. One with
    /// an open end goes on in the order of the labels. Times are written as texts; one that says a year, a month, or the
    /// day of hourly times takes all in it.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// use taskloom::labelled::date_range;
    /// let t = DataArray::new(Array::<i64>::arange(366, 100), ["time"]).assign_coords("time", date_range("2000-01-01", 366, "D"));
    /// assert_eq!(t.sel("time", "2000-02-01").item()?, 31);
    /// assert_eq!(t.sel("time", "2000-02").shape(), [29]);
    /// assert_eq!(t.sel("time", "2000-12-30"..).shape(), [2]);
    /// assert_eq!(t.sel("time", ["2000-01-03", "2000-01-02"]).compute()?.as_slice(), Some(&[2, 1][..]));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When there is no such dimension, it has no labels, or not these.
    #[track_caller]
    pub fn sel(&self, dim: &str, labels: impl Into<Selector>) -> DataArray<T> {
        built(self.try_sel(dim, labels))
    }

    /// As [`sel`](DataArray::sel).
    ///
    /// # Errors
    /// Where [`sel`](DataArray::sel) panics.
    pub fn try_sel(&self, dim: &str, labels: impl Into<Selector>) -> Result<DataArray<T>, LabelError> {
        Ok(DataArray::of(self.inner.sel(dim, &labels.into(), Method::Exact)?))
    }

    /// The elements at the labels of a dimension that are nearest to those named.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let t = DataArray::new(Array::<i64>::arange(3, 3), ["lat"]).assign_coords("lat", [-2.5, 0.0, 2.5]);
    /// assert_eq!(t.sel_nearest("lat", 1.9).item()?, 2);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When there is no such dimension, or it has no labels that could be near.
    #[track_caller]
    pub fn sel_nearest(&self, dim: &str, labels: impl Into<Selector>) -> DataArray<T> {
        self.sel_method(dim, labels, Method::Nearest)
    }

    /// As [`sel`](DataArray::sel), with what to take where a label is not there.
    ///
    /// # Panics
    /// When there is no such dimension, or nothing that could be taken.
    #[track_caller]
    pub fn sel_method(&self, dim: &str, labels: impl Into<Selector>, method: Method) -> DataArray<T> {
        DataArray::of(built(self.inner.sel(dim, &labels.into(), method)))
    }
}
