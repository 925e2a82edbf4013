//! Bags from several bags, and bags cut anew.

use std::hash::Hash;
use std::marker::PhantomData;
use std::sync::Arc;

use super::Bag;
use super::group::{Groups, groups};
use super::item::{Item, reduced};
use super::memory::{Computed, cut, next_list, push_all};
use super::node::{Datum, Lowering, Node, Root, Roots, Sourced, Want};
use super::pass::OfBags;
use super::reduce::{Folder, Folding, finishing, folding, pairwise};
use super::stream::{Each, Flow, Given, Into, Over, Place, Push, Pushed, Reducer, Source};
use crate::delayed::Delayed;
use crate::task::{Failure, Made, Step, Value, taken, value_task};

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

/// Partitions of other bags, one after the other, each as if it were alone.
struct Several<T: 'static>(Vec<(Made<dyn Source<T>>, usize)>);

impl<T: Datum> Source<T> for Several<T> {
    fn run(&self, place: &Place, inputs: &mut Given, to: &mut dyn Push<T>) -> Result<(), Failure> {
        struct Watch<'a, T>(&'a mut dyn Push<T>, bool);
        impl<T> Push<T> for Watch<'_, T> {
            fn push(&mut self, item: T) -> Flow {
                let flow = self.0.push(item);
                self.1 = flow.is_break();
                flow
            }
            fn end(self: Box<Self>) -> Result<(), Failure> {
                Ok(())
            }
        }
        let mut to = Watch(to, false);
        for (source, partition) in &self.0 {
            place.within(*partition, || source.run(place, inputs, &mut to))?;
            if to.1 {
                break;
            }
        }
        Ok(())
    }
}

/// Which partitions of which bags a partition is made of.
struct Partitions<T> {
    nodes: Vec<Arc<dyn Node<T>>>,
    of: Vec<Vec<(usize, usize)>>,
}

impl<T: Datum> Roots<T> for Partitions<T> {
    fn wants(&self) -> Vec<Arc<Want>> {
        self.nodes.iter().flat_map(|node| node.needs()).collect()
    }
    fn source(&self, partition: usize, lowering: &mut Lowering) -> Sourced<T> {
        let (mut sources, mut inputs) = (Vec::new(), Vec::new());
        for &(node, partition) in &self.of[partition] {
            let (source, own) = self.nodes[node].source(partition, lowering);
            sources.push((source, partition));
            inputs.extend(own);
        }
        (Made::<dyn Source<T>>::by(sources, |sources| Arc::new(Several(sources.clone()))), inputs)
    }
}

fn of_partitions<T: Datum>(name: &'static str, nodes: Vec<Arc<dyn Node<T>>>, of: Vec<Vec<(usize, usize)>>) -> Bag<T> {
    let root = Root { name, npartitions: of.len(), roots: Box::new(Partitions { nodes, of }) };
    Bag { node: Arc::new(root) }
}

/// A part of a vector that another step gives.
struct Share<T>(usize, usize, PhantomData<fn() -> T>);

impl<T: Datum> Source<T> for Share<T> {
    fn run(&self, place: &Place, inputs: &mut Given, to: &mut dyn Push<T>) -> Result<(), Failure> {
        let list = next_list::<T>(inputs);
        push_all(list[cut(list.len(), self.1, self.0)].iter().cloned(), place, to)
    }
}

/// Partitions that are cut into parts: for each new one, which it is of, which part, and of how many.
struct Parts {
    want: Arc<Want>,
    of: Vec<(usize, usize, usize)>,
}

impl<T: Datum> Roots<T> for Parts {
    fn wants(&self) -> Vec<Arc<Want>> {
        vec![Arc::clone(&self.want)]
    }
    fn source(&self, partition: usize, lowering: &mut Lowering) -> Sourced<T> {
        let (partition, part, parts) = self.of[partition];
        let step = Arc::clone(&lowering.steps(&self.want)[partition]);
        let share =
            |&(part, parts): &(usize, usize)| Arc::new(Share::<T>(part, parts, PhantomData)) as Arc<dyn Source<T>>;
        (Made::<dyn Source<T>>::by((part, parts), share), vec![step])
    }
}

/// Two partitions side by side.
struct Zip<A: 'static, B: 'static>(Made<dyn Source<A>>, Made<dyn Source<B>>);

impl<A: Datum, B: Datum> Source<(A, B)> for Zip<A, B> {
    fn run(&self, place: &Place, inputs: &mut Given, to: &mut dyn Push<(A, B)>) -> Result<(), Failure> {
        struct Side<'a, A, B>(&'a mut dyn Push<(A, B)>, std::vec::IntoIter<B>, usize, bool);
        impl<A, B> Push<A> for Side<'_, A, B> {
            fn push(&mut self, first: A) -> Flow {
                self.2 += 1;
                match self.1.next() {
                    Some(second) => {
                        let flow = self.0.push((first, second));
                        self.3 = flow.is_break();
                        flow
                    }
                    None => Flow::Continue(()),
                }
            }
            fn end(self: Box<Self>) -> Result<(), Failure> {
                Ok(())
            }
        }
        let mut second = Vec::new();
        self.1.run(place, inputs, &mut Into(&mut second))?;
        let len = second.len();
        let mut side = Side(to, second.into_iter(), 0, false);
        self.0.run(place, inputs, &mut side)?;
        if !side.3 && side.2 != len {
            let why = format!(
                "`zip`: in partition {} one bag has {} items and the other {len}; bags that are zipped have to be cut alike",
                place.partition(),
                side.2
            );
            return Err(Failure::Error(why.into()));
        }
        Ok(())
    }
}

struct Zipped<A, B>(Arc<dyn Node<A>>, Arc<dyn Node<B>>);

impl<A: Datum, B: Datum> Roots<(A, B)> for Zipped<A, B> {
    fn wants(&self) -> Vec<Arc<Want>> {
        self.0.needs().into_iter().chain(self.1.needs()).collect()
    }
    fn source(&self, partition: usize, lowering: &mut Lowering) -> Sourced<(A, B)> {
        let (second, mut inputs) = self.1.source(partition, lowering);
        let (first, own) = self.0.source(partition, lowering);
        inputs.extend(own);
        let zip = |(first, second): &(Made<dyn Source<A>>, Made<dyn Source<B>>)| {
            Arc::new(Zip(first.clone(), second.clone())) as Arc<dyn Source<(A, B)>>
        };
        (Made::<dyn Source<(A, B)>>::by((first, second), zip), inputs)
    }
}

/// What is made of each item, with a value that is there for all of them.
trait Beside<A, S, R>: Send + Sync {
    fn push(&self, value: &A, item: S, to: &mut dyn Push<R>) -> Flow;
}

/// A source with a value, which comes first, for all of its items.
struct With<A: 'static, S: 'static, R: 'static>(Made<dyn Source<S>>, Made<dyn Beside<A, S, R>>);

impl<A: Datum, S: Datum, R: Datum> Source<R> for With<A, S, R> {
    fn run(&self, place: &Place, inputs: &mut Given, to: &mut dyn Push<R>) -> Result<(), Failure> {
        struct To<'a, A, S, R>(&'a A, &'a dyn Beside<A, S, R>, &'a mut dyn Push<R>);
        impl<A, S, R> Push<S> for To<'_, A, S, R> {
            fn push(&mut self, item: S) -> Flow {
                self.1.push(self.0, item, self.2)
            }
            fn end(self: Box<Self>) -> Result<(), Failure> {
                Ok(())
            }
        }
        let value = inputs.next().and_then(|value| value.downcast::<A>().ok());
        let value = value.unwrap_or_else(|| unreachable!("a source reads what it asked for"));
        self.0.run(place, inputs, &mut To(&*value, &*self.1, to))
    }
}

/// The value that is beside, and how partitions of the new bag come of those of the old one and of its own.
struct Aside<A: 'static, S: 'static, R: 'static> {
    node: Arc<dyn Node<S>>,
    value: Held,
    beside: Made<dyn Beside<A, S, R>>,
    /// So many values there are, each beside each partition.
    values: usize,
}

/// Where a value comes from.
#[derive(Clone)]
enum Held {
    Want(Arc<Want>),
    Step(Arc<Step>),
}

impl<A: Datum, S: Datum, R: Datum> Roots<R> for Aside<A, S, R> {
    fn wants(&self) -> Vec<Arc<Want>> {
        let own = match &self.value {
            Held::Want(want) => Some(Arc::clone(want)),
            Held::Step(_) => None,
        };
        self.node.needs().into_iter().chain(own).collect()
    }
    fn source(&self, partition: usize, lowering: &mut Lowering) -> Sourced<R> {
        let step = match &self.value {
            Held::Want(want) => Arc::clone(&lowering.steps(want)[partition % self.values]),
            Held::Step(step) => Arc::clone(step),
        };
        let (source, own) = self.node.source(partition / self.values, lowering);
        let with = |(source, beside): &(Made<dyn Source<S>>, Made<dyn Beside<A, S, R>>)| {
            Arc::new(With(source.clone(), beside.clone())) as Arc<dyn Source<R>>
        };
        let inputs = std::iter::once(step).chain(own).collect();
        (Made::<dyn Source<R>>::by((source, self.beside.clone()), with), inputs)
    }
}

struct Mapped<F>(F);

impl<A, S, R, F: Fn(S, &A) -> R + Send + Sync> Beside<A, S, R> for Mapped<F> {
    fn push(&self, value: &A, item: S, to: &mut dyn Push<R>) -> Flow {
        to.push((self.0)(item, value))
    }
}

struct Pairs;

impl<S: Clone, U: Clone> Beside<Vec<U>, S, (S, U)> for Pairs {
    fn push(&self, others: &Vec<U>, item: S, to: &mut dyn Push<(S, U)>) -> Flow {
        others.iter().try_for_each(|other| to.push((item.clone(), other.clone())))
    }
}

struct Matches<F>(F);

impl<S, U, K, F> Beside<Groups<K, Vec<U>>, S, (U, S)> for Matches<F>
where
    S: Clone,
    U: Clone,
    K: Hash + Eq,
    F: Fn(&S) -> K + Send + Sync,
{
    fn push(&self, others: &Groups<K, Vec<U>>, item: S, to: &mut dyn Push<(U, S)>) -> Flow {
        match others.get(&(self.0)(&item)) {
            Some(others) => others.iter().try_for_each(|other| to.push((other.clone(), item.clone()))),
            None => Flow::Continue(()),
        }
    }
}

struct Table<F>(F);

impl<U, K, F> Folder<U> for Table<F>
where
    U: Datum,
    K: Hash + Eq + Datum,
    F: Fn(&U) -> K + Send + Sync + 'static,
{
    type Built = Groups<K, Vec<U>>;
    fn begin(&self) -> Self::Built {
        groups()
    }
    fn add(&self, built: &mut Self::Built, item: U) -> Flow {
        built.entry((self.0)(&item)).or_default().push(item);
        Flow::Continue(())
    }
}

/// A running value: what it is at first, and how it goes on.
struct Running<A: 'static, T: 'static> {
    step: Made<dyn Onward<A, T>>,
}

trait Onward<A, T>: Send + Sync {
    /// What the bag begins with, if it is there before the first item.
    fn initial(&self) -> Option<A>;
    fn next(&self, before: Option<A>, item: T) -> A;
}

struct From<A, F>(super::codec::Sent<A>, F);

impl<A: Datum, T, F: Fn(A, T) -> A + Send + Sync> Onward<A, T> for From<A, F> {
    fn initial(&self) -> Option<A> {
        Some(self.0.0.clone())
    }
    fn next(&self, before: Option<A>, item: T) -> A {
        (self.1)(before.unwrap_or_else(|| self.0.0.clone()), item)
    }
}

struct Own<F>(F);

impl<T, F: Fn(T, T) -> T + Send + Sync> Onward<T, T> for Own<F> {
    fn initial(&self) -> Option<T> {
        None
    }
    fn next(&self, before: Option<T>, item: T) -> T {
        match before {
            Some(before) => (self.0)(before, item),
            None => item,
        }
    }
}

/// The running values of a partition, and the last one so far.
type Ran<A> = (Vec<A>, Option<A>);

impl<A: Datum, T: Datum> Running<A, T> {
    fn bag(self, bag: &Bag<T>) -> Bag<A> {
        let finish = move |lists: Vec<Arc<Step>>| {
            let mut before: Option<Arc<Step>> = None;
            let mut steps = Vec::new();
            for list in lists {
                let inputs: Vec<Arc<Step>> = std::iter::once(list).chain(before).collect();
                let ran =
                    value_task::<OfBags, Ran<A>, _, _>("accumulate", inputs, self.step.clone(), accumulate::<A, T>);
                steps.push(value_task::<OfBags, Vec<A>, _, _>("items", vec![Arc::clone(&ran)], (), |(), ran| {
                    Ok(ran.into_iter().next().map(taken::<Ran<A>>).map(|ran| ran.0).unwrap_or_default())
                }));
                before = Some(ran);
            }
            steps
        };
        let reducer = folding::<T, Collect>();
        let want = Want::of::<T, Vec<T>>(&bag.node, "", reducer, Some(Box::new(finish)));
        let root = Root { name: "accumulate", npartitions: bag.npartitions(), roots: Box::new(Computed { want }) };
        Bag { node: Arc::new(root) }
    }
}

fn accumulate<A: Datum, T: Datum>(step: &Made<dyn Onward<A, T>>, inputs: Vec<Value>) -> Result<Ran<A>, Failure> {
    let mut inputs = inputs.into_iter();
    let items = inputs.next().map(taken::<Vec<T>>).unwrap_or_default();
    let before = inputs.next().map(taken::<Ran<A>>);
    let mut values = Vec::with_capacity(items.len() + 1);
    let mut last = match before {
        Some((_, last)) => last,
        None => {
            values.extend(step.initial());
            step.initial()
        }
    };
    for item in items {
        let next = step.next(last, item);
        values.push(next.clone());
        last = Some(next);
    }
    Ok((values, last))
}

/// A value that is beside all items of a bag: an [`Item`], or a [`Delayed`].
pub trait Shared<A>: sealed::Sealed {}

mod sealed {
    pub trait Sealed {
        fn value(&self) -> Box<dyn std::any::Any>;
    }
}

impl<A: Datum> sealed::Sealed for Item<A> {
    fn value(&self) -> Box<dyn std::any::Any> {
        Box::new(Held::Want(Arc::clone(self.want())))
    }
}
impl<A: Datum> Shared<A> for Item<A> {}

impl<A: Datum> sealed::Sealed for Delayed<A> {
    fn value(&self) -> Box<dyn std::any::Any> {
        Box::new(Held::Step(Arc::clone(self.step())))
    }
}
impl<A: Datum> Shared<A> for Delayed<A> {}

impl<T: Clone + Send + Sync + 'static> Bag<T> {
    fn aside<A: Datum, R: Datum>(
        &self,
        name: &'static str,
        value: Held,
        values: usize,
        beside: Made<dyn Beside<A, T, R>>,
    ) -> Bag<R> {
        let roots = Aside { node: Arc::clone(&self.node), value, beside, values };
        Bag { node: Arc::new(Root { name, npartitions: self.npartitions() * values, roots: Box::new(roots) }) }
    }

    /// A function of each item and of a value that is computed before, such as the mean of all.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let b = Bag::from_sequence([1.0, 2.0, 6.0], 2);
    /// let centred = b.map_with(&b.mean(), |x, mean| x - mean);
    /// assert_eq!(centred.compute()?, [-2.0, -1.0, 3.0]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn map_with<A, R>(
        &self,
        value: &impl Shared<A>,
        function: impl Fn(T, &A) -> R + Send + Sync + 'static,
    ) -> Bag<R>
    where
        A: Clone + Send + Sync + 'static,
        R: Clone + Send + Sync + 'static,
    {
        let value = *value.value().downcast::<Held>().unwrap_or_else(|_| unreachable!("nobody else implements it"));
        let beside =
            Made::<dyn Beside<A, T, R>>::given("map_with", function, (), |function, ()| Arc::new(Mapped(function)));
        self.aside("map_with", value, 1, beside)
    }

    /// The items of two bags side by side. They have to be cut alike: as many partitions, and as many items in each.
    ///
    /// # Panics
    /// When the numbers of partitions differ. Where only the numbers of items do, the compute fails.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let b = Bag::range(4, 2);
    /// let pairs = b.zip(&b.map(|x| x * x));
    /// assert_eq!(pairs.compute()?, [(0, 0), (1, 1), (2, 4), (3, 9)]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    #[track_caller]
    pub fn zip<U: Clone + Send + Sync + 'static>(&self, other: &Bag<U>) -> Bag<(T, U)> {
        let (own, others) = (self.npartitions(), other.npartitions());
        assert!(
            own == others,
            "`zip`: one bag has {own} partitions and the other {others}; `repartition` cuts them alike"
        );
        super::codec::know_pairs::<T, U>();
        let roots = Zipped(Arc::clone(&self.node), Arc::clone(&other.node));
        Bag { node: Arc::new(Root { name: "zip", npartitions: own, roots: Box::new(roots) }) }
    }

    /// Each item with each of another bag. There are as many partitions as pairs of them.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let letters = Bag::from_sequence(['a', 'b'], 1);
    /// let pairs = letters.product(&Bag::range(2, 1));
    /// assert_eq!(pairs.compute()?, [('a', 0), ('a', 1), ('b', 0), ('b', 1)]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn product<U: Clone + Send + Sync + 'static>(&self, other: &Bag<U>) -> Bag<(T, U)> {
        super::codec::know_pairs::<T, U>();
        let beside = Made::<dyn Beside<Vec<U>, T, (T, U)>>::by((), |()| Arc::new(Pairs));
        self.aside("product", Held::Want(collect(&other.node)), other.npartitions(), beside)
    }

    /// Each item with those of another bag that have the same key, as `(other, item)`. The other bag is held in memory; it
    /// should be the smaller one.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let people = Bag::from_sequence(["Alice", "Bob", "Charlie"], 2);
    /// let fruit = Bag::from_sequence(["Apple", "Apricot", "Banana"], 1);
    /// let first = |word: &&str| word.chars().next();
    /// let pairs = people.join(&fruit, first, first);
    /// assert_eq!(pairs.compute()?, [("Apple", "Alice"), ("Apricot", "Alice"), ("Banana", "Bob")]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn join<U, K>(
        &self,
        other: &Bag<U>,
        on_self: impl Fn(&T) -> K + Send + Sync + 'static,
        on_other: impl Fn(&U) -> K + Send + Sync + 'static,
    ) -> Bag<(U, T)>
    where
        U: Clone + Send + Sync + 'static,
        K: Hash + Eq + Clone + Send + Sync + 'static,
    {
        super::codec::know_pairs::<U, T>();
        let reducer = Made::<dyn Reducer<U>>::given("join", on_other, (), |key, ()| Arc::new(Folding(Table(key))));
        let merge = pairwise(|mut whole: Groups<K, Vec<U>>, part: Groups<K, Vec<U>>| {
            part.into_iter().for_each(|(key, items)| whole.entry(key).or_default().extend(items));
            whole
        });
        let table: Item<Groups<K, Vec<U>>> = reduced(&other.node, "table", reducer, merge, finishing(Ok));
        let beside = Made::<dyn Beside<Groups<K, Vec<U>>, T, (U, T)>>::given("join", on_self, (), |key, ()| {
            Arc::new(Matches(key))
        });
        self.aside("join", Held::Want(Arc::clone(table.want())), 1, beside)
    }

    /// The items of this bag, and then those of another.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let b = Bag::range(2, 1).concat(&Bag::range(3, 1));
    /// assert_eq!((b.npartitions(), b.compute()?), (2, vec![0, 1, 0, 1, 2]));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn concat(&self, other: &Bag<T>) -> Bag<T> {
        Bag::concat_all([self, other])
    }

    /// The items of several bags, one after the other.
    ///
    /// # Panics
    /// When there are none.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let days: Vec<Bag<i64>> = (1..4).map(|n| Bag::range(n, 1)).collect();
    /// assert_eq!(Bag::concat_all(&days).compute()?, [0, 0, 1, 0, 1, 2]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    #[track_caller]
    pub fn concat_all<'b>(bags: impl IntoIterator<Item = &'b Bag<T>>) -> Bag<T> {
        let nodes: Vec<Arc<dyn Node<T>>> = bags.into_iter().map(|bag| Arc::clone(&bag.node)).collect();
        assert!(!nodes.is_empty(), "`concat_all`: there has to be at least one bag");
        let places = nodes.iter().enumerate();
        let of = places.flat_map(|(node, bag)| (0..bag.npartitions()).map(move |partition| vec![(node, partition)]));
        let of = of.collect();
        of_partitions("concat", nodes, of)
    }

    /// The same items in so many partitions: neighbours are put together, or each is cut into parts.
    ///
    /// # Panics
    /// When `npartitions` is 0.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let b = Bag::range(9, 9).repartition(2);
    /// assert_eq!((b.npartitions(), b.count().compute()?), (2, 9));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    #[track_caller]
    pub fn repartition(&self, npartitions: usize) -> Bag<T> {
        assert!(npartitions > 0, "`repartition`: there has to be at least one partition");
        let own = self.npartitions();
        if npartitions <= own {
            let together = |part| cut(own, npartitions, part).map(|partition| (0, partition)).collect();
            let of = (0..npartitions).map(together).collect();
            return of_partitions("repartition", vec![Arc::clone(&self.node)], of);
        }
        let parts = |partition| {
            let parts = cut(npartitions, own, partition).len();
            (0..parts).map(move |part| (partition, part, parts))
        };
        let of: Vec<_> = (0..own).flat_map(parts).collect();
        let roots = Parts { want: collect(&self.node), of };
        Bag { node: Arc::new(Root { name: "repartition", npartitions, roots: Box::new(roots) }) }
    }

    /// A bag of one of the partitions.
    ///
    /// # Panics
    /// When there is no such partition.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// assert_eq!(Bag::range(9, 3).partition(1).compute()?, [3, 4, 5]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    #[track_caller]
    pub fn partition(&self, partition: usize) -> Bag<T> {
        let all = self.npartitions();
        assert!(partition < all, "`partition`: there is no partition {partition}; there are {all}, counted from 0");
        of_partitions("partition", vec![Arc::clone(&self.node)], vec![vec![(0, partition)]])
    }

    /// What becomes of each item and of what came of those before it, as it goes through the whole bag.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let b = Bag::from_sequence([1, 2, 3, 4, 5], 2);
    /// assert_eq!(b.accumulate(|a, b| a + b).compute()?, [1, 3, 6, 10, 15]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn accumulate(&self, binop: impl Fn(T, T) -> T + Send + Sync + 'static) -> Bag<T> {
        let step = Made::<dyn Onward<T, T>>::given("accumulate", binop, (), |binop, ()| Arc::new(Own(binop)));
        Running { step }.bag(self)
    }

    /// As [`accumulate`](Bag::accumulate), beginning with a value, which is the first item of the new bag.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let b = Bag::from_sequence([1, 2, 3], 2);
    /// assert_eq!(b.accumulate_from(|sum, x| sum + x, -1).compute()?, [-1, 0, 2, 5]);
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    pub fn accumulate_from<A: Clone + Send + Sync + 'static>(
        &self,
        binop: impl Fn(A, T) -> A + Send + Sync + 'static,
        initial: A,
    ) -> Bag<A> {
        let initial = super::codec::Sent(initial);
        let step = Made::<dyn Onward<A, T>>::given("accumulate_from", binop, initial, |binop, initial| {
            Arc::new(From(initial.clone(), binop))
        });
        Running { step }.bag(self)
    }
}
