//! Operators on handles: `&x + &y`, `&x * 10`, `-x`.

use std::ops::{Add, Div, Index, Mul, Neg, Not, Rem, Sub};

use super::{Delayed, task};
use crate::task::function::Argument;
use crate::task::{ByReference, ByValue, Fetch, Finished, Kept, Registered, Site, Slot};

fn by_value<T: Clone + Send + Sync + 'static>(handle: &Delayed<T>) -> ByValue<T, Slot> {
    ByValue::new(Slot::new(handle.step()))
}

fn by_reference<T: Send + Sync + 'static>(handle: &Delayed<T>) -> ByReference<T, Slot> {
    ByReference::new(Slot::new(handle.step()))
}

fn kept<T: Clone + Send + Sync + 'static>(value: T) -> ByValue<T, Kept<T, Registered>> {
    ByValue::new(Kept::new(value))
}

/// A task of two arguments. `apply` is the operator itself and captures nothing, so that the task can travel.
fn binary<L, R, O>(
    site: &'static Site,
    left: L,
    right: R,
    apply: impl Fn(L::Items, R::Items) -> O + Send + Sync + 'static,
) -> Delayed<O>
where
    L: Fetch,
    R: Fetch,
    O: Send + Sync + 'static,
{
    task(site, (left, right), move |(left, right)| Finished::<O>::ok(apply(left, right)))
}

fn unary<T, R>(site: &'static Site, operand: &Delayed<T>, apply: impl Fn(T) -> R + Send + Sync + 'static) -> Delayed<R>
where
    T: Clone + Send + Sync + 'static,
    R: Send + Sync + 'static,
{
    task(site, (by_value(operand),), move |(operand,)| Finished::<R>::ok(apply(operand)))
}

macro_rules! between_handles {
    ($trait:ident, $method:ident, ($($left:tt)*), ($($right:tt)*)) => {
        impl<T, U> $trait<$($right)* Delayed<U>> for $($left)* Delayed<T>
        where
            T: $trait<U> + Clone + Send + Sync + 'static,
            U: Clone + Send + Sync + 'static,
            T::Output: Send + Sync + 'static,
        {
            type Output = Delayed<T::Output>;
            fn $method(self, right: $($right)* Delayed<U>) -> Self::Output {
                #[allow(clippy::needless_borrow)]
                binary(&Site::Written(stringify!($method)), by_value(&self), by_value(&right), T::$method)
            }
        }
    };
}

// A value on one side: one impl for each type of number, so that a literal takes the type of the handle.
macro_rules! with_number {
    ($trait:ident, $method:ident, ($($reference:tt)*), $number:ty) => {
        impl $trait<$number> for $($reference)* Delayed<$number> {
            type Output = Delayed<<$number as $trait>::Output>;
            fn $method(self, right: $number) -> Self::Output {
                #[allow(clippy::needless_borrow)]
                let left = by_value(&self);
                binary(&Site::Written(stringify!($method)), left, kept(right), <$number as $trait>::$method)
            }
        }

        impl $trait<$($reference)* Delayed<$number>> for $number {
            type Output = Delayed<<$number as $trait>::Output>;
            fn $method(self, right: $($reference)* Delayed<$number>) -> Self::Output {
                #[allow(clippy::needless_borrow)]
                let right = by_value(&right);
                binary(&Site::Written(stringify!($method)), kept(self), right, <$number as $trait>::$method)
            }
        }
    };
}

macro_rules! operator {
    ($trait:ident, $method:ident, $($number:ty)+) => {
        between_handles!($trait, $method, (), ());
        between_handles!($trait, $method, (), (&));
        between_handles!($trait, $method, (&), ());
        between_handles!($trait, $method, (&), (&));
        $(
            with_number!($trait, $method, (), $number);
            with_number!($trait, $method, (&), $number);
        )+
    };
}

operator!(Add, add, i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize f32 f64);
operator!(Sub, sub, i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize f32 f64);
operator!(Mul, mul, i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize f32 f64);
operator!(Div, div, i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize f32 f64);
operator!(Rem, rem, i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize f32 f64);

macro_rules! unary_operator {
    ($trait:ident, $method:ident) => {
        impl<T> $trait for Delayed<T>
        where
            T: $trait + Clone + Send + Sync + 'static,
            T::Output: Send + Sync + 'static,
        {
            type Output = Delayed<T::Output>;
            fn $method(self) -> Self::Output {
                unary(&Site::Written(stringify!($method)), &self, T::$method)
            }
        }

        impl<T> $trait for &Delayed<T>
        where
            T: $trait + Clone + Send + Sync + 'static,
            T::Output: Send + Sync + 'static,
        {
            type Output = Delayed<T::Output>;
            fn $method(self) -> Self::Output {
                unary(&Site::Written(stringify!($method)), self, T::$method)
            }
        }
    };
}
unary_operator!(Neg, neg);
unary_operator!(Not, not);

macro_rules! comparison {
    ($($method:ident $bound:ident $symbol:literal)+) => {
        /// Comparisons. Rust's own operators give a `bool` at once, so these are methods; each takes a value or a handle.
        ///
        /// ```
        /// use taskloom::prelude::*;
        /// let x = delayed!(i64::pow(2, 3));
        /// let y = delayed_value(9_i64);
        /// assert!(x.lt(&y).compute()?);
        /// assert!(x.ge(8).compute()?);
        /// # Ok::<(), taskloom::Error>(())
        /// ```
        impl<T: Clone + Send + Sync + 'static> Delayed<T> {
            $(
                #[doc = concat!("Whether this value `", $symbol, "` the other, when both are there.")]
                #[allow(clippy::should_implement_trait)]
                pub fn $method<A>(&self, other: A) -> Delayed<bool>
                where
                    T: $bound,
                    A: Argument<T>,
                {
                    let other = ByReference::<T, A::Plan>::new(other.into_plan());
                    binary(&Site::Written(stringify!($method)), by_reference(self), other, |left, right| {
                        $bound::$method(&*left, &*right)
                    })
                }
            )+
        }
    };
}
comparison! {
    eq PartialEq "=="
    ne PartialEq "!="
    lt PartialOrd "<"
    le PartialOrd "<="
    gt PartialOrd ">"
    ge PartialOrd ">="
}

impl<T: Send + Sync + 'static> Delayed<T> {
    /// A task that takes one element out: `value[index]`, cloned. The index is a value or a handle.
    ///
    /// An index that is not there fails the compute with the message of the type's own panic.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let words = delayed!(str::to_owned("warp weft")).map(|text: String| {
    ///     text.split(' ').map(str::to_owned).collect::<Vec<_>>()
    /// });
    /// assert_eq!(words.index(1).compute()?, "weft");
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn index<I, A>(&self, index: A) -> Delayed<T::Output>
    where
        T: Index<I>,
        T::Output: Clone + Send + Sync + Sized + 'static,
        I: Clone + Send + Sync + 'static,
        A: Argument<I>,
    {
        let index = ByValue::<I, A::Plan>::new(index.into_plan());
        binary(&Site::Written("index"), by_reference(self), index, |value, index| value[index].clone())
    }
}

/// As the sum of owned handles.
impl<'a, T> std::iter::Sum<&'a Delayed<T>> for Delayed<T>
where
    T: Add<Output = T> + Default + Clone + Send + Sync + 'static,
{
    fn sum<I: Iterator<Item = &'a Delayed<T>>>(handles: I) -> Self {
        handles.cloned().sum()
    }
}

/// Sums handles as a balanced tree of additions, so that no chain is longer than it must be.
///
/// ```
/// use taskloom::prelude::*;
/// let parts: Vec<Delayed<i64>> = (0..10).map(delayed_value).collect();
/// let total: Delayed<i64> = parts.into_iter().sum();
/// assert_eq!(total.compute()?, 45);
/// # Ok::<(), taskloom::Error>(())
/// ```
impl<T> std::iter::Sum for Delayed<T>
where
    T: Add<Output = T> + Default + Clone + Send + Sync + 'static,
{
    fn sum<I: Iterator<Item = Self>>(handles: I) -> Self {
        let mut level: Vec<Self> = handles.collect();
        while level.len() > 1 {
            level = level
                .chunks(2)
                .map(|pair| match pair {
                    [left, right] => left + right,
                    rest => rest[0].clone(),
                })
                .collect();
        }
        level.pop().unwrap_or_else(|| super::delayed_value(T::default()))
    }
}
