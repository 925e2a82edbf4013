//! What is made of each value of a series.

use polars::prelude::{ClosedInterval, DataType, Expr, Literal, RoundMode, Series as Values, col, lit};

use super::Series;

impl Series {
    /// Whether each value is one of these.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let trips = DataFrame::from_polars(taskloom::polars::df!("zone" => ["a", "b", "c"])?, 2);
    /// assert_eq!(trips.col("zone").isin(["a", "c"]).sum().of::<u32>().compute()?, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// When the values are of a type that does not compare with the series.
    #[track_caller]
    pub fn isin<T>(&self, values: impl AsRef<[T]>) -> Series
    where
        Values: polars::prelude::NamedFrom<Vec<T>, [T]>,
        T: Clone,
    {
        let set = <Values as polars::prelude::NamedFrom<Vec<T>, [T]>>::new("set".into(), values.as_ref().to_vec());
        self.made("isin", |expr| expr.is_in(lit(set).implode(false), false))
    }

    /// Whether each value lies between two, which count as between.
    #[track_caller]
    pub fn between(&self, low: impl Literal, high: impl Literal) -> Series {
        self.made("between", |expr| expr.is_between(low.lit(), high.lit(), ClosedInterval::Both))
    }

    /// Each value, or the nearer of two bounds where it is beyond.
    #[track_caller]
    pub fn clip(&self, low: impl Literal, high: impl Literal) -> Series {
        self.made("clip", |expr| expr.clip(low.lit(), high.lit()))
    }

    /// A value in the place of nulls.
    #[track_caller]
    pub fn fillna(&self, value: impl Literal) -> Series {
        self.made("fillna", |expr| expr.fill_null(value.lit()))
    }

    /// The values that are not null.
    #[track_caller]
    pub fn dropna(&self) -> Series {
        let name = self.name();
        self.to_frame().filter(col(name.as_str()).is_not_null()).col(&name)
    }

    /// Whether each value is null.
    #[track_caller]
    pub fn isna(&self) -> Series {
        self.made("isna", Expr::is_null)
    }

    /// Whether each value is there.
    #[track_caller]
    pub fn notna(&self) -> Series {
        self.made("notna", Expr::is_not_null)
    }

    /// The values as another type; one that does not fit fails the computation.
    #[track_caller]
    pub fn astype(&self, dtype: DataType) -> Series {
        self.made("astype", |expr| expr.strict_cast(dtype))
    }

    /// The distance of each value from zero.
    #[track_caller]
    pub fn abs(&self) -> Series {
        self.made("abs", Expr::abs)
    }

    /// Each value with so many decimals.
    #[track_caller]
    pub fn round(&self, decimals: u32) -> Series {
        self.made("round", |expr| expr.round(decimals, RoundMode::default()))
    }

    /// The values of this series where a condition holds, and those of another where it does not.
    #[track_caller]
    pub fn where_(&self, condition: &Series, other: impl super::Operand) -> Series {
        self.made_with("where_", condition, |expr, _| expr);
        let condition = condition.expr();
        other.beside(self, "where_", |expr, other| polars::prelude::when(condition).then(expr).otherwise(other))
    }
}
