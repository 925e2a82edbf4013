//! What methods of frames are given: names of columns, expressions, series of the frame; one or several.

use std::sync::Arc;

use polars::prelude::{Expr, col, lit};

use super::error::{Built, FrameError};
use super::{DataFrame, Series};

/// Names of columns, given as one or several.
pub trait Names {
    /// The names.
    fn names(self) -> Vec<String>;
}

impl Names for &str {
    fn names(self) -> Vec<String> {
        vec![self.to_owned()]
    }
}

impl Names for String {
    fn names(self) -> Vec<String> {
        vec![self]
    }
}

impl Names for &String {
    fn names(self) -> Vec<String> {
        vec![self.clone()]
    }
}

impl<S: AsRef<str>, const N: usize> Names for [S; N] {
    fn names(self) -> Vec<String> {
        self.iter().map(|name| name.as_ref().to_owned()).collect()
    }
}

impl<S: AsRef<str>> Names for &[S] {
    fn names(self) -> Vec<String> {
        self.iter().map(|name| name.as_ref().to_owned()).collect()
    }
}

impl<S: AsRef<str>> Names for Vec<S> {
    fn names(self) -> Vec<String> {
        self.iter().map(|name| name.as_ref().to_owned()).collect()
    }
}

impl<S: AsRef<str>> Names for &Vec<S> {
    fn names(self) -> Vec<String> {
        self.as_slice().names()
    }
}

/// What is computed of each row: an expression of Polars', a [`Series`] of the same frame, or a number that is the same for
/// all rows.
///
/// `true` and `false` are none on purpose: `col("n") == lit(1)` is a `bool`, which says whether two expressions are written
/// alike, and would let no row through.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no expression over columns",
    label = "this is no expression over columns",
    note = "an expression begins with `col(\"…\")`, and is compared by a method: `col(\"n\").gt(2)`, `col(\"zone\").eq(lit(\"a\"))`"
)]
pub trait Expression {
    /// The expression, for a frame.
    #[doc(hidden)]
    fn of(self, operation: &str, frame: &DataFrame) -> Built<Expr>;
}

impl Expression for Expr {
    fn of(self, _: &str, _: &DataFrame) -> Built<Expr> {
        Ok(self)
    }
}

impl Expression for &Series {
    fn of(self, operation: &str, frame: &DataFrame) -> Built<Expr> {
        if Arc::ptr_eq(self.frame().node(), frame.node()) {
            return Ok(self.expr());
        }
        Err(FrameError::Rows {
            operation: operation.to_owned(),
            expression: self.name(),
            why: "is a series of another frame, whose rows may be others: take it from the frame that the method is called \
                  on, or write an expression with `col`"
                .to_owned(),
        })
    }
}

impl Expression for Series {
    fn of(self, operation: &str, frame: &DataFrame) -> Built<Expr> {
        Expression::of(&self, operation, frame)
    }
}

macro_rules! literals {
    ($($type:ty)*) => { $(
        impl Expression for $type {
            fn of(self, _: &str, _: &DataFrame) -> Built<Expr> {
                Ok(lit(self))
            }
        }
    )* };
}
literals!(i32 i64 u32 u64 f32 f64);

/// What is selected or grouped by: names of columns, expressions, or [`Series`] of the same frame; one or several.
pub trait Expressions {
    /// The expressions, for a frame.
    #[doc(hidden)]
    fn of(self, operation: &str, frame: &DataFrame) -> Built<Vec<Expr>>;
}

macro_rules! expressions {
    ($($one:ty, |$value:pat_param, $operation:ident, $frame:ident| $of_one:expr;)*) => { $(
        impl Expressions for $one {
            fn of(self, $operation: &str, $frame: &DataFrame) -> Built<Vec<Expr>> {
                let $value = self;
                Ok(vec![$of_one?])
            }
        }
        impl<const N: usize> Expressions for [$one; N] {
            fn of(self, $operation: &str, $frame: &DataFrame) -> Built<Vec<Expr>> {
                self.into_iter().map(|$value| $of_one).collect()
            }
        }
        impl Expressions for Vec<$one> {
            fn of(self, $operation: &str, $frame: &DataFrame) -> Built<Vec<Expr>> {
                self.into_iter().map(|$value| $of_one).collect()
            }
        }
        impl Expressions for &[$one] {
            fn of(self, $operation: &str, $frame: &DataFrame) -> Built<Vec<Expr>> {
                self.iter().cloned().map(|$value| $of_one).collect()
            }
        }
    )* };
}
expressions! {
    Expr, |expression, _operation, _frame| Built::Ok(expression);
    &str, |name, _operation, _frame| Built::Ok(col(name));
    String, |name, _operation, _frame| Built::Ok(col(name));
    &String, |name, _operation, _frame| Built::Ok(col(name.as_str()));
    Series, |series, operation, frame| Expression::of(series, operation, frame);
    &Series, |series, operation, frame| Expression::of(series, operation, frame);
}
