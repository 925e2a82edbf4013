//! Partitions of other bags, put together or cut anew.

use std::marker::PhantomData;
use std::sync::Arc;

use super::Bag;
use super::collect::collect;
use super::memory::{cut, next_list, push_all};
use super::node::{Datum, Lowering, Node, Root, Roots, Sourced, Want};
use super::stream::{Flow, Given, Place, Push, Source};
use crate::task::{Failure, Made};

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

impl<T: Clone + Send + Sync + 'static> Bag<T> {
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
}
