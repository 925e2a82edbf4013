//! Partitions as vectors, and the first few items.

use std::sync::Arc;

use super::node::{Datum, Node, Want};
use super::reduce::{Folder, folding};
use super::stream::{Each, Flow, Over, Place, Pushed};

/// The items of a partition as a vector.
#[derive(Default)]
pub(crate) struct Collect;

impl<T: Datum> Folder<T> for Collect {
    type Built = Vec<T>;
    fn begin(&self) -> Vec<T> {
        Vec::new()
    }
    #[inline]
    fn add(&self, built: &mut Vec<T>, item: T) -> Flow {
        built.push(item);
        Flow::Continue(())
    }
}

/// A vector for each partition.
pub(crate) fn collect<T: Datum>(node: &Arc<dyn Node<T>>) -> Arc<Want> {
    Want::of::<T, Vec<T>>(node, "", folding::<T, Collect>(), None)
}

/// No more than so many items.
pub(crate) struct AtMost(pub(crate) usize);

impl<T: 'static> Over<T, T> for AtMost {
    fn over<'a>(&'a self, _place: &'a Place, next: Pushed<'a, T>) -> Pushed<'a, T> {
        let mut left = self.0;
        Each::of(next, move |next, item| {
            if left == 0 {
                return Flow::Break(());
            }
            left -= 1;
            next.push(item)?;
            if left == 0 { Flow::Break(()) } else { Flow::Continue(()) }
        })
    }
}
