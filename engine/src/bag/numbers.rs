//! Sums, means, spreads and extremes.

use std::sync::Arc;

use super::Bag;
use super::item::{Item, reduced};
use super::node::Datum;
use super::reduce::{Folder, Folding, either, finishing, folding, nothing, pairwise};
use super::stream::{Flow, Reducer};
use crate::task::Made;

mod sealed {
    /// What a sum is held in while it grows.
    pub trait Total: Clone + Default + Send + Sync + 'static {
        fn merge(&mut self, other: &Self);
    }

    /// No whole number of 64 bits overflows it, however often it is added.
    impl Total for i128 {
        fn merge(&mut self, other: &Self) {
            *self += other;
        }
    }

    /// A sum, and what rounding has left out of it (Neumaier).
    #[derive(Debug, Clone, Default)]
    pub struct Rounded {
        pub sum: f64,
        pub left_out: f64,
    }

    impl Rounded {
        pub fn add(&mut self, value: f64) {
            let sum = self.sum + value;
            let lost = match self.sum.abs() >= value.abs() {
                true => (self.sum - sum) + value,
                false => (value - sum) + self.sum,
            };
            // Beside an infinity nothing is left out.
            if lost.is_finite() {
                self.left_out += lost;
            }
            self.sum = sum;
        }
    }

    impl Total for Rounded {
        fn merge(&mut self, other: &Self) {
            self.add(other.sum);
            self.left_out += other.left_out;
        }
    }

    pub trait Sealed: Copy {
        type Total: Total;
        type Sum: Clone + Send + Sync + 'static;
        fn add_to(self, total: &mut Self::Total);
        fn sum_of(total: Self::Total) -> Result<Self::Sum, String>;
        fn as_float(total: &Self::Total) -> f64;
        fn to_float(self) -> f64;
    }
}
use sealed::{Rounded, Sealed, Total};

/// The numbers of Rust: whole ones of up to 64 bits, and floats.
///
/// The sum of whole numbers is an `i64`, of unsigned ones a `u64`, and of floats an `f64`.
pub trait Number: Sealed + Send + Sync + 'static {}

macro_rules! whole {
    ($($type:ty => $sum:ty),*) => { $(
        impl Sealed for $type {
            type Total = i128;
            type Sum = $sum;
            #[inline]
            fn add_to(self, total: &mut i128) {
                *total += self as i128;
            }
            fn sum_of(total: i128) -> Result<$sum, String> {
                <$sum>::try_from(total).map_err(|_| {
                    format!("the sum is {total}, which does not fit into {}: add them up as `f64`", stringify!($sum))
                })
            }
            fn as_float(total: &i128) -> f64 {
                *total as f64
            }
            fn to_float(self) -> f64 {
                self as f64
            }
        }
        impl Number for $type {}
    )* };
}
whole!(i8 => i64, i16 => i64, i32 => i64, i64 => i64, isize => i64, u8 => u64, u16 => u64, u32 => u64, u64 => u64, usize => u64);

macro_rules! float {
    ($($type:ty),*) => { $(
        impl Sealed for $type {
            type Total = Rounded;
            type Sum = f64;
            #[inline]
            fn add_to(self, total: &mut Rounded) {
                total.add(self.into());
            }
            fn sum_of(total: Rounded) -> Result<f64, String> {
                Ok(Self::as_float(&total))
            }
            fn as_float(total: &Rounded) -> f64 {
                total.sum + total.left_out
            }
            fn to_float(self) -> f64 {
                self.into()
            }
        }
        impl Number for $type {}
    )* };
}
float!(f32, f64);

struct Sum;

impl<T: Number> Folder<T> for Sum {
    type Built = (T::Total, u64);
    fn begin(&self) -> Self::Built {
        Default::default()
    }
    #[inline]
    fn add(&self, built: &mut Self::Built, item: T) -> Flow {
        item.add_to(&mut built.0);
        built.1 += 1;
        Flow::Continue(())
    }
}

/// How many, their mean, and the sum of squares about it.
type Moments = (u64, f64, f64);

struct Spread;

impl<T: Number> Folder<T> for Spread {
    type Built = Moments;
    fn begin(&self) -> Moments {
        (0, 0.0, 0.0)
    }
    #[inline]
    fn add(&self, (count, mean, squares): &mut Moments, item: T) -> Flow {
        // Welford's recurrence.
        let value = item.to_float();
        *count += 1;
        let distance = value - *mean;
        *mean += distance / *count as f64;
        *squares += distance * (value - *mean);
        Flow::Continue(())
    }
}

/// The moments of two sets together (Chan, Golub and LeVeque).
fn both(a: Moments, b: Moments) -> Moments {
    let count = a.0 + b.0;
    if a.0 == 0 || b.0 == 0 {
        return if a.0 == 0 { b } else { a };
    }
    let (distance, share) = (b.1 - a.1, b.0 as f64 / count as f64);
    (count, a.1 + distance * share, a.2 + b.2 + distance * distance * a.0 as f64 * share)
}

impl<T: Number> Bag<T> {
    fn total<R: Datum>(
        &self,
        name: &'static str,
        finish: impl Fn((T::Total, u64)) -> Result<R, String> + Send + Sync + 'static,
    ) -> Item<R> {
        let reducer = Made::<dyn Reducer<T>>::by((), |()| Arc::new(Folding(Sum)));
        let merge = pairwise(|mut a: (T::Total, u64), b: (T::Total, u64)| {
            a.0.merge(&b.0);
            (a.0, a.1 + b.1)
        });
        reduced(&self.node, name, reducer, merge, finishing(finish))
    }

    /// The sum: of no items 0. Floats are added with the rounding kept apart; a sum that does not fit fails the compute.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// assert_eq!(Bag::range(101, 3).sum().compute()?, 5050);
    /// assert_eq!(Bag::from_sequence([0.1_f64; 10], 3).sum().compute()?, 1.0);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn sum(&self) -> Item<T::Sum> {
        self.total("sum", |(total, _)| T::sum_of(total))
    }

    /// The mean. An empty bag has none, which fails the compute; a NaN among the items makes it NaN.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// assert_eq!(Bag::range(4, 3).mean().compute()?, 1.5);
    /// let error = Bag::range(0, 1).mean().compute().unwrap_err();
    /// assert!(error.to_string().contains("the mean of no items is not defined"));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn mean(&self) -> Item<f64> {
        self.total("mean", |(total, count)| match count {
            0 => Err(nothing("the mean")),
            count => Ok(T::as_float(&total) / count as f64),
        })
    }

    /// The variance of the items as they are: the mean of the squares about the mean.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// assert_eq!(Bag::range(4, 3).var().compute()?, 1.25);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn var(&self) -> Item<f64> {
        self.var_ddof(0)
    }

    /// The variance, divided by the number of items less `ddof`: 1 for an estimate from a sample.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// assert_eq!(Bag::range(3, 2).var_ddof(1).compute()?, 1.0);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn var_ddof(&self, ddof: u32) -> Item<f64> {
        self.spread("var", ddof, |variance| variance)
    }

    /// The standard deviation: the square root of the [variance](Bag::var).
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// assert_eq!(Bag::from_sequence([2.0, 4.0], 1).std().compute()?, 1.0);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn std(&self) -> Item<f64> {
        self.std_ddof(0)
    }

    /// The standard deviation, of the variance divided by the number of items less `ddof`.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// assert_eq!(Bag::from_sequence([1, 2, 3], 2).std_ddof(1).compute()?, 1.0);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn std_ddof(&self, ddof: u32) -> Item<f64> {
        self.spread("std", ddof, f64::sqrt)
    }

    fn spread(&self, name: &'static str, ddof: u32, root: impl Fn(f64) -> f64 + Send + Sync + 'static) -> Item<f64> {
        let reducer = Made::<dyn Reducer<T>>::by((), |()| Arc::new(Folding(Spread)));
        let finish = Made::<dyn super::item::Finish<Moments, f64>>::given(name, root, ddof, |root, &ddof| {
            Arc::new(Rooted { root, ddof })
        });
        reduced(&self.node, name, reducer, pairwise(both), finish)
    }
}

struct Rooted<F> {
    root: F,
    ddof: u32,
}

impl<F: Fn(f64) -> f64 + Send + Sync> super::item::Finish<Moments, f64> for Rooted<F> {
    fn finish(&self, (count, _, squares): Moments) -> Result<f64, crate::task::Failure> {
        let ddof = u64::from(self.ddof);
        if count <= ddof {
            let why = match count {
                0 => nothing("the variance"),
                _ => format!(
                    "the variance of {count} items with ddof {ddof} is not defined: there have to be more items"
                ),
            };
            return Err(crate::task::Failure::Error(why.into()));
        }
        Ok((self.root)(squares / (count - ddof) as f64))
    }
}

/// The lesser or greater of two. What cannot be compared, such as a NaN, wins, so that it is seen.
fn extreme<T: PartialOrd>(a: T, b: T, wanted: std::cmp::Ordering) -> T {
    let is_odd = |item: &T| item.partial_cmp(item).is_none();
    if is_odd(&a) || (!is_odd(&b) && b.partial_cmp(&a) != Some(wanted)) { a } else { b }
}

macro_rules! extremes {
    ($($folder:ident $wanted:ident),*) => { $(
        #[derive(Default)]
        struct $folder;
        impl<T: Datum + PartialOrd> Folder<T> for $folder {
            type Built = Option<T>;
            fn begin(&self) -> Option<T> {
                None
            }
            #[inline]
            fn add(&self, built: &mut Option<T>, item: T) -> Flow {
                *built = Some(match built.take() {
                    Some(built) => extreme(built, item, std::cmp::Ordering::$wanted),
                    None => item,
                });
                Flow::Continue(())
            }
        }
    )* };
}
extremes!(Least Less, Most Greater);

impl<T: Clone + PartialOrd + Send + Sync + 'static> Bag<T> {
    /// The least item, the first of several. An empty bag has none, which fails the compute; a NaN is the result wherever
    /// there is one.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// assert_eq!(Bag::from_sequence([3.0, -1.0, 2.0], 2).min().compute()?, -1.0);
    /// assert!(Bag::from_sequence([3.0, f64::NAN, 2.0], 2).min().compute()?.is_nan());
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn min(&self) -> Item<T> {
        let least = either("min", |a, b| extreme(a, b, std::cmp::Ordering::Less));
        let whole = |whole: Option<T>| whole.ok_or_else(|| nothing("the least"));
        reduced(&self.node, "min", folding::<T, Least>(), least, finishing(whole))
    }

    /// The greatest item, the first of several; otherwise as [`min`](Bag::min).
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// assert_eq!(Bag::from_sequence(["loom", "weft"], 2).max().compute()?, "weft");
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn max(&self) -> Item<T> {
        let most = either("max", |a, b| extreme(a, b, std::cmp::Ordering::Greater));
        let whole = |whole: Option<T>| whole.ok_or_else(|| nothing("the greatest"));
        reduced(&self.node, "max", folding::<T, Most>(), most, finishing(whole))
    }
}
