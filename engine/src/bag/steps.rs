//! Steps over items: map, filter, flatten and so on.

use std::sync::Arc;

use super::Bag;
use super::node::Stepped;
use super::stream::{Each, Flow, Over, Place, Push, Pushed};
use crate::task::{Failure, Made};

impl<T: Clone + Send + Sync + 'static> Bag<T> {
    /// The same bag with one more step.
    pub(crate) fn stepped<R: Clone + Send + Sync + 'static>(
        &self,
        name: &'static str,
        over: Made<dyn Over<T, R>>,
    ) -> Bag<R> {
        Bag { node: Arc::new(Stepped { name, input: Arc::clone(&self.node), over }) }
    }

    /// A function of each item.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let b = Bag::from_sequence([1, 2, 3], 2).map(|x| x * 10);
    /// assert_eq!(b.compute()?, [10, 20, 30]);
    /// let pairs = b.zip(&b.map(|x| x + 1));
    /// assert_eq!(pairs.map(|(x, y)| x * y).compute()?, [110, 420, 930]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn map<R: Clone + Send + Sync + 'static>(&self, function: impl Fn(T) -> R + Send + Sync + 'static) -> Bag<R> {
        self.stepped("map", Made::<dyn Over<T, R>>::given("map", function, (), |function, ()| Arc::new(Map(function))))
    }

    /// A function of each item that can fail: an error fails the compute, and says which item it was.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let b = Bag::from_sequence(["1", "2", "x"], 2).map(str::to_owned);
    /// let error = b.try_map(|text| text.parse::<i64>()).compute().unwrap_err().to_string();
    /// assert!(error.contains("invalid digit found in string, at item 0 of partition 1"), "{error}");
    /// ```
    pub fn try_map<R, E>(&self, function: impl Fn(T) -> Result<R, E> + Send + Sync + 'static) -> Bag<R>
    where
        R: Clone + Send + Sync + 'static,
        E: std::fmt::Display + 'static,
    {
        let over = Made::<dyn Over<T, R>>::given("try_map", function, (), |function, ()| Arc::new(TryMap(function)));
        self.stepped("try_map", over)
    }

    /// The items for which a function says yes.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let b = Bag::range(10, 3);
    /// assert_eq!(b.filter(|x| x % 2 == 0).compute()?, [0, 2, 4, 6, 8]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn filter(&self, keep: impl Fn(&T) -> bool + Send + Sync + 'static) -> Bag<T> {
        self.stepped(
            "filter",
            Made::<dyn Over<T, T>>::given("filter", keep, (), |keep, ()| Arc::new(Filter { keep, wanted: true })),
        )
    }

    /// The items for which a function says no.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let b = Bag::range(10, 3);
    /// assert_eq!(b.remove(|x| x % 2 == 0).compute()?, [1, 3, 5, 7, 9]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn remove(&self, drop: impl Fn(&T) -> bool + Send + Sync + 'static) -> Bag<T> {
        self.stepped(
            "remove",
            Made::<dyn Over<T, T>>::given("remove", drop, (), |keep, ()| Arc::new(Filter { keep, wanted: false })),
        )
    }

    /// What a function gives for each item, one after the other; of an `Option`, what is in it.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let b = Bag::from_sequence(["a b", "c"], 2);
    /// assert_eq!(b.flat_map(|line| line.split(' ')).compute()?, ["a", "b", "c"]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn flat_map<I>(&self, function: impl Fn(T) -> I + Send + Sync + 'static) -> Bag<I::Item>
    where
        I: IntoIterator + 'static,
        I::Item: Clone + Send + Sync + 'static,
    {
        let over =
            Made::<dyn Over<T, I::Item>>::given("flat_map", function, (), |function, ()| Arc::new(FlatMap(function)));
        self.stepped("flat_map", over)
    }

    /// The items of items: of a bag of vectors, what is in the vectors.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let b = Bag::from_sequence([vec![1, 2], vec![], vec![3]], 2);
    /// assert_eq!(b.flatten().compute()?, [1, 2, 3]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn flatten(&self) -> Bag<T::Item>
    where
        T: IntoIterator,
        T::Item: Clone + Send + Sync + 'static,
    {
        self.stepped("flatten", Made::<dyn Over<T, T::Item>>::by((), |()| Arc::new(FlatMap(|item: T| item))))
    }

    /// A function of all items of a partition at once, which gives the items of the new partition.
    ///
    /// The partition is held in memory for it; everything else goes through item by item.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let b = Bag::range(6, 2);
    /// let last = b.map_partitions(|items| items.last().copied());
    /// assert_eq!(last.compute()?, [2, 5]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn map_partitions<I>(&self, function: impl Fn(Vec<T>) -> I + Send + Sync + 'static) -> Bag<I::Item>
    where
        I: IntoIterator + 'static,
        I::Item: Clone + Send + Sync + 'static,
    {
        let over = Made::<dyn Over<T, I::Item>>::given("map_partitions", function, (), |function, ()| {
            Arc::new(MapPartitions(function))
        });
        self.stepped("map_partitions", over)
    }

    /// Each item with a probability of `share`, decided by `seed`: the same items each time.
    ///
    /// # Panics
    /// When `share` is not from 0 to 1.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let some = Bag::range(10_000, 4).random_sample(0.1, 7);
    /// assert!((800..1200).contains(&some.count().compute()?));
    /// assert_eq!(some.compute()?, some.compute()?);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    #[track_caller]
    pub fn random_sample(&self, share: f64, seed: u64) -> Bag<T> {
        assert!((0.0..=1.0).contains(&share), "`random_sample`: a share is from 0 to 1, and {share} is not");
        let over = Made::<dyn Over<T, T>>::by((share, seed), |&(share, seed)| Arc::new(Sample { share, seed }));
        self.stepped("random_sample", over)
    }
}

/// A function of each item.
pub(crate) struct Map<F>(pub(crate) F);

impl<S: 'static, R: 'static, F: Fn(S) -> R + Send + Sync> Over<S, R> for Map<F> {
    fn over<'a>(&'a self, _place: &'a Place, next: Pushed<'a, R>) -> Pushed<'a, S> {
        Each::of(next, |next, item| next.push((self.0)(item)))
    }
}

struct Filter<F> {
    keep: F,
    wanted: bool,
}

impl<T: 'static, F: Fn(&T) -> bool + Send + Sync> Over<T, T> for Filter<F> {
    fn over<'a>(&'a self, _place: &'a Place, next: Pushed<'a, T>) -> Pushed<'a, T> {
        Each::of(
            next,
            |next, item| {
                if (self.keep)(&item) == self.wanted { next.push(item) } else { Flow::Continue(()) }
            },
        )
    }
}

struct FlatMap<F>(F);

impl<S: 'static, I: IntoIterator, F: Fn(S) -> I + Send + Sync> Over<S, I::Item> for FlatMap<F>
where
    I::Item: 'static,
{
    fn over<'a>(&'a self, _place: &'a Place, next: Pushed<'a, I::Item>) -> Pushed<'a, S> {
        Each::of(next, |next, item| (self.0)(item).into_iter().try_for_each(|item| next.push(item)))
    }
}

struct TryMap<F>(F);

struct Trying<'a, R, F> {
    function: &'a F,
    place: &'a Place,
    next: Pushed<'a, R>,
    failure: Option<Failure>,
}

impl<S: 'static, R: 'static, E: std::fmt::Display, F: Fn(S) -> Result<R, E> + Send + Sync> Over<S, R> for TryMap<F> {
    fn over<'a>(&'a self, place: &'a Place, next: Pushed<'a, R>) -> Pushed<'a, S> {
        Box::new(Trying { function: &self.0, place, next, failure: None })
    }
}

impl<S, R, E: std::fmt::Display, F: Fn(S) -> Result<R, E>> Push<S> for Trying<'_, R, F> {
    fn push(&mut self, item: S) -> Flow {
        match (self.function)(item) {
            Ok(item) => self.next.push(item),
            Err(error) => {
                self.failure = Some(Failure::Error(format!("{error}, at {}", self.place.text()).into()));
                Flow::Break(())
            }
        }
    }
    fn end(self: Box<Self>) -> Result<(), Failure> {
        match self.failure {
            Some(failure) => Err(failure),
            None => self.next.end(),
        }
    }
}

struct MapPartitions<F>(F);

struct Partition<'a, S, R, F> {
    function: &'a F,
    items: Vec<S>,
    place: &'a Place,
    next: Pushed<'a, R>,
}

impl<S: 'static, I: IntoIterator, F: Fn(Vec<S>) -> I + Send + Sync> Over<S, I::Item> for MapPartitions<F>
where
    I::Item: 'static,
{
    fn over<'a>(&'a self, place: &'a Place, next: Pushed<'a, I::Item>) -> Pushed<'a, S> {
        Box::new(Partition { function: &self.0, items: Vec::new(), place, next })
    }
}

impl<S, I: IntoIterator, F: Fn(Vec<S>) -> I> Push<S> for Partition<'_, S, I::Item, F> {
    fn push(&mut self, item: S) -> Flow {
        self.items.push(item);
        Flow::Continue(())
    }
    fn end(mut self: Box<Self>) -> Result<(), Failure> {
        self.place.whole();
        super::memory::push_all((self.function)(self.items), self.place, &mut *self.next)?;
        self.next.end()
    }
}

struct Sample {
    share: f64,
    seed: u64,
}

impl<T: 'static> Over<T, T> for Sample {
    fn over<'a>(&'a self, place: &'a Place, next: Pushed<'a, T>) -> Pushed<'a, T> {
        let mut state = mixed(self.seed ^ mixed(place.partition() as u64));
        Each::of(next, move |next, item| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            // 53 bits are as many as a float has between 0 and 1.
            let unit = (mixed(state) >> 11) as f64 / (1_u64 << 53) as f64;
            if unit < self.share { next.push(item) } else { Flow::Continue(()) }
        })
    }
}

/// Splitmix64's last step: bits that look like nothing of those that came in.
fn mixed(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
