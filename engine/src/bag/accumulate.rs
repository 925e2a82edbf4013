//! Running values.

use std::sync::Arc;

use super::Bag;
use super::codec::Sent;
use super::collect::Collect;
use super::memory::Computed;
use super::node::{Datum, Root, Want};
use super::pass::OfBags;
use super::reduce::folding;
use crate::task::{Failure, Made, Step, Value, taken, value_task};

/// A running value: what it is at first, and how it goes on.
struct Running<A: 'static, T: 'static> {
    step: Made<dyn Onward<A, T>>,
}

trait Onward<A, T>: Send + Sync {
    /// What the bag begins with, if it is there before the first item.
    fn initial(&self) -> Option<A>;
    fn next(&self, before: Option<A>, item: T) -> A;
}

struct From<A, F>(Sent<A>, F);

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

impl<T: Clone + Send + Sync + 'static> Bag<T> {
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
        let initial = Sent(initial);
        let step = Made::<dyn Onward<A, T>>::given("accumulate_from", binop, initial, |binop, initial| {
            Arc::new(From(initial.clone(), binop))
        });
        Running { step }.bag(self)
    }
}
