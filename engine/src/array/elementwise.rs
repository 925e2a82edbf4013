//! Operations on elements at the same place: arithmetic, comparison, mathematics, and functions of the user's.

use std::ops;
use std::sync::Arc;

use super::Array;
use super::create::scalar_node;
use super::dispatch::{with_float, with_number, with_ordered, with_type};
use super::element::{Cast, DType, Element, Float, Number, Ordered};
use super::error::{Built, built};
use super::fused::{Kernel, Map1, Map2, Map3};
use super::node::{Node, NodeRef};
use crate::task::{Made, packed};

/// What can stand beside an array of `T`: another one, or an element.
#[diagnostic::on_unimplemented(
    message = "`Array<{T}>` and `{Self}` do not go together",
    label = "neither an `Array<{T}>` nor a `{T}`",
    note = "an array goes with arrays and elements of its own type: `.astype::<{T}>()` converts an array, `as {T}` a number"
)]
pub trait Operand<T> {
    #[doc(hidden)]
    fn operand(self) -> Beside;
}

/// An operand without its type.
#[doc(hidden)]
pub struct Beside(pub(crate) NodeRef);

impl std::fmt::Debug for Beside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.name)
    }
}

impl<T: Element> Operand<T> for T {
    fn operand(self) -> Beside {
        Beside(scalar_node(self.scalar(), T::DTYPE))
    }
}

impl<T: Element> Operand<T> for Array<T> {
    fn operand(self) -> Beside {
        Beside(Arc::clone(self.node()))
    }
}

impl<T: Element> Operand<T> for &Array<T> {
    fn operand(self) -> Beside {
        Beside(Arc::clone(self.node()))
    }
}

packed! {
    /// Functions of two elements that the engine knows.
    #[derive(Debug, Clone, Copy)]
    pub(crate) enum Binary {
        Add,
        Sub,
        Mul,
        Div,
        Rem,
        Less,
        LessEqual,
        Greater,
        GreaterEqual,
        Equal,
        NotEqual,
        Minimum,
        Maximum,
        And,
        Or,
        Xor,
        Powf,
        Atan2,
        Hypot,
    }
}

fn kernel2(operation: Binary, dtype: DType) -> Made<dyn Kernel> {
    Made::<dyn Kernel>::by((operation, dtype), |&(operation, dtype)| function2(operation, dtype))
}

fn function2(operation: Binary, dtype: DType) -> Arc<dyn Kernel> {
    macro_rules! map {
        ($group:ident, $name:literal, $T:ident => $function:expr) => {
            $group!(dtype, $T => Arc::new(Map2::<$T, $T, _, _>::new($name, $function)))
        };
    }
    match operation {
        Binary::Add => map!(with_number, "add", T => <T as Number>::add),
        Binary::Sub => map!(with_number, "sub", T => <T as Number>::sub),
        Binary::Mul => map!(with_number, "mul", T => <T as Number>::mul),
        Binary::Div => map!(with_number, "div", T => <T as Number>::div),
        Binary::Rem => map!(with_number, "rem", T => <T as Number>::rem),
        Binary::Less => map!(with_ordered, "lt", T => |a: T, b: T| a.lt(&b)),
        Binary::LessEqual => map!(with_ordered, "le", T => |a: T, b: T| a <= b),
        Binary::Greater => map!(with_ordered, "gt", T => |a: T, b: T| a.gt(&b)),
        Binary::GreaterEqual => map!(with_ordered, "ge", T => |a: T, b: T| a >= b),
        Binary::Equal => map!(with_type, "eq", T => |a: T, b: T| a == b),
        Binary::NotEqual => map!(with_type, "ne", T => |a: T, b: T| a != b),
        Binary::Minimum => map!(with_ordered, "minimum", T => |a: T, b: T| a.smaller(b)),
        Binary::Maximum => map!(with_ordered, "maximum", T => |a: T, b: T| a.larger(b)),
        Binary::And => Arc::new(Map2::new("and", |a: bool, b: bool| a & b)),
        Binary::Or => Arc::new(Map2::new("or", |a: bool, b: bool| a | b)),
        Binary::Xor => Arc::new(Map2::new("xor", |a: bool, b: bool| a ^ b)),
        Binary::Powf => map!(with_float, "powf", T => |a: T, b: T| num_traits::Float::powf(a, b)),
        Binary::Atan2 => map!(with_float, "atan2", T => |a: T, b: T| num_traits::Float::atan2(a, b)),
        Binary::Hypot => map!(with_float, "hypot", T => |a: T, b: T| num_traits::Float::hypot(a, b)),
    }
}

/// One of two elements, as a third says.
pub(crate) fn chosen(name: &'static str, dtype: DType) -> Made<dyn Kernel> {
    Made::<dyn Kernel>::by((name, dtype), |&(name, dtype)| {
        with_type!(dtype, U => {
            Arc::new(Map3::new(name, |choice: bool, yes: U, no: U| if choice { yes } else { no }))
        })
    })
}

/// A function of the elements of two arrays of the same type.
pub(crate) fn together(operation: Binary, left: &NodeRef, right: &NodeRef) -> Built<NodeRef> {
    Node::elementwise(kernel2(operation, left.dtype), &[left, right])
}

#[track_caller]
fn binary<R>(operation: Binary, left: &NodeRef, right: &NodeRef) -> Array<R> {
    Array::of(built(together(operation, left, right)))
}

#[track_caller]
fn unary<R>(kernel: Made<dyn Kernel>, node: &NodeRef) -> Array<R> {
    Array::of(built(Node::elementwise(kernel, &[node])))
}

macro_rules! operators {
    ($($trait:ident $method:ident $binary:ident;)*) => { $(
        impl<T: Number, R: Operand<T>> ops::$trait<R> for Array<T> {
            type Output = Array<T>;
            #[track_caller]
            fn $method(self, other: R) -> Array<T> {
                binary(Binary::$binary, self.node(), &other.operand().0)
            }
        }
        impl<T: Number, R: Operand<T>> ops::$trait<R> for &Array<T> {
            type Output = Array<T>;
            #[track_caller]
            fn $method(self, other: R) -> Array<T> {
                binary(Binary::$binary, self.node(), &other.operand().0)
            }
        }
        operators!(@scalars $trait $method $binary: i8 i16 i32 i64 u8 u16 u32 u64 f32 f64
            num_complex::Complex<f32> num_complex::Complex<f64>);
    )* };
    (@scalars $trait:ident $method:ident $binary:ident: $($type:ident $(:: $path:ident <$inner:ident>)?)*) => { $(
        impl ops::$trait<Array<operators!(@type $type $(:: $path <$inner>)?)>> for operators!(@type $type $(:: $path <$inner>)?) {
            type Output = Array<operators!(@type $type $(:: $path <$inner>)?)>;
            #[track_caller]
            fn $method(self, other: Self::Output) -> Self::Output {
                binary(Binary::$binary, &Operand::<Self>::operand(self).0, other.node())
            }
        }
        impl ops::$trait<&Array<operators!(@type $type $(:: $path <$inner>)?)>> for operators!(@type $type $(:: $path <$inner>)?) {
            type Output = Array<operators!(@type $type $(:: $path <$inner>)?)>;
            #[track_caller]
            fn $method(self, other: &Self::Output) -> Self::Output {
                binary(Binary::$binary, &Operand::<Self>::operand(self).0, other.node())
            }
        }
    )* };
    (@type $type:ident) => { $type };
    (@type $type:ident :: $path:ident <$inner:ident>) => { $type::$path<$inner> };
}
operators! {
    Add add Add;
    Sub sub Sub;
    Mul mul Mul;
    Div div Div;
    Rem rem Rem;
}

macro_rules! logic {
    ($($trait:ident $method:ident $binary:ident;)*) => { $(
        impl<R: Operand<bool>> ops::$trait<R> for Array<bool> {
            type Output = Array<bool>;
            #[track_caller]
            fn $method(self, other: R) -> Array<bool> {
                binary(Binary::$binary, self.node(), &other.operand().0)
            }
        }
        impl<R: Operand<bool>> ops::$trait<R> for &Array<bool> {
            type Output = Array<bool>;
            #[track_caller]
            fn $method(self, other: R) -> Array<bool> {
                binary(Binary::$binary, self.node(), &other.operand().0)
            }
        }
    )* };
}
logic! {
    BitAnd bitand And;
    BitOr bitor Or;
    BitXor bitxor Xor;
}

impl<T: Number> ops::Neg for &Array<T> {
    type Output = Array<T>;
    #[track_caller]
    fn neg(self) -> Array<T> {
        fn kernel(dtype: DType) -> Made<dyn Kernel> {
            Made::<dyn Kernel>::by(
                dtype,
                |&dtype| with_number!(dtype, U => Arc::new(Map1::<U, U, _>::new("neg", <U as Number>::neg))),
            )
        }
        unary(kernel(T::DTYPE), self.node())
    }
}

impl<T: Number> ops::Neg for Array<T> {
    type Output = Array<T>;
    #[track_caller]
    fn neg(self) -> Array<T> {
        -&self
    }
}

impl ops::Not for &Array<bool> {
    type Output = Array<bool>;
    #[track_caller]
    fn not(self) -> Array<bool> {
        unary(Made::<dyn Kernel>::by((), |()| Arc::new(Map1::new("not", |value: bool| !value))), self.node())
    }
}

impl ops::Not for Array<bool> {
    type Output = Array<bool>;
    #[track_caller]
    fn not(self) -> Array<bool> {
        !&self
    }
}

macro_rules! comparisons {
    ($($(#[$doc:meta])* $method:ident $binary:ident;)*) => { $(
        $(#[$doc])*
        ///
        /// # Panics
        /// When the shapes do not broadcast.
        #[track_caller]
        pub fn $method(&self, other: impl Operand<T>) -> Array<bool> {
            binary(Binary::$binary, self.node(), &other.operand().0)
        }
    )* };
}

impl<T: Element> Array<T> {
    comparisons! {
        /// Where both are equal. A NaN is equal to nothing.
        eq Equal;
        /// Where both are not equal.
        ne NotEqual;
    }

    /// A function of each element.
    ///
    /// It runs in the same pass as everything around it, compiled as the engine's own operations are.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<f64>::linspace(0.0, 1.0, 5, "auto");
    /// let y = x.map_elements(|x| if x < 0.5 { 0.0 } else { x * x });
    /// assert_eq!(y.sum().item()?, 0.25 + 0.5625 + 1.0);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn map_elements<R: Element>(&self, function: impl Fn(T) -> R + Send + Sync + 'static) -> Array<R> {
        let kernel = Made::<dyn Kernel>::given("map_elements", function, (), |function, ()| {
            Arc::new(Map1::new("map_elements", function))
        });
        unary(kernel, self.node())
    }

    /// A function of the elements of two arrays at the same place; their shapes broadcast.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let (x, y) = (Array::<i64>::arange(4, 2), Array::<i64>::full((4,), 2, 2));
    /// assert_eq!(x.zip_with(&y, |x, y| x.pow(y as u32)).sum().item()?, 0 + 1 + 4 + 9);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    #[track_caller]
    pub fn zip_with<U: Element, R: Element>(
        &self,
        other: &Array<U>,
        function: impl Fn(T, U) -> R + Send + Sync + 'static,
    ) -> Array<R> {
        let kernel = Made::<dyn Kernel>::given("zip_with", function, (), |function, ()| {
            Arc::new(Map2::new("zip_with", function))
        });
        Array::of(built(Node::elementwise(kernel, &[self.node(), other.node()])))
    }

    /// The same values as another type, converted as Rust's `as` does: see [`Cast`].
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<f64>::linspace(0.0, 2.0, 3, "auto");
    /// assert_eq!(x.astype::<i32>().sum().item()?, 3);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn astype<R: Element>(&self) -> Array<R>
    where
        T: Cast<R>,
    {
        if T::DTYPE == R::DTYPE {
            return Array::of(Arc::clone(self.node()));
        }
        let kernel = Made::<dyn Kernel>::by((), |()| Arc::new(Map1::<T, R, _>::new("astype", <T as Cast<R>>::cast)));
        unary(kernel, self.node())
    }
}

impl Array<bool> {
    /// The elements of `yes` where this is `true`, and those of `no` elsewhere; all three broadcast.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::<f64>::linspace(-1.0, 1.0, 5, "auto");
    /// assert_eq!(x.gt(0.0).where_(&x, 0.0).sum().item()?, 1.5);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn where_<T: Element>(&self, yes: impl Operand<T>, no: impl Operand<T>) -> Array<T> {
        Array::of(built(Node::elementwise(
            chosen("where", T::DTYPE),
            &[self.node(), &yes.operand().0, &no.operand().0],
        )))
    }
}

impl<T: Ordered> Array<T> {
    comparisons! {
        /// Where this is less.
        lt Less;
        /// Where this is less or equal.
        le LessEqual;
        /// Where this is greater.
        gt Greater;
        /// Where this is greater or equal.
        ge GreaterEqual;
    }

    /// The smaller of both, or NaN where one is NaN.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn minimum(&self, other: impl Operand<T>) -> Array<T> {
        binary(Binary::Minimum, self.node(), &other.operand().0)
    }

    /// The larger of both, or NaN where one is NaN.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn maximum(&self, other: impl Operand<T>) -> Array<T> {
        binary(Binary::Maximum, self.node(), &other.operand().0)
    }

    /// The elements, but none smaller than `low` or larger than `high`.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn clip(&self, low: impl Operand<T>, high: impl Operand<T>) -> Array<T> {
        self.maximum(low).minimum(high)
    }
}

impl<T: Number> Array<T> {
    /// The absolute values: real for complex numbers.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::range_step(-2_i64, 1, 5, "auto");
    /// assert_eq!(x.abs().sum().item()?, 6);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn abs(&self) -> Array<T::Abs> {
        // Not generic, so that it is compiled here and not where it is called; so are those below.
        fn kernel(dtype: DType) -> Made<dyn Kernel> {
            Made::<dyn Kernel>::by(
                dtype,
                |&dtype| with_number!(dtype, U => Arc::new(Map1::<U, _, _>::new("abs", <U as Number>::abs))),
            )
        }
        unary(kernel(T::DTYPE), self.node())
    }

    /// The elements times themselves.
    pub fn square(&self) -> Array<T> {
        self * self
    }

    /// The elements to a whole power.
    pub fn powi(&self, exponent: i32) -> Array<T> {
        fn kernel(dtype: DType, exponent: i32) -> Made<dyn Kernel> {
            Made::<dyn Kernel>::by((dtype, exponent), |&(dtype, exponent)| {
                with_number!(dtype, U => {
                    Arc::new(Map1::<U, U, _>::new("powi", move |value: U| Number::powi(value, exponent)))
                })
            })
        }
        unary(kernel(T::DTYPE, exponent), self.node())
    }
}

macro_rules! mathematics {
    ($($(#[$doc:meta])* $method:ident;)*) => { $(
        $(#[$doc])*
        pub fn $method(&self) -> Array<T> {
            fn kernel(dtype: DType) -> Made<dyn Kernel> {
                Made::<dyn Kernel>::by(dtype, |&dtype| with_float!(dtype, U => {
                Arc::new(Map1::<U, U, _>::new(stringify!($method), |value: U| <U as num_traits::Float>::$method(value)))
                }))
            }
            unary(kernel(T::DTYPE), self.node())
        }
    )* };
}

macro_rules! float_tests {
    ($($(#[$doc:meta])* $method:ident;)*) => { $(
        $(#[$doc])*
        pub fn $method(&self) -> Array<bool> {
            fn kernel(dtype: DType) -> Made<dyn Kernel> {
                Made::<dyn Kernel>::by(dtype, |&dtype| with_float!(dtype, U => {
                    let test = |value: U| <U as num_traits::Float>::$method(value);
                    Arc::new(Map1::<U, bool, _>::new(stringify!($method), test))
                }))
            }
            unary(kernel(T::DTYPE), self.node())
        }
    )* };
}

impl<T: Float> Array<T> {
    mathematics! {
        /// The square roots; NaN of negative numbers.
        sqrt;
        /// The cube roots.
        cbrt;
        /// e to the power of each element.
        exp;
        /// 2 to the power of each element.
        exp2;
        /// e to the power of each element, less 1, also near 0.
        exp_m1;
        /// The natural logarithms.
        ln;
        /// The logarithms of the elements and 1, also near 0.
        ln_1p;
        /// The logarithms to base 2.
        log2;
        /// The logarithms to base 10.
        log10;
        /// The sines, of radians.
        sin;
        /// The cosines, of radians.
        cos;
        /// The tangents, of radians.
        tan;
        /// The inverse sines, in radians.
        asin;
        /// The inverse cosines, in radians.
        acos;
        /// The inverse tangents, in radians.
        atan;
        /// The hyperbolic sines.
        sinh;
        /// The hyperbolic cosines.
        cosh;
        /// The hyperbolic tangents.
        tanh;
        /// The largest whole numbers that are not larger.
        floor;
        /// The smallest whole numbers that are not smaller.
        ceil;
        /// The nearest whole numbers, halves away from zero.
        round;
        /// The whole parts.
        trunc;
        /// The parts after the point.
        fract;
        /// 1 divided by each element.
        recip;
        /// 1 or -1 by the sign; NaN stays.
        signum;
        /// Degrees from radians.
        to_degrees;
        /// Radians from degrees.
        to_radians;
    }

    float_tests! {
        /// Where an element is NaN.
        is_nan;
        /// Where an element is neither NaN nor infinite.
        is_finite;
        /// Where an element is infinite.
        is_infinite;
    }

    /// The elements to a power.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn powf(&self, exponent: impl Operand<T>) -> Array<T> {
        binary(Binary::Powf, self.node(), &exponent.operand().0)
    }

    /// The angles of the points whose ordinates these are, in radians.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn atan2(&self, abscissa: impl Operand<T>) -> Array<T> {
        binary(Binary::Atan2, self.node(), &abscissa.operand().0)
    }

    /// The distances of points from the origin.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn hypot(&self, other: impl Operand<T>) -> Array<T> {
        binary(Binary::Hypot, self.node(), &other.operand().0)
    }

    /// The elements, with another value in the place of NaNs.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn fill_nan(&self, value: impl Operand<T>) -> Array<T> {
        self.is_nan().where_(value, self)
    }
}

macro_rules! complex {
    ($($type:ident)*) => { $(
        impl Array<num_complex::Complex<$type>> {
            /// The real parts.
            pub fn real(&self) -> Array<$type> {
                let kernel = || Arc::new(Map1::new("real", |value: num_complex::Complex<$type>| value.re));
                unary(Made::<dyn Kernel>::by((), move |()| kernel()), self.node())
            }
            /// The imaginary parts.
            pub fn imag(&self) -> Array<$type> {
                let kernel = || Arc::new(Map1::new("imag", |value: num_complex::Complex<$type>| value.im));
                unary(Made::<dyn Kernel>::by((), move |()| kernel()), self.node())
            }
            /// The numbers with the other sign before their imaginary parts.
            pub fn conj(&self) -> Self {
                let kernel = || Arc::new(Map1::new("conj", |value: num_complex::Complex<$type>| value.conj()));
                unary(Made::<dyn Kernel>::by((), move |()| kernel()), self.node())
            }
            /// The angles, in radians.
            pub fn angle(&self) -> Array<$type> {
                let kernel = || Arc::new(Map1::new("angle", |value: num_complex::Complex<$type>| value.arg()));
                unary(Made::<dyn Kernel>::by((), move |()| kernel()), self.node())
            }
        }
    )* };
}
complex!(f32 f64);
