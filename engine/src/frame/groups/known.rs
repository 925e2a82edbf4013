//! Which aggregations of which columns expressions are.

use polars::lazy::dsl::{AggExpr, Expr, Operator};
use polars::prelude::{DataType, PlSmallStr};

use crate::frame::aggregate::{counted, has_column, is_row_wise, merged_mean, merged_squares, own_squares};

/// An aggregation of inputs, which are named by their places.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum State {
    /// How many rows there are, in 64 bits.
    Len,
    /// How many values there are that are not null, in 64 bits.
    Count(usize),
    Sum(usize),
    Min(usize),
    Max(usize),
    First(usize),
    Last(usize),
    FirstNonNull(usize),
    LastNonNull(usize),
    Mean(usize),
    /// The sum of the squares about the mean.
    Squares(usize),
    /// The mean of everything, from means and counts.
    MergedMean {
        mean: usize,
        count: usize,
    },
    /// The squares about the mean of everything, from squares about means.
    MergedSquares {
        squares: usize,
        mean: usize,
        count: usize,
    },
}

/// Aggregations under their names, and what they are of.
pub(super) struct Known {
    pub(super) inputs: Vec<Expr>,
    pub(super) states: Vec<(PlSmallStr, State)>,
}

/// What the expressions are; `None` when one of them is something else.
pub(super) fn known(parts: &[Expr]) -> Option<Known> {
    let mut inputs = Inputs(Vec::new());
    let states = parts.iter().map(|part| {
        let name = part.clone().meta().output_name().ok()?;
        let inner = match part {
            Expr::Alias(inner, _) => inner,
            other => other,
        };
        Some((name, inputs.state_of(inner)?))
    });
    let states = states.collect::<Option<Vec<_>>>()?;
    Some(Known { inputs: inputs.0, states })
}

struct Inputs(Vec<Expr>);

impl Inputs {
    /// The place of an input; `None` when it does not have a value for each row.
    fn place(&mut self, input: &Expr) -> Option<usize> {
        if let Some(place) = self.0.iter().position(|there| there == input) {
            return Some(place);
        }
        let is_column = is_row_wise(input) && has_column(input);
        is_column.then(|| {
            self.0.push(input.clone());
            self.0.len() - 1
        })
    }

    fn state_of(&mut self, expr: &Expr) -> Option<State> {
        match expr {
            Expr::Cast { expr: len, .. } if **len == Expr::Len => {
                (*expr == Expr::Len.cast(DataType::UInt64)).then_some(State::Len)
            }
            Expr::Cast { expr: count, .. } => match &**count {
                Expr::Agg(AggExpr::Count { input, include_nulls }) if *expr == counted(input, *include_nulls) => {
                    let place = self.place(input)?;
                    Some(if *include_nulls { State::Len } else { State::Count(place) })
                }
                _ => None,
            },
            Expr::Agg(aggregation) => self.plain(aggregation),
            Expr::BinaryExpr { left, op: Operator::Multiply, .. } => match &**left {
                Expr::Agg(AggExpr::Var(values, 0)) if *expr == own_squares((**values).clone()) => {
                    Some(State::Squares(self.place(values)?))
                }
                _ => None,
            },
            Expr::Ternary { .. } => self.merged(expr, None),
            Expr::BinaryExpr { left, op: Operator::Plus, .. } => match &**left {
                Expr::Agg(AggExpr::Sum(squares)) => self.merged(expr, Some(squares)),
                _ => None,
            },
            _ => None,
        }
    }

    fn plain(&mut self, aggregation: &AggExpr) -> Option<State> {
        Some(match aggregation {
            AggExpr::Sum(input) => State::Sum(self.place(input)?),
            AggExpr::Min { input, propagate_nans: false } => State::Min(self.place(input)?),
            AggExpr::Max { input, propagate_nans: false } => State::Max(self.place(input)?),
            AggExpr::First(input) => State::First(self.place(input)?),
            AggExpr::Last(input) => State::Last(self.place(input)?),
            AggExpr::FirstNonNull(input) => State::FirstNonNull(self.place(input)?),
            AggExpr::LastNonNull(input) => State::LastNonNull(self.place(input)?),
            AggExpr::Mean(input) => State::Mean(self.place(input)?),
            _ => return None,
        })
    }

    /// A mean or squares that are merged: what would be written for two of the columns that are in it.
    fn merged(&mut self, expr: &Expr, squares: Option<&Expr>) -> Option<State> {
        let columns: Vec<Expr> = expr.clone().meta().root_names().into_iter().map(Expr::Column).collect();
        for mean in &columns {
            for count in columns.iter().filter(|count| *count != mean) {
                let state = match squares {
                    None if *expr == merged_mean(mean, count) => {
                        State::MergedMean { mean: self.place(mean)?, count: self.place(count)? }
                    }
                    Some(squares) if *expr == merged_squares(squares.clone(), mean, count) => {
                        let (squares, mean) = (self.place(squares)?, self.place(mean)?);
                        State::MergedSquares { squares, mean, count: self.place(count)? }
                    }
                    _ => continue,
                };
                return Some(state);
            }
        }
        None
    }
}

impl State {
    /// Whether it can be computed here of inputs of these types.
    pub(super) fn is_of<'t>(self, dtype: impl Fn(usize) -> &'t DataType) -> bool {
        use DataType as D;
        let is_plain = |dtype: &DataType| {
            matches!(dtype, D::Int32 | D::Int64 | D::UInt32 | D::UInt64 | D::Float32 | D::Float64 | D::Duration(_))
        };
        match self {
            State::Len | State::Count(_) => true,
            State::First(_) | State::Last(_) | State::FirstNonNull(_) | State::LastNonNull(_) => true,
            State::Sum(input) => is_plain(dtype(input)),
            State::Min(input) | State::Max(input) => {
                let of = dtype(input);
                is_plain(of) || of.is_temporal() || matches!(of, D::Int8 | D::Int16 | D::UInt8 | D::UInt16)
            }
            State::Mean(input) | State::Squares(input) => *dtype(input) == D::Float64,
            State::MergedMean { mean, count } => *dtype(mean) == D::Float64 && *dtype(count) == D::UInt64,
            State::MergedSquares { squares, mean, count } => {
                *dtype(squares) == D::Float64 && *dtype(mean) == D::Float64 && *dtype(count) == D::UInt64
            }
        }
    }

    /// The expression that it is.
    pub(super) fn expr(self, input: impl Fn(usize) -> Expr) -> Expr {
        match self {
            State::Len => Expr::Len.cast(DataType::UInt64),
            State::Count(of) => counted(&input(of), false),
            State::Sum(of) => input(of).sum(),
            State::Min(of) => input(of).min(),
            State::Max(of) => input(of).max(),
            State::First(of) => input(of).first(),
            State::Last(of) => input(of).last(),
            State::FirstNonNull(of) => input(of).first_non_null(),
            State::LastNonNull(of) => input(of).last_non_null(),
            State::Mean(of) => input(of).mean(),
            State::Squares(of) => own_squares(input(of)),
            State::MergedMean { mean, count } => merged_mean(&input(mean), &input(count)),
            State::MergedSquares { squares, mean, count } => {
                merged_squares(input(squares), &input(mean), &input(count))
            }
        }
    }
}
