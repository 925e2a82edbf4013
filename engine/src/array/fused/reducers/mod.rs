//! Ways to fold: sums, extremes, means and spreads.

mod extremes;
mod lanes;
mod position;
mod spread;
mod sums;

pub(crate) use extremes::{All, Any, Max, Min, NanMax, NanMin};
pub(crate) use position::Position;
pub(crate) use spread::Variance;
pub(crate) use sums::{Mean, NanMean, Product, Sum};

/// A reducer without parameters.
macro_rules! reducer {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub(crate) struct $name<T>(PhantomData<fn() -> T>);

        impl<T> $name<T> {
            pub(crate) fn new() -> Self {
                $name(PhantomData)
            }
        }
    };
}
use reducer;
