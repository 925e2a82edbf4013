//! Items beside those of another bag, or beside a value.

use std::hash::Hash;
use std::sync::Arc;

use super::Bag;
use super::codec::know_pairs;
use super::collect::collect;
use super::group::{Groups, groups};
use super::item::{Item, reduced};
use super::node::{Datum, Lowering, Node, Root, Roots, Sourced, Want};
use super::reduce::{Folder, Folding, finishing, pairwise};
use super::stream::{Flow, Given, Into, Place, Push, Reducer, Source};
use crate::delayed::Delayed;
use crate::task::{Failure, Made, Step};

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
        know_pairs::<T, U>();
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
        know_pairs::<T, U>();
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
        know_pairs::<U, T>();
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
}
