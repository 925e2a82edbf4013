//! Operators on handles: `&x + &y`, `&x * 10`, `-x`.

use std::ops::{Add, Div, Mul, Neg, Not, Rem, Sub};

use super::{Borrowed, Delayed, InputList, TakenLazy, task};

fn binary<T, U, R>(name: &'static str, left: &Delayed<T>, right: &Delayed<U>, apply: fn(T, U) -> R) -> Delayed<R>
where
    T: Clone + Send + Sync + 'static,
    U: Clone + Send + Sync + 'static,
    R: Send + Sync + 'static,
{
    let mut inputs = InputList::default();
    let plans = ((&&Borrowed(left)).taken(&mut inputs), (&&Borrowed(right)).taken(&mut inputs));
    task(name, inputs, plans, move |(left, right)| Ok(apply(left, right)))
}

fn unary<T, R>(name: &'static str, operand: &Delayed<T>, apply: fn(T) -> R) -> Delayed<R>
where
    T: Clone + Send + Sync + 'static,
    R: Send + Sync + 'static,
{
    let mut inputs = InputList::default();
    let plan = (&&Borrowed(operand)).taken(&mut inputs);
    task(name, inputs, (plan,), move |(operand,)| Ok(apply(operand)))
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
                binary(stringify!($method), &self, &right, T::$method)
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
                self.map_named(stringify!($method), move |left| <$number as $trait>::$method(left, right))
            }
        }

        impl $trait<$($reference)* Delayed<$number>> for $number {
            type Output = Delayed<<$number as $trait>::Output>;
            fn $method(self, right: $($reference)* Delayed<$number>) -> Self::Output {
                right.map_named(stringify!($method), move |right| <$number as $trait>::$method(self, right))
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
                unary(stringify!($method), &self, T::$method)
            }
        }

        impl<T> $trait for &Delayed<T>
        where
            T: $trait + Clone + Send + Sync + 'static,
            T::Output: Send + Sync + 'static,
        {
            type Output = Delayed<T::Output>;
            fn $method(self) -> Self::Output {
                unary(stringify!($method), self, T::$method)
            }
        }
    };
}
unary_operator!(Neg, neg);
unary_operator!(Not, not);

impl<T: Clone + Send + Sync + 'static> Delayed<T> {
    fn map_named<R: Send + Sync + 'static>(
        &self,
        name: &'static str,
        apply: impl Fn(T) -> R + Send + Sync + 'static,
    ) -> Delayed<R> {
        let mut inputs = InputList::default();
        let plan = (&&Borrowed(self)).taken(&mut inputs);
        task(name, inputs, (plan,), move |(value,)| Ok(apply(value)))
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
