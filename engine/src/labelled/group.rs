//! Groups along a dimension: the months of all years, the months one after the other.

use std::collections::BTreeMap;
use std::ops;

use super::align::{broadcast, described};
use super::array::DataArray;
use super::core::{Coord, Labelled, Untyped, typed};
use super::error::{Built, LabelError, built};
use super::frequency::Frequency;
use super::labels::{Key, Labels};
use super::reduce::{Fold, filled, is_float, present};
use super::time::Part;
use crate::array::dispatch::with_float;
use crate::array::grouped::{GroupFold, grouped, spread};
use crate::array::{Array, Element, Float, Number, Ordered};

/// Which group each element along an axis is in.
#[derive(Debug, Clone)]
pub(super) struct Groups {
    pub(super) axis: usize,
    /// What the dimension of the groups is called.
    name: String,
    codes: Vec<usize>,
    labels: Labels,
}

impl Groups {
    /// By a part of times, as in `time.month`, or by a coordinate.
    pub(super) fn by(of: &Labelled, what: &str) -> Built<Groups> {
        const NAME: &str = "groupby";
        let (coord, part) = match what.split_once('.') {
            Some((coord, part)) if !of.coords.iter().any(|known| known.name == what) => (coord, Some(part)),
            _ => (what, None),
        };
        let coord = of.coord(NAME, coord)?;
        let Some(dim) = &coord.dim else {
            return Err(LabelError::parameter(
                NAME,
                format!("`{}` is a single label, and makes no groups", coord.name),
            ));
        };
        let (name, labels) = match (part, &coord.labels) {
            (None, labels) => (coord.name.clone(), labels.clone()),
            (Some(name), Labels::Times(times)) => {
                let Some(part) = Part::named(name) else {
                    return Err(LabelError::unknown(NAME, "part of times", name, &Part::NAMES));
                };
                (name.to_owned(), part.labels(times))
            }
            (Some(name), labels) => {
                let why = format!("`{}` has {}, and only times have a {name}", coord.name, labels.kind());
                return Err(LabelError::parameter(NAME, why));
            }
        };
        let axis = of.axis(NAME, dim)?;
        // Groups are in the order of their labels.
        let mut known: BTreeMap<(Option<ordered::Number>, Key), usize> = BTreeMap::new();
        let numbers = labels.numbers();
        let order = |place: usize| (numbers.as_ref().map(|numbers| ordered::Number(numbers[place])), labels.key(place));
        for place in 0..labels.len() {
            known.entry(order(place)).or_insert(place);
        }
        let firsts: Vec<usize> = known.values().copied().collect();
        known.values_mut().enumerate().for_each(|(code, value)| *value = code);
        let codes = (0..labels.len()).map(|place| known[&order(place)]).collect();
        Ok(Groups { axis, name, codes, labels: labels.take(&firsts) })
    }

    /// By stretches of time.
    pub(super) fn resampled(of: &Labelled, dim: &str, step: &str) -> Built<Groups> {
        const NAME: &str = "resample";
        let axis = of.axis(NAME, dim)?;
        let frequency = Frequency::parse(NAME, step)?;
        let Some(Coord { labels: Labels::Times(times), .. }) = of.index(dim) else {
            return Err(LabelError::parameter(NAME, format!("`{dim}` has no times along it")));
        };
        if !times.seconds().is_sorted() {
            let why = format!("the times of `{dim}` do not rise; `sortby` puts them in order");
            return Err(LabelError::parameter(NAME, why));
        }
        let bins = frequency.bins(times.seconds(), times.calendar());
        let labels = Labels::Times(times.with(bins.labels.into()));
        Ok(Groups { axis, name: dim.to_owned(), codes: bins.codes, labels })
    }

    fn count(&self) -> usize {
        self.labels.len()
    }

    /// For each group whether nothing is in it.
    fn empty(&self) -> Vec<bool> {
        let mut empty = vec![true; self.count()];
        self.codes.iter().for_each(|&code| empty[code] = false);
        empty
    }
}

mod ordered {
    /// A number that can be sorted.
    #[derive(Debug, Clone, Copy, PartialEq)]
    pub(super) struct Number(pub(super) f64);
    impl Eq for Number {}
    impl PartialOrd for Number {
        fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
            Some(self.cmp(other))
        }
    }
    impl Ord for Number {
        fn cmp(&self, other: &Self) -> std::cmp::Ordering {
            self.0.total_cmp(&other.0)
        }
    }
}

impl Labelled {
    pub(super) fn grouped(&self, fold: Fold, groups: &Groups) -> Built<Labelled> {
        if groups.count() == 0 {
            return Err(LabelError::parameter(fold.name(), "there are no groups of no elements"));
        }
        let (how, data): (GroupFold, Untyped) = match fold {
            Fold::Sum => (GroupFold::Sum, filled(&self.data, false)),
            Fold::Prod => (GroupFold::Prod, filled(&self.data, true)),
            Fold::Mean => (GroupFold::Mean, self.data.clone()),
            Fold::Min => (GroupFold::Min, self.data.clone()),
            Fold::Max => (GroupFold::Max, self.data.clone()),
            Fold::Var => (GroupFold::Var, self.data.clone()),
            Fold::Std => (GroupFold::Std, self.data.clone()),
            Fold::Count => (GroupFold::Sum, typed(&present(&self.data))),
            Fold::Median | Fold::Any | Fold::All => {
                return Err(LabelError::parameter(fold.name(), "groups are not folded so"));
            }
        };
        let empty = groups.empty();
        let is_hole = empty.contains(&true);
        if is_hole && matches!(fold, Fold::Min | Fold::Max) && !is_float(self.dtype()) {
            let why = format!(
                "there are stretches of time without elements, and no {} says so; `astype::<f64>()` has NaN for it",
                self.dtype()
            );
            return Err(LabelError::parameter(fold.name(), why));
        }
        let node = grouped(how, data.node(), groups.axis, &groups.codes, groups.count())?;
        let mut data = Untyped::of(node);
        if is_hole && is_float(data.dtype()) {
            // Nothing is not zero here.
            let holes = Array::from_vec(empty, usize::MAX);
            let dims = self.dims.len();
            let holes = (groups.axis + 1..dims).fold(holes, |holes, _| holes.expand_dims(-1));
            data = with_float!(data.dtype(), T => {
                let nan = <T as num_traits::Float>::nan();
                typed(&holes.where_(nan, typed::<_, T>(&data)))
            });
        }
        let mut result = self.with_data(&data);
        let dim = self.dims[groups.axis].clone();
        result.without(std::slice::from_ref(&dim));
        result.coords.retain(|coord| coord.name != groups.name);
        result.dims[groups.axis].clone_from(&groups.name);
        let attrs = self.coords.iter().find(|coord| coord.name == groups.name).map(|coord| coord.attrs.clone());
        result.coords.push(Coord {
            name: groups.name.clone(),
            dim: Some(groups.name.clone()),
            labels: groups.labels.clone(),
            attrs: attrs.unwrap_or_default(),
        });
        Ok(result)
    }

    /// What was folded by groups, spread out along the dimension again.
    fn spread(&self, operation: &str, groups: &Groups, folded: &Labelled) -> Built<Labelled> {
        let axis = folded.axis(operation, &groups.name)?;
        let Some(index) = folded.index(&groups.name) else {
            return Err(LabelError::parameter(
                operation,
                format!("`{}` has no labels in the other array", groups.name),
            ));
        };
        let there = index.labels.places();
        let place = |code: usize| {
            there.get(&groups.labels.key(code)).copied().ok_or_else(|| {
                let why = format!("the other array has nothing for `{}` {}", groups.name, groups.labels.text(code));
                LabelError::parameter(operation, why)
            })
        };
        let of_group: Vec<usize> = (0..groups.count()).map(place).collect::<Built<_>>()?;
        let places: Vec<usize> = groups.codes.iter().map(|&code| of_group[code]).collect();
        let dim = &self.dims[groups.axis];
        let mut result = folded.clone();
        result.data = spread(&folded.data, axis, &places, &self.data, groups.axis);
        result.coords.retain(|coord| coord.dim.as_ref() != Some(&groups.name));
        result.dims[axis].clone_from(dim);
        result.coords.extend(self.index(dim).cloned());
        if groups.name != *dim && !self.coords.iter().any(|coord| coord.name == groups.name) {
            let labels = groups.labels.take(&groups.codes);
            result.coords.push(Coord {
                name: groups.name.clone(),
                dim: Some(dim.clone()),
                labels,
                attrs: Default::default(),
            });
        }
        Ok(result)
    }
}

macro_rules! folds {
    ($($(#[$doc:meta])* $method:ident: $out:ty = $fold:expr;)*) => { $(
        $(#[$doc])*
        ///
        /// # Panics
        /// When there are no groups.
        #[track_caller]
        pub fn $method(&self) -> DataArray<$out> {
            DataArray::of(built(self.inner.grouped($fold, &self.groups)))
        }
    )* };
}

macro_rules! group_folds {
    ($type:ident) => {
        impl<T: Number> $type<T> {
            folds! {
                /// The sum of each group, without NaNs.
                sum: T::Sum = Fold::Sum;
                /// The product of each group, without NaNs.
                prod: T::Sum = Fold::Prod;
                /// The mean of each group, without NaNs.
                mean: T::Mean = Fold::Mean;
            }
        }

        impl<T: Number<Mean: Float>> $type<T> {
            folds! {
                /// The variance of each group, without NaNs.
                var: T::Mean = Fold::Var;
                /// The standard deviation of each group, without NaNs.
                std: T::Mean = Fold::Std;
            }
        }

        impl<T: Ordered> $type<T> {
            folds! {
                /// The smallest element of each group, without NaNs.
                min: T = Fold::Min;
                /// The largest element of each group, without NaNs.
                max: T = Fold::Max;
            }
        }

        impl<T: Element> $type<T> {
            folds! {
                /// How many elements of each group are there: not NaN.
                count: u64 = Fold::Count;
            }
        }

        impl<T> $type<T> {
            /// How many groups there are.
            pub fn len(&self) -> usize {
                self.groups.count()
            }

            /// Whether there are none.
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// The labels of the groups.
            pub fn labels(&self) -> &Labels {
                &self.groups.labels
            }
        }

        impl<T> std::fmt::Debug for $type<T> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({} groups by `{}`)", stringify!($type), self.len(), self.groups.name)
            }
        }
    };
}

/// Groups of elements along a dimension, from [`groupby`](DataArray::groupby).
///
/// Folding them is one pass: each block is folded once, to what it has of each group.
#[derive(Clone)]
pub struct GroupBy<T> {
    pub(super) inner: Labelled,
    groups: Groups,
    element: std::marker::PhantomData<fn() -> T>,
}

/// Stretches of time, from [`resample`](DataArray::resample).
#[derive(Clone)]
pub struct Resample<T> {
    inner: Labelled,
    groups: Groups,
    element: std::marker::PhantomData<fn() -> T>,
}

group_folds!(GroupBy);
group_folds!(Resample);

impl<T> DataArray<T> {
    /// Groups of elements along a dimension: by a part of times, `"time.month"` (`year`, `month`, `day`, `hour`, `minute`,
    /// `second`, `dayofyear`, `dayofweek`, `quarter`, `season`), or by the labels of a coordinate. Groups are in the order
    /// of their labels.
    ///
    /// Arithmetic with what was folded spreads it out again: the deviation from the mean of all Januaries and so on is
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// use taskloom::labelled::date_range;
    /// let t = DataArray::new(Array::<f64>::arange(730, 100), ["time"]).assign_coords("time", date_range("2001-01-01", 730, "D"));
    /// let months = t.groupby("time.month");
    /// let normal = months.mean();
    /// assert_eq!((normal.dims(), normal.shape()), (vec!["month"], vec![12]));
    /// let anomaly = &months - &normal;
    /// assert_eq!(anomaly.sel("time", "2001-01-01").item()?, -(365.0 + 30.0) / 2.0);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When there is no such coordinate, or it has no times to take a part of.
    #[track_caller]
    pub fn groupby(&self, what: &str) -> GroupBy<T> {
        let groups = built(Groups::by(&self.inner, what));
        GroupBy { inner: self.inner.clone(), groups, element: std::marker::PhantomData }
    }

    /// Stretches of time one after the other, by a step as pandas writes it: a number, where it is not 1, and `s`, `min`,
    /// `h`, `D`, `W`, `MS`, `QS`, `YS`, which are called by their first day, or `ME`, `QE`, `YE`, by their last; quarters and
    /// years may begin in a month, as in `QS-DEC`, weeks end on a day, as in `W-MON`. A stretch with nothing in it is NaN.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// use taskloom::labelled::date_range;
    /// let t = DataArray::new(Array::<f64>::ones((90,), 20), ["time"]).assign_coords("time", date_range("2001-01-01", 90, "D"));
    /// assert_eq!(t.resample("time", "MS").sum().compute()?.as_slice(), Some(&[31.0, 28.0, 31.0][..]));
    /// assert_eq!(t.resample("time", "30D").mean().shape(), [3]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When there is no such dimension, it has no times, or they do not rise, or the step is none.
    #[track_caller]
    pub fn resample(&self, dim: &str, step: &str) -> Resample<T> {
        let groups = built(Groups::resampled(&self.inner, dim, step));
        Resample { inner: self.inner.clone(), groups, element: std::marker::PhantomData }
    }
}

macro_rules! operators {
    ($($trait:ident $method:ident;)*) => { $(
        impl<T: Number> ops::$trait<&DataArray<T>> for &GroupBy<T> {
            type Output = DataArray<T>;
            #[track_caller]
            fn $method(self, other: &DataArray<T>) -> DataArray<T> {
                let (left, right, like) = built(beside(stringify!($method), &self.inner, &self.groups, &other.inner));
                DataArray::of(like.with_data(&ops::$trait::$method(typed::<_, T>(&left), typed::<_, T>(&right))))
            }
        }
        impl<T: Number> ops::$trait<DataArray<T>> for &GroupBy<T> {
            type Output = DataArray<T>;
            #[track_caller]
            fn $method(self, other: DataArray<T>) -> DataArray<T> {
                ops::$trait::$method(self, &other)
            }
        }
        impl<T: Number> ops::$trait<&DataArray<T>> for GroupBy<T> {
            type Output = DataArray<T>;
            #[track_caller]
            fn $method(self, other: &DataArray<T>) -> DataArray<T> {
                ops::$trait::$method(&self, other)
            }
        }
        impl<T: Number> ops::$trait<DataArray<T>> for GroupBy<T> {
            type Output = DataArray<T>;
            #[track_caller]
            fn $method(self, other: DataArray<T>) -> DataArray<T> {
                ops::$trait::$method(&self, &other)
            }
        }
    )* };
}
operators! {
    Add add;
    Sub sub;
    Mul mul;
    Div div;
}

/// The elements, what was folded spread out beside them, and what is said of the result.
fn beside(operation: &str, left: &Labelled, groups: &Groups, folded: &Labelled) -> Built<(Untyped, Untyped, Labelled)> {
    let right = left.spread(operation, groups, folded)?;
    let (left, right) = broadcast(operation, left, &right)?;
    let (coords, name, attrs) = described(&left, &right);
    let like = Labelled { data: left.data.clone(), dims: left.dims.clone(), coords, name, attrs };
    Ok((left.data, right.data, like))
}
