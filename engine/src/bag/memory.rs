//! Bags of what is there: sequences, ranges, and the results of other tasks.

use std::marker::PhantomData;
use std::sync::Arc;

use super::codec::Items;
use super::node::{Datum, Lowering, Root, Roots, Sourced, Want};
use super::stream::{Given, Place, Push, Source};
use crate::task::{Data, Failure, Made, Step};

/// The items of a vector that another step gives.
pub(crate) struct Listed<T>(PhantomData<fn() -> T>);

impl<T: Datum> Source<T> for Listed<T> {
    fn run(&self, place: &Place, inputs: &mut Given, to: &mut dyn Push<T>) -> Result<(), Failure> {
        let list = next_list::<T>(inputs);
        match Arc::try_unwrap(list) {
            Ok(list) => push_all(list, place, to),
            // Somebody else reads it too.
            Err(list) => push_all(list.iter().cloned(), place, to),
        }
    }
}

/// The next input, which is a vector.
pub(crate) fn next_list<T: Datum>(inputs: &mut Given) -> Arc<Vec<T>> {
    let list = inputs.next().unwrap_or_else(|| unreachable!("a source has as many inputs as it asked for"));
    list.downcast::<Vec<T>>().unwrap_or_else(|_| unreachable!("a source reads what it asked for"))
}

/// Pushes items until no more are wanted.
pub(crate) fn push_all<T>(
    items: impl IntoIterator<Item = T>,
    place: &Place,
    to: &mut dyn Push<T>,
) -> Result<(), Failure> {
    for item in items {
        place.next()?;
        if to.push(item).is_break() {
            break;
        }
    }
    Ok(())
}

pub(crate) fn listed<T: Datum>() -> Made<dyn Source<T>> {
    Made::<dyn Source<T>>::by((), |()| Arc::new(Listed::<T>(PhantomData)))
}

/// A vector for each partition, from steps that are there from the start.
pub(crate) struct Lists {
    pub(crate) steps: Vec<Arc<Step>>,
}

impl<T: Datum> Roots<T> for Lists {
    fn source(&self, partition: usize, _lowering: &mut Lowering) -> Sourced<T> {
        (listed(), vec![Arc::clone(&self.steps[partition])])
    }
}

/// A root of vectors that are there.
pub(crate) fn root_of<T: Datum>(name: &'static str, lists: Vec<Vec<T>>) -> Root<T> {
    let steps = lists.into_iter().map(|list| Step::new(Data::<Vec<T>, Items>::new(Arc::new(list)))).collect();
    root_of_steps(name, steps)
}

/// A root of steps that give vectors.
pub(crate) fn root_of_steps<T: Datum>(name: &'static str, steps: Vec<Arc<Step>>) -> Root<T> {
    Root { name, npartitions: steps.len(), roots: Box::new(Lists { steps }) }
}

/// A vector for each partition, each the value of something that is computed from other bags.
pub(crate) struct Computed {
    pub(crate) want: Arc<Want>,
}

impl<T: Datum> Roots<T> for Computed {
    fn wants(&self) -> Vec<Arc<Want>> {
        vec![Arc::clone(&self.want)]
    }
    fn source(&self, partition: usize, lowering: &mut Lowering) -> Sourced<T> {
        let steps = lowering.steps(&self.want);
        (listed(), vec![Arc::clone(&steps[partition])])
    }
}

/// Whole numbers, one after the other.
pub(crate) struct Counted {
    pub(crate) end: i64,
    pub(crate) npartitions: usize,
}

struct Run(i64, i64);

impl Source<i64> for Run {
    fn run(&self, place: &Place, _inputs: &mut Given, to: &mut dyn Push<i64>) -> Result<(), Failure> {
        push_all(self.0..self.1, place, to)
    }
}

impl Roots<i64> for Counted {
    fn source(&self, partition: usize, _lowering: &mut Lowering) -> Sourced<i64> {
        let bounds = cut(self.end.max(0) as usize, self.npartitions, partition);
        let bounds = (bounds.start as i64, bounds.end as i64);
        (Made::<dyn Source<i64>>::by(bounds, |&(start, end)| Arc::new(Run(start, end))), Vec::new())
    }
}

/// The share of a part when `len` items are cut into so many: the first parts have one more.
pub(crate) fn cut(len: usize, parts: usize, part: usize) -> std::ops::Range<usize> {
    let (each, more) = (len / parts, len % parts);
    let start = part * each + part.min(more);
    start..start + each + usize::from(part < more)
}
