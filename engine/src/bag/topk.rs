//! The greatest few.

use std::cmp::Ordering;
use std::sync::Arc;

use super::Bag;
use super::item::{Combine, reduced};
use super::node::Datum;
use super::reduce::{Folder, Folding, bag_of};
use super::stream::{Flow, Reducer};
use crate::task::{Failure, Made};

/// The greatest so far, and later ones among which there may be greater.
type Top<K, T> = Vec<(K, T)>;

/// What cannot be compared, such as a NaN, is last; so is what came later, among equals, by the sort being stable.
fn descending<K: PartialOrd>(a: &K, b: &K) -> Ordering {
    let is_odd = |key: &K| key.partial_cmp(key).is_none();
    b.partial_cmp(a).unwrap_or_else(|| is_odd(a).cmp(&is_odd(b)))
}

fn keep<K: PartialOrd, T>(top: &mut Top<K, T>, k: usize) {
    top.sort_by(|a, b| descending(&a.0, &b.0));
    top.truncate(k);
}

struct TopK<G> {
    k: usize,
    key: G,
}

impl<T: Datum, K: Datum + PartialOrd, G: Fn(&T) -> K + Send + Sync + 'static> Folder<T> for TopK<G> {
    /// How many at the front are sorted, and all.
    type Built = (usize, Top<K, T>);
    fn begin(&self) -> Self::Built {
        (0, Vec::new())
    }
    #[inline]
    fn add(&self, (sorted, top): &mut Self::Built, item: T) -> Flow {
        if self.k == 0 {
            return Flow::Break(());
        }
        let key = (self.key)(&item);
        // Most items end here: they are not greater than the least of the greatest.
        if *sorted == self.k && descending(&key, &top[*sorted - 1].0) != Ordering::Less {
            return Flow::Continue(());
        }
        top.push((key, item));
        if top.len() >= 2 * self.k + 64 {
            keep(top, self.k);
            *sorted = top.len();
        }
        Flow::Continue(())
    }
}

struct Best(usize);

impl<T: Datum, K: Datum + PartialOrd> Combine<(usize, Top<K, T>)> for Best {
    fn combine(&self, parts: Vec<(usize, Top<K, T>)>) -> Result<(usize, Top<K, T>), Failure> {
        let mut top: Top<K, T> = parts.into_iter().flat_map(|(_, top)| top).collect();
        keep(&mut top, self.0);
        Ok((top.len(), top))
    }
}

struct Sorted(usize);

impl<T: Datum, K: Datum + PartialOrd> super::item::Finish<(usize, Top<K, T>), Vec<T>> for Sorted {
    fn finish(&self, (_, mut top): (usize, Top<K, T>)) -> Result<Vec<T>, Failure> {
        keep(&mut top, self.0);
        Ok(top.into_iter().map(|(_, item)| item).collect())
    }
}

impl<T: Clone + Send + Sync + 'static> Bag<T> {
    /// The `k` items with the greatest keys, greatest first; of equal ones the first. A NaN is never among them while there
    /// is anything else.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let b = Bag::from_sequence([("warp", 2.5), ("weft", f64::NAN), ("loom", 7.0)], 2);
    /// assert_eq!(b.topk_by_key(1, |(_, length)| *length).compute()?, [("loom", 7.0)]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn topk_by_key<K>(&self, k: usize, key: impl Fn(&T) -> K + Send + Sync + 'static) -> Bag<T>
    where
        K: PartialOrd + Clone + Send + Sync + 'static,
    {
        let reducer =
            Made::<dyn Reducer<T>>::given("topk_by_key", key, k, |key, &k| Arc::new(Folding(TopK { k, key })));
        let best = Made::<dyn Combine<(usize, Top<K, T>)>>::by(k, |&k| Arc::new(Best(k)));
        let sorted = Made::<dyn super::item::Finish<(usize, Top<K, T>), Vec<T>>>::by(k, |&k| Arc::new(Sorted(k)));
        bag_of("topk", &reduced(&self.node, "topk", reducer, best, sorted))
    }
}

impl<T: PartialOrd + Clone + Send + Sync + 'static> Bag<T> {
    /// The `k` greatest items, greatest first.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// assert_eq!(Bag::range(1000, 7).topk(3).compute()?, [999, 998, 997]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn topk(&self, k: usize) -> Bag<T> {
        self.topk_by_key(k, T::clone)
    }
}
