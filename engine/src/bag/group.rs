//! Items that belong together by a key: counted, folded, or only the first of each.

use std::hash::Hash;
use std::sync::Arc;

use indexmap::IndexMap;

use super::Bag;
use super::codec::{Sent, know_pairs};
use super::item::{Combine, Item, reduced};
use super::node::Datum;
use super::reduce::{Folder, Folding, bag_of, finishing, folding};
use super::stream::{Flow, Reducer};
use crate::task::{Failure, Made};

/// A table in the order in which keys first came.
pub(crate) type Groups<K, A> = IndexMap<K, A, foldhash::fast::FixedState>;

/// A table that has none yet.
pub(crate) fn groups<K, A>() -> Groups<K, A> {
    // Where a key comes to lie must not depend on chance, and who sends keys to slow down a table waits for himself.
    IndexMap::with_hasher(foldhash::fast::FixedState::default())
}

/// What a key can be.
pub(crate) trait Key: Datum + Hash + Eq {}
impl<K: Datum + Hash + Eq> Key for K {}

/// Tables into one; where a key is in both, `merge` says what becomes of it.
struct Merged<F>(F);

impl<K: Key, A: Datum, F: Fn(A, A) -> A + Send + Sync> Combine<Groups<K, Option<A>>> for Merged<F> {
    fn combine(&self, parts: Vec<Groups<K, Option<A>>>) -> Result<Groups<K, Option<A>>, Failure> {
        let mut parts = parts.into_iter();
        let mut whole = parts.next().unwrap_or_else(groups);
        for (key, value) in parts.flatten() {
            let Some(value) = value else { continue };
            let there = whole.entry(key).or_default();
            *there = Some(match there.take() {
                Some(there) => (self.0)(there, value),
                None => value,
            });
        }
        Ok(whole)
    }
}

fn listed<K: Key, A: Datum>(groups: Groups<K, Option<A>>) -> Result<Vec<(K, A)>, String> {
    Ok(groups.into_iter().filter_map(|(key, value)| value.map(|value| (key, value))).collect())
}

struct FoldBy<G, F, A> {
    key: G,
    binop: F,
    initial: A,
}

impl<T, K, A, G, F> Folder<T> for FoldBy<G, F, A>
where
    T: Datum,
    K: Key,
    A: Datum,
    G: Fn(&T) -> K + Send + Sync + 'static,
    F: Fn(A, T) -> A + Send + Sync + 'static,
{
    type Built = Groups<K, Option<A>>;
    fn begin(&self) -> Self::Built {
        groups()
    }
    #[inline]
    fn add(&self, built: &mut Self::Built, item: T) -> Flow {
        let there = built.entry((self.key)(&item)).or_insert_with(|| Some(self.initial.clone()));
        *there = there.take().map(|there| (self.binop)(there, item));
        Flow::Continue(())
    }
}

#[derive(Default)]
struct Frequencies;

impl<T: Key> Folder<T> for Frequencies {
    type Built = Groups<T, usize>;
    fn begin(&self) -> Self::Built {
        groups()
    }
    #[inline]
    fn add(&self, built: &mut Self::Built, item: T) -> Flow {
        *built.entry(item).or_insert(0) += 1;
        Flow::Continue(())
    }
}

struct Added;

impl<K: Key> Combine<Groups<K, usize>> for Added {
    fn combine(&self, parts: Vec<Groups<K, usize>>) -> Result<Groups<K, usize>, Failure> {
        let mut parts = parts.into_iter();
        let mut whole = parts.next().unwrap_or_else(groups);
        parts.flatten().for_each(|(key, count)| *whole.entry(key).or_insert(0) += count);
        Ok(whole)
    }
}

struct Distinct<G>(G);

impl<T: Datum, K: Key, G: Fn(&T) -> K + Send + Sync + 'static> Folder<T> for Distinct<G> {
    type Built = Groups<K, Option<T>>;
    fn begin(&self) -> Self::Built {
        groups()
    }
    fn add(&self, built: &mut Self::Built, item: T) -> Flow {
        built.entry((self.0)(&item)).or_insert(Some(item));
        Flow::Continue(())
    }
}

impl<T: Clone + Send + Sync + 'static> Bag<T> {
    /// The items of each key into one value, without bringing them together first: much less work than
    /// [`groupby`](Bag::groupby), and nothing is held but a value for each key.
    ///
    /// `binop` takes in an item, beginning with `initial` in each partition; `combine` puts two values of one key together.
    /// Keys come in the order in which they first appear, in one partition.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let sales = Bag::from_sequence([("ann", 3), ("bob", 4), ("ann", 5)], 2);
    /// let totals = sales.foldby(|sale| sale.0, |sum, sale| sum + sale.1, 0, |a, b| a + b);
    /// assert_eq!(totals.compute()?, [("ann", 8), ("bob", 4)]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn foldby<K, A>(
        &self,
        key: impl Fn(&T) -> K + Send + Sync + 'static,
        binop: impl Fn(A, T) -> A + Send + Sync + 'static,
        initial: A,
        combine: impl Fn(A, A) -> A + Send + Sync + 'static,
    ) -> Bag<(K, A)>
    where
        K: Hash + Eq + Clone + Send + Sync + 'static,
        A: Clone + Send + Sync + 'static,
    {
        know_pairs::<K, A>();
        let reducer = Made::<dyn Reducer<T>>::given("foldby", (key, binop), Sent(initial), |(key, binop), initial| {
            Arc::new(Folding(FoldBy { key, binop, initial: initial.0.clone() }))
        });
        let combine = Made::<dyn Combine<Groups<K, Option<A>>>>::given("foldby", combine, (), |combine, ()| {
            Arc::new(Merged(combine))
        });
        let item: Item<Vec<(K, A)>> = reduced(&self.node, "foldby", reducer, combine, finishing(listed));
        bag_of("foldby", &item)
    }

    /// The first item of each key, in the order in which they come.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let b = Bag::from_sequence([("ann", 3), ("bob", 4), ("ann", 5)], 2);
    /// assert_eq!(b.distinct_by_key(|sale| sale.0).compute()?, [("ann", 3), ("bob", 4)]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn distinct_by_key<K>(&self, key: impl Fn(&T) -> K + Send + Sync + 'static) -> Bag<T>
    where
        K: Hash + Eq + Clone + Send + Sync + 'static,
    {
        let reducer =
            Made::<dyn Reducer<T>>::given("distinct_by_key", key, (), |key, ()| Arc::new(Folding(Distinct(key))));
        let first = Made::<dyn Combine<Groups<K, Option<T>>>>::by((), |()| Arc::new(Merged(|first: T, _| first)));
        let items = |groups: Groups<K, Option<T>>| Ok(groups.into_values().flatten().collect::<Vec<T>>());
        bag_of("distinct_by_key", &reduced(&self.node, "distinct_by_key", reducer, first, finishing(items)))
    }
}

impl<T: Hash + Eq + Clone + Send + Sync + 'static> Bag<T> {
    /// Each item once, with how often it is there, in the order in which they first come.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let b = Bag::from_sequence(["warp", "weft", "warp"], 2);
    /// assert_eq!(b.frequencies().compute()?, [("warp", 2), ("weft", 1)]);
    /// assert_eq!(b.frequencies().topk_by_key(1, |(_, count)| *count).compute()?, [("warp", 2)]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn frequencies(&self) -> Bag<(T, usize)> {
        know_pairs::<T, usize>();
        let add = Made::<dyn Combine<Groups<T, usize>>>::by((), |()| Arc::new(Added));
        let pairs = |groups: Groups<T, usize>| Ok(groups.into_iter().collect::<Vec<_>>());
        bag_of("frequencies", &reduced(&self.node, "frequencies", folding::<T, Frequencies>(), add, finishing(pairs)))
    }

    /// Each item once, in the order in which they first come.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let b = Bag::from_sequence([3, 1, 3, 2, 1], 2);
    /// assert_eq!(b.distinct().compute()?, [3, 1, 2]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn distinct(&self) -> Bag<T> {
        let add = Made::<dyn Combine<Groups<T, usize>>>::by((), |()| Arc::new(Added));
        let items = |groups: Groups<T, usize>| Ok(groups.into_keys().collect::<Vec<T>>());
        bag_of("distinct", &reduced(&self.node, "distinct", folding::<T, Frequencies>(), add, finishing(items)))
    }
}
