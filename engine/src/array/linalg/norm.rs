//! Norms of vectors and matrices.

use crate::array::Array;
use crate::array::element::{Float, Number};
use crate::array::error::{ArrayError, built};
use crate::array::reduce::{Axes, folded};

/// Which norm. Along one axis it is that of vectors, along two that of matrices.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Norm {
    /// The root of the sum of squares: the Euclidean norm of a vector, the Frobenius norm of a matrix.
    Frobenius,
    /// Of a vector, the sum of the absolute values; of a matrix, the largest such sum of a column.
    One,
    /// Of a vector, the largest absolute value; of a matrix, the largest sum of absolute values of a row.
    Inf,
    /// As [`Inf`](Norm::Inf), with the smallest.
    NegInf,
    /// How many elements of a vector are other than zero.
    Zero,
    /// The sum of the absolute values of a vector to this power, to its inverse.
    P(f64),
}

impl<T: Number<Abs: Float>> Array<T> {
    /// The root of the sum of the squares of all elements.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// assert_eq!(Array::from_vec(vec![3.0_f64, 4.0], "auto").norm().item()?, 5.0);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn norm(&self) -> Array<T::Abs> {
        self.norm_axis(Norm::Frobenius, Axes::all())
    }

    /// A [`Norm`] along some [`Axes`]: along one axis that of vectors, along two that of matrices, whose rows lie along the
    /// first of the two that is named.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// use taskloom::array::Norm;
    /// let x = Array::from_ndarray(ndarray::array![[1.0_f64, -2.0], [3.0, 4.0]], 1);
    /// assert_eq!(x.norm_axis(Norm::One, 0).compute()?.as_slice(), Some(&[4.0, 6.0][..]));
    /// assert_eq!(x.norm_axis(Norm::Inf, [0, 1]).item()?, 7.0);
    /// # use taskloom::ndarray;
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When there is no such axis, one is named twice, or the norm is not one of matrices and several axes are named; for
    /// the largest and the smallest also when there are no elements.
    #[track_caller]
    pub fn norm_axis(&self, norm: Norm, axes: impl Into<Axes>) -> Array<T::Abs> {
        let axes: Axes = axes.into();
        let absolute = self.abs();
        let along = built(folded("norm", &axes, &self.node().grid));
        let count = along.iter().filter(|&&folded| folded).count();
        let power = |array: Array<T::Abs>, exponent: f64| {
            array.map_elements(move |x| num_traits::Float::powf(x, T::Abs::from_f64(exponent)))
        };
        match (norm, count) {
            (Norm::Frobenius, _) => absolute.map_elements(|x| x * x).sum_axis(axes).sqrt(),
            (Norm::One | Norm::Inf | Norm::NegInf, 2) => {
                let order = built(axes.in_order("norm", &self.node().grid));
                let (rows, columns) = (order[0], order[1]);
                // The sums keep their axis, so that the numbers of the axes stay what they are.
                let (inner, outer) = if norm == Norm::One { (rows, columns) } else { (columns, rows) };
                let sums = absolute.sum_axis(Axes::from(inner).keepdims());
                let widest = if norm == Norm::NegInf {
                    sums.min_axis(Axes::from(outer).keepdims())
                } else {
                    sums.max_axis(Axes::from(outer).keepdims())
                };
                match axes.keeps() {
                    true => widest,
                    false => widest.sum_axis([rows, columns]),
                }
            }
            (Norm::One, 0 | 1) => absolute.sum_axis(axes),
            (Norm::Inf, 0 | 1) => absolute.max_axis(axes),
            (Norm::NegInf, 0 | 1) => absolute.min_axis(axes),
            (Norm::Zero, 0 | 1) => absolute
                .map_elements(|x| T::Abs::from_f64(if x == T::Abs::default() { 0.0 } else { 1.0 }))
                .sum_axis(axes),
            (Norm::P(p), 0 | 1) => power(power(absolute, p).sum_axis(axes), 1.0 / p),
            (norm, count) => {
                let why = format!("{norm:?} is no norm over {count} axes; name one axis for that of vectors");
                built(Err(ArrayError::Parameter { operation: "norm".into(), why }))
            }
        }
    }
}
