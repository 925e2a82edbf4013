//! Operators, comparisons and choices, by name and label.

use std::ops;

use super::align::{broadcast, described};
use super::array::DataArray;
use super::core::{Labelled, typed};
use super::error::{Built, built};
use crate::array::{Array, Element, Float, Number, Ordered};

/// What can stand beside a labelled array of `T`: another one, or an element.
pub trait Operand<T> {
    #[doc(hidden)]
    fn beside(self, operation: &str, left: &Labels) -> Beside<T>;
}

/// The other operand sees only that there is one.
#[doc(hidden)]
#[derive(Debug)]
pub struct Labels(Labelled);

/// Both sides, and what is said of the result.
#[doc(hidden)]
pub struct Beside<T> {
    left: Array<T>,
    right: Right<T>,
    like: Labelled,
}

impl<T> std::fmt::Debug for Beside<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.left.name())
    }
}

enum Right<T> {
    Element(T),
    Array(Array<T>),
}

impl<T: Element> Operand<T> for T {
    fn beside(self, _operation: &str, left: &Labels) -> Beside<T> {
        Beside { left: typed(&left.0.data), right: Right::Element(self), like: left.0.clone() }
    }
}

impl<T: Element> Operand<T> for DataArray<T> {
    #[track_caller]
    fn beside(self, operation: &str, left: &Labels) -> Beside<T> {
        (&self).beside(operation, left)
    }
}

impl<T: Element> Operand<T> for &DataArray<T> {
    #[track_caller]
    fn beside(self, operation: &str, left: &Labels) -> Beside<T> {
        let (left, right, like) = built(together(operation, &left.0, &self.inner));
        Beside { left: typed(&left.data), right: Right::Array(typed(&right.data)), like }
    }
}

/// Both with the same dimensions, and what is said of the result.
fn together(operation: &str, left: &Labelled, right: &Labelled) -> Built<(Labelled, Labelled, Labelled)> {
    let (left, right) = broadcast(operation, left, right)?;
    let (coords, name, attrs) = described(&left, &right);
    let like = Labelled { data: left.data.clone(), dims: left.dims.clone(), coords, name, attrs };
    Ok((left, right, like))
}

/// Two labelled arrays as one, by a function of arrays.
#[track_caller]
pub(super) fn combined<T, U, R>(
    operation: &str,
    left: &DataArray<T>,
    right: &DataArray<U>,
    function: impl FnOnce(&Array<T>, &Array<U>) -> Array<R>,
) -> DataArray<R> {
    let (left, right, like) = built(together(operation, &left.inner, &right.inner));
    DataArray::of(like.with_data(&function(&typed(&left.data), &typed(&right.data))))
}

macro_rules! operators {
    ($($trait:ident $method:ident;)*) => { $(
        impl<T: Number, R: Operand<T>> ops::$trait<R> for &DataArray<T> {
            type Output = DataArray<T>;
            #[track_caller]
            fn $method(self, other: R) -> DataArray<T> {
                let Beside { left, right, like } = other.beside(stringify!($method), &Labels(self.inner.clone()));
                DataArray::of(like.with_data(&match right {
                    Right::Element(right) => ops::$trait::$method(left, right),
                    Right::Array(right) => ops::$trait::$method(left, right),
                }))
            }
        }
        impl<T: Number, R: Operand<T>> ops::$trait<R> for DataArray<T> {
            type Output = DataArray<T>;
            #[track_caller]
            fn $method(self, other: R) -> DataArray<T> {
                ops::$trait::$method(&self, other)
            }
        }
        operators!(@elements $trait $method: i32 i64 f32 f64);
    )* };
    (@elements $trait:ident $method:ident: $($type:ident)*) => { $(
        impl ops::$trait<&DataArray<$type>> for $type {
            type Output = DataArray<$type>;
            #[track_caller]
            fn $method(self, other: &DataArray<$type>) -> DataArray<$type> {
                DataArray::of(other.inner.with_data(&ops::$trait::$method(self, other.data())))
            }
        }
        impl ops::$trait<DataArray<$type>> for $type {
            type Output = DataArray<$type>;
            #[track_caller]
            fn $method(self, other: DataArray<$type>) -> DataArray<$type> {
                ops::$trait::$method(self, &other)
            }
        }
    )* };
}
operators! {
    Add add;
    Sub sub;
    Mul mul;
    Div div;
    Rem rem;
}

impl<T: Number> ops::Neg for &DataArray<T> {
    type Output = DataArray<T>;
    #[track_caller]
    fn neg(self) -> DataArray<T> {
        DataArray::of(self.inner.with_data(&-self.data()))
    }
}

impl<T: Number> ops::Neg for DataArray<T> {
    type Output = DataArray<T>;
    #[track_caller]
    fn neg(self) -> DataArray<T> {
        -&self
    }
}

impl ops::Not for &DataArray<bool> {
    type Output = DataArray<bool>;
    #[track_caller]
    fn not(self) -> DataArray<bool> {
        DataArray::of(self.inner.with_data(&!self.data()))
    }
}

impl ops::Not for DataArray<bool> {
    type Output = DataArray<bool>;
    #[track_caller]
    fn not(self) -> DataArray<bool> {
        !&self
    }
}

macro_rules! logic {
    ($($trait:ident $method:ident;)*) => { $(
        impl ops::$trait<&DataArray<bool>> for &DataArray<bool> {
            type Output = DataArray<bool>;
            #[track_caller]
            fn $method(self, other: &DataArray<bool>) -> DataArray<bool> {
                combined(stringify!($method), self, other, |left, right| ops::$trait::$method(left, right))
            }
        }
        impl ops::$trait<DataArray<bool>> for DataArray<bool> {
            type Output = DataArray<bool>;
            #[track_caller]
            fn $method(self, other: DataArray<bool>) -> DataArray<bool> {
                ops::$trait::$method(&self, &other)
            }
        }
    )* };
}
logic! {
    BitAnd bitand;
    BitOr bitor;
    BitXor bitxor;
}

macro_rules! comparisons {
    ($($(#[$doc:meta])* $method:ident;)*) => { $(
        $(#[$doc])*
        ///
        /// # Panics
        /// When dimensions of the same name have other lengths, and no labels.
        #[track_caller]
        pub fn $method(&self, other: impl Operand<T>) -> DataArray<bool> {
            let Beside { left, right, like } = other.beside(stringify!($method), &Labels(self.inner.clone()));
            DataArray::of(like.with_data(&match right {
                Right::Element(right) => left.$method(right),
                Right::Array(right) => left.$method(right),
            }))
        }
    )* };
}

impl<T: Element> DataArray<T> {
    comparisons! {
        /// Where both are equal. A NaN is equal to nothing.
        eq;
        /// Where both are not equal.
        ne;
    }

    /// The elements where `condition` is `true`, and `other` elsewhere.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let t = DataArray::new(Array::<i64>::arange(4, 2), ["x"]);
    /// assert_eq!(t.where_or(&t.gt(1), 9).compute()?.as_slice(), Some(&[9, 9, 2, 3][..]));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When dimensions of the same name have other lengths, and no labels.
    #[track_caller]
    pub fn where_or(&self, condition: &DataArray<bool>, other: T) -> DataArray<T> {
        let mut chosen = combined("where_", self, condition, |values, choice| choice.where_(values, other));
        chosen.inner.name.clone_from(&self.inner.name);
        chosen.inner.attrs.clone_from(&self.inner.attrs);
        chosen
    }
}

impl<T: Ordered> DataArray<T> {
    comparisons! {
        /// Where this is less.
        lt;
        /// Where this is less or equal.
        le;
        /// Where this is greater.
        gt;
        /// Where this is greater or equal.
        ge;
    }
}

impl<T: Float> DataArray<T> {
    /// The elements where `condition` is `true`, and NaN elsewhere.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let t = DataArray::new(Array::<f64>::arange(4, 2), ["x"]);
    /// assert_eq!(t.where_(&t.gt(1.0)).mean(..).item()?, 2.5);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When dimensions of the same name have other lengths, and no labels.
    #[track_caller]
    pub fn where_(&self, condition: &DataArray<bool>) -> DataArray<T> {
        self.where_or(condition, T::nan())
    }
}
