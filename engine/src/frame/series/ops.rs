//! Operators and comparisons of series of one frame, and with values.

use std::ops::{Add, BitAnd, BitOr, Div, Mul, Neg, Not, Rem, Sub};

use polars::prelude::{Expr, lit};

use super::Series;

/// What a series is put together with: a series of the same frame, a number, a text, a truth value, or an expression.
pub trait Operand {
    /// What `make` makes of both.
    #[doc(hidden)]
    #[track_caller]
    fn beside(self, series: &Series, operation: &str, make: impl FnOnce(Expr, Expr) -> Expr) -> Series;
}

impl Operand for &Series {
    #[track_caller]
    fn beside(self, series: &Series, operation: &str, make: impl FnOnce(Expr, Expr) -> Expr) -> Series {
        series.made_with(operation, self, make)
    }
}

impl Operand for Series {
    #[track_caller]
    fn beside(self, series: &Series, operation: &str, make: impl FnOnce(Expr, Expr) -> Expr) -> Series {
        series.made_with(operation, &self, make)
    }
}

impl Operand for Expr {
    #[track_caller]
    fn beside(self, series: &Series, operation: &str, make: impl FnOnce(Expr, Expr) -> Expr) -> Series {
        series.made(operation, |expr| make(expr, self))
    }
}

macro_rules! literals {
    ($($type:ty)*) => { $(
        impl Operand for $type {
            #[track_caller]
            fn beside(self, series: &Series, operation: &str, make: impl FnOnce(Expr, Expr) -> Expr) -> Series {
                series.made(operation, |expr| make(expr, lit(self)))
            }
        }
    )* };
}
literals!(i32 i64 u32 u64 f32 f64 bool &str String);

macro_rules! operators {
    ($($trait:ident $method:ident $operation:literal $apply:expr;)*) => { $(
        impl<O: Operand> $trait<O> for &Series {
            type Output = Series;
            #[track_caller]
            fn $method(self, other: O) -> Series {
                other.beside(self, $operation, $apply)
            }
        }
        impl<O: Operand> $trait<O> for Series {
            type Output = Series;
            #[track_caller]
            fn $method(self, other: O) -> Series {
                other.beside(&self, $operation, $apply)
            }
        }
    )* };
}
operators! {
    Add add "+" |one, other| one + other;
    Sub sub "-" |one, other| one - other;
    Mul mul "*" |one, other| one * other;
    Div div "/" |one, other| one / other;
    Rem rem "%" |one, other| one % other;
    BitAnd bitand "&" |one, other| one.and(other);
    BitOr bitor "|" |one, other| one.or(other);
}

macro_rules! operators_behind {
    ($($type:ty)*) => { $(
        operators_behind!(one $type, Add add "+" |one, other| one + other);
        operators_behind!(one $type, Sub sub "-" |one, other| one - other);
        operators_behind!(one $type, Mul mul "*" |one, other| one * other);
        operators_behind!(one $type, Div div "/" |one, other| one / other);
    )* };
    (one $type:ty, $trait:ident $method:ident $operation:literal $apply:expr) => {
        impl $trait<&Series> for $type {
            type Output = Series;
            #[track_caller]
            fn $method(self, series: &Series) -> Series {
                let name = series.name();
                let apply: fn(Expr, Expr) -> Expr = $apply;
                series.made($operation, |expr| apply(lit(self), expr).alias(name))
            }
        }
        impl $trait<Series> for $type {
            type Output = Series;
            #[track_caller]
            fn $method(self, series: Series) -> Series {
                self.$method(&series)
            }
        }
    };
}
operators_behind!(i64 f64);

impl Neg for &Series {
    type Output = Series;
    #[track_caller]
    fn neg(self) -> Series {
        self.made("-", |expr| -expr)
    }
}

impl Neg for Series {
    type Output = Series;
    #[track_caller]
    fn neg(self) -> Series {
        -&self
    }
}

impl Not for &Series {
    type Output = Series;
    #[track_caller]
    fn not(self) -> Series {
        self.made("!", Expr::not)
    }
}

impl Not for Series {
    type Output = Series;
    #[track_caller]
    fn not(self) -> Series {
        !&self
    }
}

macro_rules! comparisons {
    ($($(#[$about:meta])* $method:ident;)*) => {
        impl Series { $(
            $(#[$about])*
            ///
            /// # Panics
            /// When the other is a series of another frame, or of a type that does not compare with this one.
            #[track_caller]
            pub fn $method(&self, other: impl Operand) -> Series {
                other.beside(self, stringify!($method), |one, other| one.$method(other))
            }
        )* }
    };
}
comparisons! {
    /// Whether each value is greater.
    gt;
    /// Whether each value is greater or equal.
    gt_eq;
    /// Whether each value is less.
    lt;
    /// Whether each value is less or equal.
    lt_eq;
    /// Whether each value is equal.
    eq;
    /// Whether each value is another.
    neq;
}
