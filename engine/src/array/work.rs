//! Tasks that make blocks from blocks: a function that captures nothing, and its parameters.
//!
//! ```text
//!  block_task(name, inputs, parameters, |parameters, blocks| …)
//! ```
//! That is all an operation says, and it is what another process needs: the function is code, which both have, and the
//! parameters are written as they are packed.

use std::any::TypeId;
use std::marker::PhantomData;
use std::sync::Arc;

use super::element::Element;
use super::node::Block;
use crate::task::{Body, Failure, Inputs, Pack, Packer, ResultType, Revive, Step, TypeOf, Unpacker, Value, conjured};
use crate::travel::Codec;

/// So many values are merged by one task.
pub(crate) const MERGED_AT_ONCE: usize = 16;

/// What the bodies of arrays have in common: the steps they read are `self.inputs`, and `$revive` makes them anew.
macro_rules! body_of_blocks {
    (|$own:pat_param| $revive:expr) => {
        fn type_name(&self) -> &'static str {
            self.result_type().name()
        }
        fn inputs<'a>(&'a self, visit: &mut dyn FnMut(&'a Arc<Step>)) {
            self.inputs.iter().for_each(visit);
        }
        fn release(&mut self, into: &mut Vec<Arc<Step>>) {
            into.extend(std::mem::take(&mut self.inputs));
        }
        fn arguments(&self, inputs: &mut Inputs<'_>) -> Vec<(Value, &'static str)> {
            self.inputs.iter().map(|step| (inputs.next_value(), step.body().type_name())).collect()
        }
        fn code(&self) -> Result<(Revive, &'static str), String> {
            self.pack(&mut Packer::asking())?;
            let $own = self;
            Ok(($revive, std::any::type_name::<Self>()))
        }
        fn result_codec(&self) -> Option<Codec> {
            $crate::array::codec::know_blocks();
            crate::travel::codec_of(self.result_type().id())
        }
    };
}
pub(crate) use body_of_blocks;

/// The compiled half of a task: all that does not differ from block to block.
struct Work<P: 'static> {
    run: fn(&P, Vec<Value>) -> Result<Value, Failure>,
    revive: Revive,
    result: fn() -> ResultType,
    function: fn() -> TypeId,
}

struct Compiled<P, V, F>(PhantomData<(P, V, F)>);

impl<P, V, F> Compiled<P, V, F>
where
    P: Pack + Send + Sync + 'static,
    V: Send + Sync + 'static,
    F: Fn(&P, Vec<Value>) -> Result<V, Failure> + 'static,
{
    const WORK: &'static Work<P> = &Work {
        run: |parameters, values| conjured::<F>()(parameters, values).map(|value| Arc::new(value) as Value),
        revive: |unpacker| BlockTask::revive(unpacker, Self::WORK),
        result: TypeOf::of::<V>,
        function: TypeId::of::<F>,
    };
}

/// A task that makes a value from those of its inputs.
struct BlockTask<P: 'static> {
    name: Box<str>,
    inputs: Box<[Arc<Step>]>,
    parameters: P,
    work: &'static Work<P>,
}

impl<P: Pack + Send + Sync + 'static> BlockTask<P> {
    fn revive(unpacker: &mut Unpacker<'_>, work: &'static Work<P>) -> Result<Arc<Step>, String> {
        let name = String::unpack(unpacker)?.into();
        let parameters = P::unpack(unpacker)?;
        Ok(Step::new(BlockTask { name, inputs: unpacker.inputs().into(), parameters, work }))
    }
}

impl<P: Pack + Send + Sync + 'static> Body for BlockTask<P> {
    fn name(&self) -> &str {
        &self.name
    }
    fn result_type(&self) -> ResultType {
        (self.work.result)()
    }
    fn function(&self) -> TypeId {
        (self.work.function)()
    }
    fn run(&self, inputs: &mut Inputs<'_>) -> Result<Value, Failure> {
        (self.work.run)(&self.parameters, self.inputs.iter().map(|_| inputs.next_value()).collect())
    }
    fn pack(&self, packer: &mut Packer) -> Result<(), String> {
        String::from(&*self.name).pack(packer)?;
        self.parameters.pack(packer)
    }
    body_of_blocks!(|own| own.work.revive);
}

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
pub(crate) fn value_task<V, P, F>(name: &str, inputs: Vec<Arc<Step>>, parameters: P, _function: F) -> Arc<Step>
where
    V: Send + Sync + 'static,
    P: Pack + Send + Sync + 'static,
    F: Fn(&P, Vec<Value>) -> Result<V, Failure> + 'static,
{
    Step::new(BlockTask { name: name.into(), inputs: inputs.into(), parameters, work: Compiled::<P, V, F>::WORK })
}

/// The value that a task gave to [`value_task`]; it is moved when nobody else reads it.
pub(crate) fn taken<V: Clone + Send + Sync + 'static>(value: Value) -> V {
    let value = value.downcast::<V>().unwrap_or_else(|_| unreachable!("a task reads what it asked for"));
    Arc::unwrap_or_clone(value)
}

/// The block that a value is; blocks share memory, so this copies nothing.
pub(crate) fn as_block<T: Element>(value: Value) -> Block<T> {
    taken(value)
}

/// One value from those of many tasks, so many at a time. The function gets the parameters, and captures nothing.
pub(crate) fn merged<V, P, F>(name: &str, mut steps: Vec<Arc<Step>>, parameters: &P, _merge: F) -> Arc<Step>
where
    V: Clone + Send + Sync + 'static,
    P: Pack + Clone + Send + Sync + 'static,
    F: Fn(&P, Vec<V>) -> V + 'static,
{
    while steps.len() > 1 {
        steps = steps
            .chunks(MERGED_AT_ONCE)
            .map(|steps| match steps {
                [one] => Arc::clone(one),
                more => value_task::<V, _, _>(name, more.to_vec(), parameters.clone(), |parameters, values| {
                    Ok(conjured::<F>()(parameters, values.into_iter().map(taken::<V>).collect()))
                }),
            })
            .collect();
    }
    steps.pop().unwrap_or_else(|| unreachable!("there is at least one task: a grid has no axis without chunks"))
}
