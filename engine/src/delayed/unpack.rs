//! From many handles to one, and from one to many.

use super::{Delayed, Each, Lazy, task};
use crate::task::{ByReference, ByValue, Finished, Kept, Registered, Site, Slot};

/// Many handles become one handle on all their values.
///
/// ```
/// use taskloom::prelude::*;
/// let squares: Delayed<Vec<i64>> = (1..4).map(|n| delayed!(i64::pow(n, 2))).collect();
/// assert_eq!(squares.compute()?, [1, 4, 9]);
/// # Ok::<(), taskloom::Error>(())
/// ```
impl<T: Clone + Send + Sync + 'static> FromIterator<Delayed<T>> for Delayed<Vec<T>> {
    fn from_iter<I: IntoIterator<Item = Delayed<T>>>(handles: I) -> Self {
        let handles: Vec<Delayed<T>> = handles.into_iter().collect();
        let plan: Each<Vec<Slot>> = handles.plan();
        task(&Site::Written("collect"), (ByValue::<Vec<T>, _>::new(plan),), |(values,)| Finished::<Vec<T>>::ok(values))
    }
}

/// A type with parts that can each have a handle: tuples and arrays.
pub trait Unpack: Send + Sync + Sized + 'static {
    /// A handle for each part.
    type Handles;
    /// Makes them.
    fn unpack(whole: &Delayed<Self>) -> Self::Handles;
}

impl<T: Unpack> Delayed<T> {
    /// A handle for each part of a tuple or array, when a function has several results.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// fn divide(x: i64, y: i64) -> (i64, i64) { (x / y, x % y) }
    /// let (quotient, remainder) = delayed!(divide(17, 5)).unpack();
    /// assert_eq!(compute!(quotient, remainder)?, (3, 2)); // `divide` runs once
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn unpack(&self) -> T::Handles {
        T::unpack(self)
    }
}

impl<T: Clone + Send + Sync + 'static> Delayed<Vec<T>> {
    /// Handles on the first `length` elements of a vector whose length you know.
    ///
    /// A vector that turns out shorter fails the compute of the handles that it has no element for.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let halves = delayed!(Vec::from([1_i64, 2])).unpack_vec(2);
    /// assert_eq!((&halves[0] + &halves[1]).compute()?, 3);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn unpack_vec(&self, length: usize) -> Vec<Delayed<T>> {
        (0..length).map(|index| element(self, index)).collect()
    }
}

fn element<T: Clone + Send + Sync + 'static>(whole: &Delayed<Vec<T>>, index: usize) -> Delayed<T> {
    let whole = ByReference::<Vec<T>, Slot>::new(Slot::new(whole.step()));
    let index = ByValue::new(Kept::<usize, Registered>::new(index));
    task(&Site::Written("unpack"), (whole, index), |(whole, index)| {
        let found = whole.get(index).cloned();
        Finished::<T>::new(found.ok_or_else(|| {
            format!("there is no element {index} to unpack: the vector has {} elements", whole.len()).into()
        }))
    })
}

macro_rules! unpack_tuple {
    ($($part:ident $index:tt),+) => {
        impl<$($part: Clone + Send + Sync + 'static),+> Unpack for ($($part,)+) {
            type Handles = ($(Delayed<$part>,)+);
            fn unpack(whole: &Delayed<Self>) -> Self::Handles {
                ($({
                    let whole = ByReference::<Self, Slot>::new(Slot::new(whole.step()));
                    task(&Site::Written("unpack"), (whole,), |(whole,)| Finished::<$part>::ok(whole.$index.clone()))
                },)+)
            }
        }
    };
}
unpack_tuple!(A 0);
unpack_tuple!(A 0, B 1);
unpack_tuple!(A 0, B 1, C 2);
unpack_tuple!(A 0, B 1, C 2, D 3);
unpack_tuple!(A 0, B 1, C 2, D 3, E 4);
unpack_tuple!(A 0, B 1, C 2, D 3, E 4, F 5);

impl<T: Clone + Send + Sync + 'static, const N: usize> Unpack for [T; N] {
    type Handles = [Delayed<T>; N];
    fn unpack(whole: &Delayed<Self>) -> Self::Handles {
        std::array::from_fn(|index| {
            let whole = ByReference::<Self, Slot>::new(Slot::new(whole.step()));
            let index = ByValue::new(Kept::<usize, Registered>::new(index));
            task(&Site::Written("unpack"), (whole, index), |(whole, index)| Finished::<T>::ok(whole[index].clone()))
        })
    }
}
