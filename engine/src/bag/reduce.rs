//! From many items to one value: folds, counts, the first of a kind.

use std::sync::Arc;

use super::Bag;
use super::codec::Sent;
use super::item::{Combine, Finish, Item, reduced};
use super::memory::Computed;
use super::node::{Datum, Root};
use super::stream::{Done, Flow, Place, Push, Pushed, Reducer};
use crate::task::{Failure, Made, ResultType, TypeOf};

/// Something that is built up item by item, in the order in which they come.
pub(crate) trait Folder<T>: Send + Sync + 'static {
    type Built: Datum;
    fn begin(&self) -> Self::Built;
    fn add(&self, built: &mut Self::Built, item: T) -> Flow;
}

/// A folder as a reducer.
pub(crate) struct Folding<F>(pub(crate) F);

struct Folded<'a, F: Folder<T>, T> {
    folder: &'a F,
    built: F::Built,
    done: Done<'a>,
}

impl<T: Datum, F: Folder<T>> Reducer<T> for Folding<F> {
    fn begin<'a>(&'a self, _place: &'a Place, done: Done<'a>) -> Pushed<'a, T> {
        Box::new(Folded { folder: &self.0, built: self.0.begin(), done })
    }
    fn result(&self) -> ResultType {
        TypeOf::of::<F::Built>()
    }
}

impl<T: Datum, F: Folder<T>> Push<T> for Folded<'_, F, T> {
    #[inline]
    fn push(&mut self, item: T) -> Flow {
        self.folder.add(&mut self.built, item)
    }
    fn end(self: Box<Self>) -> Result<(), Failure> {
        self.done.give(Arc::new(self.built));
        Ok(())
    }
}

/// A folder that needs to know nothing.
pub(crate) fn folding<T: Datum, F: Folder<T> + Default>() -> Made<dyn Reducer<T>> {
    Made::<dyn Reducer<T>>::by((), |()| Arc::new(Folding(F::default())))
}

/// Two values into one, from left to right.
pub(crate) struct Pairwise<F>(pub(crate) F);

impl<A: Datum, F: Fn(A, A) -> A + Send + Sync> Combine<A> for Pairwise<F> {
    fn combine(&self, parts: Vec<A>) -> Result<A, Failure> {
        parts.into_iter().reduce(&self.0).ok_or_else(|| Failure::Error("there is nothing to combine".into()))
    }
}

/// A combination that captures nothing.
pub(crate) fn pairwise<A: Datum, F: Fn(A, A) -> A + Send + Sync + 'static>(function: F) -> Made<dyn Combine<A>> {
    Made::<dyn Combine<A>>::given("combine", function, (), |function, ()| Arc::new(Pairwise(function)))
}

struct Finishing<F>(F);

impl<A, R, F: Fn(A) -> Result<R, String> + Send + Sync> Finish<A, R> for Finishing<F> {
    fn finish(&self, whole: A) -> Result<R, Failure> {
        (self.0)(whole).map_err(|why| Failure::Error(why.into()))
    }
}

/// An end that captures nothing.
pub(crate) fn finishing<A: Datum, R: Datum>(
    function: impl Fn(A) -> Result<R, String> + Send + Sync + 'static,
) -> Made<dyn Finish<A, R>> {
    Made::<dyn Finish<A, R>>::given("finish", function, (), |function, ()| Arc::new(Finishing(function)))
}

/// A bag of one partition, whose items are computed together.
pub(crate) fn bag_of<R: Datum>(name: &'static str, item: &Item<Vec<R>>) -> Bag<R> {
    let root: Root<R> = Root { name, npartitions: 1, roots: Box::new(Computed { want: Arc::clone(item.want()) }) };
    Bag { node: Arc::new(root) }
}

/// What a user's fold begins with, and how it goes on.
struct UserFold<A, F> {
    initial: A,
    binop: F,
}

impl<T: Datum, A: Datum, F: Fn(A, T) -> A + Send + Sync + 'static> Folder<T> for UserFold<A, F> {
    type Built = Option<A>;
    fn begin(&self) -> Option<A> {
        Some(self.initial.clone())
    }
    #[inline]
    fn add(&self, built: &mut Option<A>, item: T) -> Flow {
        *built = built.take().map(|built| (self.binop)(built, item));
        Flow::Continue(())
    }
}

struct First<F>(F);

impl<T: Datum, F: Fn(T, T) -> T + Send + Sync + 'static> Folder<T> for First<F> {
    type Built = Option<T>;
    fn begin(&self) -> Option<T> {
        None
    }
    #[inline]
    fn add(&self, built: &mut Option<T>, item: T) -> Flow {
        *built = Some(match built.take() {
            Some(built) => (self.0)(built, item),
            None => item,
        });
        Flow::Continue(())
    }
}

/// Of two that may not be there.
struct Either<F>(F);

impl<A: Datum, F: Fn(A, A) -> A + Send + Sync> Combine<Option<A>> for Either<F> {
    fn combine(&self, parts: Vec<Option<A>>) -> Result<Option<A>, Failure> {
        Ok(parts.into_iter().flatten().reduce(&self.0))
    }
}

pub(crate) fn either<A: Datum>(
    name: &'static str,
    combine: impl Fn(A, A) -> A + Send + Sync + 'static,
) -> Made<dyn Combine<Option<A>>> {
    Made::<dyn Combine<Option<A>>>::given(name, combine, (), |combine, ()| Arc::new(Either(combine)))
}

struct Whole<F>(F);

struct WholePush<'a, T, F> {
    function: &'a F,
    items: Vec<T>,
    place: &'a Place,
    done: Done<'a>,
}

impl<T: Datum, A: Datum, F: Fn(Vec<T>) -> A + Send + Sync> Reducer<T> for Whole<F> {
    fn begin<'a>(&'a self, place: &'a Place, done: Done<'a>) -> Pushed<'a, T> {
        Box::new(WholePush { function: &self.0, items: Vec::new(), place, done })
    }
    fn result(&self) -> ResultType {
        TypeOf::of::<Vec<A>>()
    }
}

impl<T, A: Datum, F: Fn(Vec<T>) -> A> Push<T> for WholePush<'_, T, F> {
    fn push(&mut self, item: T) -> Flow {
        self.items.push(item);
        Flow::Continue(())
    }
    fn end(self: Box<Self>) -> Result<(), Failure> {
        self.place.whole();
        self.done.give(Arc::new(vec![(self.function)(self.items)]));
        Ok(())
    }
}

#[derive(Default)]
struct Count;

impl<T: Datum> Folder<T> for Count {
    type Built = usize;
    fn begin(&self) -> usize {
        0
    }
    #[inline]
    fn add(&self, built: &mut usize, _item: T) -> Flow {
        *built += 1;
        Flow::Continue(())
    }
}

struct Found<F> {
    test: F,
    stops_at: bool,
}

impl<T: Datum, F: Fn(&T) -> bool + Send + Sync + 'static> Folder<T> for Found<F> {
    type Built = bool;
    fn begin(&self) -> bool {
        !self.stops_at
    }
    fn add(&self, built: &mut bool, item: T) -> Flow {
        if (self.test)(&item) == self.stops_at {
            *built = self.stops_at;
            return Flow::Break(());
        }
        Flow::Continue(())
    }
}

impl<T: Clone + Send + Sync + 'static> Bag<T> {
    /// How many items there are.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let b = Bag::range(10, 3).filter(|x| x % 4 == 0);
    /// assert_eq!(b.count().compute()?, 3);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn count(&self) -> Item<usize> {
        let (reducer, add) = (folding::<T, Count>(), pairwise(|a: usize, b: usize| a + b));
        reduced(&self.node, "count", reducer, add, finishing(Ok))
    }

    /// Whether a function says yes to any item. A partition is not read beyond the first.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let b = Bag::range(10, 3);
    /// assert!(b.any(|x| *x > 8).compute()?);
    /// assert!(!b.filter(|x| *x > 20).any(|_| true).compute()?);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn any(&self, test: impl Fn(&T) -> bool + Send + Sync + 'static) -> Item<bool> {
        let reducer = Made::<dyn Reducer<T>>::given("any", test, (), |test, ()| {
            Arc::new(Folding(Found { test, stops_at: true }))
        });
        reduced(&self.node, "any", reducer, pairwise(|a: bool, b: bool| a || b), finishing(Ok))
    }

    /// Whether a function says yes to all items, also when there are none.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let b = Bag::range(10, 3);
    /// assert!(b.all(|x| *x < 10).compute()?);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn all(&self, test: impl Fn(&T) -> bool + Send + Sync + 'static) -> Item<bool> {
        let reducer = Made::<dyn Reducer<T>>::given("all", test, (), |test, ()| {
            Arc::new(Folding(Found { test, stops_at: false }))
        });
        reduced(&self.node, "all", reducer, pairwise(|a: bool, b: bool| a && b), finishing(Ok))
    }

    /// All items into one value: `binop` takes in the items of each partition, beginning with `initial`, and `combine` puts
    /// the values of partitions together.
    ///
    /// Each partition begins with `initial`, so it has to be what changes nothing, such as 0 for a sum.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let words = Bag::from_sequence(["loom", "weft", "warp"], 2);
    /// let letters = words.fold(|sum, word| sum + word.len(), 0, |a, b| a + b);
    /// assert_eq!(letters.compute()?, 12);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn fold<A: Clone + Send + Sync + 'static>(
        &self,
        binop: impl Fn(A, T) -> A + Send + Sync + 'static,
        initial: A,
        combine: impl Fn(A, A) -> A + Send + Sync + 'static,
    ) -> Item<A> {
        let reducer = Made::<dyn Reducer<T>>::given("fold", binop, Sent(initial), |binop, initial| {
            Arc::new(Folding(UserFold { initial: initial.0.clone(), binop }))
        });
        let whole = |whole: Option<A>| whole.ok_or_else(|| "there are no partitions".to_owned());
        reduced(&self.node, "fold", reducer, either("fold", combine), finishing(whole))
    }

    /// All items into one of their own kind, two at a time. An empty bag fails the compute.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let b = Bag::from_sequence(["a", "b", "c"].map(String::from), 2);
    /// assert_eq!(b.reduce(|a, b| a + &b).compute()?, "abc");
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn reduce(&self, binop: impl Fn(T, T) -> T + Clone + Send + Sync + 'static) -> Item<T> {
        let combine = either("reduce", binop.clone());
        let reducer = Made::<dyn Reducer<T>>::given("reduce", binop, (), |binop, ()| Arc::new(Folding(First(binop))));
        let whole = |whole: Option<T>| whole.ok_or_else(|| nothing("`reduce`"));
        reduced(&self.node, "reduce", reducer, combine, finishing(whole))
    }

    /// A function of each partition, and a function of all that these give, in the order of partitions.
    ///
    /// A partition is held in memory for it; [`fold`](Bag::fold) goes item by item.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let b = Bag::range(10, 2);
    /// let middle = b.reduction(|items| items[items.len() / 2], |middles| middles);
    /// assert_eq!(middle.compute()?, [2, 7]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn reduction<A, R>(
        &self,
        perpartition: impl Fn(Vec<T>) -> A + Send + Sync + 'static,
        aggregate: impl Fn(Vec<A>) -> R + Send + Sync + 'static,
    ) -> Item<R>
    where
        A: Clone + Send + Sync + 'static,
        R: Clone + Send + Sync + 'static,
    {
        let reducer =
            Made::<dyn Reducer<T>>::given("reduction", perpartition, (), |function, ()| Arc::new(Whole(function)));
        let aggregate = Made::<dyn Finish<Vec<A>, R>>::given("reduction", aggregate, (), |aggregate, ()| {
            Arc::new(Finishing(move |all| Ok(aggregate(all))))
        });
        reduced(&self.node, "reduction", reducer, together(), aggregate)
    }

    /// The first `k` items, computed now. They come from the first partition alone; where it has fewer, so are they, with a
    /// warning: [`take_from`](Bag::take_from) looks into more.
    ///
    /// # Errors
    /// As [`compute`](Bag::compute).
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// assert_eq!(Bag::range(1_000_000, 10).map(|x| x * x).take(4)?, [0, 1, 4, 9]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn take(&self, k: usize) -> crate::Result<Vec<T>> {
        self.take_from(k, 1)
    }

    /// The first `k` items, of so many partitions.
    ///
    /// # Errors
    /// As [`compute`](Bag::compute).
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let b = Bag::range(10, 5);
    /// assert_eq!(b.take_from(3, 2)?, [0, 1, 2]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn take_from(&self, k: usize, npartitions: usize) -> crate::Result<Vec<T>> {
        let mut items = Vec::new();
        let all = self.npartitions();
        for partition in 0..npartitions.min(all) {
            let left = k - items.len();
            let most = Made::<dyn super::stream::Over<T, T>>::by(left, |&left| Arc::new(super::collect::AtMost(left)));
            items.extend(self.stepped("take", most).partition(partition).compute()?);
            if items.len() >= k {
                return Ok(items);
            }
        }
        if npartitions < all {
            crate::events::warn(&format!(
                "`take`: {k} items were asked for, and the first {} only {}; `take_from({k}, n)` looks into the first n \
                 of {all} partitions",
                if npartitions == 1 { "partition has".to_owned() } else { format!("{npartitions} partitions have") },
                items.len(),
            ));
        }
        Ok(items)
    }
}

/// Lists one after the other.
pub(crate) fn together<A: Datum>() -> Made<dyn Combine<Vec<A>>> {
    struct Together;
    impl<A: Datum> Combine<Vec<A>> for Together {
        fn combine(&self, parts: Vec<Vec<A>>) -> Result<Vec<A>, Failure> {
            Ok(parts.into_iter().flatten().collect())
        }
    }
    Made::<dyn Combine<Vec<A>>>::by((), |()| Arc::new(Together))
}

/// Why there is no value.
pub(crate) fn nothing(what: &str) -> String {
    format!("{what} of no items is not defined, and the bag is empty")
}
