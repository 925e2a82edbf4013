//! Tasks that make blocks from blocks.
//!
//! ```text
//!  block_task(name, inputs, parameters, |parameters, blocks| …)
//! ```
//! The function captures nothing, so that another process can run it too: see [`crate::task::value_task`].

use std::sync::Arc;

use super::codec::know_blocks;
use super::element::Element;
use super::node::Block;
use crate::task::{self, Failure, Kind, Pack, Step, Value, conjured};

pub(crate) use crate::task::{MERGED_AT_ONCE, taken};

/// The values of arrays' tasks.
struct OfArrays;

impl Kind for OfArrays {
    fn know() {
        know_blocks();
    }
}

/// What the bodies of arrays have in common.
macro_rules! body_of_blocks {
    (|$own:pat_param| $revive:expr) => {
        $crate::task::body_of_values!(|_| $crate::array::codec::know_blocks(), |$own| $revive);
    };
}
pub(crate) use body_of_blocks;

/// A task whose function gets the parameters and the blocks of `inputs`, in that order, and gives a block of `T`.
///
/// The function captures nothing, or it does not compile: what it needs to know are parameters.
pub(crate) fn block_task<T, P, F>(name: &str, inputs: Vec<Arc<Step>>, parameters: P, function: F) -> Arc<Step>
where
    T: Element,
    P: Pack + Send + Sync + 'static,
    F: Fn(&P, Vec<Value>) -> Result<Block<T>, Failure> + 'static,
{
    value_task::<Block<T>, P, F>(name, inputs, parameters, function)
}

/// A task whose function gets the parameters and the values of `inputs`, in that order, and gives what the tasks after it
/// know how to read: factors, partial sums.
pub(crate) fn value_task<V, P, F>(name: &str, inputs: Vec<Arc<Step>>, parameters: P, function: F) -> Arc<Step>
where
    V: Send + Sync + 'static,
    P: Pack + Send + Sync + 'static,
    F: Fn(&P, Vec<Value>) -> Result<V, Failure> + 'static,
{
    task::value_task::<OfArrays, V, P, F>(name, inputs, parameters, function)
}

/// The block that a value is; blocks share memory, so this copies nothing.
pub(crate) fn as_block<T: Element>(value: Value) -> Block<T> {
    taken(value)
}

/// One value from those of many tasks, so many at a time. The function gets the parameters, and captures nothing.
pub(crate) fn merged<V, P, F>(name: &str, steps: Vec<Arc<Step>>, parameters: &P, _merge: F) -> Arc<Step>
where
    V: Clone + Send + Sync + 'static,
    P: Pack + Clone + Send + Sync + 'static,
    F: Fn(&P, Vec<V>) -> V + 'static,
{
    task::merged::<OfArrays, V, P, _>(name, steps, parameters, |parameters, values| {
        Ok(conjured::<F>()(parameters, values))
    })
}
