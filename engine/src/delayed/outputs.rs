//! Several handles computed in one run.

use std::any::{Any, TypeId};
use std::sync::Arc;

use super::Delayed;
use crate::error::Result;
use crate::graph::Graph;
use crate::scheduler::{self, Scheduler};
use crate::task::{Step, Value};

/// The value of an output, without a copy when nobody else holds it.
pub(crate) fn take_value<T: Clone + Send + Sync + 'static>(value: Value) -> T {
    let value = value.downcast::<T>().unwrap_or_else(|_| unreachable!("a handle's type is its node's type"));
    Arc::unwrap_or_clone(value)
}

/// What a collection lowers to tasks: an expression of arrays, frames or bags. Those of one kind are lowered together, so
/// that they share what they have in common.
pub(crate) trait Lowered: Send + Sync + 'static {
    /// The steps of each, in the order in which its values are read.
    fn lower(all: &[&Arc<Self>]) -> Vec<Vec<Arc<Step>>>;
}

/// All that is to be computed in one run.
#[derive(Default)]
pub struct Gathered {
    outputs: Vec<Gather>,
}

enum Gather {
    Step(Arc<Step>),
    Expression { node: Box<dyn Any>, kind: TypeId, lower: LowerAll },
}

/// Lowers all expressions of a kind.
type LowerAll = fn(&[&dyn Any]) -> Vec<Vec<Arc<Step>>>;

impl std::fmt::Debug for Gathered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gathered({})", self.outputs.len())
    }
}

impl Gathered {
    pub(crate) fn expression<N: Lowered>(&mut self, node: &Arc<N>) {
        let lower: LowerAll = |all| {
            let all: Vec<&Arc<N>> = all.iter().filter_map(|node| node.downcast_ref()).collect();
            N::lower(&all)
        };
        self.outputs.push(Gather::Expression { node: Box::new(Arc::clone(node)), kind: TypeId::of::<N>(), lower });
    }

    fn graph(self) -> Graph {
        let mut steps: Vec<Vec<Arc<Step>>> = self.outputs.iter().map(|_| Vec::new()).collect();
        let mut done: Vec<TypeId> = Vec::new();
        for (place, output) in self.outputs.iter().enumerate() {
            match output {
                Gather::Step(step) => steps[place].push(Arc::clone(step)),
                Gather::Expression { kind, .. } if done.contains(kind) => {}
                Gather::Expression { kind, lower, .. } => {
                    done.push(*kind);
                    let alike = self.outputs.iter().enumerate().filter_map(|(place, output)| match output {
                        Gather::Expression { node, kind: other, .. } if other == kind => Some((place, &**node)),
                        _ => None,
                    });
                    let (places, nodes): (Vec<usize>, Vec<&dyn Any>) = alike.unzip();
                    for (place, lowered) in places.into_iter().zip(lower(&nodes)) {
                        steps[place] = lowered;
                    }
                }
            }
        }
        Graph::lower(&steps.concat())
    }
}

/// A handle, or a collection of handles, whose values [`compute!`](crate::compute) gives.
pub trait Output {
    /// The values, in the same shape.
    type Value;
    /// Handles on the values, in the same shape.
    type Kept;
    /// Tells what has to be computed.
    #[doc(hidden)]
    fn gather(&self, into: &mut Gathered);
    /// Takes as many values as there were steps.
    #[doc(hidden)]
    fn take(&self, values: &mut std::vec::IntoIter<Value>) -> Self::Value;
    /// Keeps as many values as there were steps.
    #[doc(hidden)]
    fn keep(&self, values: &mut std::vec::IntoIter<Value>) -> Self::Kept;
}

impl<T: Clone + Send + Sync + 'static> Output for Delayed<T> {
    type Value = T;
    type Kept = Delayed<T>;
    fn gather(&self, into: &mut Gathered) {
        into.outputs.push(Gather::Step(Arc::clone(self.step())));
    }
    fn take(&self, values: &mut std::vec::IntoIter<Value>) -> T {
        take_value(values.next().expect("each output has a value"))
    }
    fn keep(&self, values: &mut std::vec::IntoIter<Value>) -> Delayed<T> {
        self.kept(values.next().expect("each output has a value"))
    }
}

impl<O: Output + ?Sized> Output for &O {
    type Value = O::Value;
    type Kept = O::Kept;
    fn gather(&self, into: &mut Gathered) {
        (**self).gather(into);
    }
    fn take(&self, values: &mut std::vec::IntoIter<Value>) -> O::Value {
        (**self).take(values)
    }
    fn keep(&self, values: &mut std::vec::IntoIter<Value>) -> O::Kept {
        (**self).keep(values)
    }
}

impl<O: Output> Output for [O] {
    type Value = Vec<O::Value>;
    type Kept = Vec<O::Kept>;
    fn gather(&self, into: &mut Gathered) {
        self.iter().for_each(|output| output.gather(into));
    }
    fn take(&self, values: &mut std::vec::IntoIter<Value>) -> Self::Value {
        self.iter().map(|output| output.take(values)).collect()
    }
    fn keep(&self, values: &mut std::vec::IntoIter<Value>) -> Self::Kept {
        self.iter().map(|output| output.keep(values)).collect()
    }
}

impl<O: Output> Output for Vec<O> {
    type Value = Vec<O::Value>;
    type Kept = Vec<O::Kept>;
    fn gather(&self, into: &mut Gathered) {
        self.as_slice().gather(into);
    }
    fn take(&self, values: &mut std::vec::IntoIter<Value>) -> Self::Value {
        self.as_slice().take(values)
    }
    fn keep(&self, values: &mut std::vec::IntoIter<Value>) -> Self::Kept {
        self.as_slice().keep(values)
    }
}

impl<O: Output, const N: usize> Output for [O; N] {
    type Value = [O::Value; N];
    type Kept = [O::Kept; N];
    fn gather(&self, into: &mut Gathered) {
        self.as_slice().gather(into);
    }
    fn take(&self, values: &mut std::vec::IntoIter<Value>) -> Self::Value {
        std::array::from_fn(|index| self[index].take(values))
    }
    fn keep(&self, values: &mut std::vec::IntoIter<Value>) -> Self::Kept {
        std::array::from_fn(|index| self[index].keep(values))
    }
}

/// Several outputs that are computed together: what [`compute!`](crate::compute) takes.
pub trait Outputs: Sized {
    /// The values, in the same order.
    type Values;
    /// Handles on the values, in the same order.
    type Kept;
    /// Runs the union of the graphs once, on the scheduler given.
    ///
    /// # Errors
    /// As [`Delayed::compute`].
    fn compute_together(self, scheduler: Scheduler) -> Result<Self::Values>;
    /// Runs the union of the graphs once and keeps the values in memory.
    ///
    /// # Errors
    /// As [`Delayed::compute`].
    fn persist_together(self, scheduler: Scheduler) -> Result<Self::Kept>;
    /// The union of the graphs.
    fn graph(&self) -> Graph;
}

macro_rules! outputs_tuple {
    ($($part:ident $index:tt),+) => {
        impl<$($part: Output),+> Outputs for ($(&$part,)+) {
            type Values = ($($part::Value,)+);
            fn compute_together(self, scheduler: Scheduler) -> Result<Self::Values> {
                let mut values = scheduler::run(self.graph(), scheduler)?.into_iter();
                Ok(($(self.$index.take(&mut values),)+))
            }
            type Kept = ($($part::Kept,)+);
            fn persist_together(self, scheduler: Scheduler) -> Result<Self::Kept> {
                let mut values = scheduler::run(self.graph(), scheduler)?.into_iter();
                Ok(($(self.$index.keep(&mut values),)+))
            }
            fn graph(&self) -> Graph {
                let mut gathered = Gathered::default();
                $(self.$index.gather(&mut gathered);)+
                gathered.graph()
            }
        }
    };
}
outputs_tuple!(A 0);
outputs_tuple!(A 0, B 1);
outputs_tuple!(A 0, B 1, C 2);
outputs_tuple!(A 0, B 1, C 2, D 3);
outputs_tuple!(A 0, B 1, C 2, D 3, E 4);
outputs_tuple!(A 0, B 1, C 2, D 3, E 4, F 5);
outputs_tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
outputs_tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);

/// Computes several handles in one run, so that the work they share happens once.
///
/// Gives a `Result` of a tuple, in the order written; a vector or array of handles gives one of values. The handles
/// stay usable. Behind a semicolon may stand the scheduler.
///
/// ```
/// use taskloom::prelude::*;
/// let base = delayed!(i64::pow(2, 5));
/// let (double, half) = compute!(&base * 2, &base / 2)?;
/// assert_eq!((double, half), (64, 16));
///
/// let parts: Vec<Delayed<i64>> = (0..4).map(|n| &base + n).collect();
/// let (parts,) = compute!(parts; Scheduler::Sync)?;
/// assert_eq!(parts, [32, 33, 34, 35]);
/// # Ok::<(), taskloom::Error>(())
/// ```
#[macro_export]
macro_rules! compute {
    ($($handle:expr),+ $(,)?) => {
        $crate::Outputs::compute_together(($(&($handle),)+), $crate::Scheduler::default())
    };
    ($($handle:expr),+ $(,)?; $scheduler:expr) => {
        $crate::Outputs::compute_together(($(&($handle),)+), $scheduler)
    };
}

/// Runs several handles at once, as [`compute!`](crate::compute) does, and gives a tuple of handles on the values, which
/// stay in memory: see [`Delayed::persist`](crate::Delayed::persist).
///
/// ```
/// use taskloom::prelude::*;
/// let base = delayed!(i64::pow(2, 5));
/// let parts: Vec<Delayed<i64>> = (0..3).map(|n| &base + n).collect();
/// let (base, parts) = persist!(base, parts)?;     // `pow` runs once
/// assert_eq!((&base + &parts[2]).len(), 1);       // only the addition is left
/// # Ok::<(), taskloom::Error>(())
/// ```
#[macro_export]
macro_rules! persist {
    ($($handle:expr),+ $(,)?) => {
        $crate::Outputs::persist_together(($(&($handle),)+), $crate::Scheduler::default())
    };
    ($($handle:expr),+ $(,)?; $scheduler:expr) => {
        $crate::Outputs::persist_together(($(&($handle),)+), $scheduler)
    };
}
