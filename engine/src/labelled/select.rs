//! Selecting by places and by labels.

use std::ops;

use super::array::DataArray;
use super::core::{Coord, Labelled};
use super::error::{Built, LabelError, built};
use super::labels::{Key, Label, Labels};
use super::time::Precision;
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

/// What is selected: one place, or several.
enum Chosen {
    One(usize),
    Several(Vec<usize>),
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

/// What to take where a label is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// Nothing: that is a mistake.
    Exact,
    /// The nearest one; of two that are as near, the larger.
    Nearest,
    /// The last one before.
    Pad,
    /// The first one after.
    Backfill,
}

/// The labels of a dimension, to be searched.
struct Search<'a> {
    operation: &'a str,
    coord: &'a Coord,
}

impl Search<'_> {
    fn labels(&self) -> &Labels {
        &self.coord.labels
    }

    fn kind(&self, label: &Label) -> LabelError {
        let (operation, dim) = (self.operation.to_owned(), self.coord.name.clone());
        LabelError::Kind { operation, dim, has: self.labels().kind(), label: label.to_string() }
    }

    fn missing(&self, label: &Label) -> LabelError {
        let labels = self.labels();
        if labels.is_empty() {
            return LabelError::parameter(self.operation, format!("`{}` has no labels at all", self.coord.name));
        }
        let hint = match (self.number(label), labels) {
            (_, Labels::Texts(texts)) => {
                let Label::Text(wanted) = label else { return self.kind(label) };
                let similar = crate::similar::most_similar(wanted, texts.iter(), |text| text.as_str());
                similar.map_or(String::new(), |similar| format!("; did you mean \"{similar}\"?"))
            }
            (Some(wanted), _) => match self.nearest(wanted, Method::Nearest) {
                Some(place) => format!("; the nearest is {}, which `sel_nearest` takes", labels.text(place)),
                None => String::new(),
            },
            (None, _) => String::new(),
        };
        LabelError::NoLabel {
            operation: self.operation.to_owned(),
            dim: self.coord.name.clone(),
            label: label.to_string(),
            first: labels.text(0),
            last: labels.text(labels.len() - 1),
            hint,
        }
    }

    /// A label as a number that can be compared with the coordinate's.
    fn number(&self, label: &Label) -> Option<f64> {
        match (self.labels(), label) {
            (Labels::Texts(_), _) => None,
            (Labels::Times(times), label) => label.seconds(times.calendar()).map(|(first, _, _)| first as f64),
            (_, Label::Number(value)) => Some(*value),
            _ => None,
        }
    }

    fn nearest(&self, wanted: f64, method: Method) -> Option<usize> {
        let numbers = self.labels().numbers()?;
        let allowed = |&(_, value): &(usize, f64)| match method {
            Method::Exact => value == wanted,
            Method::Nearest => !value.is_nan(),
            Method::Pad => value <= wanted,
            Method::Backfill => value >= wanted,
        };
        let candidates = numbers.into_iter().enumerate().filter(allowed);
        let nearer = |one: &(usize, f64), other: &(usize, f64)| {
            let (near, far) = ((one.1 - wanted).abs(), (other.1 - wanted).abs());
            near.total_cmp(&far).then(other.1.total_cmp(&one.1)).then(one.0.cmp(&other.0))
        };
        candidates.min_by(nearer).map(|(place, _)| place)
    }

    /// All places of one label, and whether it is a single one that takes the dimension away.
    fn one(&self, label: &Label) -> Built<Chosen> {
        let labels = self.labels();
        let places: Vec<usize> = match (labels, label) {
            (Labels::Times(times), label) => {
                let Some((first, last, precision)) = label.seconds(times.calendar()) else {
                    return Err(self.kind(label));
                };
                let within = |seconds: &i64| (first..=last).contains(seconds);
                // What is said less precisely than the times are is a range.
                let is_range = precision < times.precision().max(Precision::Day);
                let places: Vec<usize> =
                    times.seconds().iter().enumerate().filter(|(_, at)| within(at)).map(|(place, _)| place).collect();
                if is_range && !places.is_empty() {
                    return Ok(Chosen::Several(places));
                }
                if is_range {
                    places
                } else {
                    places.into_iter().filter(|&place| times.seconds()[place] == first).collect()
                }
            }
            (Labels::Texts(texts), Label::Text(wanted)) => {
                texts.iter().enumerate().filter(|(_, text)| *text == wanted).map(|(place, _)| place).collect()
            }
            (Labels::Singles(values), Label::Number(wanted)) => {
                let is = |value: f32| f64::from(value) == *wanted || value == *wanted as f32;
                values.iter().enumerate().filter(|(_, value)| is(**value)).map(|(place, _)| place).collect()
            }
            (Labels::Numbers(_) | Labels::Integers(_), Label::Number(wanted)) => {
                let wanted = Key::number(*wanted);
                labels.keys().enumerate().filter(|(_, key)| *key == wanted).map(|(place, _)| place).collect()
            }
            _ => return Err(self.kind(label)),
        };
        match places[..] {
            [] => Err(self.missing(label)),
            [place] => Ok(Chosen::One(place)),
            _ => Ok(Chosen::Several(places)),
        }
    }

    /// The places of all labels from one to another. It does not matter which way the labels go.
    fn range(&self, start: Option<&Label>, end: Option<&Label>) -> Built<Vec<usize>> {
        if let Labels::Texts(texts) = self.labels() {
            let text = |label: Option<&Label>| match label {
                None => Ok(None),
                Some(Label::Text(text)) => Ok(Some(text.clone())),
                Some(other) => Err(self.kind(other)),
            };
            let (start, end) = (text(start)?, text(end)?);
            self.in_order(texts.is_sorted() || texts.is_sorted_by(|one, other| one >= other))?;
            let within = |text: &String| {
                start.as_ref().is_none_or(|start| text >= start) && end.as_ref().is_none_or(|end| text <= end)
            };
            return Ok(texts.iter().enumerate().filter(|(_, text)| within(text)).map(|(place, _)| place).collect());
        }
        let edge = |label: &Label, at_end: bool| match (self.labels(), label) {
            (Labels::Times(times), label) => {
                let said = label.seconds(times.calendar()).map(|(first, last, _)| if at_end { last } else { first });
                said.map(|seconds| seconds as f64).ok_or_else(|| self.kind(label))
            }
            // A bound that is a label is one also when it was rounded to be stored.
            (Labels::Singles(values), Label::Number(value)) => {
                Ok(if values.contains(&(*value as f32)) { f64::from(*value as f32) } else { *value })
            }
            (_, Label::Number(value)) => Ok(*value),
            _ => Err(self.kind(label)),
        };
        let numbers = self.labels().numbers().unwrap_or_default();
        let rises = numbers.is_sorted();
        let falls = !rises && numbers.is_sorted_by(|one, other| one >= other);
        self.in_order(rises || falls)?;
        // Times are said from the earlier to the later; where numbers fall, both ways are meant.
        let mut low = start.map(|label| edge(label, false)).transpose()?;
        let mut high = end.map(|label| edge(label, true)).transpose()?;
        let open_end_first = falls && (low.is_none() != high.is_none());
        let turned = low.zip(high).is_some_and(|(low, high)| low > high);
        if falls && (turned || open_end_first) {
            (low, high) = match self.labels() {
                Labels::Times(_) => (
                    end.map(|label| edge(label, false)).transpose()?,
                    start.map(|label| edge(label, true)).transpose()?,
                ),
                _ => (high, low),
            };
        }
        let within = |value: f64| low.is_none_or(|low| value >= low) && high.is_none_or(|high| value <= high);
        Ok(numbers.iter().enumerate().filter(|(_, value)| within(**value)).map(|(place, _)| place).collect())
    }

    fn in_order(&self, is_sorted: bool) -> Built<()> {
        let why = || {
            format!(
                "the labels of `{}` neither rise nor fall, so a range of them says nothing; name them all",
                self.coord.name
            )
        };
        if is_sorted { Ok(()) } else { Err(LabelError::parameter(self.operation, why())) }
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
